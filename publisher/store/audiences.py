"""Who is owed an issue, and the rows of those who are."""

from array import array
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, bindparam, or_, select, true

from publisher.domain.choices import EVEN, Balance, Taste
from publisher.domain.deliveries import BATCH_ROWS, DeliveryStatus
from publisher.domain.subscribers import SubscriptionStatus
from publisher.store import batches
from publisher.store.choices import balances_in
from publisher.store.engine import Tx, among, ignoring_insert
from publisher.store.issues import DEFAULT
from publisher.store.prepared import Prepared
from publisher.store.tables import deliveries, subscribers, subscriptions, suppressions
from publisher.store.types import unindexed


def wanted(
    tx: Tx,
    issue: int,
    newsletter: str,
    *,
    now: datetime,
    within: ColumnElement[bool] | None = None,
) -> Sequence[int]:
    """The subscribers who are owed this issue and have no row yet; `within` narrows to a series.

    They are confirmed, not suppressed, and have not asked for a pause that still lasts.
    """
    has_row = select(deliveries.c.id).where(
        deliveries.c.issue == issue, deliveries.c.subscriber == subscribers.c.id
    )
    statement = (
        select(subscribers.c.id)
        .join_from(subscriptions, subscribers)
        .where(
            subscriptions.c.newsletter == newsletter,
            subscriptions.c.status == SubscriptionStatus.CONFIRMED.value,
            or_(subscriptions.c.paused_until.is_(None), subscriptions.c.paused_until <= now),
            ~_suppressed(subscribers.c.address_key),
            ~has_row.correlate(subscribers).exists(),
            true() if within is None else within,
        )
    )
    return array("q", tx.scalars(statement.execution_options(yield_per=10_000)))


def expand(
    tx: Tx,
    issue: int,
    newsletter: str,
    *,
    chosen: Sequence[int],
    now: datetime,
    within: ColumnElement[bool] | None = None,
    variants: Mapping[Taste, str] | None = None,
) -> int:
    """Writes a pending row for each of some subscribers, in this order, in batches.

    `variants` says which rendering a taste gets; who has a taste that it does not name gets no
    row. None: all get the whole issue. Returns how many rows were new; repeating it after a cut
    adds only what is missing.
    """
    uneven = balances_in(tx, newsletter) if variants else {}
    people = {
        row.subscriber: (row, variant)
        for row in tx.execute(_people(tx, newsletter, chosen, within))
        if (variant := _variant(row, variants, uneven))
    }
    rows = iter([people[each] for each in chosen if each in people])
    added = 0
    while part := list(islice(rows, BATCH_ROWS)):
        batch = batches.add(tx, issue, now=now)
        added += _ADD.change_each(
            tx,
            [
                {
                    "subscriber": row.subscriber,
                    "subscription": row.subscription,
                    "address": row.address,
                    "variant": variant,
                }
                for row, variant in part
            ],
            issue=issue,
            batch=batch,
            changed_at=now,
        )
    return added


def _people(
    tx: Tx, newsletter: str, chosen: Collection[int], within: ColumnElement[bool] | None
) -> Select[Any]:
    return (
        select(
            subscribers.c.id.label("subscriber"),
            subscriptions.c.id.label("subscription"),
            subscribers.c.address,
            subscriptions.c.language,
            subscriptions.c.topics,
            subscriptions.c.languages,
        )
        .join_from(subscriptions, subscribers)
        .where(
            unindexed(subscriptions.c.newsletter) == newsletter,
            subscriptions.c.status == SubscriptionStatus.CONFIRMED.value,
            among(tx, subscribers.c.id, chosen),
            true() if within is None else within,
        )
    )


def _variant(
    row: Row[Any], variants: Mapping[Taste, str] | None, uneven: Mapping[int, Balance]
) -> str:
    """The rendering for a row of `_people`; empty where there is none."""
    if variants is None:
        return DEFAULT
    balance = uneven.get(row.subscription, EVEN)
    return variants.get(Taste(row.language, row.topics, row.languages, balance), "")


def _suppressed(address_key: ColumnElement[str]) -> ColumnElement[bool]:
    return (
        select(suppressions.c.at)
        .where(suppressions.c.address_key == address_key)
        .correlate(subscribers)
        .exists()
    )


_ADDED = ("issue", "subscriber", "subscription", "batch", "address", "changed_at", "variant")

_ADD = Prepared(
    lambda dialect: ignoring_insert(dialect, deliveries).values(
        {column: bindparam(column) for column in _ADDED}
        | {"status": DeliveryStatus.PENDING.value, "reason": "", "relay": "", "reply": ""}
        | {"attempts": 0, "deferrals": 0, "next_attempt_at": None}
    )
)

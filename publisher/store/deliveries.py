"""Deliveries: the rows are the queue."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    Update,
    and_,
    bindparam,
    func,
    select,
    update,
)
from sqlalchemy.engine import Dialect

from publisher.domain.compact import Compact
from publisher.domain.deliveries import (
    LONGEST_WAIT,
    Delivery,
    DeliveryStatus,
)
from publisher.domain.subscribers import SubscriptionStatus
from publisher.store import batches
from publisher.store.engine import Tx
from publisher.store.issues import DEFAULT, open_batches, unsettled
from publisher.store.prepared import Prepared
from publisher.store.tables import (
    deliveries,
    subscribers,
    subscriptions,
    suppressions,
)
from publisher.store.types import among_bound


class Claim(Compact, frozen=True):
    """A delivery to be made now, with what its message needs."""

    id: int
    issue: int
    subscriber: int
    subscription: int
    address: str
    address_key: str
    name: str
    attempts: int
    deferrals: int
    variant: str = DEFAULT


def claim(tx: Tx, batch: int, *, now: datetime) -> list[Claim]:
    """The deliveries of a leased batch that are due, in order. Those without consent are skipped.

    They stay pending: the batch is leased, not the row. Whoever has moved is claimed at the new
    address. What is to wait for longer than anything waits is due as well: see `LONGEST_WAIT`.
    """
    drop_without_consent(tx, deliveries.c.batch == batch, now=now)
    _readdress(tx, batch)
    found = _CLAIM.rows(tx, batch=batch, now=now, beyond=now + LONGEST_WAIT)
    return [Claim(*row) for row in found]


def drop_without_consent(tx: Tx, which: ColumnElement[bool], *, now: datetime) -> int:
    """Skips pending rows whose consent is gone. Returns how many."""
    dropped = 0
    for reason, gone in (("suppressed", _is_suppressed()), ("unsubscribed", ~_is_confirmed())):
        dropped += _skip(tx, which & gone, reason, now=now)
    return dropped


def drop(tx: Tx, issue: int, reason: str, *, now: datetime) -> int:
    """Skips all pending rows of an issue and closes their batches: cancelled, expired.

    Returns how many.
    """
    dropped = _skip(tx, deliveries.c.issue == issue, reason, now=now)
    batches.close_settled(tx, issue)
    return dropped


def drop_some(tx: Tx, ids: Collection[int], reason: str, *, now: datetime) -> int:
    """Skips those of some rows that are pending. Returns how many.

    Their batches are closed when they are given back.
    """
    return _skip(tx, deliveries.c.id.in_(ids), reason, now=now)


def intend(tx: Tx, ids: Collection[int], *, now: datetime) -> set[int]:
    """Pending becomes sending: commit this before the final dots. The last check of consent.

    Returns those that may go; whoever is missing is not pending any more, or consent is gone, or
    they have moved since they were claimed. The caller has checked that their batches are still
    leased.
    """
    if _INTEND.change(tx, ids=ids, now=now) == len(ids):
        return set(ids)
    return {number for (number,) in _INTENDED.rows(tx, ids=ids)}  # under our lease by nobody else


def retry(tx: Tx, issue: int, status: DeliveryStatus, *, now: datetime) -> int:
    """Makes the failed or the unknown deliveries of an issue pending again. Returns how many."""
    which = (deliveries.c.issue == issue) & (deliveries.c.status == status.value)
    found = list(tx.scalars(select(deliveries.c.batch).where(which).distinct()))
    done = tx.execute(
        update(deliveries)
        .where(which)
        .values(
            status=DeliveryStatus.PENDING.value,
            reason=f"tried again after {status}",
            deferrals=0,
            next_attempt_at=None,
            changed_at=now,
        )
    ).rowcount
    if None in found:  # settled before there were batches
        batch = batches.add(tx, issue, now=now)
        tx.execute(
            update(deliveries)
            .where(deliveries.c.issue == issue, deliveries.c.batch.is_(None))
            .values(batch=batch)
        )
    batches.reopen(tx, [batch for batch in found if batch is not None], now=now)
    return done


def counts(tx: Tx, issue: int) -> dict[DeliveryStatus, int]:
    """How many deliveries of an issue stand where; statuses without any are left out."""
    rows = tx.execute(
        select(deliveries.c.status, func.count())
        .where(deliveries.c.issue == issue)
        .group_by(deliveries.c.status)
    )
    return {DeliveryStatus(status): count for status, count in rows}


def listing(
    tx: Tx,
    *,
    issue: int | None = None,
    status: DeliveryStatus | None = None,
    limit: int | None = None,
) -> Iterator[Delivery]:
    """Deliveries by issue and address, one by one; read them inside the transaction."""
    statement = select(deliveries).order_by(deliveries.c.issue, deliveries.c.address)
    if issue is not None:
        statement = statement.where(deliveries.c.issue == issue)
    if status is not None:
        statement = statement.where(deliveries.c.status == status.value)
    if limit is not None:
        statement = statement.limit(limit)
    for row in tx.execute(statement.execution_options(yield_per=1_000)):
        yield _delivery(row)


def named(tx: Tx, ids: Collection[int]) -> list[Delivery]:
    """Deliveries by their numbers."""
    statement = select(deliveries).where(deliveries.c.id.in_(ids)).order_by(deliveries.c.id)
    return [_delivery(row) for row in tx.execute(statement)]


def has_unsettled(tx: Tx, issue: int) -> bool:
    """Whether something of an issue is still to be sent, or being sent."""
    return any(
        tx.scalar(rows.limit(1)) is not None for rows in (open_batches(issue), unsettled(issue))
    )


def variant_counts(tx: Tx, issue: int) -> dict[str, int]:
    """How many deliveries of an issue have which rendering."""
    rows = tx.execute(
        select(deliveries.c.variant, func.count().label("number"))
        .where(deliveries.c.issue == issue)
        .group_by(deliveries.c.variant)
    )
    return {row.variant: row.number for row in rows}


def _skip(tx: Tx, which: ColumnElement[bool], reason: str, *, now: datetime) -> int:
    return tx.execute(
        update(deliveries)
        .where(which, deliveries.c.status == DeliveryStatus.PENDING.value)
        .values(
            status=DeliveryStatus.SKIPPED.value,
            reason=reason,
            next_attempt_at=None,
            changed_at=now,
        )
    ).rowcount


def _readdress(tx: Tx, batch: int) -> None:
    """Only here: to a claim that is under way already, the old address shows that it is stale."""
    present = select(subscribers.c.address).where(subscribers.c.id == deliveries.c.subscriber)
    tx.execute(
        update(deliveries)
        .where(
            deliveries.c.batch == batch,
            deliveries.c.status == DeliveryStatus.PENDING.value,
            ~_is_addressed(),
        )
        .values(address=present.scalar_subquery())
    )


def _may_be_mailed() -> ColumnElement[bool]:
    return _is_confirmed() & ~_is_suppressed() & _is_addressed()


def _is_addressed() -> ColumnElement[bool]:
    """Whether a row holds the present address of its subscriber."""
    return _there_is(_subscriber(), subscribers.c.address == deliveries.c.address)


def _is_confirmed() -> ColumnElement[bool]:
    theirs = select(subscriptions.c.id).where(subscriptions.c.id == deliveries.c.subscription)
    return _there_is(theirs, subscriptions.c.status == SubscriptionStatus.CONFIRMED.value)


def _is_suppressed() -> ColumnElement[bool]:
    return _there_is(_subscriber(), suppressions.c.address_key == subscribers.c.address_key)


def _subscriber() -> Select[Any]:
    return select(subscribers.c.id).where(subscribers.c.id == deliveries.c.subscriber)


def _there_is(row: Select[Any], condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether such a row belongs to a delivery."""
    return row.where(condition).correlate(deliveries).exists()


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        id=row.id,
        issue=row.issue,
        subscriber=row.subscriber,
        subscription=row.subscription,
        address=row.address,
        status=DeliveryStatus(row.status),
        reason=row.reason,
        attempts=row.attempts,
        deferrals=row.deferrals,
        next_attempt_at=row.next_attempt_at,
        relay=row.relay,
        reply=row.reply,
        changed_at=row.changed_at,
    )


_CLAIM = Prepared(
    lambda _: (
        select(
            deliveries.c.id,
            deliveries.c.issue,
            deliveries.c.subscriber,
            deliveries.c.subscription,
            deliveries.c.address,
            subscribers.c.address_key,
            subscribers.c.name,
            deliveries.c.attempts,
            deliveries.c.deferrals,
            deliveries.c.variant,
        )
        .join(subscribers, subscribers.c.id == deliveries.c.subscriber)
        .where(
            deliveries.c.batch == bindparam("batch"),
            deliveries.c.status == DeliveryStatus.PENDING.value,
            deliveries.c.next_attempt_at.is_(None)
            | (deliveries.c.next_attempt_at <= bindparam("now"))
            | (deliveries.c.next_attempt_at > bindparam("beyond")),
        )
        .order_by(deliveries.c.id)
    )
)


def _are_to_go(dialect: Dialect) -> ColumnElement[bool]:
    return and_(
        among_bound(dialect, deliveries.c.id, "ids"),
        deliveries.c.status == DeliveryStatus.PENDING.value,
        _may_be_mailed(),
    )


def _intend(dialect: Dialect) -> Update:
    return (
        update(deliveries)
        .where(_are_to_go(dialect))
        .values(
            status=DeliveryStatus.SENDING.value,
            attempts=deliveries.c.attempts + 1,
            changed_at=bindparam("now"),
        )
    )


_INTEND = Prepared(_intend)
_INTENDED = Prepared(
    lambda dialect: select(deliveries.c.id).where(
        among_bound(dialect, deliveries.c.id, "ids"),
        deliveries.c.status == DeliveryStatus.SENDING.value,
    )
)

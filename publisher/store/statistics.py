"""Counts over subscriptions and their evidence."""

from collections import Counter
from datetime import datetime
from typing import Literal

from sqlalchemy import func, select

from publisher.domain.choices import split_names
from publisher.domain.subscribers import ConsentEvent, SubscriptionStatus
from publisher.store.engine import Tx
from publisher.store.tables import consents, subscriptions

_CONFIRMED = subscriptions.c.status == SubscriptionStatus.CONFIRMED.value


def by_language(tx: Tx, newsletter: str) -> dict[str, int]:
    """Confirmed subscriptions by the language they chose; empty for none."""
    rows = tx.execute(
        select(subscriptions.c.language, func.count())
        .where(subscriptions.c.newsletter == newsletter, _CONFIRMED)
        .group_by(subscriptions.c.language)
    )
    return {language: count for language, count in rows}  # noqa: C416  # rows are no mapping


def by_list(tx: Tx, newsletter: str, *, kind: Literal["topics", "languages"]) -> dict[str, int]:
    """Confirmed subscriptions by what they chose of a list, each counted under all of it; empty
    for those who chose none."""
    column = subscriptions.c[kind]
    rows = tx.execute(
        select(column.label("chosen"), func.count().label("number"))
        .where(subscriptions.c.newsletter == newsletter, _CONFIRMED)
        .group_by(column)
    )
    counts: Counter[str] = Counter()
    for row in rows:
        for name in split_names(row.chosen) or {""}:
            counts[name] += row.number
    return dict(counts)


def paused(tx: Tx, newsletter: str, *, now: datetime) -> int:
    """Confirmed subscriptions whose pause is not over."""
    found: int = tx.scalars(
        select(func.count()).where(
            subscriptions.c.newsletter == newsletter,
            _CONFIRMED,
            subscriptions.c.paused_until > now,
        )
    ).one()
    return found


def events(
    tx: Tx, newsletter: str, *, since: datetime, asked_for: bool = False
) -> list[tuple[ConsentEvent, datetime]]:
    """What happened and when, oldest first; `asked_for`: only of those who came by a form."""
    wanted = (
        select(consents.c.event, consents.c.at)
        .join_from(consents, subscriptions)
        .where(subscriptions.c.newsletter == newsletter, consents.c.at >= since)
        .order_by(consents.c.at)
    )
    if asked_for:
        wanted = wanted.where(subscriptions.c.request > 0)
    return [(ConsentEvent(row.event), row.at) for row in tx.execute(wanted)]

"""Deliveries: the rows are the queue."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, insert, literal, or_, select, update

from publisher.domain.deliveries import Delivery, DeliveryStatus, Settlement
from publisher.domain.subscribers import SubscriptionStatus
from publisher.store.engine import Tx, insert_ignoring
from publisher.store.tables import (
    deliveries,
    delivery_attempts,
    subscribers,
    subscriptions,
    suppressions,
)

REPLY_LIMIT = 500
"""Characters of a relay's answer that are kept."""

INTERRUPTED = "interrupted after the final dot: the relay may have it"


def expand(tx: Tx, issue: int, newsletter: str, *, now: datetime) -> int:
    """Writes a pending row for each confirmed subscription that is not suppressed.

    Returns how many were new; repeating it after a cut adds only what is missing.
    """
    columns = {
        "issue": literal(issue),
        "subscriber": subscribers.c.id,
        "subscription": subscriptions.c.id,
        "address": subscribers.c.address,
        "name": subscribers.c.name,
        "status": literal(DeliveryStatus.PENDING.value),
        "reason": literal(""),
        "attempts": literal(0),
        "deferrals": literal(0),
        "created_at": literal(now, deliveries.c.created_at.type),
        "next_attempt_at": literal(now, deliveries.c.next_attempt_at.type),
        "reply": literal(""),
        "changed_at": literal(now, deliveries.c.changed_at.type),
    }
    wanted = (
        select(*columns.values())
        .join_from(subscriptions, subscribers)
        .where(
            subscriptions.c.newsletter == newsletter,
            subscriptions.c.status == SubscriptionStatus.CONFIRMED.value,
            or_(subscriptions.c.paused_until.is_(None), subscriptions.c.paused_until <= now),
            ~_suppressed(subscribers.c.address_key),
        )
        .order_by(subscriptions.c.id)
    )
    return tx.execute(insert_ignoring(tx, deliveries).from_select(list(columns), wanted)).rowcount


def drop_without_consent(tx: Tx, issue: int, *, now: datetime) -> int:
    """Skips pending rows whose consent is gone. Returns how many."""
    pending = (deliveries.c.issue == issue) & (deliveries.c.status == DeliveryStatus.PENDING.value)
    dropped = 0
    for reason, gone in (("suppressed", _is_suppressed()), ("unsubscribed", ~_is_confirmed())):
        dropped += tx.execute(
            update(deliveries)
            .where(pending, gone)
            .values(
                status=DeliveryStatus.SKIPPED.value,
                reason=reason,
                next_attempt_at=None,
                changed_at=now,
            )
        ).rowcount
    return dropped


def due(tx: Tx, issue: int, *, now: datetime, limit: int) -> list[Delivery]:
    """The pending rows whose time has come and whose consent holds, by id."""
    statement = (
        select(deliveries)
        .where(
            deliveries.c.issue == issue,
            deliveries.c.status == DeliveryStatus.PENDING.value,
            deliveries.c.next_attempt_at <= now,
            _may_be_mailed(),
        )
        .order_by(deliveries.c.id)
        .limit(limit)
    )
    return [_delivery(row) for row in tx.execute(statement)]


def intend(tx: Tx, delivery: int, *, now: datetime) -> bool:
    """Pending becomes sending: commit this before the final dot. The last check of consent.

    False: the row is not pending any more, or the consent is gone; do not send.
    """
    done = tx.execute(
        update(deliveries)
        .where(
            deliveries.c.id == delivery,
            deliveries.c.status == DeliveryStatus.PENDING.value,
            _may_be_mailed(),
        )
        .values(
            status=DeliveryStatus.SENDING.value,
            attempts=deliveries.c.attempts + 1,
            changed_at=now,
        )
    )
    return done.rowcount == 1


def settle(tx: Tx, delivery: int, settlement: Settlement, *, now: datetime) -> None:
    """Records what an attempt led to, in the row and in the log of attempts."""
    open_statuses = (DeliveryStatus.PENDING.value, DeliveryStatus.SENDING.value)
    before = tx.execute(
        select(deliveries).where(
            deliveries.c.id == delivery, deliveries.c.status.in_(open_statuses)
        )
    ).one_or_none()
    if before is None:
        return
    reply = _reply(settlement)
    put_off = settlement.status is DeliveryStatus.PENDING and settlement.reply is not None
    tx.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery)
        .values(
            status=settlement.status.value,
            reason=settlement.reason,
            reply=reply,
            deferrals=deliveries.c.deferrals + int(put_off),
            next_attempt_at=settlement.next_attempt_at,
            changed_at=now,
        )
    )
    if settlement.status is not DeliveryStatus.SENT or before.attempts > 1:
        _log(tx, before, settlement.status, settlement.reason, reply=reply, now=now)


def recover(tx: Tx, *, now: datetime) -> list[Delivery]:
    """What an interrupted process left in `sending` becomes `unknown`, by name."""
    left = tx.execute(
        select(deliveries)
        .where(deliveries.c.status == DeliveryStatus.SENDING.value)
        .order_by(deliveries.c.id)
    ).all()
    for row in left:
        tx.execute(
            update(deliveries)
            .where(deliveries.c.id == row.id)
            .values(status=DeliveryStatus.UNKNOWN.value, reason=INTERRUPTED, changed_at=now)
        )
        _log(tx, row, DeliveryStatus.UNKNOWN, INTERRUPTED, reply="", now=now)
    ids = [row.id for row in left]
    return [
        _delivery(row) for row in tx.execute(select(deliveries).where(deliveries.c.id.in_(ids)))
    ]


def counts(tx: Tx, issue: int) -> dict[DeliveryStatus, int]:
    """How many deliveries of an issue stand where; statuses without any are left out."""
    rows = tx.execute(
        select(deliveries.c.status, func.count())
        .where(deliveries.c.issue == issue)
        .group_by(deliveries.c.status)
    )
    return {DeliveryStatus(status): count for status, count in rows}


def listing(
    tx: Tx, *, issue: int | None = None, status: DeliveryStatus | None = None
) -> list[Delivery]:
    """Deliveries by issue and address."""
    statement = select(deliveries).order_by(deliveries.c.issue, deliveries.c.address)
    if issue is not None:
        statement = statement.where(deliveries.c.issue == issue)
    if status is not None:
        statement = statement.where(deliveries.c.status == status.value)
    return [_delivery(row) for row in tx.execute(statement)]


def next_attempt(tx: Tx, issue: int) -> datetime | None:
    """When the first of the rows that wait is due; None if none waits."""
    found: datetime | None = tx.scalar(
        select(func.min(deliveries.c.next_attempt_at)).where(
            deliveries.c.issue == issue, deliveries.c.status == DeliveryStatus.PENDING.value
        )
    )
    return found


def _log(
    tx: Tx, row: Row[Any], status: DeliveryStatus, reason: str, *, reply: str, now: datetime
) -> None:
    tx.execute(
        insert(delivery_attempts).values(
            delivery=row.id,
            number=max(row.attempts, 1),
            status=status.value,
            reason=reason,
            reply=reply,
            at=now,
        )
    )


def _reply(settlement: Settlement) -> str:
    """The relay's answer as kept: one line, control characters spelt out."""
    if settlement.reply is None:
        return ""
    answer = settlement.reply
    words = " ".join(filter(None, (str(answer.code), answer.enhanced, answer.text)))
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in words)
    return shown[:REPLY_LIMIT]


def _may_be_mailed() -> ColumnElement[bool]:
    return _is_confirmed() & ~_is_suppressed()


def _is_confirmed() -> ColumnElement[bool]:
    return (
        select(subscriptions.c.id)
        .where(
            subscriptions.c.id == deliveries.c.subscription,
            subscriptions.c.status == SubscriptionStatus.CONFIRMED.value,
        )
        .correlate(deliveries)
        .exists()
    )


def _is_suppressed() -> ColumnElement[bool]:
    return (
        select(suppressions.c.at)
        .join_from(
            suppressions, subscribers, suppressions.c.address_key == subscribers.c.address_key
        )
        .where(subscribers.c.id == deliveries.c.subscriber)
        .correlate(deliveries)
        .exists()
    )


def _suppressed(address_key: ColumnElement[str]) -> ColumnElement[bool]:
    return (
        select(suppressions.c.at)
        .where(suppressions.c.address_key == address_key)
        .correlate(subscribers)
        .exists()
    )


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        id=row.id,
        issue=row.issue,
        subscriber=row.subscriber,
        subscription=row.subscription,
        address=row.address,
        name=row.name,
        status=DeliveryStatus(row.status),
        reason=row.reason,
        attempts=row.attempts,
        deferrals=row.deferrals,
        created_at=row.created_at,
        next_attempt_at=row.next_attempt_at,
        reply=row.reply,
        changed_at=row.changed_at,
    )

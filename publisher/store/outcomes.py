"""What attempts led to: written into the delivery, and into the log of attempts.

An outcome changes a row only under the attempt that it belongs to; one that comes too late, after
the batch was taken from us, is logged and settles nothing but a doubt about that very attempt.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Integer, Text, Update, bindparam, func, insert, select, update
from sqlalchemy.engine import Dialect

from publisher.domain.deliveries import DeliveryStatus, Settlement
from publisher.domain.replies import Reply
from publisher.store.engine import Tx
from publisher.store.prepared import Prepared
from publisher.store.tables import deliveries, delivery_attempts
from publisher.store.types import table_bound

REPLY_LIMIT = 500
"""Characters of a relay's answer that are kept."""

INTERRUPTED = "interrupted after the final dot: the relay may have it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What an attempt led to. `attempt` counts those that the row knows of.

    `intended`: its intent had been committed, so the row stands in `sending` under `attempt`;
    otherwise it was refused before any dot, is still pending, and this is one attempt more.
    """

    delivery: int
    attempt: int
    intended: bool
    relay: str
    settlement: Settlement

    @property
    def number(self) -> int:
        """Which attempt at the delivery it was, from 1."""
        return self.attempt if self.intended else self.attempt + 1


class Sent(NamedTuple):
    """A delivery that was taken, under which attempt, by which relay, and what that said."""

    delivery: int
    attempt: int
    relay: str
    reply: Reply

    @property
    def record(self) -> Record:
        return Record(
            delivery=self.delivery,
            attempt=self.attempt,
            intended=True,
            relay=self.relay,
            settlement=Settlement(status=DeliveryStatus.SENT, reason="", reply=self.reply),
        )


def record_sent(tx: Tx, sent: Sequence[Sent], *, now: datetime) -> None:
    """Records deliveries that were taken."""
    rows = [(delivery, attempt, relay, _said(reply)) for delivery, attempt, relay, reply in sent]
    if _SENT.change(tx, rows=rows, now=now) != len(sent):  # some came late: look at each
        for each in sent:
            record(tx, each.record, now=now)
        return
    again = [each for each in sent if each.attempt > 1]
    for each in again:
        _log(tx, each.record, now=now)


def record(tx: Tx, each: Record, *, now: datetime) -> None:
    """Records what an attempt led to, in the row and in the log of attempts.

    An outcome that comes too late, after the batch was taken from us, is always logged; it changes
    the row only if that is unknown because of this very attempt.
    """
    settlement = each.settlement
    put_off = settlement.status is DeliveryStatus.PENDING and settlement.reply is not None
    open_to_it = (
        deliveries.c.status.in_([DeliveryStatus.SENDING.value, DeliveryStatus.UNKNOWN.value])
        & (deliveries.c.attempts == each.attempt)
        if each.intended
        else deliveries.c.status == DeliveryStatus.PENDING.value
    )
    values: dict[str, Any] = {
        "status": settlement.status.value,
        "reason": settlement.reason,
        "relay": each.relay,
        "reply": _reply(settlement),
        "deferrals": deliveries.c.deferrals + int(put_off),
        "next_attempt_at": settlement.next_attempt_at,
        "changed_at": now,
    }
    if not each.intended and settlement.reply is not None:
        values["attempts"] = deliveries.c.attempts + 1
    tx.execute(
        update(deliveries).where(deliveries.c.id == each.delivery, open_to_it).values(values)
    )
    has_said_so = tx.scalar(
        select(delivery_attempts.c.id).where(
            delivery_attempts.c.delivery == each.delivery,
            delivery_attempts.c.number == each.number,
            delivery_attempts.c.status == settlement.status.value,
        )
    )
    is_news = settlement.status is not DeliveryStatus.SENT or each.attempt > 1
    if has_said_so is None and is_news:
        _log(tx, each, now=now)


def put_back(tx: Tx, each: Record, *, now: datetime) -> None:
    """Its intent was committed, but no dot went out: certainly unsent, and nobody's fault."""
    tx.execute(
        update(deliveries)
        .where(
            deliveries.c.id == each.delivery,
            deliveries.c.status == DeliveryStatus.SENDING.value,
            deliveries.c.attempts == each.attempt,
        )
        .values(
            status=DeliveryStatus.PENDING.value,
            reason=each.settlement.reason[:REPLY_LIMIT],
            changed_at=now,
        )
    )


def recover(
    tx: Tx, *, resend: Collection[int], batch: int | None = None, now: datetime
) -> list[int]:
    """What an interrupted worker left in `sending` becomes `unknown`, by name.

    Of the issues in `resend` it becomes pending again, if it was not unknown before. `batch`
    narrows it down to a batch that was taken over. Returns the deliveries.
    """
    statement = select(
        deliveries.c.id, deliveries.c.issue, deliveries.c.attempts, deliveries.c.relay
    )
    statement = statement.where(deliveries.c.status == DeliveryStatus.SENDING.value)
    if batch is not None:
        statement = statement.where(deliveries.c.batch == batch)
    left = tx.execute(statement.order_by(deliveries.c.id)).all()
    for row in left:
        again = row.issue in resend and not was_unknown(tx, row.id)
        settlement = Settlement(status=DeliveryStatus.UNKNOWN, reason=INTERRUPTED)
        found = Record(
            delivery=row.id,
            attempt=row.attempts,
            intended=True,
            relay=row.relay,
            settlement=settlement,
        )
        record(tx, found, now=now)
        if again:
            resend_unknown(tx, [row.id], now=now)
    return [row.id for row in left]


def was_unknown(tx: Tx, delivery: int) -> bool:
    """Whether some attempt at it ended in doubt."""
    found = select(delivery_attempts.c.id).where(
        delivery_attempts.c.delivery == delivery,
        delivery_attempts.c.status == DeliveryStatus.UNKNOWN.value,
    )
    return tx.scalar(found.limit(1)) is not None


def resend_unknown(tx: Tx, ids: Collection[int], *, now: datetime) -> None:
    """Unknown becomes pending: it may arrive twice, under the same Message-ID."""
    tx.execute(
        update(deliveries)
        .where(deliveries.c.id.in_(ids), deliveries.c.status == DeliveryStatus.UNKNOWN.value)
        .values(
            status=DeliveryStatus.PENDING.value,
            reason="sent again after a doubt",
            next_attempt_at=None,
            changed_at=now,
        )
    )


def first_deferral(tx: Tx, delivery: int, deferrals: int) -> datetime | None:
    """When the first of the last so many 4xx of a delivery came; None for none."""
    put_off = (
        select(delivery_attempts.c.at)
        .where(
            delivery_attempts.c.delivery == delivery,
            delivery_attempts.c.status == DeliveryStatus.PENDING.value,
        )
        .order_by(delivery_attempts.c.id.desc())
        .limit(deferrals)
        .subquery()
    )
    found: datetime | None = tx.scalar(select(func.min(put_off.c.at)))
    return found


def _log(tx: Tx, each: Record, *, now: datetime) -> None:
    tx.execute(
        insert(delivery_attempts).values(
            delivery=each.delivery,
            number=each.number,
            status=each.settlement.status.value,
            reason=each.settlement.reason,
            relay=each.relay,
            reply=_reply(each.settlement),
            at=now,
        )
    )


def _reply(settlement: Settlement) -> str:
    return "" if settlement.reply is None else _said(settlement.reply)


def _said(reply: Reply) -> str:
    """The relay's answer as kept: one line, printable (`mail.replies` has seen to that)."""
    return str(reply)[:REPLY_LIMIT]


def _sent(dialect: Dialect) -> Update:
    # One statement for all: the driver lets other threads run at each row that it steps through.
    given = table_bound(dialect, "rows", row=Integer(), attempt=Integer(), by=Text(), said=Text())
    return (
        update(deliveries)
        .where(
            deliveries.c.id == given.c.row,
            deliveries.c.status == DeliveryStatus.SENDING.value,
            deliveries.c.attempts == given.c.attempt,
        )
        .values(
            status=DeliveryStatus.SENT.value,
            reason="",
            relay=given.c.by,
            reply=given.c.said,
            next_attempt_at=None,
            changed_at=bindparam("now"),
        )
    )


_SENT = Prepared(_sent)

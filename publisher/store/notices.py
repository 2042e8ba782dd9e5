"""Notices: the queue of mails about a subscription."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update

from publisher.domain.deliveries import DeliveryStatus, Settlement
from publisher.domain.notices import ASKED_BY_STRANGERS, Notice, NoticeKind
from publisher.store.engine import Tx
from publisher.store.tables import notices

_OPEN = (DeliveryStatus.PENDING.value, DeliveryStatus.SENDING.value)
_REPLY_LIMIT = 500


def add(
    tx: Tx,
    kind: NoticeKind,
    *,
    subscription: int,
    newsletter: str,
    address: str,
    address_hash: str,
    language: str,
    expires_at: datetime | None,
    now: datetime,
) -> int:
    """Queues a notice, due at once. Returns its number."""
    number: int = tx.scalars(
        insert(notices)
        .values(
            kind=kind.value,
            subscription=subscription,
            newsletter=newsletter,
            address=address,
            address_hash=address_hash,
            language=language,
            status=DeliveryStatus.PENDING.value,
            reason="",
            attempts=0,
            deferrals=0,
            created_at=now,
            next_attempt_at=now,
            expires_at=expires_at,
            reply="",
            changed_at=now,
        )
        .returning(notices.c.id)
    ).one()
    return number


def get(tx: Tx, notice: int) -> Notice | None:
    """One notice."""
    row = tx.execute(select(notices).where(notices.c.id == notice)).one_or_none()
    return _notice(row) if row else None


def due(tx: Tx, *, now: datetime, limit: int) -> list[Notice]:
    """What is to be sent, oldest first."""
    rows = tx.execute(
        select(notices)
        .where(
            notices.c.status == DeliveryStatus.PENDING.value,
            notices.c.next_attempt_at <= now,
        )
        .order_by(notices.c.id)
        .limit(limit)
    )
    return [_notice(row) for row in rows]


def intend(tx: Tx, notice: int, *, expires_at: datetime | None, now: datetime) -> bool:
    """Pending becomes sending: commit this before the final dot. False: somebody else has it.

    The life of its link counts from here, not from when it was asked for.
    """
    done = tx.execute(
        update(notices)
        .where(notices.c.id == notice, notices.c.status == DeliveryStatus.PENDING.value)
        .values(
            status=DeliveryStatus.SENDING.value,
            attempts=notices.c.attempts + 1,
            expires_at=expires_at,
            changed_at=now,
        )
    )
    return done.rowcount == 1


def put_off(tx: Tx, notice: int, reason: str, *, until: datetime, now: datetime) -> None:
    """Makes one that is still pending due later."""
    tx.execute(
        update(notices)
        .where(notices.c.id == notice, notices.c.status == DeliveryStatus.PENDING.value)
        .values(reason=reason, next_attempt_at=until, changed_at=now)
    )


def settle(tx: Tx, notice: int, settlement: Settlement, *, now: datetime) -> None:
    """Records what an attempt led to."""
    reply = settlement.reply
    put_off = settlement.status is DeliveryStatus.PENDING and reply is not None
    words = " ".join(filter(None, (str(reply.code), reply.enhanced, reply.text))) if reply else ""
    tx.execute(
        update(notices)
        .where(notices.c.id == notice)
        .values(
            status=settlement.status.value,
            reason=settlement.reason,
            deferrals=notices.c.deferrals + int(put_off),
            next_attempt_at=settlement.next_attempt_at,
            reply="".join(c for c in words if c.isprintable())[:_REPLY_LIMIT],
            changed_at=now,
        )
    )


def recover(tx: Tx, *, now: datetime) -> int:
    """What an interrupted process left in `sending` becomes `unknown`. Returns how many."""
    done = tx.execute(
        update(notices)
        .where(notices.c.status == DeliveryStatus.SENDING.value)
        .values(status=DeliveryStatus.UNKNOWN.value, reason="interrupted", changed_at=now)
    )
    return done.rowcount


def use(tx: Tx, notice: int, *, now: datetime) -> bool:
    """Uses up the link of a notice; False if it was used before or is over."""
    done = tx.execute(
        update(notices)
        .where(notices.c.id == notice, notices.c.used_at.is_(None), notices.c.expires_at >= now)
        .values(used_at=now, changed_at=now)
    )
    return done.rowcount == 1


def asked_by_strangers(tx: Tx, hashes: Sequence[str], *, since: datetime) -> int:
    """How many mails strangers made us write to an address since an instant."""
    kinds = [kind.value for kind in ASKED_BY_STRANGERS]
    found: int = tx.scalars(
        select(func.count()).where(
            notices.c.address_hash.in_(hashes),
            notices.c.created_at > since,
            notices.c.kind.in_(kinds),
        )
    ).one()
    return found


def asked(tx: Tx, hashes: Sequence[str], *, since: datetime) -> int:
    """How many notices of any kind go to an address since an instant."""
    found: int = tx.scalars(
        select(func.count()).where(notices.c.address_hash.in_(hashes), notices.c.created_at > since)
    ).one()
    return found


def cancel(tx: Tx, subscriptions: Sequence[int], *, now: datetime) -> None:
    """Nothing that waits for these subscriptions is sent any more."""
    tx.execute(
        update(notices)
        .where(
            notices.c.subscription.in_(subscriptions),
            notices.c.status == DeliveryStatus.PENDING.value,
        )
        .values(
            status=DeliveryStatus.SKIPPED.value,
            reason="cancelled",
            next_attempt_at=None,
            changed_at=now,
        )
    )


def forget(tx: Tx, hashes: Sequence[str]) -> None:
    """Removes every notice to an address."""
    tx.execute(delete(notices).where(notices.c.address_hash.in_(hashes)))


def of_address(tx: Tx, hashes: Sequence[str]) -> list[Notice]:
    """Every notice to an address, oldest first."""
    rows = tx.execute(
        select(notices).where(notices.c.address_hash.in_(hashes)).order_by(notices.c.id)
    )
    return [_notice(row) for row in rows]


def blank(tx: Tx, *, before: datetime) -> int:
    """Forgets the addresses of settled notices from before an instant. Returns how many."""
    done = tx.execute(
        update(notices)
        .where(
            notices.c.created_at < before,
            notices.c.address != "",
            notices.c.status.not_in(_OPEN),
        )
        .values(address="", reply="")
    )
    return done.rowcount


def expire(tx: Tx, *, before: datetime, now: datetime) -> int:
    """Removes settled notices from before an instant, unless their link works. Returns how many."""
    is_over = notices.c.expires_at.is_(None) | (notices.c.expires_at < now)
    done = tx.execute(
        delete(notices).where(
            notices.c.created_at < before, notices.c.status.not_in(_OPEN), is_over
        )
    )
    return done.rowcount


def _notice(row: Row[Any]) -> Notice:
    return Notice(
        id=row.id,
        kind=NoticeKind(row.kind),
        subscription=row.subscription,
        newsletter=row.newsletter,
        address=row.address,
        language=row.language,
        status=DeliveryStatus(row.status),
        reason=row.reason,
        attempts=row.attempts,
        deferrals=row.deferrals,
        created_at=row.created_at,
        expires_at=row.expires_at,
        used_at=row.used_at,
    )

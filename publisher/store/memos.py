"""Memos: what the operator was told, once for each matter of an issue."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select, tuple_, update
from sqlalchemy.sql.dml import Update

from publisher.domain.deliveries import DeliveryStatus, Settlement
from publisher.domain.issues import Issue
from publisher.domain.memos import Matter, Memo
from publisher.store.engine import Tx, insert_ignoring
from publisher.store.tables import memos


def known(tx: Tx) -> frozenset[tuple[int, str]]:
    """(issue, matter) of every memo that there is."""
    return frozenset((row.issue, row.matter) for row in tx.execute(select(memos)))


def add(tx: Tx, issue: Issue, matter: Matter, *, now: datetime) -> None:
    """Puts a memo down, due at once; nothing if there is one already."""
    tx.execute(
        insert_ignoring(tx, memos).values(
            issue=issue.id,
            matter=matter.value,
            status=DeliveryStatus.PENDING.value,
            reason="",
            deferrals=0,
            created_at=now,
            next_attempt_at=now,
        )
    )


def due(tx: Tx, *, now: datetime) -> list[Memo]:
    """What is to be told, oldest first."""
    rows = tx.execute(
        select(memos)
        .where(memos.c.status == DeliveryStatus.PENDING.value, memos.c.next_attempt_at <= now)
        .order_by(memos.c.created_at, memos.c.issue)
    )
    return [
        Memo(
            issue=row.issue,
            matter=Matter(row.matter),
            deferrals=row.deferrals,
            created_at=row.created_at,
        )
        for row in rows
    ]


def intend(tx: Tx, told: Sequence[Memo]) -> bool:
    """Pending becomes sending: commit this before the final dot. False: somebody else has them."""
    waiting = memos.c.status == DeliveryStatus.PENDING.value
    done = tx.execute(_of(told).where(waiting).values(status=DeliveryStatus.SENDING.value))
    return done.rowcount == len(told)


def settle(tx: Tx, told: Sequence[Memo], settlement: Settlement) -> None:
    """Records what an attempt led to."""
    put_off = int(settlement.status is DeliveryStatus.PENDING)
    tx.execute(
        _of(told).values(
            status=settlement.status.value,
            reason=settlement.reason,
            deferrals=memos.c.deferrals + put_off,
            next_attempt_at=settlement.next_attempt_at,
        )
    )


def forget(tx: Tx, issue: int, matter: Matter) -> None:
    """The matter is over: it may come up again, and is told again then."""
    mine = (memos.c.issue == issue, memos.c.matter == matter.value)
    tx.execute(delete(memos).where(*mine))


def _of(told: Sequence[Memo]) -> Update:
    keys = [(memo.issue, memo.matter.value) for memo in told]
    return update(memos).where(tuple_(memos.c.issue, memos.c.matter).in_(keys))

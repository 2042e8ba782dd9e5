"""What a hub was told of each feed document."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, or_, select

from publisher.store.engine import Tx
from publisher.store.tables import documents, pings


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """One feed document and a hub. `digest`: the bytes it was last told of, empty = none.

    `attempts` in vain since then; None as `next_attempt_at`: at once, if there is anything to
    tell. `answer`: what it said last, in words.
    """

    path: str
    digest: str = ""
    attempts: int = 0
    next_attempt_at: datetime | None = None
    told_at: datetime | None = None
    answer: str = ""


def due(tx: Tx, paths: Sequence[str], *, now: datetime) -> list[tuple[Ping, str]]:
    """Of these documents those that the hub does not know as they are, and their digest."""
    statement = (
        select(documents.c.path, documents.c.digest.label("present"), pings)
        .outerjoin(pings, pings.c.path == documents.c.path)
        .where(
            documents.c.gone_at.is_(None),
            or_(pings.c.digest.is_(None), pings.c.digest != documents.c.digest),
            or_(pings.c.next_attempt_at.is_(None), pings.c.next_attempt_at <= now),
        )
        .order_by(documents.c.path)
    )
    wanted = set(paths)
    return [(_ping(row), row.present) for row in tx.execute(statement) if row.path in wanted]


def known(tx: Tx) -> dict[str, Ping]:
    """What the hub was told, by path."""
    return {row.path: _ping(row) for row in tx.execute(select(pings))}


def keep(tx: Tx, ping: Ping) -> None:
    """Records how a ping went."""
    tx.execute(delete(pings).where(pings.c.path == ping.path))
    tx.execute(
        insert(pings).values(
            path=ping.path,
            digest=ping.digest,
            attempts=ping.attempts,
            next_attempt_at=ping.next_attempt_at,
            told_at=ping.told_at,
            answer=ping.answer,
        )
    )


def _ping(row: Row[Any]) -> Ping:
    return Ping(
        path=row.path,
        digest=row.digest or "",
        attempts=row.attempts or 0,
        next_attempt_at=row.next_attempt_at,
        told_at=row.told_at,
        answer=row.answer or "",
    )

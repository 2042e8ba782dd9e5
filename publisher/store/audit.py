"""What operators did, append only."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select

from publisher.store.engine import Tx
from publisher.store.tables import audit


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One deed: who (an operator's name, or `command` for the command line), what, to what."""

    at: datetime
    who: str
    action: str
    detail: str


def add(tx: Tx, action: str, *, who: str, detail: str, now: datetime) -> None:
    """Notes a deed."""
    tx.execute(insert(audit).values(at=now, who=who, action=action, detail=detail))


def newest(tx: Tx, count: int) -> list[Entry]:
    """The last deeds, newest first."""
    rows = tx.execute(select(audit).order_by(audit.c.id.desc()).limit(count))
    return [Entry(at=row.at, who=row.who, action=row.action, detail=row.detail) for row in rows]

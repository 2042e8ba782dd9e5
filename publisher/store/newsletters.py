"""When each newsletter was first seen."""

from datetime import datetime

from sqlalchemy import select

from publisher.store.engine import Tx, insert_ignoring
from publisher.store.tables import newsletters


def seen_at(tx: Tx, newsletter: str) -> datetime | None:
    """The instant at which the newsletter was first seen; None if it never was."""
    found: datetime | None = tx.scalar(
        select(newsletters.c.first_seen_at).where(newsletters.c.id == newsletter)
    )
    return found


def greet(tx: Tx, newsletter: str, *, now: datetime) -> None:
    """Notes that the newsletter is seen; only the first time counts."""
    tx.execute(insert_ignoring(tx, newsletters).values(id=newsletter, first_seen_at=now))

"""When each newsletter was first seen, and since when its schedule holds."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update

from publisher.domain.newsletters import Newsletter, effective
from publisher.store.engine import Tx, insert_ignoring
from publisher.store.tables import newsletters


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """`first_at`: first sight of the newsletter; `rule_from`: since when its schedule holds."""

    first_at: datetime
    rule_from: datetime


def seen(tx: Tx, newsletter: Newsletter, *, now: datetime) -> Seen:
    """What is known of the newsletter, or would be after `greet`."""
    row = tx.execute(select(newsletters).where(newsletters.c.id == newsletter.id)).one_or_none()
    if row is None:
        return Seen(first_at=now, rule_from=newsletter.start or now)
    is_same = row.schedule in ("", effective(newsletter.schedule))
    return Seen(first_at=row.first_seen_at, rule_from=row.rule_from if is_same else now)


def greet(tx: Tx, newsletter: Newsletter, *, now: datetime) -> None:
    """Notes that the newsletter is seen, and whether its schedule is another than before.

    A new newsletter's schedule holds from its `start`, a changed one from now on.
    """
    schedule = effective(newsletter.schedule)
    tx.execute(
        insert_ignoring(tx, newsletters).values(
            id=newsletter.id,
            first_seen_at=now,
            schedule=schedule,
            rule_from=newsletter.start or now,
        )
    )
    known = newsletters.c.id == newsletter.id
    # Written by a release that did not note schedules: the present one is the one it had.
    tx.execute(
        update(newsletters).where(known, newsletters.c.schedule == "").values(schedule=schedule)
    )
    tx.execute(
        update(newsletters)
        .where(known, newsletters.c.schedule != schedule)
        .values(schedule=schedule, rule_from=now)
    )

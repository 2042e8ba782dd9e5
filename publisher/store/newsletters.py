"""When each newsletter, and each of its open series, was first seen, and since when its schedule
holds.

A series is open as long as somebody has chosen it. When it opens it takes over what the
newsletter's own series has carried, so that it begins where that one stands.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, literal, select, update

from publisher.domain.newsletters import Newsletter, effective
from publisher.store.engine import Tx, insert_ignoring
from publisher.store.issues import settled
from publisher.store.tables import issue_posts, newsletters


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """`first_at`: first sight of the series; `rule_from`: since when its schedule holds;
    `began_at`: first sight of the newsletter itself, which is the same for its own series.
    """

    first_at: datetime
    rule_from: datetime
    began_at: datetime


def seen(tx: Tx, newsletter: Newsletter, *, now: datetime) -> Seen:
    """What is known of a series, or would be after `greet`."""
    rows = {
        row.series: row
        for row in tx.execute(select(newsletters).where(newsletters.c.id == newsletter.id))
    }
    row, own = rows.get(newsletter.series or ""), rows.get("")
    began_at = own.first_seen_at if own else now
    if row is None:
        return Seen(first_at=now, rule_from=_from_start(newsletter, now), began_at=began_at)
    is_same = row.schedule in ("", effective(newsletter.schedule))
    rule_from = row.rule_from if is_same else now
    return Seen(first_at=row.first_seen_at, rule_from=rule_from, began_at=began_at)


def greet(tx: Tx, newsletter: Newsletter, *, now: datetime) -> None:
    """Notes that a series is seen, and whether its schedule is another than before.

    A new newsletter's schedule holds from its `start`, that of a further series and a changed one
    from now on.
    """
    schedule, series = effective(newsletter.schedule), newsletter.series or ""
    tx.execute(
        insert_ignoring(tx, newsletters).values(
            id=newsletter.id,
            series=series,
            first_seen_at=now,
            schedule=schedule,
            rule_from=_from_start(newsletter, now),
        )
    )
    known = (newsletters.c.id == newsletter.id) & (newsletters.c.series == series)
    # Written by a release that did not note schedules: the present one is the one it had.
    tx.execute(
        update(newsletters).where(known, newsletters.c.schedule == "").values(schedule=schedule)
    )
    tx.execute(
        update(newsletters)
        .where(known, newsletters.c.schedule != schedule)
        .values(schedule=schedule, rule_from=now)
    )


def open_series(tx: Tx, newsletter: str) -> frozenset[str]:
    """The series of a newsletter that are open beside its own."""
    rows = select(newsletters.c.series).where(
        newsletters.c.id == newsletter, newsletters.c.series != ""
    )
    return frozenset(tx.scalars(rows))


def begin(tx: Tx, newsletter: Newsletter, *, now: datetime) -> None:
    """Opens a series where the newsletter's own stands; an open one stays as it is."""
    series = newsletter.series or ""
    if series in open_series(tx, newsletter.id):
        return
    greet(tx, newsletter, now=now)
    carried = select(
        issue_posts.c.newsletter,
        literal(series),
        issue_posts.c.post,
        issue_posts.c.issue,
        issue_posts.c.position,
    ).where(settled(newsletter.id, ""))
    names = ["newsletter", "series", "post", "issue", "position"]
    tx.execute(insert_ignoring(tx, issue_posts).from_select(names, carried))


def end(tx: Tx, newsletter: str, series: str) -> None:
    """Closes a series; what it has carried stays known."""
    tx.execute(
        delete(newsletters).where(newsletters.c.id == newsletter, newsletters.c.series == series)
    )


def offered(tx: Tx, newsletter: str) -> str | None:
    """The frequencies that were on offer when `offer` was last called, in words; None: never."""
    row = tx.execute(
        select(newsletters.c.offered).where(
            newsletters.c.id == newsletter, newsletters.c.series == ""
        )
    ).one_or_none()
    return row.offered if row else None


def offer(tx: Tx, newsletter: str, words: str) -> None:
    """Notes which frequencies are on offer."""
    tx.execute(
        update(newsletters)
        .where(newsletters.c.id == newsletter, newsletters.c.series == "")
        .values(offered=words)
    )


def _from_start(newsletter: Newsletter, now: datetime) -> datetime:
    return now if newsletter.series else newsletter.start or now

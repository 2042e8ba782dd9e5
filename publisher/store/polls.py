"""Polls of feeds: answers by day and status, and who asked within the last days."""

from collections.abc import Mapping
from datetime import date, datetime

from sqlalchemy import delete, func, select, update

from publisher.domain.polls import Seen
from publisher.store.engine import Tx, insert_ignoring
from publisher.store.tables import feed_polls, feed_reader_days, feed_readers


def count(tx: Tx, day: date, feed: str, status: int, *, answers: int) -> None:
    """Adds to the answers of a day."""
    row = {"day": day, "feed": feed, "status": status}
    tx.execute(insert_ignoring(tx, feed_polls).values(**row, answers=0))
    tx.execute(
        update(feed_polls)
        .where(*(feed_polls.c[name] == value for name, value in row.items()))
        .values(answers=feed_polls.c.answers + answers)
    )


def see(tx: Tx, feed: str, name: str, seen: Seen, *, now: datetime) -> None:
    """A reader has asked; what it says now is what counts."""
    values = {"is_hosted": seen.hosted, "group": seen.group, "people": seen.people, "seen_at": now}
    tx.execute(insert_ignoring(tx, feed_readers).values(feed=feed, name=name, **values))
    tx.execute(
        update(feed_readers)
        .where(feed_readers.c.feed == feed, feed_readers.c.name == name)
        .values(**values)
    )


def readers(tx: Tx, *, since: datetime) -> dict[str, list[Seen]]:
    """Who asked since an instant, by feed."""
    found: dict[str, list[Seen]] = {}
    for row in tx.execute(select(feed_readers).where(feed_readers.c.seen_at >= since)):
        seen = Seen(hosted=row.is_hosted, group=row.group, people=row.people)
        found.setdefault(row.feed, []).append(seen)
    return found


def totals(tx: Tx) -> Mapping[tuple[str, str], int]:
    """(feed, status) -> answers, ever."""
    rows = tx.execute(
        select(feed_polls.c.feed, feed_polls.c.status, func.sum(feed_polls.c.answers)).group_by(
            feed_polls.c.feed, feed_polls.c.status
        )
    )
    return {(feed, str(status)): answers for feed, status, answers in rows}


def days(tx: Tx, *, since: date) -> Mapping[tuple[date, int], int]:
    """(day, status) -> answers of all feeds."""
    rows = tx.execute(
        select(feed_polls.c.day, feed_polls.c.status, func.sum(feed_polls.c.answers))
        .where(feed_polls.c.day >= since)
        .group_by(feed_polls.c.day, feed_polls.c.status)
    )
    return {(day, status): answers for day, status, answers in rows}


def keep_estimate(tx: Tx, day: date, people: int) -> None:
    """The estimate of a day; the first one stays."""
    tx.execute(insert_ignoring(tx, feed_reader_days).values(day=day, people=people))


def estimates(tx: Tx, *, since: date) -> Mapping[date, int]:
    """Day -> the estimate of that day, over all feeds."""
    rows = tx.execute(select(feed_reader_days).where(feed_reader_days.c.day >= since))
    return {row.day: row.people for row in rows}


def forget(tx: Tx, *, before: datetime) -> int:
    """Removes readers that last asked before an instant. Returns how many."""
    return tx.execute(delete(feed_readers).where(feed_readers.c.seen_at < before)).rowcount

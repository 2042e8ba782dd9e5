"""Polls of feeds, on their way from the web server's memory to the database, and as numbers.

    answer ──▶ vitals (a counter and a set) ──▶ flush, twice a minute ──▶ answers by day, readers

An answer to a feed reader waits for none of this. Network addresses stay in memory until the next
flush; the database has pseudonyms that change every week, for eight days.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from publisher.domain.polls import WINDOW, Claim, Seen, claim_of, estimate, pseudonym
from publisher.domain.tokens import derive_key
from publisher.services.app import App
from publisher.services.vitals import Poll
from publisher.store import polls as rows

KEEP = WINDOW + timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedStatistics:
    """One feed: how many read it, at least, and its answers by status, ever."""

    feed: str
    readers: int
    answers: dict[str, int]

    @property
    def unchanged_share(self) -> float:
        """The share of answers that said `nothing new`, from 0 to 1."""
        total = sum(self.answers.values())
        return self.answers.get("304", 0) / total if total else 0.0


def flush(app: App) -> None:
    """Writes down what was answered since the last time; nothing where there was nothing."""
    answers, polls = app.vitals.take_polls()
    if not answers:
        return
    now = app.clock()
    today = now.astimezone(app.site.zone).date()
    week = f"{now:%G-W%V}"
    key = derive_key(app.site_key, "feed-readers")
    found = {_seen(key, week, poll, claim) for poll in polls if (claim := _claim(poll))}
    with app.store.begin() as tx:
        for (feed, status), count in answers.items():
            rows.count(tx, today, feed, status, answers=count)
        for feed, name, seen in found:
            rows.see(tx, feed, name, seen, now=now)


def statistics(app: App) -> list[FeedStatistics]:
    """Every feed that was asked for, by name."""
    with app.store.read() as tx:
        readers = rows.readers(tx, since=app.clock() - WINDOW)
        totals = rows.totals(tx)
    answers: dict[str, dict[str, int]] = {}
    for (feed, status), count in totals.items():
        answers.setdefault(feed, {})[status] = count
    return [
        FeedStatistics(
            feed=feed, readers=estimate(readers.get(feed, [])), answers=answers.get(feed, {})
        )
        for feed in sorted(answers.keys() | readers.keys())
    ]


def days(app: App, *, since: date) -> dict[date, dict[int, int]]:
    """Day -> status -> answers of all feeds."""
    with app.store.read() as tx:
        found = rows.days(tx, since=since)
    by_day: dict[date, dict[int, int]] = {}
    for (day, status), count in found.items():
        by_day.setdefault(day, {})[status] = count
    return by_day


def readers_by_day(app: App, *, since: date) -> dict[date, int]:
    """Day -> how many people read any feed, at least; today as of now."""
    today = app.clock().astimezone(app.site.zone).date()
    with app.store.read() as tx:
        kept = dict(rows.estimates(tx, since=since))
    return kept | {today: sum(each.readers for each in statistics(app))}


def close_day(app: App) -> None:
    """Keeps the estimate of yesterday, and forgets readers that have not asked for long."""
    now = app.clock()
    yesterday = (now.astimezone(app.site.zone) - timedelta(days=1)).date()
    people = sum(each.readers for each in statistics(app))
    with app.store.begin() as tx:
        rows.keep_estimate(tx, yesterday, people)
        rows.forget(tx, before=now - KEEP)


def _claim(poll: Poll) -> Claim | None:
    return claim_of(poll.agent.decode("utf-8", "replace"))


def _seen(key: bytes, week: str, poll: Poll, claim: Claim) -> tuple[str, str, Seen]:
    """Feed, name and content of a reader's row."""
    if claim.hosted:
        name = f"{claim.reader} #{claim.feed_id}"
        return poll.feed, name, Seen(True, claim.reader, claim.people)
    name = pseudonym(key, week=week, client=poll.client, family=claim.reader)
    return poll.feed, name, Seen(False, week, 1)

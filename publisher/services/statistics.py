"""Numbers about subscribers: who they are by language, how they come and go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from publisher.domain.newsletters import Frequency
from publisher.domain.series import series_of
from publisher.domain.signups import Verdict
from publisher.domain.subscribers import ConsentEvent
from publisher.services.app import App
from publisher.store import choices as choice_rows
from publisher.store import signups as signup_rows
from publisher.store import statistics as rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """A week, by its Monday (UTC), and how many of each event it had."""

    monday: date
    events: Mapping[ConsentEvent, int]

    @property
    def growth(self) -> int:
        """Who came, less who left."""
        came = self.events.get(ConsentEvent.CONFIRMED, 0)
        return came - self.events.get(ConsentEvent.UNSUBSCRIBED, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Funnel:
    """From asking to receiving. `refused` were over a budget and not kept."""

    asked: int
    requested: int
    mailed: int
    confirmed: int
    refused: int
    verdicts: Mapping[Verdict, int]


def by_language(app: App, newsletter: str) -> dict[str, int]:
    """Confirmed subscriptions by language; those that chose none under the newsletter's."""
    own = app.newsletter(newsletter).language
    with app.store.read() as tx:
        found = rows.by_language(tx, newsletter)
    counts: dict[str, int] = {}
    for language, count in found.items():
        counts[language or own] = counts.get(language or own, 0) + count
    return counts


def by_frequency(app: App, newsletter: str) -> dict[Frequency | None, int]:
    """Confirmed subscriptions by the series they are in; None is the newsletter's own."""
    configured = app.newsletter(newsletter)
    with app.store.read() as tx:
        found = choice_rows.counts(tx, newsletter)
    counts = dict.fromkeys([None, *configured.frequencies], 0)
    for chosen, count in found.items():
        counts[series_of(configured, chosen)] += count
    return counts


def by_topic(app: App, newsletter: str) -> dict[str, int]:
    """Confirmed subscriptions by the topics they chose; empty for those who get all posts."""
    return _by_list(app, newsletter, "topics", app.newsletter(newsletter).topics)


def by_language_of_posts(app: App, newsletter: str) -> dict[str, int]:
    """Confirmed subscriptions by the languages of posts they chose; empty for all of them."""
    return _by_list(app, newsletter, "languages", app.newsletter(newsletter).languages)


def paused(app: App, newsletter: str) -> int:
    """Confirmed subscriptions that pause at the moment."""
    with app.store.read() as tx:
        return rows.paused(tx, newsletter, now=app.clock())


def weeks(app: App, newsletter: str, *, since: datetime) -> list[Week]:
    """What happened week by week, oldest first; weeks without any event are left out."""
    with app.store.read() as tx:
        events = rows.events(tx, newsletter, since=since)
    found: dict[date, dict[ConsentEvent, int]] = {}
    for event, at in events:
        year, week, _ = at.isocalendar()
        counts = found.setdefault(date.fromisocalendar(year, week, 1), {})
        counts[event] = counts.get(event, 0) + 1
    return [Week(monday=monday, events=found[monday]) for monday in sorted(found)]


def funnel(app: App, newsletter: str, *, since: datetime) -> Funnel:
    """How far those came who asked since an instant; the first and last numbers are the site's."""
    with app.store.read() as tx:
        counts: dict[ConsentEvent, int] = {}
        for event, _ in rows.events(tx, newsletter, since=since, asked_for=True):
            counts[event] = counts.get(event, 0) + 1
        verdicts = signup_rows.verdicts(tx, since=since)
        refused = signup_rows.refusals(tx, since=since)
    return Funnel(
        asked=sum(verdicts.values()) + refused,
        requested=counts.get(ConsentEvent.REQUESTED, 0),
        mailed=counts.get(ConsentEvent.MAILED, 0),
        confirmed=counts.get(ConsentEvent.CONFIRMED, 0),
        refused=refused,
        verdicts=verdicts,
    )


def _by_list(
    app: App, newsletter: str, kind: Literal["topics", "languages"], offered: Sequence[str]
) -> dict[str, int]:
    """What is on offer, in its order, behind those who chose nothing of it."""
    with app.store.read() as tx:
        found = rows.by_list(tx, newsletter, kind=kind)
    return {name: found.get(name, 0) for name in ("", *offered)}

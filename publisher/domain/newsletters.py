"""When a newsletter is due: periods and slots, computed and never remembered.

A *period* is the span that an issue covers (`W:2026-W47`), in the newsletter's own zone; its
*slot* is the instant at which the issue is due. Local time exists here only. A newsletter that
counts posts instead of days has no slots to compute: its periods follow from the posts that wait.
"""

import calendar
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Never
from zoneinfo import ZoneInfo

from publisher.domain.deliveries import OnUnknown
from publisher.domain.selection import EVERYTHING, Selection
from publisher.domain.sites import Person

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

FIRST_MONDAY = date(1970, 1, 5)
"""Biweekly newsletters count their weeks from here."""


class Cadence(StrEnum):
    """How often a newsletter appears."""

    POSTS = "posts"  # as soon as enough new posts wait; one is enough: instantly
    DAILY = "daily"
    WEEKLY = "weekly"
    BIWEEKLY = "biweekly"
    MONTHLY = "monthly"


class Frequency(StrEnum):
    """How often somebody wants a newsletter; those further down are rarer."""

    INSTANT = "instant"
    DAILY = "daily"
    WEEKLY = "weekly"
    BIWEEKLY = "biweekly"
    MONTHLY = "monthly"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A cadence and its wall-clock moment.

    `weekday` counts from 0 = Monday and matters for weekly and biweekly ones; `anchor` is a date
    in any week in which a biweekly one appears; `day` (1-31) is for monthly ones, where 29 to 31
    mean at most the month's last day; `every` for those that count posts.
    """

    cadence: Cadence
    zone: ZoneInfo
    at: time
    weekday: int = 4
    day: int = 1
    anchor: date = FIRST_MONDAY
    every: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Newsletter:
    """A configured digest. Posts dated before `start` are never mailed; None = first seen.

    Only a `public` one is on the sign-up form, on pages, and open to requests.
    `relays` are names, in order of preference; none = all that are configured. `on_unknown` says
    what becomes of a delivery that a relay may or may not have.
    `approval`: each issue waits until the operator has approved it.
    `is_archived`: everybody may read its issues on the site. `embed_bytes`: pictures travel
    inside the mail up to so many bytes in all; 0 = they are fetched.
    `frequencies`, `topics` (tags) and `languages` (of posts) are what a subscriber may choose;
    none = everybody gets the same. `series`: which of its series of issues is meant (see
    `domain.series`); None = the one of its own schedule.
    """

    id: str
    title: str
    description: str
    language: str
    sender: Person
    schedule: Schedule
    template: str = "digest"
    start: datetime | None = None
    reply_to: str = ""
    public: bool = True
    relays: tuple[str, ...] = ()
    on_unknown: OnUnknown = OnUnknown.HOLD
    selection: Selection = EVERYTHING
    approval: bool = False
    is_archived: bool = True
    embed_bytes: int = 0
    frequencies: tuple[Frequency, ...] = ()
    topics: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    series: Frequency | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The span of one issue. `key` carries the cadence; `slot` is UTC."""

    key: str
    slot: datetime


def resolve(wall: datetime, zone: ZoneInfo) -> datetime:
    """The UTC instant of a wall time: the first of two in an overlap, the gap's end in a gap."""
    late = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if late.astimezone(zone).replace(tzinfo=None) == wall:
        return late
    early = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    before = early.astimezone(zone).utcoffset()
    while late - early > timedelta(seconds=1):  # bisect to the transition
        middle = early + (late - early) / 2
        if middle.astimezone(zone).utcoffset() == before:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)


def passed(schedule: Schedule, now: datetime) -> Iterator[Period]:
    """The periods whose slot is not after `now`, newest first, without end; none for posts."""
    if schedule.cadence is not Cadence.POSTS:
        yield from (period for period in _backwards(schedule, now) if period.slot <= now)


def latest(schedule: Schedule, now: datetime) -> Period:
    """The newest period whose slot is not after `now`. Not for a schedule that counts posts."""
    return next(passed(schedule, now))


def upcoming(schedule: Schedule, now: datetime, count: int = 1) -> list[Period]:
    """The next `count` periods whose slot is after `now`, soonest first; none for posts."""
    if schedule.cadence is Cadence.POSTS:
        return []
    found: list[Period] = []
    day = _anchor(schedule, now.astimezone(schedule.zone).date() - timedelta(days=1))
    while len(found) < count:
        period = _period(schedule, day)
        if period.slot > now:
            found.append(period)
        day = _next_anchor(schedule, day)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A post that no issue has carried. `at`: when it could first be mailed (written and seen)."""

    post: str
    at: datetime


def filled(
    schedule: Schedule, waiting: Sequence[Waiting], *, taken: Collection[str], now: datetime
) -> Period | None:
    """The period of a schedule that counts posts, once enough of them wait; else None.

    The post that makes it enough gives it its key and its slot, so that two processes come to the
    same period. A key in `taken` is passed over: the next post then makes the period.
    """
    ready = sorted((w for w in waiting if w.at <= now), key=lambda w: (w.at, w.post))
    for last in ready[schedule.every - 1 :]:
        key = _posts_key(last, schedule.zone)
        if key not in taken:
            return Period(key=key, slot=last.at)
    return None


def next_filled(schedule: Schedule, waiting: Sequence[Waiting], now: datetime) -> Period:
    """The period that a schedule that counts posts is filling; its slot is not known before."""
    ready = sorted((w for w in waiting if w.at <= now), key=lambda w: (w.at, w.post))
    newest = ready[-1] if ready else Waiting(post="", at=now)
    return Period(key=_posts_key(newest, schedule.zone), slot=now)


def effective(schedule: Schedule) -> str:
    """The schedule in words; two schedules with the same slots have the same words."""
    hour, zone = f"{schedule.at:%H:%M:%S}", schedule.zone.key
    day = WEEKDAYS[schedule.weekday]
    match schedule.cadence:
        case Cadence.POSTS:
            return f"every {schedule.every} posts"
        case Cadence.DAILY:
            return f"daily {hour} {zone}"
        case Cadence.WEEKLY:
            return f"weekly {day} {hour} {zone}"
        case Cadence.BIWEEKLY:
            half = _weeks_since_first(schedule.anchor) % 2
            return f"biweekly {half} {day} {hour} {zone}"
        case Cadence.MONTHLY:
            return f"monthly {schedule.day} {hour} {zone}"


def moved_by_the_clock(schedule: Schedule, period: Period) -> str:
    """Why a slot is not at its usual hour or comes twice, in words; empty on a normal day.

    Of use before and after a change to or from daylight saving time.
    """
    if schedule.cadence is Cadence.POSTS:
        return ""
    local = period.slot.astimezone(schedule.zone)
    wall = datetime.combine(_date_of(schedule, period), schedule.at)
    if local.replace(tzinfo=None) != wall:
        return f"{wall:%H:%M} does not exist on {wall:%-d %b}: {local:%H:%M}"
    again = wall.replace(tzinfo=schedule.zone, fold=1).astimezone(UTC)
    if again != period.slot:
        return f"{wall:%H:%M} comes twice on {wall:%-d %b}: the first of the two"
    return ""


def _backwards(schedule: Schedule, now: datetime) -> Iterator[Period]:
    # Two days ahead: a slot may slide past midnight, and zones reach 26 hours apart.
    day = _anchor(schedule, now.astimezone(schedule.zone).date() + timedelta(days=2))
    while True:
        yield _period(schedule, day)
        day = _anchor(schedule, _first_day(schedule, day) - timedelta(days=1))


def _date_of(schedule: Schedule, period: Period) -> date:
    """The local date that a period was computed from; its slot may have slid past midnight."""
    day = period.slot.astimezone(schedule.zone).date()
    near = (day - timedelta(days=back) for back in range(3))
    return next(
        (_anchor(schedule, d) for d in near if _key(schedule.cadence, d) == period.key), day
    )


def _anchor(schedule: Schedule, day: date) -> date:
    """The local date on which the period that holds `day` is due."""
    match schedule.cadence:
        case Cadence.DAILY:
            return day
        case Cadence.WEEKLY | Cadence.BIWEEKLY:
            return _first_day(schedule, day) + timedelta(days=schedule.weekday)
        case Cadence.MONTHLY:
            last = calendar.monthrange(day.year, day.month)[1]
            return day.replace(day=min(schedule.day, last))
        case Cadence.POSTS:
            _no_calendar()


def _first_day(schedule: Schedule, day: date) -> date:
    monday = day - timedelta(days=day.weekday())
    match schedule.cadence:
        case Cadence.DAILY:
            return day
        case Cadence.WEEKLY:
            return monday
        case Cadence.BIWEEKLY:
            weeks = _weeks_since_first(day) - _weeks_since_first(schedule.anchor)
            return monday - timedelta(weeks=weeks % 2)
        case Cadence.MONTHLY:
            return day.replace(day=1)
        case Cadence.POSTS:
            _no_calendar()


def _next_anchor(schedule: Schedule, day: date) -> date:
    match schedule.cadence:
        case Cadence.DAILY:
            return day + timedelta(days=1)
        case Cadence.WEEKLY:
            return day + timedelta(weeks=1)
        case Cadence.BIWEEKLY:
            return day + timedelta(weeks=2)
        case Cadence.MONTHLY:
            return _anchor(schedule, day.replace(day=28) + timedelta(days=4))
        case Cadence.POSTS:
            _no_calendar()


def _period(schedule: Schedule, day: date) -> Period:
    """The period due on `day`; its key comes from that date, never from the resolved instant."""
    slot = resolve(datetime.combine(day, schedule.at), schedule.zone)
    return Period(key=_key(schedule.cadence, day), slot=slot)


def _key(cadence: Cadence, day: date) -> str:
    match cadence:
        case Cadence.DAILY:
            return f"D:{day.isoformat()}"
        case Cadence.WEEKLY:
            return f"W:{day:%G-W%V}"
        case Cadence.BIWEEKLY:
            return f"B:{day:%G-W%V}"
        case Cadence.MONTHLY:
            return f"M:{day:%Y-%m}"
        case Cadence.POSTS:
            _no_calendar()


def _posts_key(last: Waiting, zone: ZoneInfo) -> str:
    day = last.at.astimezone(zone).date()
    return f"P:{day.isoformat()}-{sha256(last.post.encode()).hexdigest()[:8]}"


def _weeks_since_first(day: date) -> int:
    return (day - FIRST_MONDAY).days // 7


def _no_calendar() -> Never:
    raise AssertionError("a newsletter that counts posts has no calendar")

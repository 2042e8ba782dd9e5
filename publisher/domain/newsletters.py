"""When a newsletter is due: periods and slots, computed and never remembered.

A *period* is the span that an issue covers (`W:2026-W47`), in the newsletter's own zone; its
*slot* is the instant at which the issue is due. Local time exists here only.
"""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from publisher.domain.deliveries import OnUnknown
from publisher.domain.sites import Person


class Cadence(StrEnum):
    """How often a newsletter appears."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A cadence and its wall-clock moment.

    `weekday` counts from 0 = Monday and matters for weekly ones; `day` (1-31) for monthly ones,
    where 29 to 31 mean at most the month's last day.
    """

    cadence: Cadence
    zone: ZoneInfo
    at: time
    weekday: int = 4
    day: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Newsletter:
    """A configured digest. Posts dated before `start` are never mailed; None = first seen.

    `relays` are names, in order of preference; none = all that are configured. `on_unknown` says
    what becomes of a delivery that a relay may or may not have.
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
    relays: tuple[str, ...] = ()
    on_unknown: OnUnknown = OnUnknown.HOLD


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


def latest(schedule: Schedule, now: datetime) -> Period:
    """The newest period whose slot is not after `now`."""
    return next(period for period in _backwards(schedule, now) if period.slot <= now)


def upcoming(schedule: Schedule, now: datetime, count: int = 1) -> list[Period]:
    """The next `count` periods whose slot is after `now`, soonest first."""
    found: list[Period] = []
    day = _anchor(schedule, now.astimezone(schedule.zone).date() - timedelta(days=1))
    while len(found) < count:
        period = _period(schedule, day)
        if period.slot > now:
            found.append(period)
        day = _next_anchor(schedule, day)
    return found


def _backwards(schedule: Schedule, now: datetime) -> Iterator[Period]:
    # Two days ahead: a slot may slide past midnight, and zones reach 26 hours apart.
    day = _anchor(schedule, now.astimezone(schedule.zone).date() + timedelta(days=2))
    while True:
        yield _period(schedule, day)
        day = _anchor(schedule, _first_day(schedule, day) - timedelta(days=1))


def _anchor(schedule: Schedule, day: date) -> date:
    """The local date on which the period that holds `day` is due."""
    match schedule.cadence:
        case Cadence.DAILY:
            return day
        case Cadence.WEEKLY:
            return day + timedelta(days=schedule.weekday - day.weekday())
        case Cadence.MONTHLY:
            last = calendar.monthrange(day.year, day.month)[1]
            return day.replace(day=min(schedule.day, last))


def _first_day(schedule: Schedule, day: date) -> date:
    match schedule.cadence:
        case Cadence.DAILY:
            return day
        case Cadence.WEEKLY:
            return day - timedelta(days=day.weekday())
        case Cadence.MONTHLY:
            return day.replace(day=1)


def _next_anchor(schedule: Schedule, day: date) -> date:
    match schedule.cadence:
        case Cadence.DAILY:
            return day + timedelta(days=1)
        case Cadence.WEEKLY:
            return day + timedelta(weeks=1)
        case Cadence.MONTHLY:
            return _anchor(schedule, day.replace(day=28) + timedelta(days=4))


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
        case Cadence.MONTHLY:
            return f"M:{day:%Y-%m}"

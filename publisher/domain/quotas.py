"""How many messages a relay may still be given: by the hour, by the day, and while it warms up."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

WARM_UP_STEPS = (50, 100, 500, 1_000, 5_000, 10_000, 20_000, 40_000)
"""A day's most, day by day, for a new pair of relay and sender's domain."""

MOST_REFUSED = 0.05
"""With more of a day's messages refused for good, the next day's most stays as it is."""

_HOUR = timedelta(hours=1)
_DAY = timedelta(hours=24)

Usage = Sequence[tuple[datetime, int]]
"""Messages by full hour, oldest first."""

Warmth = Sequence[tuple[datetime, int, int]]
"""The same, and how many of them were refused for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How many messages may still go now; None = any number. `until`: when there is more."""

    messages: int | None
    until: datetime | None = None


UNLIMITED = Room(messages=None)


def room(used: Usage, *, per_hour: int, per_day: int, now: datetime) -> Room:
    """What is left of a relay's quotas; 0 means there is none. The day is the last 24 hourly
    counts.
    """
    found = UNLIMITED
    this_hour = _hour_of(now)
    if per_hour:
        spent = sum(messages for hour, messages in used if hour == this_hour)
        found = _tighter(found, Room(messages=max(per_hour - spent, 0), until=this_hour + _HOUR))
    if per_day:
        day = [(hour, messages) for hour, messages in used if hour > this_hour - _DAY]
        found = _tighter(found, _day_room(day, per_day, this_hour))
    return found


def warm_up_room(warming: Warmth, *, now: datetime) -> Room:
    """What is left of the day's step, of what a relay was ever given from one sender's domain.

    The step grows by one for each day on which something was sent, and little of it refused.
    """
    this_hour = _hour_of(now)
    recent = [(hour, messages) for hour, messages, _ in warming if hour > this_hour - _DAY]
    sent: Counter[date] = Counter()
    refused: Counter[date] = Counter()
    for hour, messages, no in warming:
        if hour <= this_hour - _DAY:
            sent[hour.date()] += messages
            refused[hour.date()] += no
    step = sum(refused[day] <= MOST_REFUSED * messages for day, messages in sent.items())
    if step >= len(WARM_UP_STEPS):
        return UNLIMITED
    return _day_room(recent, WARM_UP_STEPS[step], this_hour)


def _hour_of(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)


def _day_room(day: Usage, per_day: int, this_hour: datetime) -> Room:
    left = max(per_day - sum(messages for _, messages in day), 0)
    oldest = day[0][0] if day else this_hour
    return Room(messages=left, until=oldest + _DAY)


def _tighter(one: Room, other: Room) -> Room:
    """The one that leaves less; of two that leave the same, the one that does so for longer."""
    if one.messages is None or other.messages is None:
        return other if one.messages is None else one
    if one.messages != other.messages:
        return one if one.messages < other.messages else other
    return max((one, other), key=lambda room: (room.until is not None, room.until))

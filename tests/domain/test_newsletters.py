from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.newsletters import (
    Cadence,
    Period,
    Schedule,
    effective,
    latest,
    moved_by_the_clock,
    passed,
    resolve,
    upcoming,
)

SECOND = timedelta(seconds=1)
ZONES = st.sampled_from(sorted(available_timezones() - {"localtime"}))
CALENDAR = st.sampled_from([cadence for cadence in Cadence if cadence is not Cadence.POSTS])
MINUTES = st.integers(0, 24 * 60 - 1).map(lambda minute: time(minute // 60, minute % 60))
WEEKDAYS = {name: day for day, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))}


def make_schedule(cadence: Cadence = Cadence.WEEKLY, **changes: object) -> Schedule:
    values = {"zone": ZoneInfo("Europe/Berlin"), "at": time(8), "weekday": WEEKDAYS["fri"]}
    return Schedule(cadence=cadence, **{**values, **changes})  # type: ignore[arg-type]


def periods(schedule: Schedule, after: str, count: int) -> list[Period]:
    return upcoming(schedule, datetime.fromisoformat(after), count)


def keys(schedule: Schedule, after: str, count: int) -> list[str]:
    return [period.key for period in periods(schedule, after, count)]


@pytest.mark.parametrize(
    ("wall", "zone", "slot"),
    [
        ("2027-03-28 02:30", "Europe/Berlin", "2027-03-28 01:00"),  # gap
        ("2026-10-25 02:30", "Europe/Berlin", "2026-10-25 00:30"),  # overlap: the first
        ("2026-09-06 00:00", "America/Santiago", "2026-09-06 04:00"),  # gap at midnight
        ("2026-10-04 02:15", "Australia/Lord_Howe", "2026-10-03 15:30"),  # gap of half an hour
        ("2027-03-27 23:00", "America/Godthab", "2027-03-28 01:00"),  # slides to the next date
        ("2011-12-30 09:00", "Pacific/Apia", "2011-12-30 10:00"),  # the whole day is missing
        ("2026-11-20 08:00", "Asia/Shanghai", "2026-11-20 00:00"),  # no daylight saving time
    ],
)
def test_a_wall_time_has_one_instant(wall: str, zone: str, slot: str) -> None:
    expected = datetime.fromisoformat(slot).replace(tzinfo=UTC)
    assert resolve(datetime.fromisoformat(wall), ZoneInfo(zone)) == expected
    assert resolve(datetime.fromisoformat(wall), ZoneInfo(zone)).tzinfo is UTC


@pytest.mark.parametrize(
    ("zone", "at", "weekday", "key", "slot"),
    [
        ("Europe/Berlin", time(2, 30), "sun", "W:2027-W12", "2027-03-28 01:00"),
        ("Europe/Berlin", time(2, 30), "sun", "W:2026-W43", "2026-10-25 00:30"),
        ("America/Santiago", time(0), "sun", "W:2026-W36", "2026-09-06 04:00"),
        ("Australia/Lord_Howe", time(2, 15), "sun", "W:2026-W40", "2026-10-03 15:30"),
        ("America/Godthab", time(23), "sat", "W:2027-W12", "2027-03-28 01:00"),
        ("Pacific/Apia", time(9), "fri", "W:2011-W52", "2011-12-30 10:00"),
        ("Asia/Shanghai", time(8), "fri", "W:2026-W47", "2026-11-20 00:00"),
    ],
)
def test_a_slot_is_found_from_both_sides(
    zone: str, at: time, weekday: str, key: str, slot: str
) -> None:
    schedule = make_schedule(zone=ZoneInfo(zone), at=at, weekday=WEEKDAYS[weekday])
    period = Period(key=key, slot=datetime.fromisoformat(slot).replace(tzinfo=UTC))
    assert latest(schedule, period.slot) == period
    assert latest(schedule, period.slot - SECOND).key < key
    assert upcoming(schedule, period.slot - SECOND) == [period]
    assert upcoming(schedule, period.slot)[0].key > key


def test_the_daily_key_is_the_date_it_started_from() -> None:
    schedule = make_schedule(Cadence.DAILY, zone=ZoneInfo("America/Godthab"), at=time(23))
    assert periods(schedule, "2027-03-28T00:59:59Z", 2) == [
        Period(key="D:2027-03-27", slot=datetime(2027, 3, 28, 1, tzinfo=UTC)),
        Period(key="D:2027-03-28", slot=datetime(2027, 3, 29, 0, tzinfo=UTC)),
    ]


@given(ZONES, st.integers(0, 6), MINUTES, st.integers(1990, 2035), st.integers(1, 365))
def test_a_weekly_newsletter_is_due_once_a_week(
    zone: str, weekday: int, at: time, year: int, day: int
) -> None:
    schedule = make_schedule(zone=ZoneInfo(zone), at=at, weekday=weekday)
    found = upcoming(schedule, datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=day), 9)
    mondays = [date.fromisocalendar(*_week(period.key), 1) for period in found]
    for before, after in pairwise(mondays):
        assert after - before == timedelta(weeks=1)
    for before, after in pairwise(found):
        assert timedelta(days=5, hours=20) < after.slot - before.slot < timedelta(days=8, hours=4)


@given(ZONES, CALENDAR, MINUTES, st.integers(1990, 2035), st.integers(1, 365))
def test_the_slot_of_a_period_leads_back_to_it(
    zone: str, cadence: Cadence, at: time, year: int, day: int
) -> None:
    schedule = make_schedule(cadence, zone=ZoneInfo(zone), at=at, weekday=day % 7, day=day % 31 + 1)
    start = datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=day)
    previous = latest(schedule, start)
    assert previous.slot <= start
    for period in upcoming(schedule, start, 5):
        assert period.slot > previous.slot
        assert period.key > previous.key
        assert latest(schedule, period.slot) == period
        assert latest(schedule, period.slot - SECOND) == previous
        previous = period


@given(ZONES, MINUTES, st.dates(date(1990, 1, 1), date(2035, 1, 1)))
def test_a_wall_time_that_exists_is_kept(zone: str, at: time, day: date) -> None:
    wall = datetime.combine(day, at)
    slot = resolve(wall, ZoneInfo(zone))
    local = slot.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert local >= wall
    if local != wall:  # a gap: one second earlier the clock was before it
        earlier = (slot - SECOND).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        assert earlier < wall


def test_a_newsletter_on_the_31st_appears_on_each_months_last_day() -> None:
    schedule = make_schedule(Cadence.MONTHLY, zone=ZoneInfo("UTC"), day=31)
    found = periods(schedule, "2027-12-31T08:00:00Z", 13)
    assert [period.slot.day for period in found[:5]] == [31, 29, 31, 30, 31]
    assert [period.key for period in found] == [
        *(f"M:2028-{month:02}" for month in range(1, 13)),
        "M:2029-01",
    ]


@pytest.mark.parametrize("day", [28, 29, 30, 31])
def test_a_late_day_of_february_is_its_last(day: int) -> None:
    schedule = make_schedule(Cadence.MONTHLY, zone=ZoneInfo("UTC"), day=day)
    period = latest(schedule, datetime(2027, 3, 1, tzinfo=UTC))
    assert period == Period(key="M:2027-02", slot=datetime(2027, 2, 28, 8, tzinfo=UTC))


def test_before_the_months_day_the_last_issue_is_that_of_the_month_before() -> None:
    schedule = make_schedule(Cadence.MONTHLY, zone=ZoneInfo("UTC"), day=15)
    assert latest(schedule, datetime(2026, 3, 15, 7, 59, 59, tzinfo=UTC)).key == "M:2026-02"
    assert latest(schedule, datetime(2026, 3, 15, 8, tzinfo=UTC)).key == "M:2026-03"


def test_2026_has_a_week_53() -> None:
    schedule = make_schedule(weekday=WEEKDAYS["fri"])
    assert keys(schedule, "2026-12-24T00:00:00Z", 3) == ["W:2026-W52", "W:2026-W53", "W:2027-W01"]
    assert latest(schedule, datetime(2027, 1, 1, 7, tzinfo=UTC)).key == "W:2026-W53"


@pytest.mark.parametrize(
    ("weekday", "slots"),
    [("mon", ["2025-12-22", "2025-12-29", "2026-01-05"]), ("thu", ["2025-12-25", "2026-01-01"])],
)
def test_at_new_year_the_week_belongs_to_the_year_of_its_thursday(
    weekday: str, slots: list[str]
) -> None:
    schedule = make_schedule(zone=ZoneInfo("UTC"), weekday=WEEKDAYS[weekday])
    found = periods(schedule, "2025-12-21T00:00:00Z", len(slots))
    assert [f"{period.slot:%Y-%m-%d}" for period in found] == slots
    assert [period.key for period in found] == ["W:2025-W52", "W:2026-W01", "W:2026-W02"][
        : len(slots)
    ]


def test_the_moment_itself_is_no_longer_upcoming() -> None:
    schedule = make_schedule(zone=ZoneInfo("UTC"))
    friday = datetime(2026, 11, 20, 8, tzinfo=UTC)
    assert latest(schedule, friday).slot == friday
    assert upcoming(schedule, friday)[0].slot == friday + timedelta(weeks=1)
    assert upcoming(schedule, friday - SECOND)[0].slot == friday


def test_the_period_is_that_of_the_newsletters_zone() -> None:
    """Monday morning in Auckland is still Sunday, the week before, in Greenwich."""
    schedule = make_schedule(zone=ZoneInfo("Pacific/Auckland"), weekday=WEEKDAYS["mon"])
    period = latest(schedule, datetime(2026, 11, 22, 19, 0, tzinfo=UTC))
    assert period == Period(key="W:2026-W48", slot=datetime(2026, 11, 22, 19, 0, tzinfo=UTC))


def test_a_biweekly_newsletter_appears_in_every_second_week() -> None:
    even = make_schedule(Cadence.BIWEEKLY, zone=ZoneInfo("UTC"))
    odd = replace(even, anchor=even.anchor + timedelta(weeks=1))
    both = [keys(schedule, "2026-12-10T00:00:00Z", 3) for schedule in (even, odd)]
    assert both == [
        ["B:2026-W50", "B:2026-W52", "B:2027-W01"],
        ["B:2026-W51", "B:2026-W53", "B:2027-W02"],  # over a year of 53 weeks
    ]
    assert effective(odd) != effective(even)
    assert effective(replace(odd, anchor=odd.anchor + timedelta(weeks=2, days=3))) == effective(odd)


def test_the_anchor_s_own_week_has_a_biweekly_issue() -> None:
    for day in range(14):
        anchor = date(2026, 11, 16) + timedelta(days=day)
        schedule = make_schedule(Cadence.BIWEEKLY, zone=ZoneInfo("UTC"), anchor=anchor)
        monday = datetime.combine(anchor - timedelta(days=anchor.weekday()), time(), UTC)
        slot = upcoming(schedule, monday)[0].slot
        assert slot.date().isocalendar()[:2] == anchor.isocalendar()[:2]


def test_a_newsletter_that_counts_posts_has_no_slots() -> None:
    schedule = make_schedule(Cadence.POSTS)
    now = datetime(2026, 11, 20, tzinfo=UTC)
    assert upcoming(schedule, now) == []
    assert list(passed(schedule, now)) == []
    assert effective(replace(schedule, every=3)) == "every 3 posts"


@pytest.mark.parametrize(
    ("after", "moved"),
    [
        ("2027-03-22T00:00:00Z", "02:30 does not exist on 28 Mar: 03:00"),
        ("2026-10-19T00:00:00Z", "02:30 comes twice on 25 Oct: the first of the two"),
        ("2026-11-02T00:00:00Z", ""),
    ],
)
def test_a_slot_that_the_clock_change_moves_is_told(after: str, moved: str) -> None:
    schedule = make_schedule(at=time(2, 30), weekday=WEEKDAYS["sun"])
    (period,) = periods(schedule, after, 1)
    assert moved_by_the_clock(schedule, period) == moved


def test_a_slot_that_slides_past_midnight_is_told_with_its_own_date() -> None:
    zone = ZoneInfo("America/Godthab")
    schedule = make_schedule(zone=zone, at=time(23), weekday=WEEKDAYS["sat"])
    (period,) = periods(schedule, "2027-03-26T00:00:00Z", 1)
    assert moved_by_the_clock(schedule, period) == "23:00 does not exist on 27 Mar: 00:00"


def weekly_slots(zone: str, weekday: int, at: time) -> Iterator[tuple[datetime, bool]]:
    """The slots of 2026 and 2027, each with whether it landed on another date than its own."""
    schedule = make_schedule(zone=ZoneInfo(zone), at=at, weekday=weekday)
    before: Period | None = None
    week = date(2025, 12, 29)
    for period in upcoming(schedule, datetime(2025, 12, 29, tzinfo=UTC) - timedelta(days=2), 107):
        if not "W:2026-W01" <= period.key <= "W:2027-W52":
            continue
        assert period.key == f"W:{week:%G-W%V}", zone  # no week without one, none with two
        week += timedelta(weeks=1)
        if before:
            gap = period.slot - before.slot
            assert timedelta(days=6, hours=20) <= gap <= timedelta(days=8), (zone, period)
        before = period
        yield period.slot, period.slot.astimezone(schedule.zone).weekday() != weekday


def test_every_zone_of_the_world_has_one_slot_a_week() -> None:
    slots = [
        slot
        for zone in sorted(available_timezones() - {"localtime"})
        for slot in weekly_slots(zone, WEEKDAYS["sun"], time(2, 30))
    ]
    assert len(slots) > 60_000
    assert not any(slid for _, slid in slots)


@pytest.mark.acceptance
def test_every_hour_in_which_a_clock_is_changed_has_one_slot_a_week() -> None:
    hours = [(day, time(hour, 30)) for day in (5, 6) for hour in (0, 1, 2)] + [(5, time(23))]
    zones = sorted(available_timezones() - {"localtime"})
    slots = [
        (zone, slid)
        for zone in zones
        for day, at in hours
        for _, slid in weekly_slots(zone, day, at)
    ]
    slides = Counter(zone for zone, slid in slots if slid)
    print(f"{len(slots):,} weekly slots; on another local date: {dict(slides)}")
    assert len(slots) >= 370_000
    # In Greenland the gap lies at 23:00 on a Saturday, once a year.
    greenland = ("America/Godthab", "America/Nuuk", "America/Scoresbysund")
    assert slides == dict.fromkeys(greenland, 2)


def _week(key: str) -> tuple[int, int]:
    year, _, week = key.removeprefix("W:").partition("-W")
    return int(year), int(week)

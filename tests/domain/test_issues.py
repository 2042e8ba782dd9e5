from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.issues import due
from publisher.domain.newsletters import Cadence, Newsletter, Period, Schedule, upcoming
from publisher.domain.sites import Person

START = datetime(2026, 10, 1, tzinfo=UTC)
FRIDAY = datetime(2026, 11, 20, 7, tzinfo=UTC)  # 08:00 in Berlin, in winter
SECOND = timedelta(seconds=1)
CADENCES = st.sampled_from(Cadence)


def make_newsletter(cadence: Cadence = Cadence.WEEKLY) -> Newsletter:
    return Newsletter(
        id="weekly",
        title="Weekly",
        description="",
        language="en",
        sender=Person(name="Ann", email="ann@example.org"),
        schedule=Schedule(cadence=cadence, zone=ZoneInfo("Europe/Berlin"), at=time(8), weekday=4),
    )


def due_at(now: datetime, *done: str, start: datetime = START) -> Period | None:
    return due(make_newsletter(), start=start, now=now, done=done)


def test_an_issue_is_due_from_its_slot_on() -> None:
    earlier = Period(key="W:2026-W46", slot=FRIDAY - timedelta(weeks=1))
    assert due_at(FRIDAY - SECOND) == earlier
    assert due_at(FRIDAY - SECOND, "W:2026-W46") is None
    assert due_at(FRIDAY, "W:2026-W46") == Period(key="W:2026-W47", slot=FRIDAY)


def test_a_period_has_one_issue() -> None:
    assert due_at(FRIDAY, "W:2026-W47") is None
    assert due_at(FRIDAY + timedelta(days=6), "W:2026-W47") is None


def test_after_a_long_silence_one_issue_is_due_and_not_a_row_of_them() -> None:
    found = due_at(FRIDAY + timedelta(days=3), "W:2026-W41")
    assert found == Period(key="W:2026-W47", slot=FRIDAY)
    assert due_at(FRIDAY + timedelta(days=3), "W:2026-W41", "W:2026-W47") is None


@pytest.mark.parametrize(("late", "is_due"), [(timedelta(0), True), (SECOND, False)])
def test_no_slot_before_the_start_comes_due(late: timedelta, is_due: bool) -> None:
    assert (due_at(FRIDAY + timedelta(days=1), start=FRIDAY + late) is not None) is is_due


def test_a_clock_that_steps_back_makes_no_second_issue_of_a_period() -> None:
    done: list[str] = []
    for now in (FRIDAY, FRIDAY - timedelta(hours=30), FRIDAY, FRIDAY + SECOND):
        if period := due_at(now, *done):
            done.append(period.key)
    assert sorted(done) == ["W:2026-W46", "W:2026-W47"]


def test_a_schedule_changed_within_the_week_makes_no_second_issue() -> None:
    monday = Schedule(cadence=Cadence.WEEKLY, zone=ZoneInfo("Europe/Berlin"), at=time(9), weekday=0)
    newsletter = make_newsletter()
    changed = Newsletter(
        id=newsletter.id,
        title=newsletter.title,
        description="",
        language="en",
        sender=newsletter.sender,
        schedule=monday,
    )
    assert due(changed, start=START, now=FRIDAY, done={"W:2026-W47"}) is None


@given(
    CADENCES,
    st.lists(st.timedeltas(timedelta(hours=-30), timedelta(days=50)), min_size=1, max_size=30),
)
def test_however_the_clock_goes_each_period_has_one_issue_at_most(
    cadence: Cadence, steps: list[timedelta]
) -> None:
    newsletter, now, done = make_newsletter(cadence), START, []
    for step in steps:
        now += step
        period = due(newsletter, start=START, now=now, done=done)
        if period:
            assert START <= period.slot <= now
            done.append(period.key)
        assert due(newsletter, start=START, now=now, done=done) is None
    assert len(set(done)) == len(done)


@given(CADENCES, st.integers(1, 20))
def test_woken_at_each_slot_no_period_is_missed(cadence: Cadence, count: int) -> None:
    newsletter = make_newsletter(cadence)
    done: list[str] = []
    for expected in upcoming(newsletter.schedule, START, count):
        assert due(newsletter, start=START, now=expected.slot, done=done) == expected
        done.append(expected.key)

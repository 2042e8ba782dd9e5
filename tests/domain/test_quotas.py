"""How many messages a relay may still be given."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.quotas import WARM_UP_STEPS, Room, Usage, Warmth, room, warm_up_room

NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOON = NOW.replace(minute=0)


def left(used: Usage, **limits: int) -> Room:
    return room(used, now=NOW, **{"per_hour": 0, "per_day": 0, **limits})


def warm_days(count: int, *, refused: int = 0) -> Warmth:
    """So many earlier days with a hundred messages each."""
    return [(NOON - (count - n) * DAY - HOUR, 100, refused) for n in range(count)]


def test_without_quotas_any_number_may_go() -> None:
    assert left([(NOON, 10**9)]) == Room(messages=None)


def test_an_hour_s_quota_is_whole_again_with_the_next_full_hour() -> None:
    used = [(NOON - HOUR, 500), (NOON, 60)]
    assert left(used, per_hour=100) == Room(messages=40, until=NOON + HOUR)


def test_a_day_s_quota_counts_the_last_twenty_four_hours() -> None:
    used = [(NOON - 25 * HOUR, 500), (NOON - 23 * HOUR, 30), (NOON, 30)]
    assert left(used, per_day=100) == Room(messages=40, until=NOON + HOUR)


def test_the_tighter_one_of_two_quotas_counts() -> None:
    used = [(NOON, 60)]
    assert left(used, per_hour=100, per_day=70).messages == 10
    assert left(used, per_hour=65, per_day=100).messages == 5


def test_of_two_quotas_that_are_used_up_the_longer_one_counts() -> None:
    used = [(NOON - HOUR, 50), (NOON, 50)]
    assert left(used, per_hour=50, per_day=100) == Room(messages=0, until=NOON + 23 * HOUR)
    used = [(NOON - 23 * HOUR, 50), (NOON, 50)]
    assert left(used, per_hour=50, per_day=100) == Room(messages=0, until=NOON + HOUR)


@given(st.lists(st.integers(0, 50), max_size=30), st.integers(1, 200), st.integers(1, 500))
def test_no_quota_is_ever_exceeded(hours: list[int], per_hour: int, per_day: int) -> None:
    used: list[tuple[datetime, int]] = []
    for number, wanted in enumerate(hours):
        now = NOON + number * HOUR
        found = room(used, per_hour=per_hour, per_day=per_day, now=now).messages
        assert found is not None
        used.append((now, min(wanted, found)))
    for start in range(len(used)):
        assert sum(count for _, count in used[start : start + 24]) <= per_day
    assert all(count <= per_hour for _, count in used)


@pytest.mark.parametrize(("days", "most"), list(enumerate(WARM_UP_STEPS)))
def test_each_day_of_sending_leads_to_the_next_step(days: int, most: int) -> None:
    assert warm_up_room(warm_days(days), now=NOW).messages == most


def test_after_the_last_step_it_is_warm() -> None:
    assert warm_up_room(warm_days(len(WARM_UP_STEPS)), now=NOW) == Room(messages=None)


def test_days_without_mail_warm_nothing() -> None:
    assert warm_up_room([(NOON - 30 * DAY, 100, 0)], now=NOW).messages == WARM_UP_STEPS[1]


def test_what_went_today_counts_against_today_s_step() -> None:
    today = [*warm_days(1), (NOON - HOUR, 90, 0)]
    assert warm_up_room(today, now=NOW) == Room(messages=10, until=NOON + 23 * HOUR)


@pytest.mark.parametrize(("refused", "step"), [(5, 3), (6, 0)])
def test_days_with_too_many_refusals_hold_the_step(refused: int, step: int) -> None:
    assert warm_up_room(warm_days(3, refused=refused), now=NOW).messages == WARM_UP_STEPS[step]

from datetime import UTC, datetime, timedelta

import pytest

from publisher.domain.relays import LONGEST_REST, TAKE_OVER_AFTER, RelayState

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def test_a_resting_relay_says_until_when_with_the_date() -> None:
    state = RelayState(name="main", problem="454", resting_until=NOON + timedelta(minutes=5))
    assert state.why_not(NOON) == "454; next try at 2026-11-20 12:05:00 UTC"
    assert state.why_not(NOON + timedelta(minutes=5)) == ""


def test_a_rest_that_a_clock_wrote_which_was_ahead_is_over() -> None:
    state = RelayState(name="main", problem="454", resting_until=NOON + timedelta(hours=30))
    assert state.why_not(NOON) == ""
    assert state.why_not(NOON + timedelta(hours=30) - LONGEST_REST)


@pytest.mark.parametrize("since", [-TAKE_OVER_AFTER, timedelta(hours=30)])
def test_one_that_stands_by_takes_over_whatever_the_clock_did(since: timedelta) -> None:
    assert RelayState(name="main", failing_since=NOON + since).is_out(NOON)
    assert not RelayState(name="main", failing_since=NOON + timedelta(seconds=1)).is_out(NOON)

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.backups import superfluous

NOW = datetime(2026, 11, 25, 3, 10, tzinfo=UTC)


def test_of_daily_backups_seven_days_and_four_weeks_stay() -> None:
    taken = {NOW - timedelta(days=day) for day in range(60)}
    kept = sorted(taken - superfluous(taken), reverse=True)
    assert [(NOW - instant).days for instant in kept] == [0, 1, 2, 3, 4, 5, 6, 10, 17]


def test_after_a_pause_the_old_ones_are_not_thrown_away() -> None:
    taken = {NOW} | {NOW - timedelta(days=200 + day) for day in range(3)}
    assert superfluous(taken) == set()


@given(st.sets(st.datetimes(timezones=st.just(UTC)), max_size=80))
def test_thinning_out_twice_changes_nothing_and_the_newest_stays(taken: set[datetime]) -> None:
    kept = taken - superfluous(taken)
    assert superfluous(kept) == set()
    assert len(kept) <= 11
    assert not taken or max(taken) in kept

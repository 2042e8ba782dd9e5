from datetime import UTC, datetime

import pytest

from publisher.domain.newsletters import Cadence, Frequency, Schedule, latest
from publisher.domain.selection import Selection
from publisher.domain.series import (
    frequency_of,
    in_series,
    offer_words,
    on_offer,
    rarer,
    series_of,
)
from tests.factories import SHANGHAI, make_newsletter

OFFERING = make_newsletter(frequencies=(Frequency.DAILY, Frequency.MONTHLY))


def counting(every: int) -> Schedule:
    return Schedule(cadence=Cadence.POSTS, zone=SHANGHAI, at=OFFERING.schedule.at, every=every)


def test_a_series_keeps_the_hour_and_has_periods_of_its_own() -> None:
    now = datetime(2026, 11, 25, 12, tzinfo=UTC)
    keys = {latest(in_series(OFFERING, each).schedule, now).key for each in list(Frequency)[1:]}
    assert keys == {"D:2026-11-25", "W:2026-W47", "B:2026-W46", "M:2026-11"}
    assert latest(in_series(OFFERING, Frequency.DAILY).schedule, now).slot.hour == 0  # 08:00


def test_an_instant_series_waits_for_one_post_only() -> None:
    newsletter = make_newsletter(
        frequencies=(Frequency.INSTANT,), selection=Selection(least=3, most=9)
    )
    series = in_series(newsletter, Frequency.INSTANT)
    assert (series.schedule.cadence, series.schedule.every) == (Cadence.POSTS, 1)
    assert (series.selection.least, series.selection.most) == (1, 9)


@pytest.mark.parametrize("chosen", ["", "weekly", "instant", "now and then"])
def test_a_choice_that_is_not_on_offer_is_none(chosen: str) -> None:
    assert series_of(OFFERING, chosen) is None


def test_a_choice_on_offer_is_a_series() -> None:
    assert series_of(OFFERING, "monthly") is Frequency.MONTHLY
    assert offer_words(OFFERING) == "daily monthly"


def test_the_offer_holds_the_own_frequency_in_its_place() -> None:
    assert on_offer(OFFERING) == [Frequency.DAILY, Frequency.WEEKLY, Frequency.MONTHLY]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [("daily", Frequency.WEEKLY), ("", Frequency.MONTHLY), ("monthly", None)],
)
def test_less_often_is_the_next_rarer_on_offer(chosen: str, expected: Frequency | None) -> None:
    assert rarer(OFFERING, chosen) is expected


def test_where_nothing_is_offered_nothing_is_rarer() -> None:
    assert rarer(make_newsletter(), "") is None


def test_a_newsletter_that_waits_for_several_posts_has_no_frequency() -> None:
    assert frequency_of(counting(5)) is None
    assert frequency_of(counting(1)) is Frequency.INSTANT
    newsletter = make_newsletter(schedule=counting(5), frequencies=(Frequency.MONTHLY,))
    assert rarer(newsletter, "") is Frequency.MONTHLY

"""Rates, and how many messages may be under way to a domain, on a clock of our own."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.mail.throttle import (
    FASTER,
    FIRST_IN_FLIGHT,
    MOST_IN_FLIGHT,
    SLOWER,
    Domains,
    Rate,
)


def sent_within(rate: Rate, seconds: float, *, since: float = 0.0, late: float = 0.0) -> int:
    """How many messages go; who waits is woken so much too late."""
    now, count = since, 0
    while now < since + seconds:
        if wait := rate.delay(now):
            now += wait + late
        else:
            rate.take(now)
            count += 1
    return count


@pytest.mark.parametrize("wanted", [20, 33.3, 100, 777, 2_000])
@pytest.mark.parametrize("late", [0.0, 0.0005, 0.003])
def test_a_rate_is_kept_within_two_percent_over_ten_seconds(wanted: float, late: float) -> None:
    assert sent_within(Rate(wanted), 10, late=late) == pytest.approx(wanted * 10, rel=0.02)


@given(st.floats(0.1, 500), st.floats(1, 1e6))
def test_no_second_sees_more_than_its_rate_and_a_twentieth(wanted: float, since: float) -> None:
    assert sent_within(Rate(wanted), 1, since=since) <= wanted * 1.05 + 1


def test_without_a_rate_nothing_waits() -> None:
    rate = Rate(0)
    rate.take(1.0)
    assert rate.delay(1.0) == 0


def test_a_complaint_costs_a_wait_and_three_tenths_of_the_rate() -> None:
    rate = Rate(100)
    rate.slow_down(50.0, wait=5)
    assert rate.delay(50.0) == pytest.approx(5)
    assert rate.per_second == pytest.approx(100 * SLOWER) == pytest.approx(70)


def test_each_message_taken_leads_back_to_the_rate_and_no_further() -> None:
    rate = Rate(100)
    rate.slow_down(0.0, wait=1)
    rate.speed_up()
    assert rate.per_second == pytest.approx(70 * FASTER)
    for _ in range(100):
        rate.speed_up()
    assert rate.per_second == 100


def test_who_had_no_rate_learns_one_from_what_went_before_the_complaint() -> None:
    rate = Rate(0)
    for number in range(500):
        rate.take(number / 100)
    rate.slow_down(5.0, wait=1)
    assert rate.per_second == pytest.approx(70, rel=0.02)


def in_flight(domains: Domains, recipient: str) -> int:
    """How many more may start now."""
    count = 0
    while domains.has_room(recipient):
        domains.start(recipient)
        count += 1
    for _ in range(count):
        domains.end(recipient, accepted=False)
    return count


def cohort(domains: Domains, recipient: str) -> None:
    """As many as may go, all taken."""
    count = in_flight(domains, recipient)
    for _ in range(count):
        domains.start(recipient)
    for _ in range(count):
        domains.end(recipient, accepted=True)


def test_a_domain_begins_low_and_gains_one_with_each_good_cohort() -> None:
    domains = Domains(20)
    seen = []
    for _ in range(4):
        seen.append(in_flight(domains, "a@d.test"))
        cohort(domains, "b@D.test")
    assert seen[0] == FIRST_IN_FLIGHT
    assert all(after - before in (0, 1) for before, after in pairwise(seen))
    assert seen[-1] > seen[0]


def test_no_domain_ever_gets_more_than_twenty() -> None:
    domains = Domains(100)
    for _ in range(60):
        cohort(domains, "a@d.test")
    assert in_flight(domains, "a@d.test") == MOST_IN_FLIGHT == 20


def test_a_domain_that_asks_for_patience_gets_half_and_at_least_one() -> None:
    domains = Domains(20)
    for _ in range(60):
        cohort(domains, "a@d.test")
    halves = []
    for _ in range(6):
        domains.slow_down("b@d.test")
        halves.append(in_flight(domains, "a@d.test"))
    assert halves == [10, 5, 2, 1, 1, 1]
    assert in_flight(domains, "a@other.test") == FIRST_IN_FLIGHT


def test_without_a_cap_any_number_may_go() -> None:
    domains = Domains(0)
    for _ in range(1_000):
        domains.start("a@d.test")
    assert domains.has_room("a@d.test")

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.deliveries import (
    GIVE_UP_AFTER,
    LONGEST_WAIT,
    RETRY_MINUTES,
    DeliveryStatus,
    Settlement,
    retry_delay,
    sending_order,
    settle,
)
from publisher.domain.replies import (
    Accepted,
    Deferred,
    NotSent,
    Outcome,
    Rejected,
    Reply,
    Stage,
    Unconfirmed,
)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def make_reply(code: int = 250, enhanced: str = "", stage: Stage = Stage.DOT) -> Reply:
    return Reply(code=code, enhanced=enhanced, text="so it says", stage=stage)


def settled(outcome: Outcome, **changes: object) -> Settlement:
    values = {"delivery": 7, "deferrals": 0, "first_at": NOON, "now": NOON, **changes}
    return settle(outcome, **values)  # type: ignore[arg-type]


def test_accepted_is_sent() -> None:
    result = settled(Accepted(make_reply()))
    assert (result.status, result.next_attempt_at) == (DeliveryStatus.SENT, None)
    assert result.reply == make_reply()


def test_rejected_has_failed() -> None:
    result = settled(Rejected(make_reply(550, "5.1.1", Stage.RCPT)))
    assert (result.status, result.reason) == (DeliveryStatus.FAILED, "refused at RCPT")
    assert result.next_attempt_at is None


def test_unconfirmed_is_unknown_and_never_tried_again_unasked() -> None:
    result = settled(Unconfirmed("the line was lost"))
    assert result == Settlement(status=DeliveryStatus.UNKNOWN, reason="the line was lost")


def test_not_sent_goes_back_at_once() -> None:
    result = settled(NotSent("the line was lost"))
    assert (result.status, result.next_attempt_at) == (DeliveryStatus.PENDING, None)


@given(
    st.timedeltas(timedelta(0), GIVE_UP_AFTER - timedelta(microseconds=1)),
    st.integers(0, 50),
    st.integers(1, 10**9),
)
def test_4xx_is_delay_for_three_days(since: timedelta, deferrals: int, delivery: int) -> None:
    now = NOON + since
    result = settled(
        Deferred(make_reply(451)), deferrals=deferrals, delivery=delivery, first_at=NOON, now=now
    )
    assert result.status is DeliveryStatus.PENDING
    assert result.next_attempt_at == now + retry_delay(delivery, deferrals)
    assert result.reply == make_reply(451)


@given(st.timedeltas(GIVE_UP_AFTER, timedelta(days=400)), st.integers(0, 50))
def test_after_three_days_4xx_has_failed(since: timedelta, deferrals: int) -> None:
    result = settled(Deferred(make_reply(451)), deferrals=deferrals, now=NOON + since)
    assert result.status is DeliveryStatus.FAILED
    assert result.next_attempt_at is None
    assert f"{deferrals + 1} times" in result.reason


@given(st.integers(1, 10**12), st.integers(0, 200))
def test_the_wait_is_that_of_the_table_give_or_take_a_fifth(delivery: int, deferrals: int) -> None:
    minutes = RETRY_MINUTES[min(deferrals, len(RETRY_MINUTES) - 1)]
    wait = retry_delay(delivery, deferrals)
    assert timedelta(minutes=0.8 * minutes) <= wait <= timedelta(minutes=1.2 * minutes)
    assert wait == retry_delay(delivery, deferrals)
    assert wait + timedelta(minutes=10) < LONGEST_WAIT


def test_deliveries_do_not_all_come_back_at_once() -> None:
    assert len({retry_delay(delivery, 0) for delivery in range(100)}) > 90


def test_a_recipient_put_off_each_time_fails_after_about_twenty_attempts() -> None:
    now, deferrals = NOON, 0
    while (
        result := settled(Deferred(make_reply(451)), deferrals=deferrals, now=now)
    ).status is DeliveryStatus.PENDING:
        assert result.next_attempt_at
        now, deferrals = result.next_attempt_at, deferrals + 1
    assert 20 <= deferrals <= 27
    assert GIVE_UP_AFTER <= now - NOON <= GIVE_UP_AFTER + timedelta(hours=5)


def test_the_order_of_sending_is_the_same_each_time_and_another_for_each_issue() -> None:
    people = list(range(1, 1001))
    order = sending_order(people, issue=1, key=b"k")
    assert sorted(order) == people
    assert order == sending_order(reversed(people), issue=1, key=b"k")
    assert order != sending_order(people, issue=2, key=b"k")
    assert order != people

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.deliveries import (
    GIVE_UP_AFTER,
    RETRY_MINUTES,
    Accepted,
    Deferred,
    DeliveryStatus,
    NotSent,
    Outcome,
    Rejected,
    Reply,
    Settlement,
    Stage,
    Unconfirmed,
    classify,
    retry_delay,
    settle,
)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
STAGES = st.sampled_from(Stage)


def make_reply(code: int = 250, enhanced: str = "", stage: Stage = Stage.DOT) -> Reply:
    return Reply(code=code, enhanced=enhanced, text="so it says", stage=stage)


def settled(outcome: Outcome, **changes: object) -> Settlement:
    values = {"delivery": 7, "deferrals": 0, "first_at": NOON, "now": NOON, **changes}
    return settle(outcome, **values)  # type: ignore[arg-type]


def test_only_consent_to_the_whole_message_is_sent() -> None:
    assert classify(make_reply(250)) == Accepted(make_reply(250))
    for stage in (Stage.MAIL, Stage.RCPT, Stage.DATA):
        assert isinstance(classify(make_reply(250, stage=stage)), NotSent)
    assert isinstance(classify(make_reply(354)), NotSent)


@pytest.mark.parametrize("stage", [Stage.RCPT, Stage.DOT])
@pytest.mark.parametrize(
    ("code", "enhanced", "kind"),
    [
        (450, "", Deferred),
        (450, "4.2.0", Deferred),
        (451, "4.7.1", Deferred),  # greylisting
        (452, "4.2.2", Deferred),
        (550, "", Rejected),
        (550, "5.1.1", Rejected),
        (552, "5.2.2", Rejected),
        (554, "5.7.1", Rejected),
        (421, "", NotSent),
        (421, "4.7.0", NotSent),
        (452, "4.5.3", NotSent),
        (454, "", NotSent),  # Amazon SES: maximum sending rate, daily quota
        (421, "4.7.28", NotSent),
        (450, "4.7.28", NotSent),
        (550, "5.1.8", NotSent),
        (550, "5.4.5", NotSent),
        (550, "5.7.26", NotSent),
        (550, "5.7.515", NotSent),
        (552, "5.3.4", NotSent),
    ],
)
def test_a_reply_blames_whom_it_means(
    stage: Stage, code: int, enhanced: str, kind: type[Outcome]
) -> None:
    assert isinstance(classify(make_reply(code, enhanced, stage)), kind)


def test_contents_are_judged_after_the_dot_only() -> None:
    assert isinstance(classify(make_reply(554, "5.6.0", Stage.DOT)), NotSent)
    assert isinstance(classify(make_reply(554, "5.6.0", Stage.RCPT)), Rejected)


@given(st.integers(200, 559), st.sampled_from([Stage.MAIL, Stage.DATA]))
def test_no_refusal_of_mail_or_data_blames_the_recipient(code: int, stage: Stage) -> None:
    assert isinstance(classify(make_reply(code, stage=stage)), NotSent)


@given(st.integers(200, 559), STAGES)
def test_a_problem_says_what_the_relay_said(code: int, stage: Stage) -> None:
    outcome = classify(make_reply(code, stage=stage))
    if isinstance(outcome, NotSent):
        assert f"{stage} with {code} so it says" in outcome.problem


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
    assert (result.status, result.next_attempt_at) == (DeliveryStatus.PENDING, NOON)


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

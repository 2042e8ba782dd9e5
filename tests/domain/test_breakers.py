"""When an issue is stopped because the world refuses it."""

import pytest

from publisher.domain.breakers import IN_A_ROW, MOST_OF_WINDOW, STRIKES, WINDOW, Breaker
from publisher.domain.replies import Reply, Stage, Verdict, classify

TAKEN = classify(Reply(code=250, enhanced="", text="ok", stage=Stage.DOT))
ON_POLICY = classify(Reply(code=554, enhanced="5.7.1", text="spam", stage=Stage.RCPT))
GONE = classify(Reply(code=550, enhanced="5.1.1", text="who?", stage=Stage.RCPT))
CONTENTS = classify(Reply(code=554, enhanced="5.6.0", text="broken", stage=Stage.DOT))
SENDER = classify(Reply(code=550, enhanced="5.1.8", text="bad domain", stage=Stage.MAIL))


def heed(breaker: Breaker, *verdicts: Verdict) -> list[str]:
    return [breaker.heed(verdict) for verdict in verdicts]


def test_the_twentieth_refusal_on_policy_in_a_row_is_one_too_many() -> None:
    told = heed(Breaker(), *[ON_POLICY] * IN_A_ROW)
    assert told[:-1] == [""] * 19
    assert told[-1].startswith("20 refusals on policy in a row")
    assert "5.7.1 spam" in told[-1]


@pytest.mark.parametrize("between", [TAKEN, GONE])
def test_one_that_is_not_on_policy_begins_the_row_anew(between: Verdict) -> None:
    breaker = Breaker()
    assert not any(heed(breaker, *[*[ON_POLICY] * 19, between] * 3))


def test_more_than_a_twentieth_of_the_last_two_hundred_is_too_much() -> None:
    breaker = Breaker()
    most = [*[ON_POLICY] * MOST_OF_WINDOW, *[TAKEN] * (WINDOW - MOST_OF_WINDOW)]
    assert not any(heed(breaker, *most))
    assert not any(heed(breaker, *most[: MOST_OF_WINDOW + 50]))  # the old ones have left
    assert breaker.heed(ON_POLICY).startswith("11 refusals on policy in the last 200")


def test_of_few_messages_no_share_is_told() -> None:
    assert not any(heed(Breaker(), *[TAKEN, ON_POLICY] * (WINDOW // 2 - 1)))


def test_addresses_that_are_gone_stop_nothing() -> None:
    assert not any(heed(Breaker(), *[GONE] * 500))


def test_the_third_refusal_of_the_contents_is_one_too_many() -> None:
    told = heed(Breaker(), *[CONTENTS] * STRIKES)
    assert told[:-1] == ["", ""]
    assert told[-1].startswith("refused 3 times in a row")


def test_a_message_taken_forgives_what_was_held_against_the_contents() -> None:
    assert not any(heed(Breaker(), CONTENTS, CONTENTS, TAKEN, CONTENTS, CONTENTS))


def test_a_sender_that_is_refused_stops_the_issue_at_once() -> None:
    assert "bad domain" in Breaker().heed(SENDER)

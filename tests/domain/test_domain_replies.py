"""Every row of the table of failures, as `classify` reads it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.replies import (
    Accepted,
    After,
    Blame,
    Deferred,
    NotSent,
    Outcome,
    Reaction,
    Rejected,
    RelayKind,
    Reply,
    Scope,
    Stage,
    Unconfirmed,
    classify,
    lost,
)

BACK, DEFER, FAILED = NotSent, Deferred, Rejected
OPENING = [Stage.GREETING, Stage.EHLO, Stage.STARTTLS, Stage.AUTH]
MESSAGE = [Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.DOT]
KEEP, RESET, CLOSE = After.KEEP, After.RESET, After.CLOSE
NOTHING = Reaction.NONE


def make_reply(code: int, enhanced: str, stage: Stage, text: str = "so it says") -> Reply:
    return Reply(code=code, enhanced=enhanced, text=text, stage=stage)


# stage, code, enhanced code, outcome, scope, connection, engine
ROWS = [
    ("GREETING", 421, "", BACK, Scope.RELAY, CLOSE, Reaction.HALVE),
    ("GREETING", 450, "", BACK, Scope.RELAY, CLOSE, Reaction.HALVE),
    ("EHLO", 451, "4.3.0", BACK, Scope.RELAY, CLOSE, Reaction.HALVE),
    ("GREETING", 554, "", BACK, Scope.RELAY, CLOSE, Reaction.PAUSE_RELAY),
    ("EHLO", 550, "5.7.1", BACK, Scope.RELAY, CLOSE, Reaction.PAUSE_RELAY),
    ("STARTTLS", 454, "4.7.0", BACK, Scope.RELAY, CLOSE, Reaction.PAUSE_RELAY),
    ("STARTTLS", 502, "", BACK, Scope.RELAY, CLOSE, Reaction.PAUSE_RELAY),
    ("AUTH", 530, "5.7.0", BACK, Scope.RELAY, CLOSE, Reaction.PAUSE_RELAY),
    ("AUTH", 534, "5.7.9", BACK, Scope.RELAY, CLOSE, Reaction.PAUSE_RELAY),
    ("AUTH", 535, "5.7.8", BACK, Scope.RELAY, CLOSE, Reaction.PAUSE_RELAY),
    ("AUTH", 454, "4.7.0", BACK, Scope.RELAY, CLOSE, Reaction.BACK_OFF),
    ("MAIL", 451, "", BACK, Scope.RELAY, RESET, Reaction.BACK_OFF),
    ("MAIL", 452, "4.3.1", BACK, Scope.RELAY, RESET, Reaction.BACK_OFF),
    ("MAIL", 550, "5.1.7", BACK, Scope.ISSUE, RESET, Reaction.PAUSE_ISSUE),
    ("MAIL", 553, "5.1.8", BACK, Scope.ISSUE, RESET, Reaction.PAUSE_ISSUE),
    ("MAIL", 554, "5.7.1", BACK, Scope.ISSUE, RESET, Reaction.PAUSE_ISSUE),
    ("RCPT", 550, "5.1.1", FAILED, Scope.RECIPIENT, RESET, NOTHING),
    ("RCPT", 550, "5.1.2", FAILED, Scope.RECIPIENT, RESET, NOTHING),
    ("RCPT", 553, "5.1.3", FAILED, Scope.RECIPIENT, RESET, NOTHING),
    ("RCPT", 551, "5.1.6", FAILED, Scope.RECIPIENT, RESET, NOTHING),
    ("RCPT", 556, "5.1.10", FAILED, Scope.RECIPIENT, RESET, NOTHING),
    ("RCPT", 550, "5.2.1", FAILED, Scope.RECIPIENT, RESET, NOTHING),
    ("RCPT", 552, "", FAILED, Scope.RECIPIENT, RESET, NOTHING),
    ("RCPT", 552, "5.2.2", FAILED, Scope.RECIPIENT, RESET, NOTHING),
    ("RCPT", 554, "5.7.1", FAILED, Scope.POLICY, RESET, Reaction.BREAKER),
    ("RCPT", 550, "", FAILED, Scope.POLICY, RESET, Reaction.BREAKER),
    ("RCPT", 450, "", DEFER, Scope.RECIPIENT, RESET, NOTHING),
    ("RCPT", 451, "", DEFER, Scope.RECIPIENT, RESET, NOTHING),
    ("RCPT", 452, "4.2.2", DEFER, Scope.RECIPIENT, RESET, NOTHING),
    ("RCPT", 450, "4.7.1", DEFER, Scope.RECIPIENT, RESET, Reaction.SLOW_DOMAIN),
    ("RCPT", 452, "4.5.3", BACK, Scope.CONNECTION, CLOSE, NOTHING),
    ("RCPT", 550, "5.1.8", BACK, Scope.ISSUE, RESET, Reaction.PAUSE_ISSUE),
    ("RCPT", 552, "5.3.4", BACK, Scope.ISSUE, RESET, Reaction.STRIKE_ISSUE),
    ("DATA", 451, "", BACK, Scope.RELAY, RESET, Reaction.BACK_OFF),
    ("DATA", 554, "", BACK, Scope.ISSUE, RESET, Reaction.STRIKE_ISSUE),
    ("DOT", 451, "", DEFER, Scope.MESSAGE, KEEP, NOTHING),
    ("DOT", 452, "4.3.1", DEFER, Scope.MESSAGE, KEEP, NOTHING),
    ("DOT", 451, "4.7.1", DEFER, Scope.MESSAGE, KEEP, Reaction.SLOW_DOMAIN),
    ("DOT", 552, "5.3.4", BACK, Scope.ISSUE, KEEP, Reaction.STRIKE_ISSUE),
    ("DOT", 554, "5.6.0", BACK, Scope.ISSUE, KEEP, Reaction.STRIKE_ISSUE),
    ("DOT", 550, "5.1.7", BACK, Scope.ISSUE, KEEP, Reaction.PAUSE_ISSUE),
    ("DOT", 550, "5.7.26", BACK, Scope.ISSUE, KEEP, Reaction.PAUSE_ISSUE),
    ("DOT", 550, "5.7.515", BACK, Scope.ISSUE, KEEP, Reaction.PAUSE_ISSUE),
    ("DOT", 554, "5.7.1", FAILED, Scope.ISSUE, KEEP, Reaction.BREAKER),
    ("DOT", 550, "5.1.1", FAILED, Scope.RECIPIENT, KEEP, NOTHING),
    ("DOT", 552, "5.2.2", FAILED, Scope.RECIPIENT, KEEP, NOTHING),
    ("DOT", 552, "", FAILED, Scope.POLICY, KEEP, Reaction.BREAKER),
    ("DOT", 550, "", FAILED, Scope.POLICY, KEEP, Reaction.BREAKER),
    ("DOT", 450, "4.7.28", BACK, Scope.RELAY, KEEP, Reaction.SLOW_RELAY),
    ("DOT", 421, "4.7.28", BACK, Scope.RELAY, CLOSE, Reaction.SLOW_RELAY),
    ("RCPT", 550, "5.4.5", BACK, Scope.RELAY, CLOSE, Reaction.QUOTA),
    ("DOT", 250, "2.0.0", Accepted, Scope.MESSAGE, KEEP, NOTHING),
    ("DOT", 251, "", Accepted, Scope.MESSAGE, KEEP, NOTHING),
    ("DOT", 252, "", Accepted, Scope.MESSAGE, KEEP, NOTHING),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} {row[1]} {row[2]}".strip())
def test_a_reply_means(
    row: tuple[str, int, str, type[Outcome], Scope, After, Reaction],
) -> None:
    stage, code, enhanced, outcome, scope, after, reaction = row
    verdict = classify(make_reply(code, enhanced, Stage(stage)))
    assert isinstance(verdict.outcome, outcome)
    assert (verdict.scope, verdict.after, verdict.reaction) == (scope, after, reaction)


@pytest.mark.parametrize("stage", MESSAGE)
@pytest.mark.parametrize("enhanced", ["", "4.7.0", "4.3.2"])
def test_421_closes_and_blames_nobody_at_any_stage(stage: Stage, enhanced: str) -> None:
    verdict = classify(make_reply(421, enhanced, stage))
    assert isinstance(verdict.outcome, NotSent)
    assert (verdict.after, verdict.reaction) == (After.CLOSE, Reaction.LEARN_LIMIT)


@pytest.mark.parametrize("stage", MESSAGE)
@pytest.mark.parametrize(
    ("text", "reaction"),
    [
        ("Throttling failure: Maximum sending rate exceeded.", Reaction.SLOW_RELAY),
        ("Throttling failure: Daily message quota exceeded.", Reaction.QUOTA),
    ],
)
def test_amazon_s_454_is_read_by_its_text(stage: Stage, text: str, reaction: Reaction) -> None:
    verdict = classify(make_reply(454, "", stage, text), RelayKind.SES)
    assert isinstance(verdict.outcome, NotSent)
    assert verdict.reaction is reaction


@pytest.mark.parametrize(
    ("enhanced", "blame"),
    [("5.1.1", Blame.HARD), ("5.2.1", Blame.HARD), ("5.2.2", Blame.SOFT), ("5.7.1", Blame.NONE)],
)
def test_only_who_is_gone_is_suppressed(enhanced: str, blame: Blame) -> None:
    for stage in (Stage.RCPT, Stage.DOT):
        assert classify(make_reply(550, enhanced, stage)).blame is blame


@pytest.mark.parametrize("stage", [Stage.CONNECT, *OPENING, Stage.MAIL, Stage.RCPT, Stage.DATA])
def test_a_line_lost_before_the_dot_is_certain(stage: Stage) -> None:
    assert isinstance(lost(stage, "it broke").outcome, NotSent)


def test_a_line_lost_after_the_dot_is_in_doubt() -> None:
    verdict = lost(Stage.DOT, "it broke")
    assert isinstance(verdict.outcome, Unconfirmed)
    assert verdict.after is After.CLOSE


@given(st.integers(400, 559), st.sampled_from([*OPENING, Stage.MAIL, Stage.DATA]))
def test_only_rcpt_and_the_dot_speak_of_the_recipient(code: int, stage: Stage) -> None:
    verdict = classify(make_reply(code, "", stage))
    assert isinstance(verdict.outcome, NotSent)
    assert verdict.blame is Blame.NONE


@given(st.integers(200, 399), st.sampled_from(Stage))
def test_nothing_but_2xx_after_the_dot_is_accepted(code: int, stage: Stage) -> None:
    if code < 300 and stage is Stage.DOT:
        assert isinstance(classify(make_reply(code, "", stage)).outcome, Accepted)
    else:
        with pytest.raises(ValueError, match="no final answer"):
            classify(make_reply(code, "", stage))


@given(st.integers(400, 559), st.sampled_from(MESSAGE))
def test_a_problem_says_what_the_relay_said(code: int, stage: Stage) -> None:
    outcome = classify(make_reply(code, "", stage)).outcome
    if isinstance(outcome, NotSent):
        assert f"{stage} with {code} so it says" in outcome.problem

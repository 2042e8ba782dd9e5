"""Every row of the table of failures on a real line, written ahead or not, cut at every byte."""

import pytest

from publisher.domain.replies import Accepted, After, Outcome, Reaction, Scope, Stage, classify
from publisher.mail.relays import Pipelining
from tests.domain.test_domain_replies import ROWS, make_reply
from tests.faults.conversation import converse, make_job
from tests.faults.relay import Behaviour, FaultRelay
from tests.faults.world import make_relay

Row = tuple[str, int, str, type[Outcome], Scope, After, Reaction]

IN_MESSAGES: list[Row] = [
    row for row in ROWS if row[0] in ("MAIL", "RCPT", "DATA", "DOT") and row[1] >= 400
]


@pytest.mark.parametrize("level", list(Pipelining))
@pytest.mark.parametrize("row", IN_MESSAGES, ids=lambda row: f"{row[0]} {row[1]} {row[2]}".strip())
def test_a_refusal_split_at_every_byte_means_what_it_says(row: Row, level: Pipelining) -> None:
    stage, code, enhanced, outcome, scope, after, reaction = row
    said = f"{code}_{enhanced}" if enhanced else f"{code}_{code // 100}.0.0"
    asked = f"{stage.lower()}{said}.1"
    sender = f"{asked}@news.test" if stage == "MAIL" else "news@news.test"
    jobs = [
        make_job("ann@d.test" if stage == "MAIL" else f"{asked}@d.test", sender=sender),
        make_job("ben@d.test"),
    ]
    with FaultRelay(Behaviour(splits_all=True)) as relay:
        told = converse(make_relay(relay.port), jobs, level=level)

    verdict = told.verdicts[jobs[0].recipient]
    expected = classify(make_reply(code, said.partition("_")[2], Stage(stage)))
    assert isinstance(verdict.outcome, type(expected.outcome))
    assert (verdict.scope, verdict.after) == (expected.scope, expected.after)
    assert (verdict.reaction, verdict.blame) == (expected.reaction, expected.blame)
    if enhanced:
        assert isinstance(verdict.outcome, outcome)
        assert (verdict.scope, verdict.after, verdict.reaction) == (scope, after, reaction)
    if after is After.CLOSE:
        assert relay.accepted == []
        assert not isinstance(told.verdicts.get("ben@d.test", verdict).outcome, Accepted)
    else:
        assert isinstance(told.verdicts["ben@d.test"].outcome, Accepted)
        assert [entry["rcpt"] for entry in relay.accepted] == ["ben@d.test"]
    assert relay.connections == 1

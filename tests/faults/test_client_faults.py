"""What becomes of messages when the relay misbehaves, at every stage and at every pace."""

import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from publisher.domain.replies import (
    Accepted,
    Deferred,
    NotSent,
    Outcome,
    Reaction,
    Rejected,
    Unconfirmed,
)
from publisher.errors import RelayError
from publisher.mail import client
from publisher.mail.jobs import transparent
from publisher.mail.relays import Login, Pipelining, Relay, Security
from publisher.mail.single import send_one, try_relay
from tests.faults.conversation import MESSAGE, Told, converse, make_job
from tests.faults.relay import Behaviour, FaultRelay

NO_REPLY = ("close", "reset", "silence", "drip", "garbage", "codes", "long", "huge")
LEVELS = list(Pipelining)


def make_relay(server: FaultRelay, **changes: object) -> Relay:
    values = {"host": "127.0.0.1", "port": server.port, "security": Security.NONE}
    return Relay(**{"timeout_seconds": 20.0, **values, **changes})  # type: ignore[arg-type]


@pytest.fixture
def server() -> Iterator[FaultRelay]:
    with FaultRelay() as running:
        yield running


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest) -> Pipelining:
    return Pipelining(request.param)


def with_fault(server: FaultRelay, stage: str, fault: str, level: Pipelining) -> tuple[Told, str]:
    """A message with a fault between two good ones; what was told, and whose it was."""
    patience = 0.2 if fault in ("silence", "drip") else 20.0
    sender = f"{stage}{fault}.1@news.test" if stage == "mail" else "news@news.test"
    recipient = "fault@rcpt.test" if stage == "mail" else f"{stage}{fault}.1@rcpt.test"
    jobs = [
        make_job("before@rcpt.test"),
        make_job(recipient, sender=sender),
        make_job("after@rcpt.test"),
    ]
    relay = make_relay(server, timeout_seconds=patience)
    return converse(relay, jobs, level=level), recipient


def taken(server: FaultRelay) -> list[str]:
    return [entry["rcpt"] for entry in server.accepted]


def outcome(told: Told, recipient: str) -> Outcome:
    return told.verdicts[recipient].outcome


def test_messages_arrive_byte_for_byte(server: FaultRelay, level: Pipelining) -> None:
    told = converse(make_relay(server), [make_job("a@r.test"), make_job("b@r.test")], level=level)
    assert all(isinstance(each.outcome, Accepted) for each in told.verdicts.values())
    assert [(entry["rcpt"], entry["sha256"]) for entry in server.accepted] == [
        (recipient, sha256(MESSAGE).hexdigest()) for recipient in ("a@r.test", "b@r.test")
    ]
    assert server.connections == 1
    assert server.commands[-1] == "QUIT"
    assert told.end == ""


BODIES = st.lists(
    st.one_of(
        st.binary(max_size=997).map(lambda data: data.translate(None, b"\r\n")),
        st.sampled_from([b"", b".", b"..", b". x", b".\xff", b"x" * 998, b"QUIT", b"\x00"]),
    ),
    max_size=20,
).map(lambda lines: b"".join(line + b"\r\n" for line in lines))


@pytest.mark.parametrize(
    "size", [pytest.param(40), pytest.param(1000, marks=pytest.mark.acceptance)]
)
def test_random_bodies_arrive_byte_for_byte(size: int) -> None:
    """Dots, empty lines, 8 bits, lines of 998 bytes: over one connection, written ahead."""
    bodies: dict[str, bytes] = {}

    @settings(max_examples=size, suppress_health_check=list(HealthCheck), database=None)
    @given(BODIES)
    def collect(body: bytes) -> None:
        bodies[f"r{len(bodies)}@rcpt.test"] = b"Subject: x\r\n\r\n" + body

    collect()
    jobs = [make_job(address, wire=transparent(body)) for address, body in bodies.items()]
    with FaultRelay(Behaviour(bodies=True)) as server:
        converse(make_relay(server), jobs)
    assert len(bodies) >= size
    assert server.bodies == bodies


def test_size_envelope_id_and_original_recipient_are_told_where_they_are_offered(
    server: FaultRelay,
) -> None:
    converse(make_relay(server), [make_job("ann+x=y@rcpt.test", envelope_id="ge.abc+1=")])
    size = len(transparent(MESSAGE))
    wanted = f"MAIL FROM:<news@news.test> SIZE={size} RET=HDRS ENVID=ge.abc+2B1+3D"
    assert wanted in server.commands
    told = "RCPT TO:<ann+x=y@rcpt.test> NOTIFY=FAILURE,DELAY ORCPT=rfc822;ann+2Bx+3Dy@rcpt.test"
    assert told in server.commands


def test_nothing_is_told_that_is_not_offered() -> None:
    with FaultRelay(Behaviour(size=None, extensions=())) as server:
        converse(make_relay(server), [make_job(envelope_id="ge.abc")])
    assert "MAIL FROM:<news@news.test>" in server.commands
    assert "RCPT TO:<ann@rcpt.test>" in server.commands


def test_commands_are_not_written_ahead_where_that_is_not_offered() -> None:
    with FaultRelay(Behaviour(extensions=(), delay_ms=1)) as server:
        told = converse(make_relay(server), [make_job("a@r.test"), make_job("b@r.test")])
    assert len(server.accepted) == 2
    assert told.ahead == []


@pytest.mark.parametrize("fault", NO_REPLY)
@pytest.mark.parametrize("stage", ["mail", "rcpt", "data"])
def test_a_fault_before_the_body_is_not_sent(
    server: FaultRelay, stage: str, fault: str, level: Pipelining
) -> None:
    told, recipient = with_fault(server, stage, fault, level)
    result = outcome(told, recipient)
    assert isinstance(result, NotSent)
    assert result.problem.startswith("the relay did not take it: ")
    assert recipient not in told.intents
    assert taken(server) == ["before@rcpt.test"]
    assert told.end


@pytest.mark.parametrize("fault", ["close", "reset"])
def test_a_line_lost_before_the_final_dot_is_not_sent(
    server: FaultRelay, fault: str, level: Pipelining
) -> None:
    told, recipient = with_fault(server, "body", fault, level)
    # The dot may have been on its way already: then nobody can know.
    assert isinstance(outcome(told, recipient), NotSent | Unconfirmed)
    assert taken(server) == ["before@rcpt.test"]


@pytest.mark.parametrize("fault", [*NO_REPLY, "354", "acceptclose", "acceptreset"])
def test_a_line_lost_after_the_final_dot_is_unconfirmed(
    server: FaultRelay, fault: str, level: Pipelining
) -> None:
    told, recipient = with_fault(server, "dot", fault, level)
    result = outcome(told, recipient)
    assert isinstance(result, Unconfirmed)
    assert result.problem.startswith("the relay may have it: after the final dot, ")
    assert told.intents.count(recipient) == 1
    if level is Pipelining.DOT:  # the next envelope was out: it goes back, certainly unsent
        assert isinstance(outcome(told, "after@rcpt.test"), NotSent)


def test_a_message_taken_without_a_word_is_unconfirmed_and_was_taken(server: FaultRelay) -> None:
    told, recipient = with_fault(server, "dot", "acceptreset", Pipelining.DOT)
    assert isinstance(outcome(told, recipient), Unconfirmed)
    assert recipient in taken(server)


@pytest.mark.parametrize("fault", ["multi", "split", "late"])
@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "dot"])
def test_a_good_reply_counts_however_it_comes(
    server: FaultRelay, stage: str, fault: str, level: Pipelining
) -> None:
    told, recipient = with_fault(server, stage, fault, level)
    assert isinstance(outcome(told, recipient), Accepted)
    assert len(server.accepted) == 3


@pytest.mark.parametrize(("stage", "code"), [("mail", "354"), ("rcpt", "354"), ("data", "250")])
def test_a_reply_out_of_step_ends_the_session(
    server: FaultRelay, stage: str, code: str, level: Pipelining
) -> None:
    told, recipient = with_fault(server, stage, code, level)
    result = outcome(told, recipient)
    assert isinstance(result, NotSent)
    assert "out of step" in result.problem
    assert recipient not in taken(server)


@pytest.mark.parametrize("code", ["421", "421_4.7.0"])
@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "dot"])
def test_421_is_nobodys_fault_at_any_stage(
    server: FaultRelay, stage: str, code: str, level: Pipelining
) -> None:
    told, recipient = with_fault(server, stage, code, level)
    assert isinstance(outcome(told, recipient), NotSent)
    assert told.verdicts[recipient].reaction is Reaction.LEARN_LIMIT
    assert taken(server) == ["before@rcpt.test"]


@pytest.mark.parametrize(("code", "kind"), [("451", Deferred), ("552_5.2.2", Rejected)])
def test_a_refusal_before_the_dot_is_certain(
    server: FaultRelay, code: str, kind: type[Deferred | Rejected]
) -> None:
    recipient = f"body{code}.1@rcpt.test"

    def grant(job: object) -> bool:
        assert server.spoke_early.wait(20)
        return True

    relay = make_relay(server)
    told = converse(relay, [make_job(recipient)], level=Pipelining.OFF, grant=grant)
    assert isinstance(outcome(told, recipient), kind)
    assert "before the message had ended" in told.end
    assert (server.accepted, server.dots) == ([], 0)


@pytest.mark.parametrize(
    ("fault", "kind"), [("552_5.2.2", Rejected), ("refuseclose", Rejected), ("reset", NotSent)]
)
def test_what_happens_in_the_middle_of_a_long_message_is_certain(
    fault: str, kind: type[Outcome]
) -> None:
    recipient = f"body{fault}.1@rcpt.test"
    wire = transparent(MESSAGE) + b"far more than any buffer between us takes\r\n" * 500_000
    with FaultRelay(Behaviour(size=None)) as server:

        def grant(job: object) -> bool:
            assert server.spoke_early.wait(20)
            return False

        told = converse(make_relay(server), [make_job(recipient, wire=wire)], grant=grant)
    # Withdrawn at the last moment, or refused in the middle: never taken, never in doubt.
    assert all(isinstance(each.outcome, kind | NotSent) for each in told.verdicts.values())
    assert server.accepted == []


def test_consent_before_the_dot_is_no_consent(server: FaultRelay) -> None:
    def grant(job: object) -> bool:
        assert server.spoke_early.wait(20)
        return True

    recipient = "body250.1@rcpt.test"
    told = converse(make_relay(server), [make_job(recipient)], grant=grant)
    assert isinstance(outcome(told, recipient), NotSent)
    assert (server.accepted, server.dots) == ([], 0)


def test_without_a_grant_no_dot_goes_out(server: FaultRelay, level: Pipelining) -> None:
    told = converse(make_relay(server), [make_job()], level=level, grant=lambda _: False)
    assert server.hung_up.wait(20)
    assert told.verdicts == {}  # the books know
    assert told.withdrawn == ["ann@rcpt.test"]
    assert told.end == ""  # not the relay's fault
    assert (server.accepted, server.dots) == ([], 0)


def test_a_bad_recipient_costs_one_envelope_and_not_the_connection(
    server: FaultRelay, level: Pipelining
) -> None:
    told, recipient = with_fault(server, "rcpt", "550_5.1.1", level)
    assert isinstance(outcome(told, recipient), Rejected)
    assert taken(server) == ["before@rcpt.test", "after@rcpt.test"]
    assert server.connections == 1


def test_a_relay_that_wants_a_body_without_recipients_gets_a_lone_dot(level: Pipelining) -> None:
    with FaultRelay(Behaviour(data_after_bad_rcpt=True)) as server:
        told, recipient = with_fault(server, "rcpt", "550_5.1.1", level)
    result = outcome(told, recipient)
    assert isinstance(result, Rejected)
    assert result.reply.enhanced == "5.1.1"
    assert taken(server) == ["before@rcpt.test", "after@rcpt.test"]


def test_an_answer_before_a_good_bye_counts(server: FaultRelay, level: Pipelining) -> None:
    told, recipient = with_fault(server, "dot", "then421", level)
    assert isinstance(outcome(told, recipient), Accepted)


@pytest.mark.parametrize("fault", ["doubled", "half"])
def test_more_than_an_answer_ends_the_session_and_marks_no_stranger(
    server: FaultRelay, fault: str, level: Pipelining
) -> None:
    told, recipient = with_fault(server, "dot", fault, level)
    assert isinstance(outcome(told, recipient), Accepted | Unconfirmed)
    after = told.verdicts.get("after@rcpt.test")
    if after is not None and isinstance(after.outcome, Accepted):
        assert "after@rcpt.test" in taken(server)


def test_a_relay_that_forgets_what_was_written_behind_a_dot_loses_nothing() -> None:
    with FaultRelay(Behaviour(dot_drops_ahead=True)) as server:
        relay = make_relay(server, timeout_seconds=0.3)
        told = converse(relay, [make_job("a@r.test"), make_job("b@r.test")])
    assert isinstance(outcome(told, "a@r.test"), Accepted)
    assert isinstance(outcome(told, "b@r.test"), NotSent)
    assert (Pipelining.DOT, False) in told.ahead


def test_a_relay_that_refuses_what_was_written_behind_a_dot_blames_nobody() -> None:
    with FaultRelay(Behaviour(ahead_is_503=True)) as server:
        told = converse(make_relay(server), [make_job("a@r.test"), make_job("b@r.test")])
    assert isinstance(outcome(told, "a@r.test"), Accepted)
    assert isinstance(outcome(told, "b@r.test"), NotSent)
    assert told.verdicts["b@r.test"].reaction is Reaction.NONE
    assert (Pipelining.DOT, False) in told.ahead


@pytest.mark.parametrize("proven", [True, False])
def test_a_slow_answer_is_slow_where_writing_ahead_has_worked_before(
    monkeypatch: pytest.MonkeyPatch, proven: bool
) -> None:
    monkeypatch.setattr(client, "PROBING_SECONDS", 0.1)
    with FaultRelay(Behaviour(late_ms=300)) as relay:
        told = converse(make_relay(relay), [make_job("rcptlate.1@d.test")], proven=proven)
    waited = isinstance(told.verdicts["rcptlate.1@d.test"].outcome, Accepted)
    stepped_down = [works for _, works in told.ahead] == [False]
    assert (waited, stepped_down) == (proven, not proven)


def test_a_message_that_is_too_big_is_not_offered() -> None:
    with FaultRelay(Behaviour(size=20)) as server:
        told = converse(make_relay(server), [make_job()])
    assert told.verdicts["ann@rcpt.test"].reaction is Reaction.PAUSE_ISSUE
    assert not any(line.startswith("MAIL") for line in server.commands)


def test_eight_bits_go_only_where_they_are_offered() -> None:
    wire = "Subject: x\r\n\r\nGrüße\r\n".encode()
    with FaultRelay() as server:
        converse(make_relay(server), [make_job(wire=wire)])
        assert any("BODY=8BITMIME" in line for line in server.commands)
    with FaultRelay(Behaviour(extensions=())) as server:
        told = converse(make_relay(server), [make_job(wire=wire)])
    assert told.verdicts["ann@rcpt.test"].reaction is Reaction.PAUSE_ISSUE
    assert server.accepted == []


def test_an_international_address_needs_smtputf8() -> None:
    with FaultRelay(Behaviour(extensions=("SMTPUTF8", "8BITMIME"))) as server:
        converse(make_relay(server), [make_job("höhe@rcpt.test")])
        assert any(line.endswith("SMTPUTF8") for line in server.commands)
    with FaultRelay() as server:
        told = converse(make_relay(server), [make_job("höhe@rcpt.test")])
    assert isinstance(outcome(told, "höhe@rcpt.test"), Rejected)


@pytest.mark.parametrize("text", ["a@b.c>\r\nRCPT TO:<x@y.z", "a b@c.d", "a\n@b.c", "<a@b.c>"])
def test_an_envelope_cannot_be_broken_out_of(server: FaultRelay, text: str) -> None:
    with pytest.raises(ValueError, match="not an envelope address"):
        send_one(make_relay(server), sender="n@n.test", recipient=text, message=MESSAGE)


@pytest.mark.parametrize("body", [b"a\nb\r\n", b"a\rb\r\n", b"\r\n.\n", b"\r\n.\r"])
def test_a_message_with_bare_line_ends_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="CRLF"):
        transparent(body)


def test_a_failing_intent_is_passed_on_and_no_dot_goes_out(server: FaultRelay) -> None:
    relay = make_relay(server)
    message = {"sender": "n@n.test", "recipient": "a@r.test", "message": MESSAGE}
    assert isinstance(send_one(relay, **message, intend=lambda: False), NotSent)
    assert isinstance(send_one(relay, **message), Accepted)
    assert len(server.accepted) == 1


@pytest.mark.parametrize("fault", ["554", "554_5.7.1", "close", "garbage", "silence", "421"])
@pytest.mark.parametrize("stage", ["greeting", "ehlo"])
def test_a_session_that_cannot_begin_is_told_with_a_remedy(stage: str, fault: str) -> None:
    with FaultRelay(Behaviour(faults={stage: fault})) as server:
        relay = make_relay(server, timeout_seconds=0.2 if fault == "silence" else 20.0)
        with pytest.raises(RelayError, match="check port and security"):
            try_relay(relay)


def test_a_relay_that_is_not_there_is_told() -> None:
    with FaultRelay() as server:
        relay = make_relay(server)
    with pytest.raises(RelayError, match=f"^127.0.0.1:{relay.port}: no connection .*check host"):
        try_relay(relay)


def test_bytes_behind_the_consent_to_tls_end_the_session(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with FaultRelay(Behaviour(tls=context, injected=b"250 2.0.0 injected\r\n")) as server:
        relay = make_relay(server, security=Security.STARTTLS, host="localhost")
        with pytest.raises(RelayError, match="somebody may sit on the line"):
            try_relay(relay)
    assert not any(line.startswith("MAIL") for line in server.commands)


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_without_tls_nothing_is_sent_where_it_is_required(
    server: FaultRelay, security: Security
) -> None:
    relay = make_relay(server, security=security, username="ann", password="secret")
    told = converse(relay, [make_job()])
    assert told.refused is not None
    assert told.refused.verdict.reaction is Reaction.PAUSE_RELAY
    assert server.accepted == []
    assert not any(line.startswith(("MAIL", "AUTH")) for line in server.commands)


@pytest.mark.parametrize("fault", ["close", "reset", "silence"])
def test_a_line_lost_while_tls_is_agreed_on_is_tried_again(certificate: Path, fault: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    patience = 0.2 if fault == "silence" else 20.0
    with FaultRelay(Behaviour(tls=context, faults={"tls": fault})) as server:
        relay = make_relay(server, security=Security.STARTTLS, timeout_seconds=patience)
        told = converse(relay, [make_job()])
    assert told.refused is not None
    assert told.refused.verdict.reaction is Reaction.BACK_OFF
    assert "()" not in told.refused.problem


@pytest.mark.parametrize("login", list(Login))
def test_a_login_is_tried_once_and_its_secret_is_told_to_nobody(login: Login) -> None:
    with FaultRelay(Behaviour(login=("ann", "right"))) as server:
        good = make_relay(server, username="ann", password="right", login=login)
        assert try_relay(good).offers.login
        bad = make_relay(server, username="ann", password="hunter2", login=login)
        told = converse(bad, [make_job()])
    assert told.refused is not None
    assert told.refused.verdict.reaction is Reaction.PAUSE_RELAY
    assert "535" in told.refused.problem
    assert "hunter2" not in told.refused.problem
    assert sum(line.startswith("AUTH") for line in server.commands) == 2


def test_mechanisms_are_read_from_every_line_that_names_some() -> None:
    does = Behaviour(login=("ann", "right"), extensions=("AUTH XOAUTH2 PLAIN",), mechanisms="LOGIN")
    with FaultRelay(does) as server:
        relay = make_relay(server, username="ann", password="right", login=Login.XOAUTH2)
        offers = try_relay(relay).offers
    assert (offers.login, offers.keywords["AUTH"]) == ("XOAUTH2", "XOAUTH2 PLAIN LOGIN")


def test_no_password_crosses_the_network_in_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    from publisher.mail import opening

    monkeypatch.setattr(opening, "_is_loopback", lambda _transport: False)
    with FaultRelay(Behaviour(login=("ann", "right"))) as server:
        relay = make_relay(server, username="ann", password="right")
        with pytest.raises(RelayError, match="plain text"):
            try_relay(relay)
    assert not any(line.startswith("AUTH") for line in server.commands)


def test_the_relay_runs_as_a_process_of_its_own(tmp_path: Path) -> None:
    log = tmp_path / "accepted.log"
    program = Path(__file__).with_name("relay.py")
    command = [sys.executable, str(program), "--port", "0", "--log", str(log)]
    with subprocess.Popen([*command, "--delay", "1"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            relay = Relay(
                host="127.0.0.1", port=int(process.stdout.readline()), security=Security.NONE
            )
            jobs = [make_job(), make_job("dotreset.1@rcpt.test")]
            told = converse(relay, jobs)
            assert isinstance(outcome(told, "dotreset.1@rcpt.test"), Unconfirmed)
            assert [json.loads(line)["rcpt"] for line in log.read_text().splitlines()] == [
                "ann@rcpt.test"
            ]
        finally:
            process.terminate()


def test_a_silent_port_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        relay = Relay(
            host="127.0.0.1",
            port=listener.getsockname()[1],
            security=Security.NONE,
            timeout_seconds=0.2,
        )
        with pytest.raises(RelayError, match=r"no answer within 0\.2 seconds"):
            try_relay(relay)

"""What becomes of one message when the relay misbehaves, at every stage."""

import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from publisher.domain.deliveries import (
    Accepted,
    Deferred,
    NotSent,
    Outcome,
    Rejected,
    Stage,
    Unconfirmed,
)
from publisher.errors import RelayError
from publisher.mail.client import Connection, Relay, Security
from publisher.mail.wire import Wire
from tests.faults.relay import Behaviour, FaultRelay

MESSAGE = b"Message-ID: <1@news.test>\r\nSubject: x\r\n\r\nHello.\r\n.. and dots\r\n.\r\n"
EARLY_STAGES = ("mail", "rcpt", "data", "body")
NO_REPLY = ("close", "reset", "silence", "drip", "garbage", "codes", "long", "huge")


def make_relay(server: FaultRelay, **changes: object) -> Relay:
    values = {"host": "127.0.0.1", "port": server.port, "security": Security.NONE}
    return Relay(**{"timeout_seconds": 20.0, **values, **changes})  # type: ignore[arg-type]


def send(
    connection: Connection,
    recipient: str = "ann@rcpt.test",
    *,
    sender: str = "news@news.test",
    intend: Callable[[], bool] = lambda: True,
) -> Outcome:
    return connection.send(sender=sender, recipient=recipient, message=MESSAGE, intend=intend)


def send_with_fault(server: FaultRelay, stage: str, fault: str) -> tuple[Outcome, bool, int]:
    """Outcome, whether the connection is open after it, and how often intent was asked for."""
    asked: list[bool] = []

    def intend() -> bool:
        if stage == "body":  # what the relay says or does must have arrived
            assert server.spoke_early.wait(20) if fault[0].isdigit() else server.hung_up.wait(20)
        asked.append(True)
        return True

    patience = 0.2 if fault in ("silence", "drip") else 20.0
    local = f"{stage}{fault}.1"
    sender = f"{local}@news.test" if stage == "mail" else "news@news.test"
    recipient = "ann@rcpt.test" if stage == "mail" else f"{local}@rcpt.test"
    with Connection(make_relay(server, timeout_seconds=patience)) as connection:
        outcome = send(connection, recipient, sender=sender, intend=intend)
        return outcome, connection.is_open, len(asked)


@pytest.fixture
def server() -> FaultRelay:
    with FaultRelay() as running:
        yield running


def test_a_message_arrives_byte_for_byte(server: FaultRelay) -> None:
    with Connection(make_relay(server)) as connection:
        outcome = send(connection)
    assert isinstance(outcome, Accepted)
    assert (outcome.reply.code, outcome.reply.enhanced) == (250, "2.0.0")
    assert server.accepted == [
        {
            "rcpt": "ann@rcpt.test",
            "message_id": "<1@news.test>",
            "sha256": sha256(MESSAGE).hexdigest(),
        }
    ]


def test_the_size_is_told_before_the_message(server: FaultRelay) -> None:
    with Connection(make_relay(server)) as connection:
        send(connection)
    assert f"MAIL FROM:<news@news.test> SIZE={len(MESSAGE)}" in server.commands


def test_no_size_is_told_where_none_is_asked_for() -> None:
    with FaultRelay(Behaviour(size=None)) as server, Connection(make_relay(server)) as connection:
        send(connection)
    assert "MAIL FROM:<news@news.test>" in server.commands


def test_many_messages_go_over_one_connection(server: FaultRelay) -> None:
    with Connection(make_relay(server)) as connection:
        outcomes = [send(connection, f"r{number}@rcpt.test") for number in range(20)]
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert server.connections == 1
    assert server.commands[-1] == "QUIT"


@pytest.mark.parametrize("fault", NO_REPLY)
@pytest.mark.parametrize("stage", ["mail", "rcpt", "data"])
def test_a_fault_before_the_body_is_not_sent(server: FaultRelay, stage: str, fault: str) -> None:
    outcome, is_open, asked = send_with_fault(server, stage, fault)
    assert isinstance(outcome, NotSent)
    assert outcome.problem.startswith("the relay did not take it: ")
    assert (is_open, asked, server.accepted) == (False, 0, [])


@pytest.mark.parametrize("fault", ["close", "reset"])
def test_a_line_lost_before_the_final_dot_is_not_sent(server: FaultRelay, fault: str) -> None:
    outcome, is_open, _ = send_with_fault(server, "body", fault)
    assert isinstance(outcome, NotSent)
    assert (is_open, server.accepted) == (False, [])


@pytest.mark.parametrize("fault", [*NO_REPLY, "354", "accept-close", "accept-reset"])
def test_a_line_lost_after_the_final_dot_is_unconfirmed(server: FaultRelay, fault: str) -> None:
    outcome, is_open, asked = send_with_fault(server, "dot", fault)
    assert isinstance(outcome, Unconfirmed)
    assert outcome.problem.startswith("the relay may have it: after the final dot, ")
    assert (is_open, asked) == (False, 1)


def test_a_message_taken_without_a_word_is_unconfirmed_and_was_taken(server: FaultRelay) -> None:
    outcome, _, _ = send_with_fault(server, "dot", "accept-reset")
    assert isinstance(outcome, Unconfirmed)
    assert len(server.accepted) == 1


@pytest.mark.parametrize("fault", ["multi", "split", "late"])
@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "dot"])
def test_a_good_reply_counts_however_it_comes(server: FaultRelay, stage: str, fault: str) -> None:
    outcome, is_open, _ = send_with_fault(server, stage, fault)
    assert isinstance(outcome, Accepted)
    assert is_open


@pytest.mark.parametrize(("stage", "code"), [("mail", "354"), ("rcpt", "354"), ("data", "250")])
def test_a_reply_out_of_step_ends_the_session(server: FaultRelay, stage: str, code: str) -> None:
    outcome, is_open, asked = send_with_fault(server, stage, code)
    assert isinstance(outcome, NotSent)
    assert "out of step" in outcome.problem
    assert (is_open, asked, server.accepted) == (False, 0, [])


@pytest.mark.parametrize("code", ["421", "421-4.7.0"])
@pytest.mark.parametrize("stage", [*EARLY_STAGES, "dot"])
def test_421_is_nobodys_fault_at_any_stage(server: FaultRelay, stage: str, code: str) -> None:
    outcome, is_open, _ = send_with_fault(server, stage, code)
    assert isinstance(outcome, NotSent)
    assert (is_open, server.accepted) == (False, [])


@pytest.mark.parametrize("code", ["450", "451-4.3.2", "550", "553-5.1.8", "554-5.7.1"])
@pytest.mark.parametrize("stage", ["mail", "data"])
def test_a_refusal_of_sender_or_data_blames_no_recipient(
    server: FaultRelay, stage: str, code: str
) -> None:
    outcome, is_open, _ = send_with_fault(server, stage, code)
    assert isinstance(outcome, NotSent)
    assert code.replace("-", " ") in outcome.problem
    assert is_open
    assert server.commands[-2:] == ["RSET", "QUIT"]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("450", Deferred),
        ("451-4.7.1", Deferred),
        ("452-4.2.2", Deferred),
        ("550", Rejected),
        ("550-5.1.1", Rejected),
        ("552-5.2.2", Rejected),
    ],
)
@pytest.mark.parametrize("stage", ["rcpt", "dot"])
def test_a_refusal_of_the_recipient_is_an_outcome(
    server: FaultRelay, stage: str, code: str, kind: type[Deferred | Rejected]
) -> None:
    outcome, is_open, _ = send_with_fault(server, stage, code)
    assert isinstance(outcome, kind)
    assert (outcome.reply.stage, outcome.reply.code) == (Stage(stage.upper()), int(code[:3]))
    assert outcome.reply.text == "as you wished"
    assert is_open


def test_too_many_recipients_closes_the_connection_and_blames_nobody(server: FaultRelay) -> None:
    outcome, is_open, _ = send_with_fault(server, "rcpt", "452-4.5.3")
    assert isinstance(outcome, NotSent)
    assert not is_open


@pytest.mark.parametrize(("code", "kind"), [("451", Deferred), ("552-5.2.2", Rejected)])
def test_a_refusal_before_the_dot_is_certain(
    server: FaultRelay, code: str, kind: type[Deferred | Rejected]
) -> None:
    outcome, is_open, _ = send_with_fault(server, "body", code)
    assert isinstance(outcome, kind)
    assert (is_open, server.accepted) == (False, [])


@pytest.mark.parametrize(
    ("fault", "kind"), [("552-5.2.2", Rejected), ("refuse-close", Rejected), ("reset", NotSent)]
)
def test_what_happens_in_the_middle_of_a_long_message_is_certain(
    fault: str, kind: type[Outcome]
) -> None:
    behaviour = Behaviour(size=None)
    with FaultRelay(behaviour) as server, Connection(make_relay(server)) as connection:
        outcome = connection.send(
            sender="news@news.test",
            recipient=f"body{fault}@rcpt.test",
            message=MESSAGE + b"far more than any buffer between us takes\r\n" * 500_000,
            intend=pytest.fail,
        )
        assert not connection.is_open
    assert isinstance(outcome, kind)
    assert server.accepted == []


def test_consent_before_the_dot_is_no_consent(server: FaultRelay) -> None:
    outcome, is_open, _ = send_with_fault(server, "body", "250")
    assert isinstance(outcome, NotSent)
    assert (is_open, server.accepted) == (False, [])


def test_without_intent_no_dot_goes_out(server: FaultRelay) -> None:
    with Connection(make_relay(server)) as connection:
        outcome = send(connection, intend=lambda: False)
        assert not connection.is_open
    assert server.hung_up.wait(20)
    assert isinstance(outcome, NotSent)
    assert server.accepted == []


def test_a_failing_intent_is_passed_on_and_no_dot_goes_out(server: FaultRelay) -> None:
    def intend() -> bool:
        raise ZeroDivisionError

    with Connection(make_relay(server)) as connection:
        with pytest.raises(ZeroDivisionError):
            send(connection, intend=intend)
        assert not connection.is_open
    assert server.hung_up.wait(20)
    assert server.accepted == []


def test_nothing_is_accepted_before_intent_is_recorded(server: FaultRelay) -> None:
    seen: list[int] = []

    def intend() -> bool:
        seen.append(len(server.accepted))
        return True

    with Connection(make_relay(server)) as connection:
        send(connection, intend=intend)
    assert seen == [0]


def test_after_a_refusal_the_next_message_goes_out(server: FaultRelay) -> None:
    with Connection(make_relay(server)) as connection:
        outcomes = [
            send(connection, recipient)
            for recipient in ("rcpt550-5.1.1@rcpt.test", "dot451@rcpt.test", "bob@rcpt.test")
        ]
    assert [type(outcome) for outcome in outcomes] == [Rejected, Deferred, Accepted]
    assert server.connections == 1


def test_greylisting_ends_by_itself(server: FaultRelay) -> None:
    with Connection(make_relay(server)) as connection:
        outcomes = [send(connection, "rcpt450x2.7@rcpt.test") for _ in range(3)]
    assert [type(outcome) for outcome in outcomes] == [Deferred, Deferred, Accepted]


@pytest.mark.parametrize("fault", ["doubled", "half", "then421"])
def test_a_reply_too_many_never_counts_for_the_next_message(server: FaultRelay, fault: str) -> None:
    with Connection(make_relay(server)) as connection:
        first = send(connection, f"dot{fault}@rcpt.test")
        second = send(connection, "rcpt550@rcpt.test")
        assert not connection.is_open
    assert isinstance(first, Accepted)
    assert isinstance(second, NotSent)


def test_a_reply_too_many_within_the_envelope_stops_the_message(server: FaultRelay) -> None:
    outcome, is_open, asked = send_with_fault(server, "rcpt", "doubled")
    assert isinstance(outcome, NotSent)
    assert (is_open, asked, server.accepted) == (False, 0, [])


def test_a_relay_that_has_enough_says_so_and_nobody_is_blamed() -> None:
    behaviour = Behaviour(per_connection=2)
    with FaultRelay(behaviour) as server, Connection(make_relay(server)) as connection:
        outcomes = [send(connection) for _ in range(3)]
        assert not connection.is_open
    assert [type(outcome) for outcome in outcomes] == [Accepted, Accepted, NotSent]


@pytest.mark.parametrize("fault", ["502", "close"])
def test_where_nothing_can_be_reset_the_refusal_stands_and_the_line_is_left(fault: str) -> None:
    behaviour = Behaviour(faults={"rset": fault})
    with FaultRelay(behaviour) as server, Connection(make_relay(server)) as connection:
        outcome = send(connection, "rcpt550@rcpt.test")
        assert not connection.is_open
    assert isinstance(outcome, Rejected)


def test_a_closed_connection_sends_nothing(server: FaultRelay) -> None:
    connection = Connection(make_relay(server))
    connection.close()
    connection.close()
    assert isinstance(send(connection), NotSent)


def test_a_relay_that_never_says_goodbye_keeps_nobody_waiting() -> None:
    with FaultRelay(Behaviour(faults={"quit": "close"})) as server:
        with Connection(make_relay(server)) as connection:
            assert isinstance(send(connection), Accepted)
        assert not connection.is_open


@pytest.mark.parametrize(
    "fault", ["421", "450", "554", "close", "reset", "garbage", "silence", "codes", "long"]
)
@pytest.mark.parametrize("stage", ["greeting", "ehlo"])
def test_a_relay_that_does_not_open_up_is_an_error(stage: str, fault: str) -> None:
    with FaultRelay(Behaviour(faults={stage: fault})) as server:
        patience = 0.2 if fault == "silence" else 20.0
        with pytest.raises(RelayError, match=f"^127.0.0.1:{server.port}: .*check .*port"):
            Connection(make_relay(server, timeout_seconds=patience))


@pytest.mark.parametrize("fault", ["multi", "split", "late"])
def test_a_slow_or_talkative_greeting_is_fine(fault: str) -> None:
    behaviour = Behaviour(faults={"greeting": fault})
    with FaultRelay(behaviour) as server, Connection(make_relay(server)) as connection:
        assert isinstance(send(connection), Accepted)


def test_bytes_behind_the_consent_to_tls_are_an_attack() -> None:
    behaviour = Behaviour(
        tls=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), injected=b"250-evil\r\n250 AUTH PLAIN\r\n"
    )
    with FaultRelay(behaviour) as server:
        relay = make_relay(server, security=Security.STARTTLS, username="u", password="p")
        with pytest.raises(RelayError, match="sit on the line"):
            Connection(relay)
    assert not any(command.startswith(("AUTH", "MAIL")) for command in server.commands)


@pytest.mark.parametrize("fault", ["454-4.7.0", "close", "garbage"])
def test_without_tls_nothing_is_sent(fault: str) -> None:
    behaviour = Behaviour(
        tls=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), faults={"starttls": fault}, login=("u", "p")
    )
    with FaultRelay(behaviour) as server:
        relay = make_relay(server, security=Security.STARTTLS, username="u", password="p")
        with pytest.raises(RelayError):
            Connection(relay)
    assert [command.split(" ")[0] for command in server.commands] == ["EHLO", "STARTTLS"]


def test_a_relay_without_starttls_gets_nothing_in_plain_text(server: FaultRelay) -> None:
    with pytest.raises(RelayError, match=r"offers no STARTTLS.*plain text.*\"tls\""):
        Connection(make_relay(server, security=Security.STARTTLS))
    assert [command.split(" ")[0] for command in server.commands] == ["EHLO"]


@pytest.mark.parametrize("mechanisms", ["PLAIN LOGIN", "LOGIN PLAIN", "LOGIN", "CRAM-MD5 PLAIN"])
def test_credentials_are_given_on_this_machine_without_tls(mechanisms: str) -> None:
    behaviour = Behaviour(login=("ann", "päss wörd"), mechanisms=mechanisms)
    with FaultRelay(behaviour) as server:
        relay = make_relay(server, username="ann", password="päss wörd")
        with Connection(relay) as connection:
            assert isinstance(send(connection), Accepted)


@pytest.mark.parametrize("mechanisms", ["PLAIN", "LOGIN"])
def test_refused_credentials_are_tried_once_and_told_to_nobody(mechanisms: str) -> None:
    behaviour = Behaviour(login=("ann", "right"), mechanisms=mechanisms)
    with FaultRelay(behaviour) as server:
        relay = make_relay(server, username="ann@user.test", password="hunter2-secret")
        with pytest.raises(RelayError, match=r"535 5\.7\.8.*check username and password") as caught:
            Connection(relay)
    told = f"{caught.value} {caught.value!r} {caught.value.__cause__} {relay!r} {relay}"
    assert "hunter2" not in told
    for command in server.commands:  # the relay quotes what it was given
        if command.startswith("AUTH PLAIN "):
            assert command.split(" ")[2] not in told
    assert sum(command.startswith("AUTH") for command in server.commands) == 1


def test_credentials_do_not_cross_a_network_in_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Wire, "is_loopback", False)
    with FaultRelay(Behaviour(login=("ann", "right"))) as server:
        relay = make_relay(server, username="ann", password="right")
        with pytest.raises(RelayError, match="plain text"):
            Connection(relay)
    assert not any(command.startswith("AUTH") for command in server.commands)


def test_credentials_need_an_offer(server: FaultRelay) -> None:
    with pytest.raises(RelayError, match="offers no AUTH"):
        Connection(make_relay(server, username="ann", password="right"))


@pytest.mark.parametrize(
    ("host", "greeting"),
    [
        ("mx.news.test", "EHLO mx.news.test"),
        ("laptop", "EHLO [127.0.0.1]"),
        ("a_b.news.test", "EHLO [127.0.0.1]"),
    ],
)
def test_the_client_gives_a_name_or_its_address(
    server: FaultRelay, monkeypatch: pytest.MonkeyPatch, host: str, greeting: str
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    with Connection(make_relay(server)):
        pass
    assert server.commands[0] == greeting


def test_a_relay_that_does_not_answer_is_one_clear_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def create_connection(*_: object, timeout: float) -> None:
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", create_connection)
    relay = Relay(host="mx.test", port=25, security=Security.NONE)
    with pytest.raises(RelayError, match=r"^mx\.test:25: no connection within 30 seconds; check"):
        Connection(relay)


def test_a_dead_relay_is_one_clear_sentence() -> None:
    with FaultRelay() as server:
        relay = make_relay(server)
    with pytest.raises(RelayError, match=f"^127.0.0.1:{relay.port}: no connection .*check host"):
        Connection(relay)


def test_the_relay_runs_as_a_process_of_its_own(tmp_path: Path) -> None:
    log = tmp_path / "accepted.log"
    program = Path(__file__).with_name("relay.py")
    command = [sys.executable, str(program), "--port", "0", "--log", str(log)]
    with subprocess.Popen([*command, "--delay", "1"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            port = int(process.stdout.readline())
            relay = Relay(host="127.0.0.1", port=port, security=Security.NONE)
            with Connection(relay) as connection:
                assert isinstance(send(connection), Accepted)
                assert isinstance(send(connection, "dotreset@rcpt.test"), Unconfirmed)
            assert [json.loads(line)["rcpt"] for line in log.read_text().splitlines()] == [
                "ann@rcpt.test"
            ]
        finally:
            process.terminate()

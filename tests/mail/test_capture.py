import errno
import os
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from publisher.domain.replies import Accepted, Deferred, NotSent, Outcome
from publisher.errors import RelayError
from publisher.mail import capture as capture_module
from publisher.mail import inbox
from publisher.mail.capture import MAX_BYTES, capture
from publisher.mail.relays import Relay
from publisher.mail.single import send_one, try_relay

NOON = datetime(2026, 11, 24, 12, 0, 0, 5, tzinfo=UTC)
MESSAGE = b"Subject: x\r\n\r\n.Hello.\r\n.\r\n..\r\n"


def send(relay: Relay, message: bytes = MESSAGE, count: int = 1) -> list[Outcome]:
    envelope = {"sender": "news@news.test", "recipient": "ann@rcpt.test", "message": message}
    return [send_one(relay, **envelope) for _ in range(count)]


def speak(relay: Relay, *lines: bytes) -> bytes:
    """What the server says to lines that our own client never sends."""
    with socket.create_connection((relay.host, relay.port), timeout=20) as connected:
        file = connected.makefile("rwb")
        said = file.readline()
        for line in lines:
            file.write(line)
            file.flush()
            said = file.readline()
            while said[3:4] == b"-":
                said = file.readline()
        file.close()
    return said


def test_a_message_is_kept_byte_for_byte(tmp_path: Path) -> None:
    with capture(tmp_path / "state" / "inbox") as relay:
        assert all(isinstance(outcome, Accepted) for outcome in send(relay))
    kept = list((tmp_path / "state" / "inbox" / "new").iterdir())
    assert [path.read_bytes() for path in kept] == [MESSAGE]


def test_the_folder_is_a_maildir_for_nobody_else(tmp_path: Path) -> None:
    with capture(tmp_path / "inbox") as relay:
        send(relay)
    assert {path.name for path in (tmp_path / "inbox").iterdir()} == {"cur", "new", "tmp"}
    assert list((tmp_path / "inbox" / "tmp").iterdir()) == []
    kept = next((tmp_path / "inbox" / "new").iterdir())
    assert kept.stat().st_mode & 0o077 == 0


def test_messages_of_one_instant_do_not_replace_each_other(tmp_path: Path) -> None:
    for _ in range(2):
        with capture(tmp_path, clock=lambda: NOON) as relay:
            send(relay, count=5)
    listed = inbox.listing(tmp_path)
    assert len(listed) == 10
    assert {captured.at for captured in listed} == {NOON}


def test_a_message_is_on_the_disk_before_it_is_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[int] = []
    monkeypatch.setattr(capture_module.os, "fsync", flushed.append)
    with capture(tmp_path) as relay:
        send(relay)
        assert len(flushed) == 2  # the file and its folder
        assert len(inbox.listing(tmp_path)) == 1


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, 452), (errno.EACCES, 451)])
def test_a_disk_that_fails_is_delay_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: int
) -> None:
    def fail(_: int) -> None:
        raise OSError(number, os.strerror(number))

    with capture(tmp_path) as relay:
        with monkeypatch.context() as patch:
            patch.setattr(capture_module.os, "fsync", fail)
            (outcome,) = send(relay)
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
        assert isinstance(send(relay)[0], Accepted)
    assert isinstance(outcome, Deferred)
    assert outcome.reply.code == code


def test_a_message_too_big_is_not_taken(tmp_path: Path) -> None:
    with capture(tmp_path) as relay:
        (outcome,) = send(relay, b"a: b\r\n\r\n" + b"\r\n" * (MAX_BYTES // 2))
        assert isinstance(outcome, NotSent)
    assert inbox.listing(tmp_path) == []


def test_8_bits_and_addresses_beyond_ascii_are_taken(tmp_path: Path) -> None:
    message = "Subject: 依恋\r\n\r\n你好\r\n".encode()
    with capture(tmp_path) as relay:
        said = speak(
            relay,
            b"EHLO x\r\n",
            "MAIL FROM:<李@news.test> BODY=8BITMIME SMTPUTF8\r\n".encode(),
            b"RCPT TO:<ann@rcpt.test>\r\n",
            b"DATA\r\n",
            message + b".\r\n",
        )
    assert said.startswith(b"250 ")
    assert inbox.read(tmp_path, inbox.listing(tmp_path)[0].key) == message


def test_two_inboxes_at_once_do_not_meet(tmp_path: Path) -> None:
    with capture(tmp_path / "a") as first, capture(tmp_path / "b") as second:
        assert first.port != second.port
        send(first)
    assert len(inbox.listing(tmp_path / "a")) == 1
    assert inbox.listing(tmp_path / "b") == []


def test_after_the_end_nobody_answers(tmp_path: Path) -> None:
    with capture(tmp_path) as relay:
        assert try_relay(relay).outcome is None
    with pytest.raises(RelayError, match="no connection"):
        try_relay(relay)


def test_a_folder_that_cannot_be_made_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "inbox").write_text("in the way")
    with (
        pytest.raises(RelayError, match=r"built-in inbox.*inbox: .*directory"),
        capture(tmp_path / "inbox"),
    ):
        pass

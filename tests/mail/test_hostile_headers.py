"""Hostile titles, names and addresses, written in earnest and read off the wire."""

import random
from base64 import b64encode
from email import message_from_bytes, policy
from email.parser import BytesHeaderParser

import pytest

from publisher.domain.addresses import parse_address
from publisher.domain.sites import Person
from publisher.domain.tokens import MAX_URL, Purpose, make_token
from publisher.errors import InvalidAddress
from publisher.mail.jobs import Job, transparent
from publisher.mail.relays import Security
from publisher.render.digest import Digest
from publisher.render.messages import Letter, Recipient, compile_body, compose
from tests.factories import NOW, make_newsletter, make_site
from tests.faults.conversation import converse
from tests.faults.relay import Behaviour, FaultRelay
from tests.faults.world import make_relay

EVIL = "\r\nBcc: evil@example.org\r\n"
PIECES = (
    EVIL, "\nBcc: evil@example.org", "\r", "\n", "\r\n\r\n<b>", "\r\n ", "\0", "\x0b", "\x1c",
    "\x7f", "\x85", "\u2028", "\u2029", "\u202e", "\u2066", "\u200f", "\ufeff",
    "=?utf-8?q?hi=0D=0ABcc=3A_evil=40example.org?=",
    "=?utf-8?b?" + b64encode(EVIL.encode()).decode() + "?=",
    "=?utf-8?q?=3D=3Futf-8=3Fq=3F=0ABcc=3A_x=40x=3F=3D?=", "=?", "?=", "=?utf-8?q?", "=\r\n?",
    '"', "\\", "<evil@example.org>", ",", ";", ":", "(", ")", "@", "%0d%0aBcc:", "&#13;&#10;",
    "汉", "\U0001f9d1\u200d\U0001f680", "e\u0301", " ", "\t", "a", "Re: ",
    "x" * 10_000, "李" * 4_000,
)  # fmt: skip


def hostile(chance: random.Random) -> str:
    return "".join(chance.choices(PIECES, k=chance.randint(1, 8)))


def make_letter(*, subject: str = "Hello", title: str = "Weekly", sender: str = "Lin") -> Letter:
    newsletter = make_newsletter(
        title=title, sender=Person(name=sender, email="letters@example.org")
    )
    body = compile_body(Digest(subject=subject, html="<p>Hi.</p>", text="Hi.", nonce="0" * 16))
    site = make_site(base_url="https://letters.example.org")
    return Letter(site=site, newsletter=newsletter, issue="W:2026-W47", subject=subject, body=body)


def make_recipient(number: int, *, name: str = "", address: str = "") -> Recipient:
    token = make_token(b"k" * 32, Purpose.UNSUBSCRIBE, 36**7 - number)
    return Recipient(
        address=address or f"r{number}@rcpt.test",
        name=name,
        message_id=f"{number}.abc",
        unsubscribe_url=f"https://letters.example.org/u/{token}",
        preferences_url=f"https://letters.example.org/p/{token}",
    )


def job(number: int, message: bytes) -> Job:
    return Job(
        delivery=number,
        issue=1,
        sender="news@news.test",
        recipient=f"r{number}@rcpt.test",
        wire=transparent(message),
    )


@pytest.fixture(scope="module", params=[500, pytest.param(5_000, marks=pytest.mark.acceptance)])
def taken(request: pytest.FixtureRequest) -> dict[str, bytes]:
    """What a relay took, by recipient; number 0 is harmless."""
    chance = random.Random(20261125)
    letter = make_letter()
    jobs = [job(0, compose(letter, make_recipient(0, name="Ann"), date=NOW))]
    for number in range(1, request.param):
        if number % 2:
            texts = {name: hostile(chance) for name in ("subject", "title", "sender")}
            made = compose(make_letter(**texts), make_recipient(number, name="Ann"), date=NOW)
        else:
            made = compose(letter, make_recipient(number, name=hostile(chance)), date=NOW)
        jobs.append(job(number, made))
    with FaultRelay(Behaviour(bodies=True, size=None)) as relay:
        made_relay = make_relay(relay.port, security=Security.NONE)
        told = converse(made_relay, jobs)
        assert len(told.verdicts) == len(relay.bodies) == request.param
        return dict(relay.bodies)


def names_on_the_wire(message: bytes) -> list[str]:
    """By our own eyes: every line of the header that does not go on with the one before."""
    head = message.partition(b"\r\n\r\n")[0]
    assert head.isascii()
    assert b"\n" not in head.replace(b"\r\n", b"")
    assert b"\r" not in head.replace(b"\r\n", b"")
    lines = [line for line in head.split(b"\r\n") if not line.startswith((b" ", b"\t"))]
    return [line.partition(b":")[0].decode() for line in lines]


def test_no_text_adds_or_hides_a_header(taken: dict[str, bytes]) -> None:
    expected = names_on_the_wire(taken["r0@rcpt.test"])
    assert len(expected) == len(set(expected)) > 10
    for message in taken.values():
        assert names_on_the_wire(message) == expected
        assert BytesHeaderParser().parsebytes(message).keys() == expected


def test_no_text_becomes_a_header_when_others_write_the_mail_anew(taken: dict[str, bytes]) -> None:
    """A relay in Python that decodes and encodes: where CVE-2024-6923 made a Bcc of a title."""
    expected = names_on_the_wire(taken["r0@rcpt.test"])
    for number in range(0, len(taken), 25):
        parsed = message_from_bytes(taken[f"r{number}@rcpt.test"], policy=policy.SMTP)
        again = message_from_bytes(parsed.as_bytes(), policy=policy.SMTP)
        assert again.keys() == expected
        assert [one.addr_spec for one in again["To"].addresses] == [f"r{number}@rcpt.test"]


def test_the_link_to_leave_is_short_and_whole_on_the_wire(taken: dict[str, bytes]) -> None:
    """For the greatest number that fits: some clients cut longer lines, and one-click is dead."""
    for number in range(0, len(taken), 100):
        url = make_recipient(number).unsubscribe_url
        assert len(url) <= MAX_URL
        (line,) = [
            line
            for line in taken[f"r{number}@rcpt.test"].split(b"\r\n")
            if line.startswith(b"List-Unsubscribe:")
        ]
        assert line == f"List-Unsubscribe: <{url}>,".encode()
        assert len(line) <= 998


@pytest.mark.parametrize("seed", range(5))
def test_a_hostile_address_is_refused_or_harmless(seed: int) -> None:
    """The parser refuses it; what got past would be refused by the writer, or change nothing."""
    chance, letter = random.Random(seed), make_letter()
    expected = names_on_the_wire(compose(letter, make_recipient(0), date=NOW))
    refused = 0
    for number in range(1_000):
        text = f"{hostile(chance)}@{chance.choice(['example.org', hostile(chance)])}"
        try:
            parse_address(text)
        except InvalidAddress:
            refused += 1
        try:
            made = compose(letter, make_recipient(number, address=text), date=NOW)
        except ValueError:
            continue
        assert names_on_the_wire(made) == expected
        assert BytesHeaderParser().parsebytes(made).keys() == expected
    assert refused > 900

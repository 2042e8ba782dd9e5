"""Signatures that others can verify, and that break when they must."""

import re
import shutil
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from publisher.mail.dkim import (
    Key,
    dkim_record,
    generate_ed25519,
    generate_rsa,
    load_key,
    rsa_bits,
    sign,
    verify,
)

AT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HEAD = (
    b'From: "Lighthouse" <letters@example.org>\r\n'
    b"To: Ann <ann@example.org>\r\n"
    b"Subject: =?utf-8?B?54Gv5aGU?=\r\n =?utf-8?B?5p2l5L+h?=\r\n"
    b"Date: Tue, 24 Nov 2026 12:00:00 +0000\r\n"
    b"Message-ID: <1.abc@example.org>\r\n"
    b"List-Id: Weekly <weekly.example.org>\r\n"
    b"List-Unsubscribe: <https://example.org/u/1>,\r\n <mailto:letters@example.org>\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    b"Feedback-ID: W-2026-W47:weekly:digest:publisher\r\n"
    b"Reply-To: keeper@example.org\r\n"
    b"MIME-Version: 1.0\r\n"
    b'Content-Type: text/plain; charset="utf-8"\r\n'
)
MESSAGE = HEAD + b"\r\nA letter.\r\n"

RSA = load_key(generate_rsa(), domain="example.org", selector="r2026")
ED25519 = load_key(generate_ed25519(), domain="example.org", selector="e2026")
BOTH = (RSA, ED25519)


def pem(
    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    encryption: KeySerializationEncryption | None = None,
) -> bytes:
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


def verdicts(message: bytes, keys: Sequence[Key] = BOTH) -> list[bool]:
    """What dkimpy says of each signature, with a DNS that holds our records."""
    records = {f"{dkim_record(key).name}.".encode(): dkim_record(key) for key in keys}

    def lookup(name: bytes, timeout: int = 5) -> bytes | None:
        record = records.get(name)
        return record.value.encode() if record else None

    def verdict(number: int) -> bool:
        try:
            return bool(dkim.DKIM(message).verify(number, dnsfunc=lookup))
        except dkim.ValidationError:  # the hash of the body is another
            return False

    return [verdict(number) for number in range(len(keys))]


def signed(message: bytes = MESSAGE, keys: Sequence[Key] = BOTH) -> bytes:
    return sign(message, keys, at=AT) + message


@pytest.mark.parametrize("keys", [(RSA,), (ED25519,), (RSA, ED25519), (ED25519, RSA)])
def test_another_implementation_verifies_every_signature(keys: Sequence[Key]) -> None:
    message = signed(keys=keys)
    assert message.count(b"DKIM-Signature:") == len(keys)
    assert verdicts(message, keys) == [True] * len(keys)


def second_from(message: bytes) -> bytes:
    return message.replace(b"To:", b"From: evil@example.com\r\nTo:", 1)


def second_subject(message: bytes) -> bytes:
    return message.replace(b"To:", b"Subject: Pay now\r\nTo:", 1)


def second_to(message: bytes) -> bytes:
    return message.replace(b"To:", b"To: bob@example.org\r\nTo:", 1)


def second_unsubscribe(message: bytes) -> bytes:
    return message.replace(b"To:", b"List-Unsubscribe: <https://example.com/>\r\nTo:", 1)


def second_one_click(message: bytes) -> bytes:
    field = b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    return message.replace(b"To:", field + b"To:", 1)


def no_one_click(message: bytes) -> bytes:
    return message.replace(b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", b"")


def another_one_click(message: bytes) -> bytes:
    return message.replace(b"=One-Click", b"=Two-Clicks")


def another_way_out(message: bytes) -> bytes:
    return message.replace(b"https://example.org/u/1", b"https://example.org/u/2")


def another_body(message: bytes) -> bytes:
    return message.replace(b"A letter", b"A bill")


def longer_body(message: bytes) -> bytes:
    return message + b"Pay now.\r\n"


Change = Callable[[bytes], bytes]


@pytest.mark.parametrize(
    "change",
    [
        second_from,
        second_subject,
        second_to,
        second_unsubscribe,
        second_one_click,
        no_one_click,
        another_one_click,
        another_way_out,
        another_body,
        longer_body,
    ],
)
def test_no_signature_outlives(change: Change) -> None:
    message = signed()
    assert change(message) != message
    assert verdicts(change(message)) == [False, False]


@pytest.mark.parametrize("name", re.findall(rb"^([A-Z][\w-]+):", HEAD, re.MULTILINE))
def test_every_field_of_the_header_is_signed(name: bytes) -> None:
    tampered = re.sub(rb"(?m)^(" + name + rb":.)", rb"\1x", MESSAGE)
    assert verdicts(sign(MESSAGE, BOTH, at=AT) + tampered) == [False, False]


def refolded(message: bytes) -> bytes:
    return message.replace(b"\r\n =?utf-8?B?5p2l5L+h", b"\r\n\t  =?utf-8?B?5p2l5L+h")


def renamed(message: bytes) -> bytes:
    return message.replace(b"Subject: ", b"SUBJECT:   ")


def padded(message: bytes) -> bytes:
    return message.replace(b"A letter.\r\n", b"A  \t letter. \r\n\r\n\r\n")


def traced(message: bytes) -> bytes:
    return b"Received: from a by b; Tue, 24 Nov 2026 12:00:01 +0000\r\n" + message


@pytest.mark.parametrize("change", [refolded, renamed, padded, traced])
def test_what_relays_do_to_blanks_does_no_harm(change: Change) -> None:
    message = signed()
    assert change(message) != message
    assert verdicts(change(message)) == [True, True]


@given(lines=st.lists(st.text(alphabet="a \t", max_size=8), max_size=8))
def test_any_body_is_brought_into_the_relaxed_form(lines: list[str]) -> None:
    message = HEAD + b"\r\n" + "".join(line + "\r\n" for line in lines).encode()
    assert verdicts(signed(message, [ED25519]), [ED25519]) == [True]


def test_a_body_without_an_end_of_line_is_given_one() -> None:
    message = MESSAGE.removesuffix(b"\r\n")
    assert verdicts(signed(message)) == [True, True]
    assert sign(message, BOTH, at=AT) == sign(MESSAGE, BOTH, at=AT)


def test_a_message_of_ours_is_verified() -> None:
    assert verdicts(signed(digest_message())) == [True, True]


def test_the_same_input_gives_the_same_bytes_and_the_time_is_in_them() -> None:
    assert sign(MESSAGE, BOTH, at=AT) == sign(MESSAGE, BOTH, at=AT)
    assert b" t=1795521600;" in sign(MESSAGE, [RSA], at=AT)
    later = sign(MESSAGE, [RSA], at=AT + timedelta(hours=1))
    assert b" t=1795525200;" in later
    assert verdicts(later + MESSAGE, [RSA]) == [True]


def test_fields_that_may_be_added_are_named_once_more_than_they_occur() -> None:
    unfolded = sign(MESSAGE, [RSA], at=AT).replace(b"\r\n ", b" ").decode()
    (found,) = re.findall(r" h=([^;]*);", unfolded)
    names = [name.strip() for name in found.split(":")]
    twice = {"from", "to", "subject", "list-unsubscribe", "list-unsubscribe-post"}
    assert {name for name in names if names.count(name) == 2} == twice
    assert len(names) == 12 + len(twice)


def test_a_field_that_is_missing_is_not_named() -> None:
    message = re.sub(rb"Reply-To:.*\r\n", b"", MESSAGE)
    assert b"reply-to" not in sign(message, [RSA], at=AT)
    assert verdicts(signed(message)) == [True, True]


def test_no_line_of_a_signature_is_long() -> None:
    lines = sign(MESSAGE, BOTH, at=AT).split(b"\r\n")
    assert max(map(len, lines)) <= 78
    assert lines[-1] == b""


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        (b"To: a@example.org\r\n\r\n", "no From"),
        (b"From: a@example.org\r\n", "no empty line"),
        (b"From: a@example.org\nTo: b\r\n\r\n", "not a header field"),
        (b"From: a@example.org\r\nnonsense\r\n\r\n", "not a header field"),
    ],
)
def test_what_is_no_message_is_not_signed(message: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        sign(message, [RSA], at=AT)


def test_the_record_of_an_rsa_key_fits_into_the_strings_of_a_zone_file() -> None:
    record = dkim_record(RSA)
    assert record.name == "r2026._domainkey.example.org"
    assert record.value.startswith("v=DKIM1; k=rsa; p=MIIBIjAN")
    name, _, strings = str(record).partition(" IN TXT ")
    assert name == "r2026._domainkey.example.org."
    pieces = re.findall(r'"([^"]*)"', strings)
    assert "".join(pieces) == record.value
    assert max(map(len, pieces)) <= 255


def test_the_record_of_an_ed25519_key_is_that_of_the_standard() -> None:
    """The key of RFC 8463, appendix A.2."""
    secret = b64decode("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
    private = Ed25519PrivateKey.from_private_bytes(secret)
    record = dkim_record(Key(domain="football.example.com", selector="brisbane", private=private))
    assert str(record) == (
        "brisbane._domainkey.football.example.com. IN TXT ( "
        '"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=" )'
    )


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "no unencrypted private key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no unencrypted"),
        (pem(rsa.generate_private_key(65537, 1024)), "1024 bits"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "neither RSA nor Ed25519"),
        (
            pem(ec.generate_private_key(ec.SECP256R1()), BestAvailableEncryption(b"secret")),
            "no unencrypted private key",
        ),
    ],
)
def test_a_key_that_cannot_be_used_is_refused(data: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        load_key(data, domain="example.org", selector="s")


@pytest.mark.parametrize("name", ["", "a b", "a;b", "a..b", "a.", "-a\r\nBcc: b", "ä"])
def test_a_name_that_is_none_in_the_dns_is_refused(name: str) -> None:
    for names in ({"domain": name, "selector": "s"}, {"domain": "example.org", "selector": name}):
        with pytest.raises(ValueError, match="name in the DNS"):
            load_key(generate_ed25519(), **names)


def test_a_key_does_not_show_its_secret() -> None:
    assert repr(ED25519) == "Key(domain='example.org', selector='e2026')"


@pytest.mark.acceptance
@pytest.mark.skipif(not shutil.which("opendkim"), reason="the opendkim command is not installed")
def test_opendkim_verifies_both_signatures(tmp_path: Path) -> None:
    records = [dkim_record(key) for key in BOTH]
    keys, conf, mail = tmp_path / "keys", tmp_path / "conf", tmp_path / "mail.eml"
    keys.write_text("".join(f"{record.name} {record.value}\n" for record in records))
    conf.write_text(f"Mode v\nSyslog no\nTestPublicKeys {keys}\n")
    mail.write_bytes(signed(digest_message()))
    done = subprocess.run(
        [shutil.which("opendkim") or "", "-x", conf, "-vv", "-t", mail],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.count("dkim=pass") == 2, done.stdout + done.stderr


def digest_message() -> bytes:
    from tests.render.test_digest import ENGLISH, make_digest, make_message

    return make_message(make_digest([ENGLISH]))


@pytest.mark.parametrize("key", BOTH, ids=("rsa", "ed25519"))
def test_our_own_proof_agrees_with_what_others_verify(key: Key) -> None:
    signed = sign(MESSAGE, BOTH, at=AT) + MESSAGE
    record = dkim_record(key)
    assert verify(signed, record)
    for before, after in (
        (b"A letter.", b"Another letter."),
        (b"Subject: ", b"Subject: Re: "),
        (b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", b""),
        (b"Reply-To: ", b"From: nobody@example.org\r\nReply-To: "),
    ):
        assert before in signed
        assert not verify(signed.replace(before, after), record)
    maker = generate_rsa if key is RSA else generate_ed25519
    other = load_key(maker(), domain=key.domain, selector=key.selector)
    assert not verify(signed, dkim_record(other))
    assert not verify(MESSAGE, record)


def test_the_size_of_a_published_key_is_read() -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    der = short.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert rsa_bits(b64encode(der).decode()) == 1024
    assert rsa_bits(dkim_record(RSA).value.rpartition("p=")[2]) == 2048
    assert rsa_bits(dkim_record(ED25519).value.rpartition("p=")[2]) == 0
    assert rsa_bits("not base64!") == rsa_bits("") == 0

from datetime import datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.render import headers


def parsed(*fields: bytes) -> EmailMessage:
    message = message_from_bytes(b"".join(fields) + b"\r\n", policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


@pytest.mark.parametrize(
    "name", ["Ann", "李雷 & <韩>", 'A "B" C', "a\\b", "Ann, Bob", "汉" * 48, "Zoë", "=?x?=", "a@b"]
)
def test_a_name_comes_back_as_it_was(name: str) -> None:
    mailbox = headers.mailbox(name, "ann@example.org")
    (address,) = parsed(headers.field("To", mailbox))["To"].addresses
    assert address.addr_spec == "ann@example.org"
    # Blanks between encoded words do not count (RFC 2047, section 6.2); the newer parser of the
    # standard library keeps them in a display name, the older one is right.
    phrase = mailbox.removesuffix(" <ann@example.org>")
    shown = str(make_header(decode_header(phrase))) if "=?utf-8" in phrase else address.display_name
    assert shown == name


@given(text=st.text(max_size=400))
def test_no_text_makes_another_header(text: str) -> None:
    fields = (
        headers.field("Subject", headers.text(text)),
        headers.field("To", headers.mailbox(text, "ann@example.org")),
    )
    message = parsed(*fields)
    assert message.keys() == ["Subject", "To"]
    assert all(len(line) <= 998 for line in b"".join(fields).split(b"\r\n"))
    again = message_from_bytes(message.as_bytes(), policy=policy.default)
    assert again.keys() == ["Subject", "To"]


def test_an_encoded_word_in_a_title_stays_text() -> None:
    hostile = "=?utf-8?q?hi=0D=0ABcc=3A_evil=40example.org?="
    message = parsed(headers.field("Subject", headers.text(hostile)))
    assert message.keys() == ["Subject"]
    assert message["Subject"] == hostile


@pytest.mark.parametrize(
    "bad", ["a\r\nBcc: x@example.org", "a b@example.org", "a<b@example.org", ""]
)
def test_an_address_that_breaks_the_line_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="not an address"):
        headers.mailbox("Ann", bad)


def test_a_value_that_breaks_the_line_is_refused() -> None:
    with pytest.raises(ValueError, match="not a header value"):
        headers.field("X", "a\r\nBcc: b")


@given(text=st.text(st.sampled_from("é\u0301🧑‍🚀👩‍👩‍👧🇩🇪李a "), min_size=30, max_size=90))
def test_encoded_words_are_short_and_cut_between_graphemes(text: str) -> None:
    import regex

    words = headers.encoded_words(text).split("\r\n ")
    assert all(len(word) <= 75 for word in words)
    decoded = [parsed(headers.field("Subject", word))["Subject"] for word in words]
    assert sum(len(regex.findall(r"\X", str(part))) for part in decoded) == len(
        regex.findall(r"\X", text)
    )


def test_a_date_is_in_utc_whatever_its_zone() -> None:
    instant = datetime(2025, 10, 11, 6, 16, 29, tzinfo=timezone(timedelta(hours=8)))
    assert headers.date(instant) == "Fri, 10 Oct 2025 22:16:29 +0000"

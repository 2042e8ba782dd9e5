from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from publisher.errors import NotFound
from publisher.mail import inbox as inbox_module
from publisher.mail.inbox import Captured, listing, parts, read

HEAD = b"From: a@b.test\r\nSubject: x\r\n"


def make_message() -> bytes:
    message = EmailMessage()
    message["From"] = "李雷 <news@news.test>"
    message["To"] = "ann@rcpt.test"
    message["Subject"] = "依恋，以及别的" * 9
    message.set_content("Hello, 世界\n")
    message.add_alternative("<p>Hello, 世界</p>", subtype="html")
    return message.as_bytes()


def nested(depth: int) -> bytes:
    """The opening of a message whose parts lie within each other."""
    levels = (
        b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (level, level)
        for level in range(depth)
    )
    return HEAD + b"".join(levels)


def make_inbox(folder: Path, files: dict[str, bytes]) -> Path:
    for name in ("tmp", "new", "cur"):
        (folder / name).mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def test_a_message_is_shown_decoded() -> None:
    shown = parts(make_message())
    assert ("From", "李雷 <news@news.test>") in shown.headers
    assert ("Subject", "依恋，以及别的" * 9) in shown.headers
    assert shown.text == "Hello, 世界\n"
    assert shown.html == "<p>Hello, 世界</p>\n"


def test_headers_keep_their_order_and_their_doubles() -> None:
    shown = parts(b"B: 1\r\nA: 2\r\nB: 3\r\n\r\n")
    assert shown.headers == [("B", "1"), ("A", "2"), ("B", "3")]


def test_the_inbox_lists_the_newest_first(tmp_path: Path) -> None:
    inbox = make_inbox(
        tmp_path,
        {
            "new/1763985600.M000007I1P1.publisher": make_message(),
            "cur/1763985600.M000008I2P1.publisher:2,S": HEAD,
            "new/1763985599.M999999I3P1.publisher": b"",
            "new/.hidden": HEAD,
            "tmp/half": HEAD,
        },
    )
    found = listing(inbox)
    assert [captured.key.partition("I")[2][0] for captured in found] == ["2", "1", "3"]
    assert found[1] == Captured(
        key="1763985600.M000007I1P1.publisher",
        at=datetime(2025, 11, 24, 12, 0, 0, 7, tzinfo=UTC),
        sender="李雷 <news@news.test>",
        recipient="ann@rcpt.test",
        subject="依恋，以及别的" * 9,
        size=len(make_message()),
    )


def test_a_foreign_file_is_dated_by_its_file(tmp_path: Path) -> None:
    inbox = make_inbox(tmp_path, {"new/whatever": HEAD})
    assert listing(inbox)[0].at.tzinfo is UTC


def test_no_inbox_is_an_empty_one(tmp_path: Path) -> None:
    assert listing(tmp_path / "none") == []


def test_a_message_is_read_as_it_is(tmp_path: Path) -> None:
    inbox = make_inbox(tmp_path, {"new/a.publisher": b"\xff\r\n", "cur/b:2,S": b"b"})
    assert read(inbox, "a.publisher") == b"\xff\r\n"
    assert read(inbox, "b:2,S") == b"b"


@pytest.mark.parametrize(
    "key", ["", ".", "..", "../secret", "../../secret", "/etc/passwd", "new/a", "a\0", "x" * 999]
)
def test_no_key_leads_out_of_the_inbox(tmp_path: Path, key: str) -> None:
    inbox = make_inbox(tmp_path, {"new/a": b"a", "secret": b"s"})
    with pytest.raises(NotFound):
        read(inbox, key)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    inbox = make_inbox(tmp_path, {"secret": b"s"})
    (inbox / "new" / "link").symlink_to(inbox / "secret")
    assert listing(inbox) == []
    with pytest.raises(NotFound):
        read(inbox, "link")


def test_a_message_removed_meanwhile_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_module, "_files", lambda _: iter([tmp_path / "gone"]))
    assert listing(tmp_path) == []
    with pytest.raises(NotFound):
        read(tmp_path, "gone")


def test_attachments_and_messages_within_are_not_the_message() -> None:
    message = EmailMessage()
    message.set_content("outer\n")
    inner = EmailMessage()
    inner.set_content("<p>inner</p>", subtype="html")
    message.add_attachment(inner)
    message.add_attachment("<p>attached</p>", subtype="html", filename="a.html")
    shown = parts(message.as_bytes())
    assert (shown.text, shown.html) == ("outer\n", "")


@pytest.mark.parametrize("charset", ["", "no-such", "punycode", "idna", "hex", "x\x00y", "utf-8"])
def test_a_strange_charset_still_shows_something(charset: str) -> None:
    head = f"Content-Type: text/plain; charset={charset}\r\n\r\n".encode()
    assert parts(HEAD + head + b"hello\r\n").text.strip() == "hello"


@pytest.mark.parametrize(
    "value",
    [
        b"=?utf-8?b?%%%?=",
        b"=?no-such?q?x?=",
        b"=?utf-8?q?a=0D=0ABcc:_x?=",
        b"=?utf-16?b?2AA=?=",
        b"=?utf-7?q?+2AA-?=",
        b"=?a",
        b"\xff\xfe",
        b"a\r\n b",
        b"x" * 100_000,
    ],
)
def test_a_hostile_header_is_one_line_of_text(value: bytes) -> None:
    shown = parts(b"Subject: " + value + b"\r\n\r\n").headers[0][1]
    shown.encode()  # a lone surrogate would raise
    assert not set(shown) & set("\r\n\0")
    assert len(shown) <= 4_000


@pytest.mark.parametrize(("depth", "text"), [(3, "deep"), (20, "")])
def test_a_text_too_deep_is_not_shown(depth: int, text: str) -> None:
    data = nested(depth) + b"Content-Type: text/plain\r\n\r\ndeep"
    assert parts(data).text == text


def test_a_number_too_long_to_be_read_hides_no_other_message(tmp_path: Path) -> None:
    hostile = HEAD + b"Content-Type: multipart/mixed; boundary*" + b"9" * 5_000 + b"*=x\r\n\r\nx"
    assert parts(hostile).headers[:1] == parts(HEAD).headers[:1]
    assert len(listing(make_inbox(tmp_path, {"new/a": hostile, "new/b": HEAD}))) == 2


def test_parts_within_parts_end_somewhere() -> None:
    assert ("Subject", "x") in parts(nested(3_000)).headers


def test_very_many_parts_end_somewhere() -> None:
    part = b"--x\r\nContent-Type: image/png\r\n\r\n\r\n"
    html = b"--x\r\nContent-Type: text/html\r\n\r\nlate\r\n"
    data = HEAD + b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + part * 1_000 + html
    assert parts(data).html == ""


@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "replace")))
@example(b"Content-Type: multipart/mixed\r\n\r\n")
@example(b"Content-Type: message/rfc822\r\n\r\n")
@example(b"Content-Transfer-Encoding: base64\r\n\r\n\xff=\r\n")
@example(b"Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin\r\n")
@example(b"Content-Type: text/plain; charset*=utf-8''%ff\r\n\r\n")
@example(b"Content-Disposition: ;;;=\r\nContent-Type: ///\r\n\r\n")
def test_nothing_in_a_message_breaks_the_page(data: bytes) -> None:
    shown = parts(data)
    (shown.html + shown.text).encode()  # a lone surrogate would raise

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.replies import Stage
from publisher.mail.replies import Answer, LineLost, Replies


def read(*pieces: bytes) -> list[Answer]:
    replies, found = Replies(), []
    for piece in pieces:
        replies.feed(piece)
        while answer := replies.next():
            found.append(answer)
    return found


@pytest.mark.parametrize(
    ("data", "code", "lines"),
    [
        (b"250 ok\r\n", 250, ("ok",)),
        (b"250\r\n", 250, ("",)),
        (b"250 \r\n", 250, ("",)),
        (b"250 ok\n", 250, ("ok",)),
        (b"250-one\r\n250-\r\n250 three\r\n", 250, ("one", "", "three")),
        (b"354 go on\r\n", 354, ("go on",)),
        (b"550 5.1.1 no\r\n", 550, ("5.1.1 no",)),
        (b"250 \xe4\r\n", 250, ("\\xe4",)),
    ],
)
def test_a_reply_is_read(data: bytes, code: int, lines: tuple[str, ...]) -> None:
    assert read(data) == [Answer(code, lines)]


@pytest.mark.parametrize(
    "data",
    [
        b"hello\r\n",
        b"\r\n",
        b"25 ok\r\n",
        b"2500 ok\r\n",
        b"150 ok\r\n",
        b"650 ok\r\n",
        b"290 ok\r\n",
        b"250ok\r\n",
        b"250\tok\r\n",
        b" 250 ok\r\n",
        b"250-a\r\n251 b\r\n",
        b"\xff\xfe\r\n",
        "２５０ ok\r\n".encode(),
        b"x" * 2_048,  # not even ended
        b"250 " + b"x" * 2_100 + b"\r\n",
        (b"250-" + b"x" * 996 + b"\r\n") * 70,
    ],
)
def test_anything_else_ends_the_trust(data: bytes) -> None:
    with pytest.raises(LineLost):
        read(data)


def test_a_reply_may_be_cut_anywhere() -> None:
    data = b"250-one\r\n250 two\r\n421 4.3.2 bye\r\n"
    whole = read(data)
    assert [answer.code for answer in whole] == [250, 421]
    assert read(*(data[at : at + 1] for at in range(len(data)))) == whole


def test_the_beginning_of_a_reply_is_a_rest() -> None:
    replies = Replies()
    assert not replies.has_rest
    replies.feed(b"250-one\r\n")
    assert replies.next() is None
    assert replies.has_rest
    replies.feed(b"250 two\r\n")
    assert replies.next()
    assert not replies.has_rest


@pytest.mark.parametrize(
    ("line", "enhanced", "text"),
    [
        ("550 5.1.1 no such user", "5.1.1", "no such user"),
        ("550 no such user", "", "no such user"),
        ("550 5.7.515 access denied", "5.7.515", "access denied"),
        ("550 4.7.1 not mine", "", "4.7.1 not mine"),  # RFC 2034: the classes must agree
        ("550 5.1.1", "5.1.1", ""),
        ("550 5.1.10.2 x", "", "5.1.10.2 x"),
        ("550 5.1 x", "", "5.1 x"),
    ],
)
def test_the_enhanced_code_is_told_apart(line: str, enhanced: str, text: str) -> None:
    reply = read(line.encode() + b"\r\n")[0].reply(Stage.RCPT)
    assert (reply.enhanced, reply.text) == (enhanced, text)


def test_many_lines_become_one_text() -> None:
    data = b"550-5.7.1 first\r\n550-5.7.1 \r\n550 5.7.1 last\r\n"
    assert read(data)[0].text == "first last"


def test_the_text_cannot_disturb_a_log() -> None:
    text = read("550 a\x1b[31m\rb\u202ec\u2028".encode() + b"\xff\r\n")[0].text
    assert text == r"a\x1b[31m\rb\u202ec\u2028\xff"


def test_the_text_is_cut_short() -> None:
    assert len(read(b"550 " + b"\x01" * 2_000 + b"\r\n")[0].text) == 500


@given(st.lists(st.binary(max_size=40) | st.sampled_from([b"250 ok\r\n", b"250-", b"\r\n"])))
def test_nothing_but_a_lost_line_is_raised(pieces: list[bytes]) -> None:
    with suppress(LineLost):
        assert all(200 <= answer.code < 600 for answer in read(*pieces))

from base64 import b64decode
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.render.splice import Part, Slot, compile_text, pieces, static

NAMES = st.text(st.sampled_from('李雷🧑‍🚀é<&>" a'), max_size=9)
NAMED = ("name", "unsubscribe")
SEGMENTS = st.lists(st.one_of(st.binary(max_size=300), st.just(b"\0slot")), max_size=9)


def join(parts: tuple[Part, ...], values: dict[str, bytes]) -> bytes:
    return b"".join(pieces(parts, values))


@given(segments=SEGMENTS, name=NAMES)
def test_a_joined_body_is_the_body(segments: list[bytes], name: str) -> None:
    value = name.encode()
    parts: tuple[Part, ...] = tuple(
        Slot("name") if segment == b"\0slot" else static(segment) for segment in segments
    )

    encoded = join(parts, {"name": value})

    expected = b"".join(value if segment == b"\0slot" else segment for segment in segments)
    lines = encoded.split(b"\r\n")
    assert lines.pop() == b""
    assert b"".join(map(b64decode, lines)) == expected
    assert all(0 < len(line) <= 76 and len(line) % 4 == 0 for line in lines)
    assert b"=" not in b"".join(lines)[:-2]


def test_twenty_thousand_bodies_are_what_was_put_together() -> None:
    chance = Random(5)
    names = ["李雷", "🧑‍🚀", "R&D <é>", "Ann", ""]
    for _ in range(20_000):
        statics = [chance.randbytes(chance.choice((0, 1, 2, 3, 300))) for _ in range(4)]
        value = chance.choice(names).encode()
        first, second, third, last = map(static, statics)
        encoded = join((first, second, Slot("name"), third, Slot("name"), last), {"name": value})
        lines = encoded.split(b"\r\n")[:-1]
        whole = statics[0] + statics[1] + value + statics[2] + value + statics[3]
        assert b"".join(map(b64decode, lines)) == whole
        assert all(len(line) <= 76 and len(line) % 4 == 0 for line in lines)
        assert b"=" not in b"".join(lines)[:-2]


def test_tokens_become_slots_and_line_ends_crlf() -> None:
    parts = compile_text("Dear nlabc_name,\nnlxyz_name stays.\nnlabc_unsubscribe", "abc", NAMED)

    body = join(parts, {"name": b"Ann", "unsubscribe": b"http://x/"})

    assert b64decode(body.replace(b"\r\n", b"")) == b"Dear Ann,\r\nnlxyz_name stays.\r\nhttp://x/"


def test_a_letter_after_a_token_stands_behind_the_value() -> None:
    parts = compile_text("nlabc_names page, nlabc_nameless", "abc", ("name", "nameless"))

    body = join(parts, {"name": b"Ann", "nameless": b"Bob"})

    assert b64decode(body.replace(b"\r\n", b"")) == b"Anns page, Bob"


def test_a_slot_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        join(compile_text("nlabc_name", "abc", NAMED), {})

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.content.decoding import Decoded, decode, without_controls

WORDS = "标题：雨\nbody — ok"


@pytest.mark.parametrize(
    "data",
    [
        WORDS.encode(),
        codecs.BOM_UTF8 + WORDS.encode(),
        codecs.BOM_UTF8 * 2 + WORDS.encode(),
        codecs.BOM_UTF16_LE + WORDS.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + WORDS.encode("utf-16-be"),
        WORDS.replace("\n", "\r\n").encode(),
        WORDS.replace("\n", "\r").encode(),
    ],
    ids=["utf-8", "with a mark", "with two marks", "utf-16-le", "utf-16-be", "CRLF", "lone CR"],
)
def test_one_text_in_many_bytes(data: bytes) -> None:
    found = decode(data)
    assert found is not None
    assert found.text == WORDS
    assert found.mark + found.raw.encode(found.encoding) == data
    assert not found.is_guessed


def test_gb18030_is_read_and_named_because_nothing_declares_it() -> None:
    data = WORDS.encode("gb18030")
    assert decode(data) == Decoded(raw=WORDS, encoding="gb18030", is_guessed=True)
    assert decode(data, "gb18030") == Decoded(raw=WORDS, encoding="gb18030")


def test_a_declared_encoding_is_no_guess() -> None:
    assert decode("café".encode("latin-1"), "latin-1") == Decoded(raw="café", encoding="latin-1")


def test_utf_8_wins_over_what_is_declared() -> None:
    assert decode("é".encode(), "latin-1") == Decoded(raw="é", encoding="utf-8")


@pytest.mark.parametrize("declared", ["", "no-such-encoding"])
def test_bytes_that_fit_nowhere_are_no_text(declared: str) -> None:
    assert decode(b"\x81\xff\xff", declared) is None


def test_an_empty_file_is_an_empty_text() -> None:
    assert decode(b"") == Decoded(raw="", encoding="utf-8")
    assert decode(codecs.BOM_UTF8) == Decoded(raw="", encoding="utf-8", mark=codecs.BOM_UTF8)


@pytest.mark.parametrize("data", [codecs.BOM_UTF16_LE + b"a\0b", codecs.BOM_UTF8 + b"\xc4\xe3"])
def test_a_mark_decides_even_where_another_encoding_would_fit(data: bytes) -> None:
    assert decode(data) is None


@pytest.mark.parametrize("line_end", ["\u2028", "\u0085"])
def test_only_cr_and_lf_end_lines(line_end: str) -> None:
    text = f"a{line_end}b"
    found = decode(text.encode())
    assert found is not None
    assert found.text == text
    assert without_controls(text) == text


def test_controls_go_but_tab_and_line_end_stay() -> None:
    assert without_controls("a\0\x07\x0b\x1b\x7f\ufffe\ud800b\t\n") == "ab\t\n"


@given(st.text())
def test_what_has_no_controls_is_a_text_that_xml_can_hold(text: str) -> None:
    from xml.etree import ElementTree

    element = ElementTree.Element("a")
    element.text = without_controls(text)
    assert ElementTree.fromstring(ElementTree.tostring(element)).text in {element.text, None}


@given(st.binary(max_size=400))
def test_no_bytes_make_decoding_fail(data: bytes) -> None:
    found = decode(data)
    assert found is None or "\r" not in found.text

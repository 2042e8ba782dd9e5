"""An id goes into a file as one line; everything else stays byte for byte."""

import codecs
import csv
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.content.front_matter import read_front_matter
from publisher.content.values import Plain
from publisher.content.writing import KEY, date_field, declare_id, mint_id, new_post, slug
from publisher.errors import ContentError
from tests.factories import NOW, SHANGHAI

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"

FILES = {
    "yaml": ("---\ntitle: T\n---\nbody\n", "---\nfeed_id: abc\ntitle: T\n---\nbody\n", "hexo"),
    "yaml, long": ("\n---- \ntitle: T\n---\n", "\n---- \nfeed_id: abc\ntitle: T\n---\n", "auto"),
    "yaml, indented": ("---\n  title: T\n---\n", "---\n  feed_id: abc\n  title: T\n---\n", "hexo"),
    "yaml, open": ("title: T\n---\nb", "feed_id: abc\ntitle: T\n---\nb", "hexo"),
    "toml": ("+++\ntitle = 'T'\n+++\nb", "+++\nfeed_id = \"abc\"\ntitle = 'T'\n+++\nb", "hugo"),
    "json": (';;;\n"title": "T"\n;;;\nb', ';;;\n"feed_id": "abc",\n"title": "T"\n;;;\nb', "hexo"),
    "json object": ('{"title": "T"}\nb', '{"feed_id": "abc","title": "T"}\nb', "hugo"),
    "pelican": ("Title: T\n\nb", "feed_id: abc\nTitle: T\n\nb", "pelican"),
    "none": ("just text\n", "---\nfeed_id: abc\n---\njust text\n", "auto"),
    "empty file": ("", "---\nfeed_id: abc\n---\n", "auto"),
}  # fmt: skip


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("name", FILES)
def test_one_line_is_added_in_the_format_of_the_block(name: str, end: str) -> None:
    before, after, dialect = (text.replace("\n", end) for text in FILES[name])
    if not before:
        after = after.replace(end, "\n")  # nothing says how this file ends its lines
    written = declare_id(before.encode(), "abc", dialect=dialect)
    assert written.decode() == after
    assert declare_id(written, "abc", dialect=dialect) == written


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF8 * 2, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (b"", "gb18030"),
    ],
)
def test_marks_and_encoding_stay(mark: bytes, encoding: str) -> None:
    data = mark + "---\r\ntitle: 题\r---\nbody 文\x07".encode(encoding)
    written = declare_id(data, "abc", dialect="hexo")
    assert written.startswith(mark)
    assert written[len(mark) :].decode(encoding) == (
        "---\r\nfeed_id: abc\r\ntitle: 题\r---\nbody 文\x07"
    )


def test_another_id_in_the_file_is_refused_with_its_line() -> None:
    with pytest.raises(ContentError) as caught:
        declare_id(b"---\ntitle: T\nfeed_id: old\n---\n", "abc", dialect="hexo")
    assert caught.value.line == 3


@pytest.mark.parametrize(
    "data", [b"---\ntitle: T\nnever closed", b"\x81\xff\xff", b"---\na: &x [*x]\n---\n"]
)
def test_a_file_that_cannot_be_read_is_not_written(data: bytes) -> None:
    with pytest.raises(ContentError):
        declare_id(data, "abc", dialect="hexo")


@pytest.mark.parametrize("value", ["0228", "a: b", "#x", "日记", 'say "x"', "http://e.com/?p=1"])
@pytest.mark.parametrize("name", FILES)
def test_any_value_is_read_again_as_it_was_given(name: str, value: str) -> None:
    before, _, dialect = FILES[name]
    written = declare_id(before.encode(), value, dialect=dialect).decode()
    assert read_front_matter(written, dialect).fields[KEY] == value


@given(st.text(alphabet="abT: -\n#\t'\"[]", max_size=60), st.sampled_from(["\n", "\r\n"]))
def test_what_is_written_changes_nothing_else(block: str, end: str) -> None:
    data = f"---\ntitle: T\n{block}\n---\nbody\n{block}".replace("\n", end).encode()
    try:
        written = declare_id(data, "abc", dialect="hexo")
    except ContentError:
        return
    line = f"feed_id: abc{end}".encode()
    assert written.count(line) == 1
    assert written.replace(line, b"") == data


def rows() -> list[dict[str, str]]:
    path = CORPUS / "expected.csv"
    return list(csv.DictReader(path.read_text("utf-8").splitlines())) if path.is_file() else []


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not on this machine")
def test_every_real_post_but_the_unclosed_one_takes_an_id() -> None:
    refused = []
    for row in rows():
        data, dialect = (CORPUS / row["repo"] / row["path"]).read_bytes(), row["dialect"]
        try:
            written = declare_id(data, "abcdefghijklmnop", dialect=dialect)
        except ContentError:
            refused.append(row["path"])
            continue
        assert len(written) > len(data)
        assert declare_id(written, "abcdefghijklmnop", dialect=dialect) == written
    assert refused == ["2020-04-14-unclosed.md"]


def test_a_minted_id_is_a_letter_and_fifteen_letters_or_digits_and_always_the_same() -> None:
    found = {mint_id(f"{n}.md", "body") for n in range(500)}
    assert len(found) == 500
    assert all(len(x) == 16 and x[0].isalpha() and x.isalnum() and x.islower() for x in found)
    assert mint_id("a.md", "body") == mint_id("a.md", "body") != mint_id("a.md", "other")


@given(st.text(max_size=300))
def test_a_new_post_says_what_it_was_given(title: str) -> None:
    title = " ".join(title.encode("utf-8", "ignore").decode().split())
    title = "".join(c for c in title if c.isprintable())
    text = new_post({"title": title, "date": Plain("2025-01-02 03:04:05"), "abbrlink": "0228"})
    found = read_front_matter(text)
    assert found.fields == {"title": title, "date": "2025-01-02 03:04:05", "abbrlink": "0228"}
    assert list(found.fields) == ["title", "date", "abbrlink"]


@pytest.mark.parametrize(
    ("dialect", "shown"),
    [("hexo", "2026-11-24 20:00:00"), ("pelican", "2026-11-24 20:00:00"),
     ("hugo", "2026-11-24T20:00:00+08:00"), ("jekyll", "2026-11-24T20:00:00+08:00")],
)  # fmt: skip
def test_a_date_is_written_as_its_generator_wants_it(dialect: str, shown: str) -> None:
    local: datetime = NOW.astimezone(SHANGHAI)
    assert date_field(local, dialect) == shown


@pytest.mark.parametrize(
    ("title", "name"),
    [("On Harbours!", "on-harbours"), ("修一把椅子", "修一把椅子"), ("  ", "post"),
     ("../../etc/passwd", "etc-passwd"), ("A" * 200, "a" * 80), ("ＡＢ", "ab")],
)  # fmt: skip
def test_a_title_becomes_a_file_name(title: str, name: str) -> None:
    assert slug(title) == name

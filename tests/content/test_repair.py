"""Front matter that YAML refuses although everybody can see what it means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.content.repair import read_yaml
from publisher.content.values import Value
from publisher.content.yaml_text import Unreadable

MENDED: list[tuple[str, dict[str, Value]]] = [
    ("title:x", {"title": "x"}),
    ("title:x\ndate: 2020-01-01", {"title": "x", "date": "2020-01-01"}),
    ("title: a: b", {"title": "a: b"}),
    ("title: @x", {"title": "@x"}),
    ("title: [a] b: c", {"title": "[a] b: c"}),
    ("title: *bold* text", {"title": "*bold* text"}),
    ("title: %x", {"title": "%x"}),
    ("title: `x`", {"title": "`x`"}),
    ("title：宽\ndate: x", {"title": "宽", "date": "x"}),
    ("title: a\n date: x", {"title": "a", "date": "x"}),
    ("tags:\n\t- a\n\t- b", {"tags": ["a", "b"]}),
    ("tags:\n-a\n-b", {"tags": ["a", "b"]}),
    ("abbrlink: 05mathjax: true\ntitle: T", {"abbrlink": "05mathjax: true", "title": "T"}),
    ("title: {{ title }}\ndate: {{ date }}", {"title": None, "date": None}),
    ('title: "a" b\ndate: x', {"title": 'a" b', "date": "x"}),
    ("title: it's: fine", {"title": "it's: fine"}),
    ("link: https://e.com/a:b", {"link": "https://e.com/a:b"}),
]


@pytest.mark.parametrize(("block", "fields"), MENDED, ids=[block for block, _ in MENDED])
def test_a_block_is_read_as_it_was_meant(block: str, fields: dict[str, Value]) -> None:
    found, _ = read_yaml(block)
    assert dict(found) == fields


@pytest.mark.parametrize(
    ("block", "line"),
    [
        ("a: 1\ntitle: x: y", 1),
        ("tags:\n\t- a", 1),
        ("a: 1\ndate: {{ date }}", 1),
        ("a:\n-b", 1),
        ("a: 1\nb: 2\nc: @d", 2),
    ],
)
def test_every_rung_leaves_a_note_with_its_line(block: str, line: int) -> None:
    _, notes = read_yaml(block)
    assert [note.line for note in notes] == [line]
    assert all(note.problem and note.remedy for note in notes)


@pytest.mark.parametrize("block", ["a: 1", "a: [x]\nb: 'c: d'", "", "# only\n"])
def test_what_yaml_reads_needs_no_note(block: str) -> None:
    assert read_yaml(block)[1] == []


def test_a_tab_behind_a_value_is_no_trouble() -> None:
    found, notes = read_yaml("title: T\t# a comment\n\t\ndate: 2021/03/17")
    assert dict(found) == {"title": "T", "date": "2021/03/17"}
    assert notes == []


@pytest.mark.parametrize(
    ("block", "key"),
    [
        ("a: [\npassword: s\nb: ]}", "password"),
        ("x: {\n  password: s\n: : :", "password"),
        ("? [\n  draft: true\na: {", "draft"),
        ("a: [\nhidden: true", "hidden"),
    ],
)
def test_a_mark_in_ruins_is_found_at_any_depth(block: str, key: str) -> None:
    found, _ = read_yaml(block)
    assert found[key]


@pytest.mark.parametrize("block", ["- a\n- b", "{", "}}}", "just words", "[1, 2]"])
def test_where_nothing_can_be_saved_the_block_is_unreadable(block: str) -> None:
    with pytest.raises(Unreadable):
        read_yaml(block)


@given(st.text(alphabet="ab:-[]{}'\"#&*!|>%@` \t\n?,：", max_size=120))
def test_no_block_makes_the_ladder_fall(block: str) -> None:
    try:
        fields, notes = read_yaml(block)
    except Unreadable:
        return
    assert all(isinstance(key, str) for key in fields)
    assert all(0 <= note.line <= block.count("\n") for note in notes)

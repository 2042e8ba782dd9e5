"""YAML whose scalars stay the text that was typed."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from publisher.content.values import Plain
from publisher.content.yaml_text import MAX_BYTES, Unreadable, dump_yaml, load_yaml, refuse_bombs

TYPED = [
    "0228", "00001", "061b", "750422e1", "0", "12:30", "yes", "no", "1e10", "2020-01-01",
    "2020-02-30", "true", "0x1F", "1_000", ".inf", "+1", "01234567", "=", "<<x",
]  # fmt: skip


@pytest.mark.parametrize("text", TYPED)
def test_a_scalar_is_what_was_typed(text: str) -> None:
    assert load_yaml(f"key: {text}") == {"key": text}


@pytest.mark.parametrize("text", ["~", "null", "Null", "NULL", ""])
def test_only_null_is_nothing(text: str) -> None:
    assert load_yaml(f"key: {text}") == {"key": None}


def test_an_empty_text_in_quotes_is_a_text() -> None:
    assert load_yaml("a: ''\nb: \"\"") == {"a": "", "b": ""}
    assert load_yaml("a: '~'") == {"a": "~"}


def test_a_scalar_without_quotes_remembers_that() -> None:
    fields = load_yaml("a: 00001\nb: '00001'")
    assert isinstance(fields["a"], Plain)
    assert not isinstance(fields["b"], Plain)


def test_keys_are_text_and_lists_and_maps_hold_text() -> None:
    assert load_yaml("404: [1, {a: no}]\n? b\n: - x\n") == {"404": ["1", {"a": "no"}], "b": ["x"]}


def test_tags_of_other_languages_are_passed_over() -> None:
    block = "a: !ruby/object:X 1\nb: !!python/object/apply:os.system [ls]\nc: !!binary aGk="
    assert load_yaml(block) == {"a": "1", "b": ["ls"], "c": "aGk="}


@pytest.mark.parametrize(
    ("block", "value"),
    [
        ("a: 1\na: 2", "2"),
        ("a: 1\na:", "1"),
        ("a:\na: 2", "2"),
        ("password: x\npassword:", "x"),
        ("password:\npassword: x", "x"),
        ("draft: true\ndraft: false", "true"),
        ("published: false\npublished: true", "false"),
    ],
)
def test_of_a_doubled_key_the_last_that_says_something_counts_and_of_marks_the_stricter(
    block: str, value: str
) -> None:
    fields = load_yaml(block)
    assert list(fields.values()) == [value]
    assert fields.doubled == tuple(fields)


@pytest.mark.parametrize("block", ["a: &x 1\nb: *x", "a: &a [*a]", "<<: *x\nx: &x {}"])
def test_aliases_are_refused(block: str) -> None:
    with pytest.raises(Unreadable):
        load_yaml(block)


def test_an_alias_bomb_does_not_unfold() -> None:
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 9)]
    with pytest.raises(Unreadable, match="aliases"):
        load_yaml("\n".join(["l0: &l0 [x]", *levels]))


@pytest.mark.parametrize(
    ("block", "line"),
    [("a: 1\n  b: 2", 1), ("a: 1\nb: [", 1), ("- x", 0), ("x", 0), ("a: 'b", 0)],
)
def test_an_error_names_its_line(block: str, line: int) -> None:
    with pytest.raises(Unreadable) as caught:
        load_yaml(block)
    assert caught.value.line >= line


@pytest.mark.parametrize(
    "block",
    [
        "a: " + "[" * 65,
        "a: " + "{" * 32_000,
        "a: " + "[" * 32_000,
        "- " * 9 + "x",
        "a:\n  " + "? " * 200 + "x",
        "a: " + "x" * MAX_BYTES,
        "a: " + "字" * (MAX_BYTES // 3 + 1),
    ],
    ids=["brackets", "braces", "many", "items", "keys", "long", "long in bytes"],
)
def test_what_would_cost_the_parser_its_stack_is_refused_before_it_begins(block: str) -> None:
    with pytest.raises(Unreadable):
        refuse_bombs(block)


def test_what_people_write_is_no_bomb() -> None:
    refuse_bombs("tags: [a, b, [c]]\n- - x\nkeys: '[' # {\n")


SCALARS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40)


@given(st.dictionaries(st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True),
                       SCALARS | st.lists(SCALARS.filter(bool), min_size=1, max_size=4),
                       min_size=1, max_size=6))  # fmt: skip
def test_what_is_written_is_read_again(fields: dict[str, str | list[str]]) -> None:
    block = dump_yaml(fields)
    assert dict(load_yaml(block)) == fields
    assert list(load_yaml(block)) == list(fields)


def test_what_another_yaml_would_count_is_quoted_and_long_text_is_one_line() -> None:
    title = "很长的题目 " * 30
    block = dump_yaml({"title": title.strip(), "abbrlink": "0228", "b": "750422e1", "c": "-x"})
    assert block.splitlines()[0] == f"title: {title.strip()}"
    assert "abbrlink: '0228'" in block
    assert yaml.safe_load(block)["b"] == "750422e1"
    assert yaml.safe_load(block)["c"] == "-x"


def test_a_date_is_written_bare_so_that_generators_read_a_date() -> None:
    assert dump_yaml({"date": Plain("2025-10-11 06:16:29")}) == "date: 2025-10-11 06:16:29"

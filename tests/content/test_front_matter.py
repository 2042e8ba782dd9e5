"""Where the front matter ends and the body begins, in every format, without losing a character."""

import frontmatter
import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.content.formats import HANDLERS, Fenced
from publisher.content.front_matter import FrontMatter, read_front_matter
from publisher.errors import ContentError

FORMATS = {
    "yaml": ("---\ntitle: T\ntags: [a]\n---\n", "hexo"),
    "yaml, long fences": ("-----\ntitle: T\ntags: [a]\n------\n", "jekyll"),
    "yaml, blanks behind the fence": ("---  \t\ntitle: T\ntags: [a]\n---   \n", "hexo"),
    "yaml, empty lines first": ("\n \n---\ntitle: T\ntags: [a]\n---\n", "plain"),
    "yaml, closed by dots": ("---\ntitle: T\ntags: [a]\n...\n", "jekyll"),
    "yaml without an opener": ("title: T\ntags: [a]\n---\n", "hexo"),
    "yaml without an opener, indented": ("  title: T\n  tags: [a]\n---\n", "auto"),
    "toml": ("+++\ntitle = 'T'\ntags = ['a']\n+++\n", "hugo"),
    "json between fences": (';;;\n"title": "T",\n"tags": ["a"]\n;;;\n', "hexo"),
    "json without an opener": ('"title": "T",\n"tags": ["a"]\n;;;\n', "hexo"),
    "json object": ('{\n"title": "T",\n"tags": ["a"]\n}\n', "hugo"),
    "pelican": ("Title: T\nTags: a\n\n", "pelican"),
}
BODIES = [
    "", "\n", "text\n", "\n\n  \u3000\u3000缩进\n\ttab\n", "    code\n", "a\n---\nb", "end  \n\n\n",
    "a\u2028b\u0085c", "---|---\n1|2",
]  # fmt: skip


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("name", FORMATS)
def test_the_body_keeps_every_character(name: str, body: str) -> None:
    block, dialect = FORMATS[name]
    found = read_front_matter(block + body, dialect)
    assert found.body == body
    assert found.fields["title"] == "T"
    assert found.fields["tags"] in (["a"], "a")
    assert found.body_line == block.count("\n") + 1


@given(st.text(st.characters(exclude_characters="\r")))
def test_no_body_changes(body: str) -> None:
    found = read_front_matter("---\ntitle: T\n---\ntext\n" + body)
    assert found.body == "text\n" + body


@pytest.mark.parametrize("dialect", HANDLERS)
def test_the_library_still_finds_formats_as_we_use_it(dialect: str) -> None:
    handler = frontmatter.detect_format("---\ntitle: T\n---\nbody", HANDLERS[dialect])
    assert isinstance(handler, Fenced)
    assert handler.split("---\ntitle: T\n---\n\nbody ") == ("title: T\n", "\nbody ")


@pytest.mark.parametrize("key", ["content", "handler", "404", "metadata"])
def test_no_key_is_taken_by_the_library(key: str) -> None:
    assert read_front_matter(f"---\n{key}: x\n---\nb").fields == {key: "x"}


@pytest.mark.parametrize(
    "text",
    [
        "no front matter at all",
        "---\n\nA rule, then text.\n\n---\n\nmore",
        "---\njust words\n---\nbody",
        "",
        "---|---\na|b\n",
        "Note: this is prose.\n\nMore prose.",
        '{"a": 1}\ntext',
        "# Title\n\nkey: value\n---\n",
        "***\ntitle: T\n***\n",
        "---\n{% note %}\nx\n{% endnote %}\n---\n",
        "---\n\n{{< figure >}}\n\n---\n",
        "---\n{: .wide}\ntext",
        "Date: tomorrow.\nWe meet at the harbour.\n\nMore prose.",
        "Note: this.\nRemark: that.\n\nMore prose.",
    ],
)
def test_what_is_no_front_matter_is_text(text: str) -> None:
    assert read_front_matter(text) == FrontMatter(fields={}, body=text)


@pytest.mark.parametrize("dialect", ["pelican", "auto"])
@pytest.mark.parametrize("text", ["https://e.com/a: b\n\nbody", "http://e.com/\nmore\n\nbody"])
def test_an_address_opens_no_block(text: str, dialect: str) -> None:
    assert read_front_matter(text, dialect) == FrontMatter(fields={}, body=text)


@pytest.mark.parametrize(
    "block",
    ["{title: flow, draft: true}", "# first\n\n  {title: flow, draft: true}",
     '{"title": "flow", "draft": true}', "{title: flow,\n draft: true}"],
)  # fmt: skip
def test_a_flow_map_is_front_matter(block: str) -> None:
    found = read_front_matter(f"---\n{block}\n---\nbody")
    assert found.fields == {"title": "flow", "draft": "true"}
    assert found.body == "body"


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        ('{"title":"T","draft":true,"draft":false}\nbody', "hugo"),
        (';;;\n"title":"T","draft":true,"draft":false\n;;;\nbody', "hexo"),
        ("---\ntitle: T\ndraft: true\ndraft: false\n---\nbody", "hexo"),
        ("Title: T\nDraft: true\nDraft: false\n\nbody", "pelican"),
    ],
)
def test_of_a_mark_that_stands_twice_in_any_format_the_stricter_counts(
    text: str, dialect: str
) -> None:
    assert read_front_matter(text, dialect).fields == {"title": "T", "draft": "true"}


@pytest.mark.parametrize(
    "text",
    ["Title:foo\nStatus: draft\n\nbody", "Title: foo\nStatus:draft\n\nbody",
     "  Title: foo\n  Status: draft\n\nbody", "Title:foo\nStatus:draft\n\nbody"],
)  # fmt: skip
@pytest.mark.parametrize("dialect", ["pelican", "auto"])
def test_a_header_of_pelican_needs_no_blank_behind_the_colon(text: str, dialect: str) -> None:
    found = read_front_matter(text, dialect)
    assert found.fields == {"title": "foo", "status": "draft"}
    assert found.body == "body"


@pytest.mark.parametrize("dialect", ["pelican", "auto"])
def test_a_header_of_pelican_may_begin_with_any_key(dialect: str) -> None:
    found = read_front_matter("Subtitle: x\nSummary: a\n    b\nStatus: draft\n\nbody", dialect)
    assert found.fields == {"subtitle": "x", "summary": "a b", "status": "draft"}


@pytest.mark.parametrize("key", ["password", "draft", "status", "published", "hidden"])
@pytest.mark.parametrize("value", ["\\x07", "\\ufffe"])
def test_a_mark_is_not_cleaned_away(key: str, value: str) -> None:
    assert read_front_matter(f'---\ntitle: T\n{key}: "{value}"\n---\nbody').fields[key]


@pytest.mark.parametrize("text", ["---\n---\nbody", "---\n# nothing yet\n\n---\nbody"])
def test_an_empty_block_is_front_matter(text: str) -> None:
    assert read_front_matter(text).body == "body"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("---\ntitle: T\n\nbody", 2),
        ("\n\n---\ntitle: T\n", 4),
        ("+++\ntitle = 'T'\n", 2),
        (';;;\n"title": "T"\n', 2),
        ("---\na: &x 1\nb: *x\n---\n", 2),
        ("+++\na = 1\nb = = 2\n+++\n", 3),
        (';;;\n"title": "T",\n"x" 1\n;;;\n', 3),
        ("+++\ndate = 2020-02-30\n+++\n", 2),
        ('{"title": "T"', 1),
    ],
)
def test_a_block_that_cannot_be_read_is_named_by_its_line(text: str, line: int) -> None:
    with pytest.raises(ContentError) as caught:
        read_front_matter(text, "hugo")
    assert caught.value.line == line


def test_keys_match_in_any_case_and_of_two_the_last_that_says_something_counts() -> None:
    found = read_front_matter("---\nTitle: A\nTAGS: [x]\ntitle:\nDraft: true\ndraft: false\n---\n")
    assert found.fields == {"title": "A", "tags": ["x"], "draft": "true"}


def test_an_escape_brings_no_control_character_in() -> None:
    found = read_front_matter('---\ntitle: "a\\x07b\\u0000"\nm: {k: ["\\x1b"]}\n---\n')
    assert found.fields == {"title": "ab", "m": {"k": [""]}}
    json = read_front_matter(';;;\n"title": "a\\ud800b", "date": null\n;;;\n')
    assert json.fields == {"title": "ab", "date": None}


def test_the_lines_of_keys_are_known() -> None:
    found = read_front_matter("\n---\ntitle: T\n\ndate: x\n---\nbody")
    assert found.lines == {"title": 3, "date": 5}
    assert found.body_line == 7


def test_a_comment_that_cuts_a_value_is_named() -> None:
    found = read_front_matter("---\ntitle: Diary #1 of two\ncolour: '#fff'\nx: #only\n---\n")
    assert found.fields["title"] == "Diary"
    assert [(note.line, note.remedy) for note in found.notes] == [(2, "put the value into quotes")]


def test_a_second_block_at_the_start_of_the_body_is_cut_and_fills_what_is_empty() -> None:
    text = "---\ntitle: T\ndate:\n---\n---\ntitle: shell.md\ndate: 2020-01-02\nlayout: x\n---\nbody"
    found = read_front_matter(text)
    assert found.body == "body"
    assert found.body_line == 10
    assert found.fields == {"title": "T", "date": "2020-01-02", "layout": "x"}
    assert [note.line for note in found.notes] == [5]


def test_a_mark_in_a_second_block_keeps_the_post_back() -> None:
    text = (
        "---\ntitle: T\ndraft: false\n---\n---\ntitle: U\ndate: x\ndraft: true\npassword: s\n---\nb"
    )
    fields = read_front_matter(text).fields
    assert fields["draft"] == "true"
    assert fields["password"] == "s"


def test_a_second_block_that_cannot_be_read_fails_the_file() -> None:
    text = "---\ntitle: T\n---\n\n---\ntitle: &a s\ntags: *a\npassword: pw\n---\nbody"
    with pytest.raises(ContentError) as caught:
        read_front_matter(text)
    assert caught.value.line == 6
    assert "second block" in caught.value.problem
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    "body", ["---\nname: x\n---\ntext", "---\ntitle\n---\ntext", "---\n\ntext\n\n---\n"]
)
def test_a_rule_or_an_example_at_the_start_of_the_body_stays(body: str) -> None:
    assert read_front_matter("---\ntitle: T\n---\n" + body).body == body


def test_json_numbers_stay_what_was_typed() -> None:
    found = read_front_matter(';;;\n"a": 1.50, "b": true, "c": null, "d": [1e3]\n;;;\n')
    assert found.fields == {"a": "1.50", "b": "true", "c": None, "d": ["1e3"]}


def test_toml_dates_and_tables_become_text() -> None:
    found = read_front_matter(
        "+++\ndate = 2025-10-11T06:16:29+08:00\nday = 2025-10-11\n[t]\nx = 1\n+++\n", "hugo"
    )
    assert found.fields == {
        "date": "2025-10-11T06:16:29+08:00", "day": "2025-10-11", "t": {"x": "1"},
    }  # fmt: skip


def test_pelican_values_go_on_in_indented_lines() -> None:
    found = read_front_matter("Title: A\nSummary: one\n    two\n\nbody", "pelican")
    assert found.fields == {"title": "A", "summary": "one two"}
    assert found.body == "body"


def test_without_an_opener_the_block_closes_within_eighty_lines() -> None:
    long = "".join(f"k{n}: v\n" for n in range(90))
    assert read_front_matter(long + "---\nbody", "hexo").fields == {}

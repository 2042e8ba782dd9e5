"""What keeps a post back; whatever is not clearly public is not published."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.content.privacy import Marks, kept_back
from publisher.content.sources import Text, read_source
from publisher.domain.posts import SkipReason
from tests.factories import NOW, SHANGHAI, make_options, make_text


def reason(
    line: str,
    *,
    path: str = "post.md",
    body: str = "body\n",
    dialect: str = "hexo",
    **options: object,
) -> SkipReason | None:
    text = f"---\ntitle: T\ndate: 2025-01-02 03:04:05\n{line}\n---\n{body}"
    source = make_text(text, path, dialect=dialect, **options).source
    held = kept_back(source.marks, NOW, SHANGHAI)
    return held[0] if held else None


PROTECTED = [
    "password: s", "password: 0", "password: false", "password: [a]", "Password: x", "PASSWORD: x",
    "encrypt: true", "encrypt: 1", "encrypted: yes", "enc_pwd: 123456", "private: true",
    "secret: maybe", "password: ' '", "password: null x", "encrypt: {a: b}",
]  # fmt: skip


@pytest.mark.parametrize("line", PROTECTED)
def test_a_post_is_protected_by(line: str) -> None:
    assert reason(line) is SkipReason.PROTECTED


@pytest.mark.parametrize(
    "line",
    ["password:", 'password: ""', "password: ''", "password: ~", "#password: x", "encrypt: false",
     "private: no", "secret: off", "encrypted: 0", "hidden: false", "hide:", "draft: false",
     "draft: n", "draft: 0", "published: true", "published: yes", "published: 2020-01-01",
     "status: published", "published:", "sticky: 9", "top: true"],
)  # fmt: skip
def test_a_post_is_public_with(line: str) -> None:
    assert reason(line) is None


@pytest.mark.parametrize(
    "line",
    ["draft: true", "draft: maybe", "draft: [x]", "Draft: TRUE", "published: false",
     "published: no", "published: maybe", "published: [true]", "status: draft", "status: private",
     "status: hidden", "status: skip", "status: whatever", "status: [draft]",
     "status: draft\nstatus: published", "published: maybe\npublished: true",
     "published: 2020-02-30"],
)  # fmt: skip
def test_a_post_is_a_draft_by(line: str) -> None:
    assert reason(line) is SkipReason.DRAFT


@pytest.mark.parametrize("path", ["_drafts/a.md", "source/_drafts/x/a.md", "Drafts/a.md"])
def test_a_post_is_a_draft_by_its_folder(path: str) -> None:
    assert reason("x: y", path=path) is SkipReason.DRAFT


@pytest.mark.parametrize(
    "line",
    ["hidden: true", "hide: 1", "unlisted: yes", "hiddenFromHomePage: true", "hiddenFromRSS: true",
     "build: {list: never}", "_build: {list: false}", "build: {list: local}",
     "eleventyExcludeFromCollections: true"],
)  # fmt: skip
def test_a_post_is_hidden_by(line: str) -> None:
    assert reason(line) is SkipReason.HIDDEN


@pytest.mark.parametrize(
    ("dialect", "line", "found"),
    [
        ("hexo", "date: 2099-01-01", SkipReason.FUTURE),
        ("hugo", "publishDate: 2099-01-01", SkipReason.FUTURE),
        ("hugo", "expiryDate: 2020-01-01", SkipReason.EXPIRED),
        ("hugo", "unpublishdate: 2020-01-01", SkipReason.EXPIRED),
        ("hugo", "expiryDate: 2099-01-01", None),
        ("hexo", "expires: 2020-01-01", None),  # means nothing there
        ("auto", "expires: 2020-01-01", SkipReason.EXPIRED),
    ],
)
def test_a_post_has_its_time(dialect: str, line: str, found: SkipReason | None) -> None:
    assert reason(line, dialect=dialect) is found


@pytest.mark.parametrize(
    "line", ["password: x\ndraft: true\nhidden: true", "hidden: true\npassword: 0"]
)
def test_protection_is_named_first_because_it_tells_least(line: str) -> None:
    assert reason(line) is SkipReason.PROTECTED


TAGS = [
    "{{< hugo-encryptor x >}}", "{{% encrypt %}}", "{% encrypt %}", "{{<password \"x\">}}",
    "{%- secret -%}", "{{< private >}}", "{% hbe %}", "text {{< hugo-encryptor >}} text",
]  # fmt: skip


@pytest.mark.parametrize("tag", TAGS)
def test_a_tag_that_encrypts_a_part_protects_the_whole(tag: str) -> None:
    assert reason("x: y", body=f"open\n\n{tag}\nsecret\n") is SkipReason.PROTECTED


@pytest.mark.parametrize(
    "body",
    ["`{{< hugo-encryptor >}}`", "```\n{% encrypt %}\n```\n", "~~~ md\n{{< password >}}\n~~~",
     "password: x", "the word encrypt", "{% note password %}x{% endnote %}", "``{% secret %}``"],
)  # fmt: skip
def test_what_is_shown_as_code_protects_nothing(body: str) -> None:
    assert reason("x: y", body=body) is None


FENCED = [
    "```npm i``` installs it.\n\n{tag}\n",  # backticks in its first line: no fence
    "    ```\n    x\n\n{tag}\n\n```\n",  # indented code that shows a fence
    "\t```\n\n{tag}\n",
    "- a\n\n  ```\n  x\n\n{tag}\n\n```\n",  # the list ends, and its fence with it
    "> ```\n> x\n\n{tag}\n\n```\n",
    "<pre>\n```\n</pre>\n\n{tag}\n",
    "<!--\n```\n-->\n\n{tag}\n",
    "```\nx\n    ```\n```\n\n{tag}\n\n```\nx\n```\n",
    "\\`{tag}\\`",
    "a ` b\n\n{tag} ` c",
    "~~~\n```\n~~~\n\n{tag}\n\n```\n",
    "    {tag}\n",
    "```\n{tag}\n```\n\n{tag}\n",
    "{{% codeblock %}}\n{tag}\n{{% endcodeblock %}}\n\n`x`",
]  # fmt: skip


@pytest.mark.parametrize("body", FENCED)
def test_what_only_looks_like_a_fence_hides_no_tag(body: str) -> None:
    tag = '{% hugo-encryptor "pw" %}\nSECRET\n{% endhugo-encryptor %}'
    inline = "{% secret %}"
    body = body.format(tag=inline if body.startswith(("\\", "a ", "    {")) else tag)
    assert reason("x: y", body=body) is SkipReason.PROTECTED


@pytest.mark.parametrize(
    "body",
    ["1. a\n\n    ```\n    {% encrypt %}\n    ```\n", "> ```\n> {% encrypt %}\n> ```\n",
     "- a\n\n  ~~~\n  {% encrypt %}\n  ~~~\n", "```\n{% encrypt %}\n", "`` ` {% encrypt %} ``",
     "* `{% encrypt %}`\n", "[`{% encrypt %}`](x)", "| a |\n|---|\n| `{% encrypt %}` |\n"],
)  # fmt: skip
def test_code_stays_code_wherever_it_stands(body: str) -> None:
    assert reason("x: y", body=body) is None


def test_a_fence_inside_a_fence_does_not_hide_a_tag_behind_it() -> None:
    body = "````\n```\n{% encrypt %}\n```\n````\n\n{% encrypt %}\n"
    assert reason("x: y", body=body) is SkipReason.PROTECTED


def test_a_tag_of_the_site_protects_and_an_empty_password_opens() -> None:
    guarded = {"protected_tags": frozenset({"日记"})}
    assert reason("tags: [日记, b]", **guarded) is SkipReason.PROTECTED
    assert reason("tag: 日记", **guarded) is SkipReason.PROTECTED
    assert reason('tags: [日记]\npassword: ""', **guarded) is None
    assert reason("tags: [日记]\npassword:", **guarded) is SkipReason.PROTECTED
    assert reason("tags: [b]", **guarded) is None


def test_nothing_of_a_protected_file_is_kept() -> None:
    text = (
        "---\ntitle: CANARY\ndate: 2025-01-02\ntags: [CANARY]\ncover: CANARY.png\n"
        "description: CANARY\nauthor: CANARY\nx: CANARY #CANARY\npassword: CANARY\n---\nCANARY"
    )
    found = read_source(text.encode(), "post.md", make_options())
    assert isinstance(found, Text)
    assert "CANARY" not in repr(found)


@pytest.mark.parametrize("hour", [0, 7, 12])
def test_the_words_name_times_of_the_zone_wherever_the_instant_came_from(hour: int) -> None:
    opens = datetime(2099, 1, 1, hour, tzinfo=SHANGHAI)
    marks = Marks(is_protected=False, is_draft=False, is_hidden=False, opens=opens, expires=None)
    held = kept_back(marks, NOW, SHANGHAI)
    assert held is not None
    assert held[1] == f"dated 2099-01-01 {hour:02}:00, which is still to come"


@given(st.text(max_size=12).filter(lambda text: "'" not in text and text.isprintable()))
def test_any_text_in_quotes_but_none_is_a_password(text: str) -> None:
    found = reason(f"password: '{text}'")
    assert found is (SkipReason.PROTECTED if text else None)

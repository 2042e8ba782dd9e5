"""Markdown cases as golden files: each `golden/markdown/*.md` with the HTML that it becomes."""

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec import Struct
from msgspec.structs import asdict

from publisher.content.options import ContentOptions
from publisher.content.rendering import RENDER_VERSION, Rendering, render
from publisher.content.sources import Text, read_source
from publisher.domain.posts import Failed
from tests.conftest import GOLDEN, Golden
from tests.factories import make_options

CASES = sorted((GOLDEN / "markdown").glob("*.md"))
HEAD = "---\ntitle: 例\ndate: 2025-01-02 03:04:05\n---\n"
OTHERS = {"other.md": "https://example.org/other/", "other": "https://example.org/other/"}


@pytest.fixture
def options(tmp_path: Path) -> ContentOptions:
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / "tide.png").write_bytes(b"png")
    (tmp_path / "tide.png").write_bytes(b"png")
    return ContentOptions(
        folder=tmp_path,
        dialect="hexo",
        zone=ZoneInfo("Asia/Shanghai"),
        base_url="https://example.org",
        language="zh",
    )


def rendered(body: str, options: ContentOptions, **changes: str) -> Rendering:
    text = read_source((HEAD + body).encode(), "case.md", options)
    assert isinstance(text, Text)
    found = render(text, options, OTHERS)
    assert isinstance(found, Rendering)
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_each_case_becomes_the_html_beside_it(
    case: Path, options: ContentOptions, golden: Golden
) -> None:
    found = rendered(case.read_text("utf-8"), options)
    golden(f"markdown/{case.stem}.html", found.body.html.encode())
    if found.body.mail_html != found.body.html:
        golden(f"markdown/{case.stem}.mail.html", found.body.mail_html.encode())
    told = [f"{w.line}: {w.problem} — {w.remedy}" for w in found.warnings]
    golden(f"markdown/{case.stem}.warnings.txt", "\n".join([*told, ""]).encode())


READ = sorted((GOLDEN / "reading").glob("*.md"))


@pytest.mark.parametrize("case", READ, ids=lambda case: case.stem)
def test_each_file_says_what_stands_beside_it(case: Path, golden: Golden) -> None:
    """What is read of a file is kept as well as what it became: privacy, dates, addresses."""
    golden(f"reading/{case.stem}.txt", _told(case).encode())


def test_whoever_changes_the_output_raises_the_render_version(golden: Golden) -> None:
    """Else a cache would go on with what it has. `make golden` alone does not pass this test."""
    outputs = sorted(GOLDEN.glob("markdown/*.html"))
    outputs += sorted(GOLDEN.glob("reading/*.txt"))
    digests = {path.name: sha256(path.read_bytes()).hexdigest()[:16] for path in outputs}
    held = json.loads((GOLDEN / "version.json").read_text("utf-8"))
    changed = [name for name, digest in held["outputs"].items() if digests.get(name) != digest]
    assert not changed or held["render_version"] < RENDER_VERSION, "raise RENDER_VERSION"
    now = {"render_version": RENDER_VERSION, "outputs": digests}
    golden("version.json", (json.dumps(now, indent=1) + "\n").encode())


def _told(case: Path) -> str:
    dialect = case.stem.partition("_")[0]
    found = read_source(case.read_bytes(), f"folder/{case.name}", make_options(dialect=dialect))
    if isinstance(found, Failed):
        return f"{found}\n"
    return "".join(f"{name}: {value!r}\n" for name, value in _plain(found.source).items())


def _plain(value: Any) -> Any:
    if isinstance(value, Struct):
        return {name: _plain(each) for name, each in asdict(value).items()}
    return tuple(map(_plain, value)) if isinstance(value, tuple) else value


STRONG = [
    *[f"**真{sign}**她" for sign in "，。“”（）…·-"],
    "含**「重点」**内容", "含**“重点”**内容", "**具体：**与其说", "你好**（加粗）**世界",
    "**《书名》**是", "这是**`c`**吗", "**100%**的人", "他说**“你好”**。", "**注意!**请看",
    "**[链接](u)**文字", "**Note:**说明", "**emoji😀**文字",
]  # fmt: skip
PLAIN = ["__粗体：__后", "snake_case_中文", "**a.**b", "2 ** 3 ** 4", "文件名*.md和*.txt"]


@pytest.mark.parametrize("text", STRONG)
def test_emphasis_among_chinese_text_is_strong(text: str, options: ContentOptions) -> None:
    assert "<strong>" in rendered(text, options).body.html


@pytest.mark.parametrize("text", PLAIN)
def test_what_only_looks_like_emphasis_is_text(text: str, options: ContentOptions) -> None:
    html = rendered(text, options).body.html
    assert "<strong>" not in html
    assert "<em>" not in html


@pytest.mark.parametrize("text", ["README.md", "ASP.NET", "a@b.com", "//log.Info"])
def test_names_with_dots_are_no_links(text: str, options: ContentOptions) -> None:
    assert "<a" not in rendered(text, options).body.html


@pytest.mark.parametrize("dialect", ["plain", "hugo", "jekyll", "pelican"])
def test_a_line_end_between_two_han_is_no_blank(dialect: str, options: ContentOptions) -> None:
    text = read_source(
        ("+++\ntitle = 'x'\ndate = 2025-01-02\n+++\n第一行\n第二行 end\nnext 行\n").encode(),
        "case.md",
        options,
    )
    assert isinstance(text, Text)
    found = render(text, replace(options, dialect=dialect), OTHERS)
    assert isinstance(found, Rendering)
    assert found.body.html == "<p>第一行第二行 end\nnext 行</p>\n"


def test_a_line_end_in_a_hexo_post_is_a_line_break(options: ContentOptions) -> None:
    assert rendered("第一行\n第二行", options).body.html == "<p>第一行<br>\n第二行</p>\n"


def test_html_ends_a_paragraph(options: ContentOptions) -> None:
    html = rendered("a\n<div>x</div>", options).body.html
    assert html.index("</p>") < html.index("<div>")


def test_no_script_and_no_handler_comes_through(options: ContentOptions) -> None:
    html = rendered('<script>a()</script><p onclick="b()">c</p>', options).body.html
    assert html == "<p>c</p>"

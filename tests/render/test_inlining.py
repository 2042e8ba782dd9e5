"""What premailer is known to do, and that none of it reaches a mail."""

import re
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from lxml import html as lxml_html

from publisher.errors import ConfigError, TemplateError
from publisher.render.digest import render_digest
from publisher.render.inlining import HEAD_MARK, fast_inliner, inline, inline_styles
from publisher.render.templates import Templates
from tests.factories import make_post
from tests.render.test_digest import CHINESE, ENGLISH, make_edition

PAGE = "<!DOCTYPE html>\n<html><head><title>x</title>{}</head><body>{}</body></html>"


def page(body: str, head: str = HEAD_MARK) -> str:
    return PAGE.format(head, body)


def styled(tmp_path: Path, *, inlined: str = "", head: str = "") -> Templates:
    """Templates whose base sheets are these."""
    folder = tmp_path / "email" / "base"
    folder.mkdir(parents=True)
    (folder / "inline.css").write_text(inlined, encoding="utf-8")
    (folder / "head.css").write_text(head, encoding="utf-8")
    return Templates(tmp_path)


def test_important_styles_of_the_head_stay_important(tmp_path: Path) -> None:
    head = "@media (prefers-color-scheme: dark) {\n  .a { color: #fff !important; }\n}\n"
    html = inline(styled(tmp_path, head=head), "email/digest", page('<p class="a">x</p>'))
    assert f"<style>\n{head}</style>" in html


def test_what_premailer_drops_silently_arrives_through_the_head(tmp_path: Path) -> None:
    head = (
        "@font-face { font-family: F; src: url(https://example.org/f.woff2); }\n"
        "[data-ogsc] .a { color: #fff; }\nu + .body .a { margin: 0; }\n"
        "#outlook a { padding: 0; }\n.never { color: red; }\n"
    )
    assert head in inline(styled(tmp_path, head=head), "email/digest", page("<p>x</p>"))


def test_no_sheet_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    link = '<link rel="stylesheet" href="http://127.0.0.1:9/x.css">'
    with pytest.raises(TemplateError, match="stylesheet"):
        inline(Templates(), "email/digest", page("<p>x</p>", link + HEAD_MARK))


def test_addresses_stay_as_they_are() -> None:
    token = "https://example.org/u/nl0123456789abcdef_unsubscribe"
    body = (
        f'<a href="{token}">a</a><a href="#top">b</a>'
        '<a href="https://例子.example/?a=1&amp;b={x}">c</a>'
    )
    html = inline_styles(page(body), ".a { color: red; }")
    assert f'href="{token}"' in html
    assert 'href="#top"' in html
    assert "a=1&amp;b=" in html


def test_a_picture_keeps_its_width(tmp_path: Path) -> None:
    templates = styled(tmp_path, inlined=".i { width: 100%; height: auto; }")
    body = '<img class="i" src="https://example.org/a.png" alt="a" width="536" height="300">'
    html = inline(templates, "email/digest", page(body))
    assert 'width="536"' in html
    assert 'height="300"' in html
    assert 'width="100%"' not in html


def test_a_style_attribute_beside_the_sheet_is_no_crash() -> None:
    html = inline_styles(page('<p style="color:red">x</p><a href="#a">y</a>'), "a { top: 0; }")
    assert "color:red" in html.replace(" ", "")


def test_a_comment_for_outlook_is_left_alone() -> None:
    comment = '<!--[if mso]><table class="a"><tr><td><![endif]-->'
    other = "<!--[if !mso]><!--><p>x</p><!--<![endif]-->"
    html = inline_styles(page(comment + other), ".a { color: red; }")
    assert comment in html
    assert "<!--[if !mso]><!-->" in html


def test_eight_threads_give_the_bytes_of_one() -> None:
    pages = [page(f'<p class="a">{n}</p><p class="b">{n}</p>') for n in range(8)]
    sheet = ".a { color: red; margin: 0; } .b { color: blue; } p { padding: 0; }"
    alone = [inline_styles(each, sheet) for each in pages]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda each: inline_styles(each, sheet), pages * 4)) == alone * 4


def test_invisible_characters_are_written_as_numbers() -> None:
    html = inline(Templates(), "email/digest", page("<p>a\u00a0b\u00ad\u200b\u034f&zwnj;</p>"))
    assert "a&#160;b&#173;&#8203;&#847;&#8204;" in html


@pytest.mark.parametrize(
    ("body", "sheets", "told"),
    [
        ('<img src="https://example.org/a.png" width="1" height="1">', {}, "alt"),
        ("{{ name }}%7B%7B", {}, None),  # a post may write so: it stood there before
        ("x", {"head": "@media print { @media screen { a { top: 0; } } }"}, "@media"),
        ("x", {"head": ".a { color: red; @supports (x: y) { top: 0; } }"}, "@supports"),
        ("x", {"head": "@import 'https://example.org/x.css';"}, "@import"),
        ("x", {"head": "a{}" * 5_001}, "15000"),
    ],
)
def test_what_would_spoil_a_mail_is_refused(
    tmp_path: Path, body: str, sheets: dict[str, str], told: str | None
) -> None:
    templates = styled(tmp_path, **sheets)
    if told is None:
        inline(templates, "email/digest", page(body))
        return
    with pytest.raises(TemplateError, match=told) as refused:
        inline(templates, "email/digest", page(body))
    assert refused.value.template == "email/digest/body.html"


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda html: html.replace("nl0123456789abcdef_name", ""), "slot"),
        (lambda html: html.replace('width="5"', 'width="100%"'), "width"),
        (lambda html: html.replace("<!DOCTYPE html>", ""), "DOCTYPE"),
        (lambda html: html.replace("<p>", "<p>{{ x }}"), "{{"),
        (lambda html: html.replace("<p>", "<p>@import"), "@import"),
        (lambda html: html.replace("</title>", "</title><style>.a{}</style>"), None),
    ],
)
def test_what_an_inliner_loses_is_noticed(
    monkeypatch: pytest.MonkeyPatch, damage: Any, told: str | None
) -> None:
    from publisher.render import inlining

    whole = inlining.inline_styles
    monkeypatch.setattr(inlining, "inline_styles", lambda html, css: damage(whole(html, css)))
    body = '<p>nl0123456789abcdef_name</p><img src="x" alt="" width="5" height="5">'
    if told is None:
        inline(Templates(), "email/digest", page(body))
        return
    with pytest.raises(TemplateError, match=told):
        inline(Templates(), "email/digest", page(body))


Look = tuple[str, dict[str, str], str]


def looks(html: str) -> list[Look]:
    """Every element's tag, styles and text; `tbody` is only one parser's habit."""
    html = html.replace("#fff;", "#ffffff;")  # cssutils shortens what it can
    found = []
    for element in lxml_html.document_fromstring(html).iter():
        if isinstance(element.tag, str) and element.tag != "tbody":
            pairs = (pair.partition(":") for pair in (element.get("style") or "").split(";"))
            styles = {
                name.strip(): value.strip().replace('"', "'") for name, _, value in pairs if value
            }
            found.append((element.tag, styles, (element.text or "").strip()))
    return found


def test_both_inliners_give_every_element_the_same_styles() -> None:
    fast = Templates(inliner=fast_inliner())
    posts = [CHINESE, ENGLISH, *(make_post(n) for n in range(3, 8))]
    usual = render_digest(Templates(), make_edition(posts))
    quick = render_digest(fast, make_edition(posts))
    assert looks(quick.html) == looks(usual.html)
    assert quick.text == usual.text


def test_the_fast_inliner_is_asked_for_by_name_where_it_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "css_inline", None)
    with pytest.raises(ConfigError, match=r"publisher\[fast\]"):
        fast_inliner()


SHEETS = sorted((Path(__file__).parents[2] / "templates" / "email").rglob("inline.css"))
SELECTOR = re.compile(r"(?:[a-z][a-z0-9]*|\.[a-z][a-z0-9-]*)(?:\.[a-z][a-z0-9-]*)*")


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda path: path.parent.name)
def test_the_shipped_sheets_ask_for_nothing_that_is_not_inlined(sheet: Path) -> None:
    """Elements, classes and descent only: the rest stays behind without a word.

    No rule leans on precedence either: an important declaration does not beat an inline one, and
    attributes, children and states are passed over.
    """
    css = re.sub(r"/\*.*?\*/", "", sheet.read_text(encoding="utf-8"), flags=re.DOTALL)
    rules = re.findall(r"([^{}]+)\{([^{}]*)\}", css)
    assert rules
    for selectors, declarations in rules:
        for selector in selectors.split(","):
            assert all(SELECTOR.fullmatch(part) for part in selector.split()), selector
        for unsafe in ("!important", "var(", "calc(", "rgba(", "--", "@", "url("):
            assert unsafe not in declarations, (selectors, unsafe)


@pytest.mark.parametrize(
    "rule",
    [
        ".a:not(.b) { color: #010203 }",
        ".a:nth-child(2n) { color: #010203 }",
        ".a { color: var(--ink) } :root { --ink: #010203 }",
    ],
)
def test_what_is_not_inlined_never_passes_for_inlined(tmp_path: Path, rule: str) -> None:
    """Why the shipped sheets keep to plain selectors and literal values."""
    html = inline(styled(tmp_path, inlined=rule), "email/digest", page('<p class="a">x</p>'))
    paragraph = lxml_html.fromstring(html).find(".//p")
    assert "#010203" not in (paragraph.get("style") or "")


def test_a_heading_of_a_table_keeps_its_side() -> None:
    table = '<div class="prose"><table><tr><th align="center">x</th></tr></table></div>'
    html = inline(Templates(), "email/digest", page(table))
    assert 'align="center"' in html
    assert "text-align" not in html

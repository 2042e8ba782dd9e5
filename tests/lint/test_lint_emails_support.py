"""What clients do not know, by the data of caniemail.com."""

import json
from pathlib import Path
from typing import Any

import pytest

from publisher.lint import clients
from publisher.lint.clients import features
from publisher.lint.data.refresh import CLIENTS, compact
from publisher.lint.emails import lint_email
from publisher.lint.emails_support import BREAKING, HARMLESS
from publisher.lint.findings import Finding
from tests.lint.test_lint_emails import LOGO, SIZED, make_email, make_html, only

DATA = Path(clients.__file__).with_name("data")


def found(body: str = "", *, head: str = "") -> dict[str, Finding]:
    return {finding.rule: finding for finding in lint_email(make_email(make_html(body, head=head)))}


def test_a_bad_mail_has_each_of_its_features_listed_once() -> None:
    body = (
        '<div style="position:absolute; gap:4px">a</div>\n'
        '<p style="font-size:2rem">a</p>\n<p style="font-size:3rem">b</p>\n'
        '<form><input type="text"></form>\n<video src="https://example.org/a.mp4"></video>\n'
        f"<svg></svg>\n<img src='https://example.org/a.webp' {SIZED}>\n"
        '<a href="#a">a</a>\n<ruby>a<rt>b</rt></ruby>\n'
    )
    bad = found(body, head='<style>@import "x.css";</style>')

    assert {rule for rule, finding in bad.items() if finding.severity == "error"} == {
        "css-at-import",
        "css-position",
        "html-form",
        "html-input-text",
        "html-video",
        "html-svg",
    }
    assert {rule for rule, finding in bad.items() if finding.severity == "warning"} == {
        "css-gap",
        "css-unit-rem",
        "html-anchor-links",
        "image-mp4",
        "image-webp",
        "ruby",
    }
    assert ", in 2 places:" in bad["css-unit-rem"].problem
    lines = make_html(body).splitlines()
    assert "2rem" in lines[bad["css-unit-rem"].line - 1]


def test_a_finding_names_clients_month_and_page() -> None:
    finding = only(make_email(make_html('<p style="gap:1px">a</p>')))
    assert finding.clients[:3] == ("Outlook classic", "Yahoo", "Yahoo iOS")
    assert "4 clients do not know it (tested 2022-12)" in finding.problem
    assert finding.fix.endswith("; https://www.caniemail.com/features/css-gap/")


@pytest.mark.parametrize(
    ("rule", "style"),
    [
        ("css-display-flex", "display:flex"),
        ("css-display-grid", "display:inline-grid"),
        ("css-variables", "color:var(--ink)"),
        ("css-variables", "--ink:#000"),
        ("css-unit-calc", "width:calc(1px + 2px)"),
        ("css-rgba", "border-color:rgba(0,0,0,.5)"),
        ("css-unit-vmax", "width:1vmax"),
        ("css-unit-initial", "color:initial"),
        ("css-sytem-ui", "font-family:ui-serif"),
        ("css-modern-color", "color:oklch(0 0 0)"),
        ("css-intrinsic-size", "width:max-content"),
        ("css-linear-gradient", "background:linear-gradient(#fff,#eee)"),
        ("css-animation", "animation-name:x"),
        ("css-left-right-top-bottom", "left:1px"),
        ("css-margin-inline-block", "margin-inline:1px"),
        ("css-box-shadow", "box-shadow:0 0 1px #000"),
        ("css-height", "height:10px"),
        ("css-float", "float:left"),
    ],
)
def test_a_style_is_recognised(rule: str, style: str) -> None:
    is_known = not set(features()[rule].unsupported) <= {"Outlook classic"}
    assert set(found(f'<p style="{style}">a</p>')) == ({rule} if is_known else set())
    assert set(found(head=f"<style>p{{{style}}}</style>")) == ({rule} if is_known else set())


@pytest.mark.parametrize(
    ("rule", "css"),
    [
        ("css-at-font-face", "@font-face{font-family:a}"),
        ("css-at-keyframes", "@keyframes a{from{color:#000}}"),
        ("css-at-supports", "@supports (color:#000){p{color:#000}}"),
        ("css-at-media-orientation", "@media (orientation:portrait){p{color:#000}}"),
        ("css-nesting", "p{& b{color:#000}}"),
        ("css-selector-child", "p > b{color:#000}"),
        ("css-selector-adjacent-sibling", "p + p{color:#000}"),
        ("css-selector-general-sibling", "p ~ p{color:#000}"),
        ("css-selector-universal", "*{color:#000}"),
        ("css-selector-attribute", "[align]{color:#000}"),
        ("css-pseudo-class-hover", "a:hover{color:#000}"),
        ("css-pseudo-class-nth-child", "p:nth-child(2){color:#000}"),
        ("css-pseudo-element-before", "p::before{color:#000}"),
    ],
)
def test_a_style_sheet_is_recognised(rule: str, css: str) -> None:
    assert set(found(head=f"<style>{css}</style>")) == {rule}


@pytest.mark.parametrize(
    ("rule", "body"),
    [
        ("html-semantics", "<section><article>a</article></section>"),
        ("html-button-submit", "<button>a</button>"),
        ("html-button-reset", '<button type="reset">a</button>'),
        ("html-input-checkbox", '<input type="checkbox">'),
        ("html-input-text", '<input type="date">'),
        ("html-hidden", "<p hidden>a</p>"),
        ("html-srcset", f'<img {LOGO} {SIZED} srcset="https://example.org/b.png 2x">'),
        ("html-picture", f"<picture><img {LOGO} {SIZED}></picture>"),
        ("html-bdi", "<bdi>a</bdi>"),
        ("image-svg", f'<img src="https://example.org/a.svg?x" {SIZED}>'),
        ("image-avif", f'<img src="https://example.org/a.AVIF" {SIZED}>'),
        ("html-link", '<link rel="stylesheet" href="https://example.org/a.css">'),
    ],
)
def test_an_element_is_recognised(rule: str, body: str) -> None:
    assert set(found(body)) == {rule}


@pytest.mark.parametrize(
    "body",
    [
        '<p style="border-radius:4px; max-width:9px; background-size:cover">a</p>',
        '<p style="height:auto; float:none; position:static">a</p>',
        '<p style="word-wrap:break-word; word-break:break-word">a</p>',
        '<div role="article" aria-label="a" lang="en" dir="ltr">a</div>',
        '<table width="9" cellpadding="0" cellspacing="0"><tr><td align="left">a</td></tr></table>',
        "<h2>a</h2><ul><li>a</li></ul><blockquote>a</blockquote><pre><code>a</code></pre>",
        f'<img src="https://example.org/a.jpeg" {SIZED}>',
    ],
)
def test_what_harms_nobody_is_not_reported(body: str) -> None:
    assert found(body) == {}


def test_rules_for_one_client_alone_are_not_reported() -> None:
    css = (
        "@media (prefers-color-scheme:dark){.a{color:#fff}} [data-ogsc] .a{color:#fff} "
        "u + .a{color:#000} #MessageViewBody .a{color:#000}"
    )
    assert found(head=f"<style>{css}</style>") == {}


def test_judgements_are_about_features_that_there_are() -> None:
    assert set(features()) >= BREAKING
    assert set(features()) >= HARMLESS
    assert not BREAKING & HARMLESS


def test_the_data_are_whole_and_bear_their_notice() -> None:
    data = json.loads((DATA / "caniemail.json").read_text(encoding="utf-8"))
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    assert data["clients"] == list(CLIENTS.values())
    assert all(len(letters) == len(CLIENTS) for _, _, letters in data["features"].values())
    assert "Copyright (c) 2019 Rémi Parmentier" in readme
    assert "Permission is hereby granted" in readme
    assert data["updated"] in readme
    assert f"{len(data['features'])} features" in readme
    assert f"{len(CLIENTS)} mail" in readme


def test_the_extract_keeps_the_newest_version_of_each_client() -> None:
    stats: dict[str, Any] = {
        "gmail": {"desktop-webmail": {"2019-01": "n", "2023-01": "a #1 #6"}},
        "outlook": {"windows": {"2007": "y", "2019": "n #2"}},
        "hey": {"desktop-webmail": {"2021-01": "n"}},
    }
    feature = {"slug": "css-x", "title": " x ", "last_test_date": "2023-01-27", "stats": stats}
    made = json.loads(compact({"last_update_date": "2026-05-13 14:45:41 +0000", "data": [feature]}))
    assert made["updated"] == "2026-05-13"
    title, tested, letters = made["features"]["css-x"]
    assert (title, tested) == ("x", "2023-01")
    by_client = dict(zip(made["clients"], letters, strict=True))
    assert by_client["Gmail"] == "a"
    assert by_client["Outlook classic"] == "n"
    assert set(letters) == {"a", "n", "u"}

"""Which colours meet, and whether one can be read on the other."""

import pytest

from publisher.lint.emails import lint_email
from publisher.lint.emails_colours import BLACK, WHITE, Colour, contrast, parse_colour
from tests.lint.test_lint_emails import make_email, make_html, only

DARK = '<meta name="color-scheme" content="light dark">'


def faint(body: str, *, head: str = "") -> list[tuple[str, str]]:
    """The findings' rules and the pairs they name."""
    return [
        (finding.rule, finding.problem.partition(" has ")[0])
        for finding in lint_email(make_email(make_html(body, head=head)))
        if finding.rule.startswith("contrast")
    ]


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000", "#fff", 21.0),
        ("#767676", "#fff", 4.54),
        ("#777", "white", 4.48),
        ("rgb(0, 0, 255)", "hsl(0, 0%, 100%)", 8.59),
        ("#57606a", "#ffffff", 6.39),
        ("#6e7781", "#f4f5f7", 4.17),
    ],
)
def test_contrast_is_that_of_the_standard(one: str, other: str, ratio: float) -> None:
    first, second = parse_colour(one), parse_colour(other)
    assert first is not None
    assert second is not None
    assert contrast(first, second) == contrast(second, first) == pytest.approx(ratio, abs=0.01)


@pytest.mark.parametrize("text", ["", "none", "currentcolor", "url(x)", "lab(50% 0 0)", "#12"])
def test_what_is_no_colour_of_its_own_is_none(text: str) -> None:
    assert parse_colour(text) is None


def test_a_colour_that_shines_through_is_mixed_with_its_ground() -> None:
    half = Colour(0, 0, 0, 0.5)
    assert str(half.over(WHITE)) == "#808080"
    assert half.over(BLACK) == BLACK


FAINT = "text in #999999 on #ffffff"


@pytest.mark.parametrize(
    ("body", "pair"),
    [
        ('<p style="color:#999">a</p>', FAINT),
        ('<div style="color:#999"><p>a</p></div>', FAINT),
        ('<p style="color:#000;color:#999">a</p>', FAINT),
        ('<p style="color:#999!important;color:#000">a</p>', FAINT),
        ('<font color="#999999">a</font>', FAINT),
        ('<font color="999999">a</font>', FAINT),
        ('<p style="color:rgba(0,0,0,0.4)">a</p>', FAINT),
        ('<p style="color:#000"><b>a</b> b <i style="color:#999">c</i></p>', FAINT),
        ('<table bgcolor="#000000"><tr><td style="color:#333">a</td></tr></table>',
         "text in #333333 on #000000"),
        ('<div style="background:#eee none"><p style="color:#777">a</p></div>',
         "text in #777777 on #eeeeee"),
        ('<div style="background-color:#000; color:#fff"><p style="background:#fff">a</p></div>',
         "text in #ffffff on #ffffff"),
        ('<div style="background:#0000ee"><a href="https://example.org/u/1">a</a></div>',
         "text in #0000ee on #0000ee"),
    ],
)  # fmt: skip
def test_faint_text_is_found(body: str, pair: str) -> None:
    assert faint(body) == [("contrast", pair)]


@pytest.mark.parametrize(
    "body",
    [
        '<p style="color:#767676">a</p>',
        '<p style="color:#949494;font-size:24px">a</p>',
        '<p style="color:#949494;font-size:18pt">a</p>',
        '<h2 style="color:#949494;font-size:19px">a</h2>',
        '<p style="color:#949494;font-size:14pt;font-weight:700">a</p>',
        '<h1 style="color:#949494">a</h1>',
        '<p style="color:#949494;font-size:1.5em">a</p>',
        '<p style="color:#949494;font-size:1.5rem">a</p>',
        '<p style="color:#949494;font-size:150%">a</p>',
        '<p style="color:#949494;font-size:19px;font-weight:bold">a</p>',
        '<p style="color:#fff;display:none">a</p>',
        '<div style="visibility:hidden"><p style="color:#fff">a</p></div>',
        '<p style="color:#fff">&middot; &mdash;</p>',
        '<div style="background:url(https://example.org/a.png)"><p style="color:#fff">a</p></div>',
        '<table background="https://example.org/a.png"><tr><td style="color:#fff">a</table>',
        '<p style="color:inherit">a</p>',
        '<p style="color:nonsense">a</p>',
        '<p style="background:transparent">a</p>',
    ],
)
def test_text_that_can_be_read_or_is_not_shown_is_let_be(body: str) -> None:
    assert faint(body) == []


@pytest.mark.parametrize(
    ("css", "found"),
    [
        (".a{color:#999}", 1),
        ("b{color:#000} .a{color:#999}", 1),
        (".a{color:#000} b{color:#999}", 0),
        (".a{color:#999!important} .a{color:#000}", 1),
        ("@media screen{.a{color:#999}}", 1),
        ("@media (max-width:600px){.a{color:#999}}", 0),
        ("@media print{.a{color:#999}}", 0),
        ("[data-ogsc] .a{color:#999}", 0),
        (".a::first-line{color:#999}", 0),
        (".a:hover{color:#999}", 0),
        ("o|b{color:#999}", 0),
        (".a:unknown{color:#999} .b, .a{color:#999}", 1),
    ],
)
def test_style_sheets_are_read_by_the_order_of_css(css: str, found: int) -> None:
    assert len(faint('<b class="a">a</b>', head=f"<style>{css}</style>")) == found


def test_an_attribute_beats_a_sheet_unless_the_sheet_is_important() -> None:
    body = '<p class="a" style="color:#000">a</p>'
    assert faint(body, head="<style>.a{color:#999}</style>") == []
    assert len(faint(body, head="<style>.a{color:#999!important}</style>")) == 1


def test_one_pair_of_colours_is_told_once_with_its_places() -> None:
    finding = only(make_email(make_html('<p style="color:#999">a</p>\n' * 3)))
    assert "contrast of 2.85; 3 places" in finding.problem


def test_the_dark_is_looked_at_where_the_mail_speaks_of_it() -> None:
    body = '<p class="a" style="color:#444">a</p>'
    assert faint(body) == []
    assert faint(body, head=DARK) == [("contrast-dark", "text in #444444 on #121212 in the dark")]
    light = "<style>@media (prefers-color-scheme:dark){.a{color:#ddd!important}}</style>"
    assert faint(body, head=DARK + light) == []
    weak = light.replace("!important", "")
    assert len(faint(body, head=DARK + weak)) == 1


def test_a_dark_sheet_that_forgets_a_colour_is_found() -> None:
    sheet = "@media (prefers-color-scheme:dark){.paper{background:#161b22!important}}"
    body = '<div class="paper" style="background:#fff"><p style="color:#1f2328">a</p></div>'
    assert faint(body, head=f"<style>{sheet}</style>") == [
        ("contrast-dark", "text in #1f2328 on #161b22 in the dark")
    ]


def test_a_sheet_for_the_light_does_not_hold_in_the_dark() -> None:
    sheet = "@media (prefers-color-scheme:light){.a{color:#999!important}}"
    body = '<p class="a" style="color:#000;background:#fff">a</p>'
    assert [rule for rule, _ in faint(body, head=f"<style>{sheet}</style>")] == ["contrast"]


def test_what_is_faint_by_day_is_not_told_again_of_the_night() -> None:
    body = '<p style="color:#999;background:#fff">a</p>'
    assert [rule for rule, _ in faint(body, head=DARK)] == ["contrast"]

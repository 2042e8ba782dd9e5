"""Where the opening of a post ends."""

import re

import pytest
from lxml import html as lxml_html

from publisher.columns import shorten, width
from publisher.content.excerpts import automatic

_LATIN = re.compile("[A-Za-z]+")
FAMILY, FLAG, SKIN, ACCENT = "👨‍👩‍👧‍👦", "🇨🇳", "👍🏽", "e\u0301"
TEXTS = [
    f"<p>{FAMILY * 200}</p>",
    f"<p>{FLAG * 200}</p>",
    f"<p>{SKIN * 200}</p>",
    f"<p>{ACCENT * 400}</p>",
    "<p>" + "<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>" * 200 + "</p>",
    "<p>" + "Latin <em>words stand <strong>in</strong> tags</em> here " * 40 + "</p>",
    "<p>" + "灯塔在雾里说话，船在雾里听。" * 40 + "</p><p>second</p>",
    "<ul>" + "<li>one item of a list</li>" * 40 + "</ul>",
]


@pytest.mark.parametrize("budget", [12, 30, 50, 70, 280])
@pytest.mark.parametrize("html", TEXTS)
def test_nothing_that_a_reader_sees_as_one_is_split(html: str, budget: int) -> None:
    found = automatic(html, budget)

    words = found.text.replace("\n\n", "")
    assert 0 < width(words) <= budget + 1
    tree = lxml_html.fragment_fromstring(found.html, create_parent="div")
    again = "".join(lxml_html.tostring(child, encoding="unicode") for child in tree)
    assert again == found.html  # well-formed: parsing changes nothing
    for whole in (FAMILY, FLAG, SKIN, ACCENT):
        rest = words.replace(whole, "")
        assert not any(mark in rest for mark in whole if mark != "e")
    assert found.html.count("<ruby>") == found.html.count("<rt>kan</rt>")
    assert set(_LATIN.findall(found.text)) <= set(_LATIN.findall(html))


def test_nothing_that_stands_behind_the_cut_comes_back() -> None:
    """The text behind an element that no longer fits stands behind the cut as well."""
    html = "<p>" + "word " * 50 + "<strong>secure base</strong>: not the place. More.</p>"
    for budget in (100, 245, 250, 255):
        assert "not the place" not in automatic(html, budget).text
        assert "not the place" not in automatic(html.replace("strong", "code"), budget).text


def test_a_text_is_cut_where_a_sentence_ends_or_outside_of_a_word() -> None:
    assert shorten("One sentence. And another one.", 20) == "One sentence."
    assert shorten("灯塔在雾里说话。船在雾里听，也在问。", 20) == "灯塔在雾里说话。"
    assert shorten("A very long word sequence", 12) == "A very long…"
    assert shorten("short", 12) == "short"

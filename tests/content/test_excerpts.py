"""The opening of a post: balanced, never cut inside a word, and nothing behind its end."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html as lxml_html

from publisher.columns import shorten, width
from publisher.content.excerpts import BUDGET, automatic, manual, plain

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
LONG = "One word after another. " * 20


@pytest.mark.parametrize(
    ("text", "columns"),
    [("abc", 3), ("汉字", 4), ("ｱ", 1), ("e\u0301", 1), ("👨‍👩‍👧", 2),
     ("🇨🇳", 2), ("⚠️", 2), ("", 0), ("a\u200bb", 2)],
)  # fmt: skip
def test_a_wide_character_is_two_columns_and_a_mark_none(text: str, columns: int) -> None:
    assert width(text) == columns


def test_what_fits_stays_as_it_is() -> None:
    html = "<p>A <b>short</b> post.</p>\n<p>第二段。</p>"
    found = automatic(html)
    assert found.html == html
    assert found.text == "A short post.\n\n第二段。"
    assert not found.is_manual


def test_it_ends_at_a_sentence_that_ends_past_the_middle() -> None:
    found = automatic(f"<p>{LONG}</p>")
    assert found.text.endswith("another.")
    assert BUDGET / 2 <= width(found.text) <= BUDGET


def test_a_sentence_that_ends_too_early_does_not_count() -> None:
    found = automatic("<p>Short. " + "word " * 100 + "</p>")
    assert found.text.endswith("word…")
    assert width(found.text) <= BUDGET


def test_chinese_sentences_end_behind_their_quotes() -> None:
    found = automatic(
        "<p>" + "他说了很久很久的话，" * 10 + "“好。”" + "然后又说了很多很多，" * 20 + "</p>"
    )
    assert found.text.endswith("“好。”")


@pytest.mark.parametrize(
    ("before", "atom"),
    [
        ("字" * 135, "<code>a_long_name_that_is_whole()</code>"),
        ("字" * 138, "<ruby>汉<rt>hàn</rt></ruby>字字字"),
        ("word " * 54, "<kbd>Control and Escape</kbd>"),
    ],
)
def test_what_cannot_be_parted_stays_out_as_a_whole(before: str, atom: str) -> None:
    found = automatic(f"<p>{before}{atom} tail <i>more</i> end</p><p>next</p>")
    assert found.text.rstrip("…").rstrip() == before.strip()
    assert found.text.endswith("…")


@pytest.mark.parametrize("first", ["字" * 139 + "。", "word " * 55 + "end."])
def test_a_block_of_which_nothing_fits_is_not_begun(first: str) -> None:
    assert automatic(f"<p>{first}</p><p>next paragraph</p>").html == f"<p>{first}</p>"


@pytest.mark.parametrize(
    "html",
    [
        "<pre><code>code</code></pre>", "<table><tr><td>cell</td></tr></table>", "<h2>code</h2>",
        "<figure><img src='a'><figcaption>code</figcaption></figure>", "<hr>",
        "<details><summary>code</summary>code</details>",
        '<section><ol><li id="fn1">code</li></ol></section>',
        '<sup><a href="#fn1">[1]</a></sup>',
    ],
)  # fmt: skip
def test_an_automatic_one_has_no_code_tables_figures_headings_and_footnotes(html: str) -> None:
    assert automatic(f"<p>a</p>{html}<p>b</p>").text == "a\n\nb"
    assert "code" not in automatic(f"<div>a{html} b</div>").text


def test_one_that_the_writer_chose_keeps_everything_but_footnote_marks() -> None:
    html = '<p>a<sup><a href="#fn1">[1]</a></sup> 2<sup>3</sup></p><pre><code>c</code></pre>'
    found = manual(html)
    assert found.is_manual
    assert found.html == "<p>a 2<sup>3</sup></p><pre><code>c</code></pre>"


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<p>a<br>b</p><ul><li>c</li><li>d</li></ul>", "a\n\nb\n\nc\n\nd"),
        ("<ruby>汉<rp>(</rp><rt>hàn</rt><rp>)</rp></ruby>字", "汉字"),
        ("a &amp; b  c", "a & b c"),
        ("plain", "plain"),
        ("", ""),
        ("<p> a\n b </p>", "a b"),
    ],
)
def test_the_words_alone(html: str, words: str) -> None:
    assert plain(html) == words


@pytest.mark.parametrize("budget", [10, 40, 100])
def test_a_text_is_shortened_to_its_budget(budget: int) -> None:
    for text in (LONG, "长句子没有标点" * 30, "x" * 500, "短。"):
        short = shorten(text, budget)
        assert width(short) <= budget
        assert text.startswith(short.rstrip("…"))


PIECES = ["word", "汉字", "。", ". ", "，", "👨‍👩‍👧", " ", "e\u0301", "(", "“"]
WORDS = st.lists(st.sampled_from(PIECES), max_size=120).map("".join)
TAGS = st.sampled_from(["p", "b", "code", "blockquote", "li", "em", "h2", "pre", "a"])


@st.composite
def trees(draw: st.DrawFn, depth: int = 3) -> str:
    parts = [draw(WORDS)]
    if depth:
        for _ in range(draw(st.integers(0, 3))):
            tag = draw(TAGS)
            parts.append(f"<{tag}>{draw(trees(depth=depth - 1))}</{tag}>{draw(WORDS)}")
    return "".join(parts)


@given(trees())
def test_whatever_the_tree_it_fits_is_balanced_and_begins_the_text(html: str) -> None:
    found = automatic(html)
    assert width(re.sub(r"\s", "", found.text)) <= BUDGET + 1
    again = lxml_html.fragment_fromstring(found.html, create_parent="div")
    whole = lxml_html.tostring(again, encoding="unicode", method="html")
    assert whole.removeprefix("<div>").removesuffix("</div>").strip() == found.html
    shown = re.sub(r"\s|…", "", found.text)
    left_out = re.sub(r"(?s)<(pre|h2)>.*?</\1>", "", html)
    if "<pre>" not in html and "<h2>" not in html:
        assert re.sub(r"\s", "", plain(left_out)).startswith(shown)


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

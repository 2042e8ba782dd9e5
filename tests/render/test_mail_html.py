"""A post's HTML in a mail."""

import pytest

from publisher.domain.posts import Image
from publisher.render.mail_html import Size, alt_from_name, fit, plain_text, scaled
from publisher.render.templates import Templates
from publisher.render.words import words_for

URL = "https://example.org/post/"
PNG = "https://example.org/tide-at-dusk.png"


def fitted(html: str, *, has_images: bool = True, pictures: dict[str, Size] | None = None) -> str:
    return fit(
        html,
        url=URL,
        pictures=pictures or {},
        words=words_for(Templates(), "en"),
        has_images=has_images,
    )


def test_a_picture_gets_the_size_of_its_file_and_words_from_its_name() -> None:
    html = fitted(f'<p><img src="{PNG}"></p>', pictures={PNG: Size(1072, 600)})
    assert html == (
        f'<p><img src="{PNG}" width="536" height="300" alt="tide at dusk" class="image wide"></p>'
    )


def test_a_small_picture_is_not_blown_up_and_a_written_alt_stays() -> None:
    html = fitted(f'<img src="{PNG}" alt="A curve" width="9999">', pictures={PNG: Size(24, 16)})
    assert html == f'<img src="{PNG}" alt="A curve" width="24" height="16" class="image">'


def test_a_picture_of_unknown_size_keeps_what_is_stated() -> None:
    assert 'width="300" height="200"' in fitted(f'<img src="{PNG}" width="300" height="200">')
    assert "width" not in fitted(f'<img src="{PNG}" width="50%">')


def test_pictures_can_be_left_out_and_the_text_behind_them_stays() -> None:
    assert fitted(f'<p>a<img src="{PNG}">b</p>', has_images=False) == "<p>ab</p>"


@pytest.mark.parametrize(
    ("url", "alt"),
    [
        (PNG, "tide at dusk"),
        ("https://example.org/%E6%B8%AF%E6%B9%BE%E5%A4%9C.jpg", "港湾夜"),
        ("https://example.org/IMG_1234.jpg", ""),
        ("https://example.org/0a1b2c.png", ""),
        ("https://example.org/", ""),
    ],
)
def test_a_file_s_name_tells_what_a_picture_shows_or_nothing(url: str, alt: str) -> None:
    assert alt_from_name(url) == alt


def test_a_cover_without_words_takes_those_it_is_given() -> None:
    shown = scaled(Image(url=PNG), {PNG: Size(1200, 675)}, alt="The post")
    assert shown == Image(url=PNG, alt="The post", width=536, height=302)


def test_long_code_is_cut_after_fifteen_lines_and_goes_on_online() -> None:
    lines = [f'<span class="hl-k">line</span> {n}\n' for n in range(1, 31)]
    html = fitted(f"<pre><code>{''.join(lines)}</code></pre><p>after</p>")
    assert "line</span> 15" in html
    assert " 16" not in html
    assert f'<p><a href="{URL}">The rest of the code is online</a></p><p>after</p>' in html


def test_code_of_fifteen_lines_is_whole() -> None:
    html = "<pre><code>" + "x\n" * 15 + "</code></pre>"
    assert fitted(html) == html


def test_the_picture_that_stands_above_is_not_repeated() -> None:
    html = fit(
        f'<p>a<img src="{PNG}">b<img src="{URL}x.png"></p>',
        url=URL,
        pictures={},
        words=words_for(Templates(), "en"),
        has_images=True,
        above=PNG,
    )
    assert PNG not in html
    assert f"{URL}x.png" in html


def test_what_clients_do_not_know_becomes_what_they_do() -> None:
    assert fitted("<details><summary>More</summary><p>x</p></details>") == (
        "<div><p>More</p><p>x</p></div>"
    )
    assert fitted("<ruby>漢<rt>kan</rt>字<rt>ji</rt></ruby>") == (
        "<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp>字<rp>(</rp><rt>ji</rt><rp>)</rp></ruby>"
    )
    kept = "<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>"
    assert fitted(kept) == kept


def test_headings_stand_below_the_title_and_ids_are_gone() -> None:
    html = fitted('<h1 id="a">A</h1><h2>B</h2><h6 id="a">C</h6>')
    assert html == "<h3>A</h3><h3>B</h3><h6>C</h6>"


def test_text_outside_of_any_element_stays_escaped() -> None:
    assert fitted("1 &lt; 2 &amp; <b>3</b> &lt; 4") == "1 &lt; 2 &amp; <b>3</b> &lt; 4"
    assert fitted("") == ""


def test_the_text_part_names_links_lists_and_pictures() -> None:
    html = (
        f'<p>One <a href="{URL}">link</a>.</p><ul><li>first</li><li>second</li></ul>'
        f'<p><img src="{PNG}"></p><p>a<br>b</p><p><a href="{URL}">{URL}</a></p>'
    )
    assert plain_text(html) == (
        f"One link ({URL}).\n\n- first\n\n- second\n\n[tide at dusk]\n\na\n\nb\n\n{URL}"
    )


def test_a_dash_or_number_stands_before_its_item_in_the_text_part() -> None:
    loose = "<ul>\n<li>\n<p>a</p>\n<p>b</p>\n</li>\n<li><pre>c\nd</pre></li>\n</ul>"
    assert plain_text(loose) == "- a\n\nb\n\n- c\nd"
    assert plain_text('<ol start="3"><li>x</li><li><p>y</p></li></ol>') == "3. x\n\n4. y"
    assert plain_text("<ol><li>x<ul><li>z</li></ul></li><li>y</li></ol>") == "1. x\n\n- z\n\n2. y"


def test_a_heading_of_a_table_stands_where_the_writer_wants_its_column() -> None:
    html = fitted('<table><tr><th align="center">a</th><th>b</th></tr></table>')
    assert '<th align="center">a</th><th align="left">b</th>' in html


def test_code_keeps_its_lines_in_the_text_part() -> None:
    html = (
        "<p>So:</p><pre><code><span>def</span> f():\n    return 1\n\nf()\n</code></pre><p>Done</p>"
    )
    assert plain_text(html) == "So:\n\ndef f():\n    return 1\n\nf()\n\nDone"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<details><summary>More</summary>inside</details>", "More\n\ninside"),
        ("<table><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></table>", "1 2\n\n3"),
        ("<p><ruby>漢<rt>kan</rt></ruby>字</p>", "漢(kan)字"),
        ('<p>a<img src="/IMG_1.jpg">b</p>', "ab"),
    ],
)
def test_nothing_runs_together_in_the_text_part(html: str, text: str) -> None:
    assert plain_text(html) == text

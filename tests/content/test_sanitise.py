"""What may be published, and the addresses in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.content.sanitise import MAX_DEPTH, address, sanitise
from publisher.errors import ContentError


def clean(html: str) -> str:
    return sanitise(html, base="https://example.org/p/a/", resolve=lambda value: value)


@pytest.mark.parametrize(
    ("html", "kept"),
    [
        ("<script>x</script>a", "a"),
        ("<style>x</style>a", "a"),
        ('<p onclick="x">a</p>', "<p>a</p>"),
        ('<p style="color:red" class="x">a</p>', "<p>a</p>"),
        ('<a href="javascript:x">a</a>', "<a>a</a>"),
        ('<a href=" JaVa\tscript:x">a</a>', "<a>a</a>"),
        ('<a href="data:text/html,x">a</a>', "<a>a</a>"),
        ('<a href="vbscript:x">a</a>', "<a>a</a>"),
        ('<img src="file:///etc/passwd" alt="a">', '<img alt="a">'),
        ("<form><input name=a><button>b</button></form>", "b"),
        ('<code class="language-python">a</code>', '<code class="language-python">a</code>'),
        ('<span class="hl-kd">a</span><span class="x">b</span>',
         '<span class="hl-kd">a</span><span>b</span>'),
        ('<td style="text-align:right">a</td>', "a"),
        ("<!-- comment -->a", "a"),
        ('<iframe src="https://e.com/v?x=1"></iframe>',
         '<a href="https://e.com/v?x=1">https://e.com/v</a>'),
        ('<video controls><source src="https://e.com/a.mp4"></video>',
         '<a href="https://e.com/a.mp4">https://e.com/a.mp4</a>'),
        ('<img data-src="a.png">', '<img src="https://example.org/p/a/a.png">'),
        ("a&#7;b&#0;c", "ab\ufffdc"),
        ('<p id="x">a</p><h2 id="x">b</h2>', '<p>a</p><h2 id="x">b</h2>'),
        ("<svg><script>x</script></svg>a", "a"),
        ("<math><mi//xlink:href=\"data:x,<script>x</script>\">", ""),
    ],
)  # fmt: skip
def test_html_becomes_harmless(html: str, kept: str) -> None:
    assert clean(html) == kept


def test_the_alignment_of_a_table_stays() -> None:
    html = '<table><tbody><tr><td style="text-align:right">a</td></tr></tbody></table>'
    assert '<td align="right">a</td>' in clean(html)


@pytest.mark.parametrize(
    ("written", "absolute"),
    [
        ("b", "https://example.org/p/a/b"),
        ("/b", "https://example.org/b"),
        ("../b?x=1#y", "https://example.org/p/b?x=1#y"),
        ("#y", "https://example.org/p/a/#y"),
        ("//e.com/b", "https://e.com/b"),
        ("http://e.com/标题 1", "http://e.com/%E6%A0%87%E9%A2%98%201"),
        ("https://例子.测试/a", "https://xn--fsqu00a.xn--0zwm56d/a"),
        ("http://BÜCHER.de/x", "http://xn--bcher-kva.de/x"),
        ("http://a:ü@BÜCHER.de:8080/x", "http://a:%C3%BC@xn--bcher-kva.de:8080/x"),
        ("http://EXAMPLE.org/x", "http://EXAMPLE.org/x"),
        ("http://[::1]/", "http://[::1]/"),
        ("http://a@[2001:db8::1]:8080/a[b]", "http://a@[2001:db8::1]:8080/a%5Bb%5D"),
        ("mailto:a@example.org", "mailto:a@example.org"),
        ("tel:+1", "tel:+1"),
        ("https://e.com/%E6%A0", "https://e.com/%E6%A0"),
        ("javascript:x", None),
        ("ftp://e.com/a", None),
        ("https://[::1", None),
        ("https://" + "字" * 100 + ".com/", None),
    ],
)
def test_an_address_is_absolute_ascii_or_none(written: str, absolute: str | None) -> None:
    assert address(written, "https://example.org/p/a/", lambda value: value) == absolute


def test_a_nest_that_no_reader_could_show_is_refused() -> None:
    clean("<div>" * MAX_DEPTH)
    with pytest.raises(ContentError):
        clean("<div>" * (MAX_DEPTH + 1))
    clean("<p>" * 5_000)  # closes itself
    clean("<div>a</div>" * 5_000)


@pytest.mark.parametrize("html", ["</b>" * 20_000 + "<div>" * 20_000, "<div></b>" * 20_000])
def test_ends_of_what_is_not_open_hide_no_nest(html: str) -> None:
    with pytest.raises(ContentError):
        clean(html)


def test_a_player_goes_with_what_stands_inside_it() -> None:
    html = '<video src="//e.com/a">x</video>y<embed src="//e.com/b">z<audio src="//e.com/c">'
    links = [f'<a href="https://e.com/{name}">e.com/{name}</a>' for name in "abc"]
    assert clean(html) == f"{links[0]}y{links[1]}z{links[2]}"


@given(st.text(alphabet="<>/=\"' abijmnopqrstvxyz:;&#!-", max_size=120))
def test_nothing_that_runs_comes_through_and_nothing_changes_when_cleaned_twice(html: str) -> None:
    once = clean(html)
    assert "<script" not in once
    assert "javascript:" not in once.split(">")[0] or "<a href" not in once
    assert clean(once) == once

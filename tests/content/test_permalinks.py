"""Addresses as the generator would make them."""

from hashlib import sha1
from zoneinfo import ZoneInfo

import pytest

from publisher.content.permalinks import encode_path
from tests.factories import make_text


def url(lines: str, path: str = "source/_posts/a/落日.md", **options: object) -> str:
    text = f"---\ntitle: The Title\ndate: 2025-01-02 03:04:05\n{lines}\n---\nbody"
    source = make_text(text, path, **options).source
    return source.url.removeprefix("https://example.org") or (
        source.obstacle.problem if source.obstacle else ""
    )


@pytest.mark.parametrize(
    ("template", "found"),
    [
        (":year/:month/:day/:title/", "/2025/01/02/a/%E8%90%BD%E6%97%A5/"),
        (":year/:i_month/:i_day/:name.html", "/2025/1/2/%E8%90%BD%E6%97%A5.html"),
        ("p/:hour:minute:second/", "/p/030405/"),
        ("p/:timestamp/", "/p/1735758245/"),
        (":category/:title", "/A-1/B/a/%E8%90%BD%E6%97%A5"),
        ("posts/:abbrlink.html", "/posts/a1b2.html"),
        ("posts/:post_title/", "/posts/the-title/"),
        ("posts/:hash/", "/posts/HASH/"),
        (":mood/", "/calm/"),
    ],
)
def test_a_template_of_hexo_is_filled(template: str, found: str) -> None:
    lines = "categories: [A 1, B]\nabbrlink: a1b2\nmood: calm"
    digest = sha1("a/落日1735758245".encode()).hexdigest()[:12]
    assert url(lines, permalink=template) == found.replace("HASH", digest)


@pytest.mark.parametrize(
    ("value", "shown"),
    [("00001", "1"), ("0228", "228"), ("'0228'", "0228"), ("061b", "061b"), ("0x1F", "31"),
     ("1.50", "1.5"), ("1e3", "1000"), ("a1b2", "a1b2"), ("2291178417", "2291178417")],
)  # fmt: skip
def test_a_bare_number_in_an_address_is_javascripts_number(value: str, shown: str) -> None:
    source = make_text(
        f"---\ntitle: T\ndate: 2025-01-02\nabbrlink: {value}\n---\nb", permalink="p/:abbrlink"
    ).source
    assert source.url == f"https://example.org/p/{shown}"
    assert source.meaning.id == value.strip("'")


def test_a_field_that_is_not_given_is_named() -> None:
    assert url("x: y", permalink="p/:abbrlink") == "the address needs :abbrlink, which is not given"


@pytest.mark.parametrize(
    ("dialect", "lines", "path", "found"),
    [
        ("hexo", "permalink: a/b.html", "p.md", "/a/b.html"),
        ("hexo", "permalink: /a/b/", "p.md", "/a/b/"),
        ("hexo", "permalink: ''", "p.md", "/2025/01/02/p/"),
        ("hexo", "slug: means-nothing", "p.md", "/2025/01/02/p/"),
        ("hexo", "x: y", "source/_posts/2025/p/index.md", "/2025/01/02/2025/p/index/"),
        ("hexo", "x: y", "_posts/2025-01-02-p.md", "/2025/01/02/2025-01-02-p/"),
        ("hugo", "url: /a/", "post/p.md", "/a/"),
        ("hugo", "slug: s", "post/p.md", "/post/s/"),
        ("hugo", "x: y", "post/p/index.md", "/post/p/"),
        ("hugo", "x: y", "post/p.zh.md", "/post/p/"),
        ("hugo", "x: y", "post/p.en.md", "/en/post/p/"),
        ("hugo", "x: y", "post/p/index.zh.md", "/post/p/"),
        ("hugo", "x: y", "post/p/index.zh-CN.md", "/post/p/"),
        ("hugo", "x: y", "post/p/index.zh-TW.md", "/zh-tw/post/p/"),
        ("hugo", "x: y", "post/p/index.en.md", "/en/post/p/"),
        ("hugo", "slug: s", "post/p/index.en.md", "/en/post/s/"),
        ("hugo", "url: /a/", "post/p/index.en.md", "/a/"),
        ("auto", "x: y", "p/index.zh.md", "/posts/p/"),
        ("auto", "x: y", "p/index.en.md", "/en/posts/p/"),
        ("plain", "x: y", "p.en.md", "/en/posts/p/"),
        ("hexo", "x: y", "_posts/p.en.md", "/2025/01/02/p.en/"),
        ("hexo", "permalink: /a/:title/", "_posts/p.md", "/a/:title/"),  # Hexo takes it verbatim
        ("jekyll", "permalink: /blog/:title/", "_posts/2025-01-02-p.md", "/blog/p/"),
        ("jekyll", "permalink: /:year/:title:output_ext", "_posts/2025-01-02-p.md",
         "the address needs :output_ext, which is not given"),
        ("jekyll", "permalink: /a/b.html", "_posts/2025-01-02-p.md", "/a/b.html"),
        ("jekyll", "permalink: /at/12:30/", "_posts/2025-01-02-p.md", "/at/12:30/"),
        ("hugo", "x: y", "Post/Hello - World, (再见).md", "/post/hello-world-%E5%86%8D%E8%A7%81/"),
        ("jekyll", "slug: Sea Side", "_posts/2025-01-02-p.md", "/2025/01/02/Sea-Side.html"),
        ("jekyll", "slug: Sea Side\npermalink: /:slug/", "_posts/2025-01-02-p.md", "/sea-side/"),
        ("jekyll", "category: Deep Sea", "_posts/2025-01-02-p.md",
         "/deep%20sea/2025/01/02/p.html"),
        ("jekyll", "categories: [a, b]", "_posts/2025-01-02-p.md", "/a/b/2025/01/02/p.html"),
        ("jekyll", "x: y", "_posts/2025-01-02-A b_c.md", "/2025/01/02/A-b_c.html"),
        (
            "jekyll",
            "categories: [News Now]",
            "_posts/2025-01-02-p.md",
            "/news%20now/2025/01/02/p.html",
        ),
        ("pelican", "x: y", "note/p.md", "/p.html"),
        ("pelican", "save_as: a/index.html", "note/p.md", "/a/"),
        ("plain", "path: /a/b", "p.md", "/a/b"),
        ("auto", "x: y", "p.md", "/posts/p/"),
    ],
)  # fmt: skip
def test_each_generator_has_its_own_form(dialect: str, lines: str, path: str, found: str) -> None:
    assert url(lines, path, dialect=dialect) == found


@pytest.mark.parametrize(
    ("naming", "path", "found"),
    [
        (":year-:month-:day-:title", "_posts/2025-10-11-hello.md", "/2025/01/02/hello/"),
        (":year-:month-:day-:title", "_posts/hello.md", "/2025/01/02/hello/"),
        (":year-:month-:day-:title", "_posts/a/2025-10-11-b c.md", "/2025/01/02/a-2025-10-11-b-c/"),
        (":year/:title", "_posts/2025/a/b.md", "/2025/01/02/a/b/"),
        (":year/:i_month-:title", "_posts/2025/1-b.md", "/2025/01/02/b/"),
        (":lang/:title", "_posts/en/b.md", "/2025/01/02/b/"),
        (":title/:title", "_posts/a/b.md", "/2025/01/02/b/"),
        (":year-:month", "_posts/2025-10.md", "/2025/01/02/2025-10/"),
    ],
)
def test_hexo_takes_the_title_out_of_a_name(naming: str, path: str, found: str) -> None:
    assert url("x: y", path, naming=naming) == found
    form = {"naming": naming, "permalink": ":name/"}
    assert url("x: y", path, **form) == f"/{found.removesuffix('/').rpartition('/')[2]}/"


@pytest.mark.parametrize(
    ("title", "found"),
    [
        ("Deep Sea -- Part 2", "/deep-sea-part-2.html"),
        ("A Café’s “Menu”: soup & more!", "/a-cafes-menu-soup-more.html"),
        ("深海", "/p.html"),  # what Pelican's table of signs makes of it we cannot tell
        ("Straße", "/p.html"),
    ],
)
def test_pelican_makes_the_slug_of_the_title(title: str, found: str) -> None:
    lines = f"title: '{title}'"
    assert url(lines, "note/p.md", dialect="pelican", naming=":title") == found
    assert url(lines, "note/p.md", dialect="pelican") == "/p.html"
    given = f"{lines}\nslug: own"
    assert url(given, "note/p.md", dialect="pelican", naming=":title") == "/own.html"


def test_a_form_that_names_the_language_names_it_once() -> None:
    assert url("x: y", "p.en.md", dialect="auto", permalink=":lang/:slug/") == "/en/p/"
    assert url("x: y", "p.en.md", dialect="auto", permalink=":slug/") == "/en/p/"
    assert url("x: y", "p.en.md", dialect="auto", permalink=":slug/", language="en-GB") == "/p/"


def test_a_bundle_in_hugo_is_named_by_its_folder() -> None:
    form = {"dialect": "hugo", "permalink": "/:section/:filename/"}
    assert url("x: y", "post/p/index.zh.md", **form) == "/post/p/"
    assert url("x: y", "post/p.zh.md", **form) == "/post/p/"


def test_the_zone_of_addresses_may_be_another_than_that_of_dates() -> None:
    assert url("x: y", permalink=":year-:month-:day").startswith("/2025-01-02")
    utc = url("x: y", permalink=":year-:month-:day", permalink_zone=ZoneInfo("UTC"))
    assert utc == "/2025-01-01"


@pytest.mark.parametrize(
    ("path", "encoded"),
    [
        ("/a//b/", "a/b/"),
        ("100%/a b#c[d]?e", "100%25/a%20b%23c%5Bd%5D%3Fe"),
        ("e\u0301", "%C3%A9"),
        ("落日", "%E8%90%BD%E6%97%A5"),
        ("/", ""),
    ],
)
def test_a_path_is_composed_and_encoded(path: str, encoded: str) -> None:
    assert encode_path(path) == encoded

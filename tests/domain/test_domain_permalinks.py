from datetime import timedelta

import pytest

from publisher.domain.permalinks import each_address_once, page_of, path_of
from publisher.domain.posts import Post
from tests.factories import NOW, make_post, make_site

SITE = make_site()


def at(address: str, path: str = "a.md", *, age: int = 0, language: str = "en") -> Post:
    url = SITE.link(address)
    return make_post(path=path, url=url, language=language, published=NOW - timedelta(days=age))


def told(*posts: Post) -> dict[str, str]:
    """File -> where it lives, or why it does not."""
    kept, failed = each_address_once(posts, SITE)
    homes = {post.path: post.url.removeprefix(SITE.base_url) for post in kept}
    return homes | {each.path: each.problem for each in failed}


@pytest.mark.parametrize(
    ("address", "page"),
    [
        ("/posts/a/", "posts/a/index.html"),
        ("/posts/a.html", "posts/a.html"),
        ("/about-me", "about-me/index.html"),
        ("/v1.0", "v1.0/index.html"),
        ("/%E4%BF%A1/", "信/index.html"),
    ],
)
def test_a_page_lies_where_a_web_server_knows_it_as_one(address: str, page: str) -> None:
    assert page_of(SITE, SITE.link(address)) == page


def test_elsewhere_there_is_no_place() -> None:
    assert path_of(SITE, "https://elsewhere.example/a/") is None
    assert page_of(SITE, SITE.base_url + ".elsewhere.example/a/") is None
    assert path_of(SITE, SITE.link("")) == "index.html"


@pytest.mark.parametrize("second", ["/a/", "/a", "/a/index.html"])
def test_of_two_at_one_address_the_older_keeps_it(second: str) -> None:
    young, old = at("/a/", "young.md"), at(second, "old.md", age=3)
    assert told(young, old) == {"old.md": second, "young.md": "has the address of old.md"}


def test_a_translation_moves_into_a_folder_of_its_language() -> None:
    chinese, english = at("/p/1/", "1.md", language="zh"), at("/p/1/", "1.en.md", age=-1)
    assert told(chinese, english) == {"1.md": "/p/1/", "1.en.md": "/en/p/1/"}
    squatter = at("/en/p/1/", "squatter.md")
    assert told(chinese, english, squatter) == {
        "1.md": "/p/1/",
        "squatter.md": "/en/p/1/",
        "1.en.md": "has the address of 1.md",
    }


@pytest.mark.parametrize(
    "address",
    [
        "", "/rss.xml", "/feed.json", "/feeds/", "/archives/", "/tags/sea/", "/assets/page.css",
        "/../x/", "/a/%2e%2e/b/", "/a//b/", "/.", "/a%00b/", "/a%0Ab/", "/a.html/b/",
        "/" + "a" * 256 + "/", "/" + "%E4%BF%A1" * 86 + "/",
        "/p/hello", "/subscribe", "/u/a/b",
    ],
)  # fmt: skip
def test_some_addresses_are_for_nobody(address: str) -> None:
    kept, failed = each_address_once([at(address), at("/b/", "b.md")], SITE)
    assert [post.path for post in kept] == ["b.md"]
    assert [each.path for each in failed] == ["a.md"]


@pytest.mark.parametrize(
    "address",
    [
        "/p/hello/", "/p/hello.html", "/subscribe/", "/u/a/b/", "/u", "/public",
        "/p/2026/hello", "/links/friends",
        "/archives/1/", "/archive/a/", "/a.b/", "/.well-known/a/", "/" + "%E4%BF%A1" * 85 + "/",
    ],
)  # fmt: skip
def test_others_are_unusual_and_fit(address: str) -> None:
    assert told(at(address)) == {"a.md": address}


def test_what_lives_elsewhere_may_share() -> None:
    posts = [make_post(path=name, url="https://elsewhere.example/a/") for name in ("a.md", "b.md")]
    assert each_address_once(posts, SITE) == (posts, [])

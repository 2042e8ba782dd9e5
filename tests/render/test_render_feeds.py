"""Feeds as bytes: golden files, the trap of each format, and that pieces make the whole."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime

import feedparser
import pytest
from lxml import etree

from publisher.domain.feeds import Feed, FeedOptions, Podcast, site_feeds
from publisher.domain.labels import file_posts
from publisher.domain.posts import Image, Media, Post, newest_first
from publisher.lint.feeds import lint_feed
from publisher.render import feeds as renderer
from publisher.render.feeds import atom, rss
from publisher.render.json_feed import json_feed
from tests.conftest import Golden
from tests.factories import SHANGHAI, make_post, make_site

TITLE = "R&D1 & <new> &amp; AT&T"
PODCAST = Podcast(
    author="Lin", email="lin@example.org", category="Arts", image="https://example.org/i.png"
)


def posts() -> list[Post]:
    return [
        make_post(1, tags=("sea", "海"), categories=(("life", "growth"),)),
        make_post(
            2,
            title=TITLE,
            description="<new> & old",
            language="zh-CN",
            authors=("Lin", "李"),
            html="<p>a ]]> b &amp; c</p>\n<pre>one\n  two</pre>",
            image=Image(url="https://example.org/a.png", alt="A lamp"),
        ),
        make_post(
            3,
            media=Media(url="https://example.org/a.mp3", type="audio/mpeg", length=9, seconds=61),
            published=datetime(2024, 1, 1, tzinfo=SHANGHAI),
        ),
    ]


def feeds(**options: object) -> list[Feed]:
    site = make_site(base_url="https://example.org")
    given = posts()
    filed = file_posts(newest_first(given), [], author=site.author.name)
    return site_feeds(site, given, filed, FeedOptions(entries=30, full=True, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize("place", [0, -1])
def test_documents_are_as_they_were(golden: Golden, place: int) -> None:
    feed = feeds(hub="https://hub.example.org/", podcast=PODCAST)[place]
    look = "https://example.org/assets/feed.css"
    golden(f"feeds/{feed.kind}.rss", rss(feed, stylesheet=look))
    golden(f"feeds/{feed.kind}.atom", atom(feed, stylesheet=look))
    golden(f"feeds/{feed.kind}.json", json_feed(feed))


@pytest.mark.parametrize("kind", ["rss", "atom"])
@pytest.mark.parametrize("podcast", [None, PODCAST])
def test_the_pieces_joined_are_what_feedgen_writes_of_the_whole(
    kind: str, podcast: Podcast | None
) -> None:
    for feed in feeds(podcast=podcast):
        generator = renderer._generator(feed, kind)
        for entry in feed.entries:
            renderer._add(
                generator.add_entry(order="append"),
                entry,
                kind=kind,
                language=feed.language,
                is_podcast=podcast is not None,
            )
        whole = renderer._written(generator, kind)
        document = {"rss": rss, "atom": atom}[kind](feed)
        assert document == b'<?xml version="1.0" encoding="UTF-8"?>\n' + whole


def test_the_pieces_joined_are_what_the_standard_library_writes_of_the_whole() -> None:
    for feed in [
        *feeds(hub="https://hub.example.org/"),
        *(replace(f, entries=()) for f in feeds()),
    ]:
        document = json_feed(feed)
        whole = json.dumps(json.loads(document), ensure_ascii=False, indent=1)
        assert document == whole.encode() + b"\n"


def test_what_is_rendered_is_sound() -> None:
    for options in ({}, {"podcast": PODCAST}, {"hub": "https://hub.example.org/"}):
        for feed in feeds(**options):
            for form, render in (("rss", rss), ("atom", atom), ("json", json_feed)):
                assert lint_feed(render(feed), url=feed.urls[form]) == [], (feed.kind, form)


def test_a_hostile_title_and_summary_come_out_as_they_went_in() -> None:
    feed = feeds()[0]
    for render in (rss, atom):
        entry = next(e for e in feedparser.parse(render(feed)).entries if "R&D1" in e.title)
        assert entry.title == TITLE
    assert "&#x26;lt;new&#x26;gt; &#x26;amp; old" in rss(feed).decode()
    assert TITLE in {item["title"] for item in json.loads(json_feed(feed))["items"]}


def test_an_atom_entry_keeps_every_attribute_of_its_links() -> None:
    """feedgen drops all but href (its #135, #143); once it does not, our own code can go."""
    from feedgen.feed import FeedGenerator

    generator = FeedGenerator()
    generator.id("x")
    generator.title("x")
    entry = generator.add_entry()
    entry.id("x")
    entry.title("x")
    entry.content("x")
    entry.link(href="https://example.org/a.mp3", rel="enclosure", type="audio/mpeg")
    assert b"audio/mpeg" not in generator.atom_str(), "feedgen is mended: see feed_extension"
    assert b'rel="enclosure" type="audio/mpeg" length="9"' in atom(feeds()[0])


@pytest.mark.parametrize("bad", ["\x00", "\x07", "\x7f", "\x80", "\ufffd", "\uffff", chr(0xD800)])
def test_one_bad_character_kills_no_feed(bad: str) -> None:
    post = make_post(1, title=f"a{bad}b", description=bad, html=f"<p>{bad}x</p>", tags=(bad + "t",))
    site = make_site()
    (feed, *_) = site_feeds(site, [post], [], FeedOptions(entries=9, full=True))
    for render in (rss, atom):
        root = etree.fromstring(render(feed))
        assert bad not in "".join(root.itertext())
    assert json.loads(json_feed(feed))["items"][0]["title"] == "ab"


def test_what_only_looks_strange_stays() -> None:
    kept = "\u200f\u200d\u200b\u2028\ue000𠮷🧭"
    site = make_site()
    (feed, *_) = site_feeds(site, [make_post(1, title=kept)], [], FeedOptions(entries=9, full=True))
    assert kept in rss(feed).decode()
    assert kept in atom(feed).decode()


def test_an_empty_feed_is_a_feed() -> None:
    site = make_site(base_url="https://example.org")
    (feed,) = site_feeds(site, [], [], FeedOptions(entries=9, full=True))
    for form, render in (("rss", rss), ("atom", atom), ("json", json_feed)):
        assert lint_feed(render(feed), url=feed.urls[form]) == []
    assert b"<lastBuildDate>Wed, 01 Jan 2025 00:00:00 +0000</lastBuildDate>" in rss(feed)


def test_threads_make_the_same_bytes_as_one() -> None:
    """feedgen formats dates by the process's locale: without a lock two threads would meet."""
    many = [
        replace(feeds()[0], title=f"Feed {n}", id=f"tag:example.org,2025:{n}") for n in range(100)
    ]
    alone = [rss(feed) + atom(feed) for feed in many]
    renderer._item.cache_clear()
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda feed: rss(feed) + atom(feed), many))
    assert together == alone

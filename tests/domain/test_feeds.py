from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from publisher.domain.feeds import Feed, FeedKind, FeedOptions, entry_id, site_feeds
from publisher.domain.labels import file_posts
from publisher.domain.packing import Packed
from publisher.domain.posts import Body, Image, Post, newest_first
from tests.factories import SHANGHAI, make_post, make_site

OPTIONS = FeedOptions(entries=3, full=True)


def feeds_of(posts: list[Post], options: FeedOptions = OPTIONS, **site: object) -> list[Feed]:
    place = make_site(**site)
    filed = file_posts(newest_first(posts), [], author=place.author.name)
    return site_feeds(place, posts, filed, options)


def dated(year: int, number: int = 1) -> Post:
    return make_post(
        number, id=f"{year}-{number}", published=datetime(year, 1, number, tzinfo=SHANGHAI)
    )


@pytest.mark.parametrize(
    ("post_id", "expected"),
    [
        ("a1b2c3d4-e5f6-7a8b-9c0d-1e2f3g4h5i6j", "tag:lighthouse.example.org,2025:a1b2c3d4-e5f6-"
         "7a8b-9c0d-1e2f3g4h5i6j"),
        ("https://old.example.org/?p=12", "https://old.example.org/?p=12"),
        ("tag:old.example.org,2019:x", "tag:old.example.org,2019:x"),
        ("urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8",) * 2,
        ("urn:uuid:1e2f3g4h", "tag:lighthouse.example.org,2025:urn:uuid:1e2f3g4h"),
        ("posts/依 恋.md", "tag:lighthouse.example.org,2025:posts/%E4%BE%9D%20%E6%81%8B.md"),
        ("https://例.org/", "tag:lighthouse.example.org,2025:https://%E4%BE%8B.org/"),
    ],
)  # fmt: skip
def test_an_id_is_a_uri_of_our_own_unless_it_is_one(post_id: str, expected: str) -> None:
    assert entry_id(make_site(), post_id) == expected


def test_no_id_follows_title_file_category_address_host_or_scheme() -> None:
    post = make_post(1, tags=("sea",), categories=(("life",),))
    moved = replace(
        post, title="Other", path="x/y.md", url="https://new.example.net/z/", categories=(("a",),)
    )
    before = {entry.id for feed in feeds_of([post]) for entry in feed.entries}
    after = {
        entry.id
        for feed in feeds_of([moved], base_url="https://new.example.net")
        for entry in feed.entries
    }
    assert before == after == {"tag:lighthouse.example.org,2025:post-1"}


def test_the_ids_of_feeds_do_not_follow_the_host() -> None:
    posts = [dated(2024), dated(2025)]
    ids = [feed.id for feed in feeds_of(posts)]
    assert ids == [feed.id for feed in feeds_of(posts, base_url="https://new.example.net")]
    assert len(set(ids)) == len(ids)


def test_there_is_a_feed_of_everything_and_of_each_label_with_the_newest_entries() -> None:
    posts = [make_post(n, tags=("sea",) if n < 6 else ("sky",)) for n in range(1, 8)]
    found = {feed.paths["rss"]: [e.title for e in feed.entries] for feed in feeds_of(posts)}
    assert found == {
        "rss.xml": ["Post 7", "Post 6", "Post 5"],
        "tags/sea/feed.xml": ["Post 5", "Post 4", "Post 3"],
        "tags/sky/feed.xml": ["Post 7", "Post 6"],
    }


def test_a_year_of_long_posts_has_archives_that_readers_can_take() -> None:
    posts = [make_post(n, html="x" * 300_000) for n in range(1, 6)]
    _, *archives = feeds_of([*posts, make_post(6, html="x" * 2_000_000), make_post(7)])
    assert [[e.title[-1] for e in feed.entries] for feed in archives] == [
        ["2", "1"], ["4", "3"], ["5"], ["6"], ["7"],
    ]  # fmt: skip


def test_archives_hold_every_post_by_year_and_form_a_chain() -> None:
    posts = [dated(2023), dated(2024), dated(2024, 2), dated(2025)]
    main, *archives = feeds_of(posts)
    assert [feed.name for feed in archives] == ["2023", "2024", "2025"]
    assert sum(len(feed.entries) for feed in archives) == len(posts)
    assert main.previous == archives[2].urls
    assert [feed.previous for feed in archives] == [{}, archives[0].urls, archives[1].urls]
    assert [feed.next for feed in archives] == [archives[1].urls, archives[2].urls, {}]
    assert {feed.current["atom"] for feed in archives} == {main.urls["atom"]}
    assert [feed.is_closed for feed in archives] == [True, True, False]
    assert [entry.title for entry in archives[1].entries] == ["Post 2", "Post 1"]


def test_a_year_is_parted_so_that_no_document_grows_too_large() -> None:
    posts = [
        make_post(1, id=str(n), published=datetime(2025, 1, 1, n // 60, n % 60, tzinfo=UTC))
        for n in range(250)
    ]
    archives = [feed for feed in feeds_of(posts) if feed.kind is FeedKind.ARCHIVE]
    assert [(feed.name, len(feed.entries)) for feed in archives] == [
        ("2025", 100), ("2025-2", 100), ("2025-3", 50),
    ]  # fmt: skip
    later = make_post(1, id="later", published=datetime(2025, 6, 1, tzinfo=UTC))
    grown = [feed for feed in feeds_of([*posts, later]) if feed.kind is FeedKind.ARCHIVE]
    assert grown[:2] == archives[:2]  # only the last part changes
    assert len(grown[2].entries) == 51


def test_a_lone_archive_waits_for_a_second() -> None:
    (main,) = feeds_of([dated(2025), dated(2025, 2)])
    assert main.previous == {}


def test_a_feed_without_entries_is_as_old_as_the_site() -> None:
    (main,) = feeds_of([])
    assert main.updated == datetime(2025, 1, 1, tzinfo=UTC)


def test_posts_of_one_instant_differ_by_a_fraction_that_no_other_post_moves() -> None:
    day = datetime(2025, 10, 11, tzinfo=SHANGHAI)
    posts = [make_post(n, published=day) for n in range(1, 31)]
    (main,) = feeds_of(posts, FeedOptions(entries=30, full=True))
    fractions = {entry.id: entry.distinct_updated for entry in main.entries}
    assert len(set(fractions.values())) == 30
    (fewer,) = feeds_of(posts[:10], FeedOptions(entries=30, full=True))
    assert all(fractions[entry.id] == entry.distinct_updated for entry in fewer.entries)
    assert {entry.updated for entry in main.entries} == {day}


def test_the_picture_of_a_post_stands_before_its_text_once() -> None:
    image = Image(url="https://example.org/a.png?x=1&y=2", alt='"A" lamp')
    shown = '<p><img src="https://example.org/a.png?x=1&amp;y=2" alt=""></p>'
    (without,) = feeds_of([make_post(1, image=image)])[0].entries
    (within,) = feeds_of([make_post(1, image=image, html=shown)])[0].entries
    assert without.html.startswith(
        '<p><img src="https://example.org/a.png?x=1&amp;y=2" alt="&quot;A&quot; lamp"></p><p>'
    )
    assert within.html == shown


class Unread(Packed):
    """A text that nobody may look at."""

    __slots__ = ()

    def data(self) -> bytes:
        raise AssertionError("was read")


def test_entries_are_made_when_somebody_looks_at_them() -> None:
    posts = tuple(replace(make_post(n), body=Body(packed=Unread(), size=9)) for n in range(1, 6))
    (feed, *_) = site_feeds(make_site(), posts, [], FeedOptions(entries=3, full=True))
    assert len(feed.entries) == 3
    assert [each.title for each in feed.entries[:2]] == [each.title for each in feed.entries][:2]
    assert feed.entries[-1] in feed.entries
    with pytest.raises(AssertionError, match="was read"):
        _ = feed.entries[0].html

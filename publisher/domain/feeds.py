"""Feeds as values: one `Feed` is rendered as RSS 2.0, Atom 1.0 and JSON Feed 1.1 alike."""

import hashlib
import html
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import groupby, pairwise
from typing import overload
from urllib.parse import quote

from publisher.domain.issues import Issue, archive_path, issue_path
from publisher.domain.labels import Filed, LabelKind
from publisher.domain.newsletters import Newsletter
from publisher.domain.posts import (
    NO_EXCERPT,
    Body,
    Excerpt,
    Image,
    Media,
    Post,
    newest_first,
)
from publisher.domain.sites import Person, Site

MAIN_FILES = {"rss": "rss.xml", "atom": "atom.xml", "json": "feed.json"}
"""Format -> file name of the main feed."""

OTHER_FILES = {"rss": "feed.xml", "atom": "atom.xml", "json": "feed.json"}
"""Format -> file name of every other feed, in a folder of its own."""

ARCHIVE_ENTRIES = 100
ARCHIVE_BYTES = 700_000
"""The most entries of an archive document, and the most HTML: readers refuse large ones, and
Atom makes a third more of the HTML.
"""

_PLAIN = re.compile(r"[\w/:@!$&()*+,;=.~-]*", re.ASCII)
_HALF_HOUR = timedelta(minutes=30)
_HEX = "[0-9a-f]"
_UUID = re.compile(rf"urn:uuid:{_HEX}{{8}}(-{_HEX}{{4}}){{3}}-{_HEX}{{12}}", re.IGNORECASE)
_TAG = r"tag:[a-z0-9@._-]+,\d{4}(-\d\d(-\d\d)?)?"  # RFC 4151, section 2.1
_URI = re.compile(rf"(https?|urn|ni|{_TAG}):[A-Za-z0-9;/?:@&=+$,._!~*'()%#-]+", re.ASCII)


class FeedKind(StrEnum):
    """What a feed is about."""

    MAIN = "main"
    TAG = "tag"
    CATEGORY = "category"
    AUTHOR = "author"
    LANGUAGE = "language"
    ISSUES = "issues"
    ARCHIVE = "archive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Podcast:
    """What podcast directories ask of a channel; `category` is one of Apple's, `image` a URL."""

    author: str
    email: str
    category: str
    image: str
    is_explicit: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedOptions:
    """How feeds are made.

    `entries`: how many a feed holds; `full`: the whole text or the excerpt; `hub`: a WebSub hub,
    empty = none. `media_type`: `feed` for each format's own, `xml` for what browsers style.
    """

    entries: int
    full: bool
    hub: str = ""
    hub_is_private: bool = False
    media_type: str = "feed"
    podcast: Podcast | None = None
    redirects: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One post in a feed. `description` is plain text, `body` the content; either may be empty.

    `excerpt` speaks where there is no description. `digest` stands for both texts in fingerprints.
    """

    id: str
    title: str
    url: str
    published: datetime
    updated: datetime
    description: str
    body: Body
    language: str
    excerpt: Excerpt = NO_EXCERPT
    digest: str = ""
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    categories: tuple[tuple[str, ...], ...] = ()
    image: Image | None = None
    media: Media | None = None

    @property
    def summary(self) -> str:
        """What the post is about, in plain text."""
        return self.description or self.excerpt.text

    @property
    def html(self) -> str:
        """The content, with the entry's picture before it unless it shows that already."""
        content, image = self.body.html, self.image
        if image is None or html.escape(image.url) in content:
            return content
        alt = html.escape(image.alt)
        return f'<p><img src="{html.escape(image.url)}" alt="{alt}"></p>{content}'

    @property
    def labels(self) -> tuple[str, ...]:
        """Tags, then categories as paths (`life/growth`); each once."""
        paths = ("/".join(path) for path in self.categories)
        return tuple(dict.fromkeys((*self.tags, *paths)))

    @property
    def distinct_updated(self) -> datetime:
        """`updated` with a fraction of a second that is this entry's own.

        Two Atom entries with the same `updated` are a validator's warning (DuplicateUpdated);
        blogs that were moved have many. A fraction made of the id stays the same whatever other
        posts appear.
        """
        digest = hashlib.sha256(self.id.encode()).digest()
        return self.updated.replace(microsecond=1 + int.from_bytes(digest) % 999_999)


@dataclass(frozen=True, slots=True)
class PostEntries(Sequence[Entry]):
    """The entries of some posts, made when somebody looks at them: of ten thousand posts a build
    looks at a few. `full` as in `FeedOptions`.
    """

    site: Site
    posts: tuple[Post, ...]
    full: bool

    @overload
    def __getitem__(self, place: int) -> Entry: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Entry]: ...
    def __getitem__(self, place: int | slice) -> Entry | Sequence[Entry]:
        if isinstance(place, slice):
            return PostEntries(self.site, self.posts[place], self.full)
        return entry(self.site, self.posts[place], full=self.full)

    def __len__(self) -> int:
        return len(self.posts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One feed, entries newest first.

    `paths` and `urls`: format (`rss`, `atom`, `json`) -> path below the output folder, public URL.
    An archive has `current`, the feed it belongs to, and its neighbours in time where there are
    any; the newest archive is `previous` of the main feed. All three are URLs by format.
    `is_closed`: no post will be added. `name`: the label, newsletter or year it is about.
    """

    kind: FeedKind
    id: str
    name: str
    title: str
    description: str
    home_url: str
    paths: dict[str, str]
    urls: dict[str, str]
    language: str
    author: Person
    updated: datetime
    entries: Sequence[Entry] = ()
    current: dict[str, str] = field(default_factory=dict)
    previous: dict[str, str] = field(default_factory=dict)
    next: dict[str, str] = field(default_factory=dict)
    is_closed: bool = False
    hub: str = ""
    podcast: Podcast | None = None


def tag_uri(site: Site, key: str) -> str:
    """A `tag:` URI of this site (RFC 4151, section 2.1), ASCII and canonical."""
    plain = key if _PLAIN.fullmatch(key) else quote(key, safe="/:@!$&()*+,;=._~-")
    return f"tag:{site.authority},{site.since}:{plain}"


def entry_id(site: Site, post_id: str) -> str:
    """The id of a post in every feed: the post's own if that is a URI, else a tag URI of it."""
    is_uri = _URI.fullmatch(post_id) and (
        not post_id.lower().startswith("urn:uuid:") or _UUID.fullmatch(post_id)
    )
    return post_id if is_uri else tag_uri(site, post_id)


def entry(site: Site, post: Post, *, full: bool) -> Entry:
    """The feed entry of one post; without `full` its content is the excerpt."""
    return Entry(
        id=entry_id(site, post.id),
        title=post.title,
        url=post.url,
        published=fit(post.published),
        updated=fit(post.updated),
        description=post.description,
        excerpt=post.excerpt,
        body=post.body if full else Body.of(post.excerpt.html),
        digest=post.content_hash,
        language=post.language,
        authors=post.authors or (site.author.name,),
        tags=post.tags,
        categories=post.categories,
        image=post.image,
        media=post.media,
    )


def fit(instant: datetime) -> datetime:
    """The instant as feeds may tell it: in UTC where its zone is not whole half hours off.

    Validators doubt +0545 in RSS, and RFC 3339 has no seconds in an offset, which zones had before
    there were railways.
    """
    offset = instant.utcoffset()
    return instant if offset is not None and not offset % _HALF_HOUR else instant.astimezone(UTC)


def issue_entry(site: Site, newsletter: Newsletter, issue: Issue, posts: Sequence[Post]) -> Entry:
    """The feed entry of a sent issue: its posts with their openings."""
    content = "".join(
        f'<h2><a href="{html.escape(post.url)}">{html.escape(post.title, quote=False)}</a></h2>'
        f"{post.excerpt.html}"
        for post in posts
    )
    return Entry(
        id=tag_uri(site, f"issue/{newsletter.id}/{issue.period}"),
        title=issue.subject,
        url=site.link(issue_path(newsletter.id, issue.period)),
        published=fit(issue.slot.astimezone(newsletter.schedule.zone)),
        updated=fit(issue.slot.astimezone(newsletter.schedule.zone)),
        description=" · ".join(post.title for post in posts),
        body=Body.of(content),
        digest=hashlib.sha256(content.encode("utf-8", "replace")).hexdigest(),
        language=newsletter.language,
        authors=(newsletter.sender.name,),
    )


def site_feeds(
    site: Site, posts: Sequence[Post], filed: Sequence[Filed], options: FeedOptions
) -> list[Feed]:
    """The main feed, those of the labels, and the archives."""
    made = _Maker(site, options)
    ordered = newest_first(posts)
    archives = _archives(made, ordered)
    main = made.feed(
        FeedKind.MAIN,
        folder="",
        name="",
        title=site.title,
        posts=ordered[: options.entries],
    )
    if archives:
        main = replace(main, previous=archives[-1].urls)
    return [main, *(_label_feed(made, item) for item in filed), *archives]


def issues_feed(
    site: Site, newsletter: Newsletter, entries: Sequence[Entry], options: FeedOptions
) -> Feed:
    """The feed of a newsletter's sent issues; `entries` newest first."""
    made = _Maker(site, options)
    feed = made.feed(
        FeedKind.ISSUES,
        folder=f"newsletters/{newsletter.id}",
        name=newsletter.id,
        title=newsletter.title,
        posts=(),
    )
    return replace(
        feed,
        description=newsletter.description or newsletter.title,
        language=newsletter.language,
        home_url=site.link(archive_path(newsletter.id)),
        entries=tuple(entries[: options.entries]),
        updated=_latest(site, entries[: options.entries]),
    )


class _Maker:
    """Makes feeds of one site."""

    def __init__(self, site: Site, options: FeedOptions) -> None:
        self.site = site
        self._options = options

    def feed(
        self, kind: FeedKind, *, folder: str, name: str, title: str, posts: Iterable[Post]
    ) -> Feed:
        """A feed in `folder` below the output folder; the main feed has none."""
        entries = PostEntries(self.site, tuple(posts), self._options.full)
        files = OTHER_FILES if folder else MAIN_FILES
        paths = {form: f"{folder}/{file}".lstrip("/") for form, file in files.items()}
        return Feed(
            kind=kind,
            id=tag_uri(self.site, f"feed/{folder}".rstrip("/")),
            name=name,
            title=title,
            description=self.site.description or self.site.title,
            home_url=self.site.link(f"{quote(folder)}/" if folder else "/"),
            paths=paths,
            urls={form: self.site.link(quote(path)) for form, path in paths.items()},
            language=self.site.language,
            author=self.site.author,
            updated=_latest(self.site, entries.posts),
            entries=entries,
            hub="" if kind is FeedKind.ARCHIVE else self._options.hub,
            podcast=self._options.podcast,
        )


def _label_feed(made: _Maker, filed: Filed) -> Feed:
    label = filed.label
    feed = made.feed(
        FeedKind(label.kind.value),
        folder=label.folder,
        name=label.name,
        title=f"{label.name} · {made.site.title}",
        posts=filed.posts[: made._options.entries],
    )
    return replace(feed, language=label.name) if label.kind is LabelKind.LANGUAGE else feed


def _archives(made: _Maker, posts: Sequence[Post]) -> list[Feed]:
    """The archive documents, oldest first (RFC 5005, section 4): a year each, or a part of one.

    A part is full before the next begins, so that a new post changes the last one only. While
    there is but one document there is none: it would have no neighbour, and the main feed, or a
    few posts more, hold the same.
    """
    documents = []
    oldest_first = reversed(posts)
    for year, group in groupby(oldest_first, key=lambda post: post.published.year):
        for part, chunk in enumerate(_chunks(group), start=1):
            name = f"{year}" if part == 1 else f"{year}-{part}"
            documents.append((name, chunk[::-1]))
    if len(documents) < 2:
        return []
    feeds = [
        made.feed(
            FeedKind.ARCHIVE,
            folder=f"archives/{name}",
            name=name,
            title=f"{made.site.title} · {name}",
            posts=chunk,
        )
        for name, chunk in documents
    ]
    current = {form: made.site.link(file) for form, file in MAIN_FILES.items()}
    feeds = [replace(feed, current=current, home_url=made.site.link("/")) for feed in feeds]
    for place, (older, newer) in enumerate(pairwise(feeds)):
        feeds[place] = replace(feeds[place], next=newer.urls, is_closed=True)
        feeds[place + 1] = replace(feeds[place + 1], previous=older.urls)
    return feeds


def _chunks(posts: Iterable[Post]) -> Iterator[list[Post]]:
    """The posts in parts; one that is too large for any has a part of its own."""
    chunk: list[Post] = []
    total = 0
    for post in posts:
        total += post.body.size
        if chunk and (len(chunk) == ARCHIVE_ENTRIES or total > ARCHIVE_BYTES):
            yield chunk
            chunk, total = [], post.body.size
        chunk.append(post)
    if chunk:
        yield chunk


def _latest(site: Site, entries: Iterable[Entry | Post]) -> datetime:
    """When the youngest entry was updated; of an empty feed the beginning of the site."""
    latest = max((each.updated for each in entries), default=datetime(site.since, 1, 1, tzinfo=UTC))
    return fit(latest)

"""Feeds as values: one `Feed` is rendered as RSS 2.0, Atom 1.0 and JSON Feed 1.1 alike."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from publisher.domain.posts import Image, Post
from publisher.domain.sites import Person, Site

FEED_FILES = {"rss": "rss.xml", "atom": "atom.xml", "json": "feed.json"}
"""Format -> file name of the main feed, below the site and below the output folder."""

_URI = re.compile(r"(https?|tag|urn|ni):[^\s]+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One post in a feed. `summary` is plain text, `html` the content; either may be empty."""

    id: str
    title: str
    url: str
    published: datetime
    updated: datetime
    summary: str
    html: str
    language: str
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    categories: tuple[tuple[str, ...], ...] = ()
    image: Image | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """Tags, then categories as paths (`life/growth`); each once."""
        paths = ("/".join(path) for path in self.categories)
        return tuple(dict.fromkeys((*self.tags, *paths)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One feed, entries newest first. `urls`: format (`rss`, `atom`, `json`) -> public URL."""

    id: str
    title: str
    description: str
    home_url: str
    urls: dict[str, str]
    language: str
    author: Person
    updated: datetime
    entries: tuple[Entry, ...] = ()


def tag_uri(site: Site, key: str) -> str:
    """A `tag:` URI of this site (RFC 4151, section 2.1), ASCII and canonical."""
    return f"tag:{site.authority},{site.since}:{quote(key, safe='/:@!$&()*+,;=._~-')}"


def entry_id(site: Site, post_id: str) -> str:
    """The id of a post in every feed: the post's own if that is a URI, else a tag URI of it."""
    return post_id if _URI.fullmatch(post_id) else tag_uri(site, post_id)


def entry(site: Site, post: Post, *, full: bool) -> Entry:
    """The feed entry of one post; without `full` its content is the excerpt."""
    return Entry(
        id=entry_id(site, post.id),
        title=post.title,
        url=post.url,
        published=post.published,
        updated=_distinct(post.updated, post.id),
        summary=post.description or post.excerpt.text,
        html=post.html if full else post.excerpt.html,
        language=post.language,
        authors=post.authors or (site.author.name,),
        tags=post.tags,
        categories=post.categories,
        image=post.image,
    )


def main_feed(site: Site, posts: Sequence[Post], *, full: bool) -> Feed:
    """The feed of everything: `posts` as selected, newest first."""
    entries = tuple(entry(site, post, full=full) for post in posts)
    return Feed(
        id=tag_uri(site, "feed"),
        title=site.title,
        description=site.description,
        home_url=site.link("/"),
        urls={kind: site.link(name) for kind, name in FEED_FILES.items()},
        language=site.language,
        author=site.author,
        updated=max((e.updated for e in entries), default=datetime(site.since, 1, 1, tzinfo=UTC)),
        entries=entries,
    )


def _distinct(updated: datetime, post_id: str) -> datetime:
    """Date-only posts of one day get a fraction of their own.

    Two Atom entries with the same `updated` are a validator's warning (DuplicateUpdated); a
    fraction from the id never moves when another post of that day appears.
    """
    if (updated.hour, updated.minute, updated.second) != (0, 0, 0):
        return updated
    digest = hashlib.sha256(post_id.encode()).digest()
    return updated + timedelta(microseconds=1 + int.from_bytes(digest) % 999_999)

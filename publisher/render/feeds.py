"""RSS 2.0 and Atom 1.0 by feedgen, through its extension mechanism where it falls short.

What feedgen leaves out or writes in a way that readers stumble over is put right in
`feed_extension`; text elements then get hexadecimal references, which every reader decodes once
(RSS Profile 1.0, "Character Data"). Equal feeds give equal bytes.
"""

import html
import re
from threading import Lock

from feedgen.entry import FeedEntry
from feedgen.feed import FeedGenerator

from publisher.domain.feeds import Entry, Feed
from publisher.render.cleaning import clean
from publisher.render.feed_extension import PubEntry, PubFeed

GENERATOR = "Publisher"

# feedgen formats dates with the process's locale switched for a moment.
_LOCK = Lock()

_TEXT_ELEMENT = re.compile(
    rb"<(title|subtitle|summary|description|name|rights|copyright|category|dc:creator)"
    rb"((?:\s[^>]*)?)>([^<]*)</\1>"
)
_CDATA = re.compile(rb"(<!\[CDATA\[.*?\]\]>)", re.DOTALL)
_REFERENCES = {b"&amp;": b"&#x26;", b"&lt;": b"&#x3C;", b"&gt;": b"&#x3E;"}


def rss(feed: Feed) -> bytes:
    """The feed as RSS 2.0: the summary as description, the whole content as content:encoded."""
    with _LOCK:
        generator = _generator(feed, "rss")
        return _finish(generator.rss_str(pretty=True))


def atom(feed: Feed) -> bytes:
    """The feed as Atom 1.0 (RFC 4287)."""
    with _LOCK:
        generator = _generator(feed, "atom")
        return _finish(generator.atom_str(pretty=True))


def _generator(feed: Feed, kind: str) -> FeedGenerator:
    generator = FeedGenerator()
    generator.register_extension("pub", PubFeed, PubEntry)
    generator.pub.feed = feed
    generator.id(feed.id)
    generator.title(clean(feed.title))
    # RSS wants a description, Atom an author with at least a name.
    generator.description(clean(feed.description or feed.title))
    generator.subtitle(clean(feed.description or feed.title))
    generator.author(name=clean(feed.author.name))
    generator.language(feed.language)
    generator.link(href=feed.urls[kind], rel="self", type=f"application/{kind}+xml")
    generator.link(href=feed.home_url, rel="alternate", type="text/html")
    generator.updated(feed.updated)
    generator.lastBuildDate(feed.updated)
    generator.generator(GENERATOR)  # no version: an upgrade must not change every feed
    for entry in feed.entries:
        _add(generator.add_entry(order="append"), entry, kind=kind, language=feed.language)
    return generator


def _add(item: FeedEntry, entry: Entry, *, kind: str, language: str) -> None:
    item.pub.entry = entry
    item.pub.is_foreign = entry.language not in {"", language}
    item.id(entry.id)
    item.guid(entry.id, permalink=False)
    item.title(clean(entry.title))
    item.link(href=entry.url, rel="alternate", type="text/html")
    item.published(entry.published)
    item.updated(entry.updated)
    for name in entry.authors:
        item.author(name=clean(name))
    for label in entry.labels:
        item.category(term=clean(label))
    # The text of an RSS description is HTML: plain text is escaped once more than in Atom.
    summary = clean(entry.summary)
    item.summary(html.escape(summary, quote=False) if kind == "rss" else summary)
    if entry.html:
        item.content(clean(entry.html), type="CDATA" if kind == "rss" else "html")


def _finish(document: bytes) -> bytes:
    """Double quotes in the declaration, hexadecimal references in text, a final line end."""
    parts = _CDATA.split(document)
    parts[::2] = [_TEXT_ELEMENT.sub(_with_references, part) for part in parts[::2]]
    body = b"".join(parts).replace(
        b"<?xml version='1.0' encoding='UTF-8'?>", b'<?xml version="1.0" encoding="UTF-8"?>', 1
    )
    return body.rstrip(b"\n") + b"\n"


def _with_references(match: re.Match[bytes]) -> bytes:
    name, attributes, text = match.groups()
    for named, hexadecimal in _REFERENCES.items():
        text = text.replace(named, hexadecimal)
    return b"<" + name + attributes + b">" + text + b"</" + name + b">"

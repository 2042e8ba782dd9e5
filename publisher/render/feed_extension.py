"""What feedgen 1.0 does not write: all links, creators, languages, archives, updates, podcasts."""

from feedgen.ext.base import BaseEntryExtension, BaseExtension
from lxml import etree

from publisher.domain.feeds import Entry, Feed, FeedKind
from publisher.render.cleaning import clean

ATOM = "http://www.w3.org/2005/Atom"
DC = "http://purl.org/dc/elements/1.1/"
MEDIA = "http://search.yahoo.com/mrss/"
FH = "http://purl.org/syndication/history/1.0"
SY = "http://purl.org/rss/1.0/modules/syndication/"
ITUNES = "http://www.itunes.com/dtds/podcast-1.0.dtd"
XML = "http://www.w3.org/XML/1998/namespace"

MEDIA_TYPES = {"rss": "application/rss+xml", "atom": "application/atom+xml"}

RSS_MINUTES = 60
"""How long a reader may keep an RSS feed before it asks again."""


class PubFeed(BaseExtension):  # type: ignore[misc]  # feedgen has no types
    """The additions to a feed. `feed` is set before rendering."""

    feed: Feed

    def extend_ns(self) -> dict[str, str]:
        names = {"dc": DC, "media": MEDIA}
        if self.feed.current:
            names["fh"] = FH
        if self.feed.kind is FeedKind.ISSUES:
            names["sy"] = SY
        if self.feed.podcast:
            names["itunes"] = ITUNES
        return names

    def extend_rss(self, rss: etree._Element) -> etree._Element:
        channel = rss[0]
        for name, url in _links(self.feed, "rss"):
            link = etree.SubElement(channel, f"{{{ATOM}}}link")
            _set_link(link, name, url, "rss")
        if self.feed.kind is FeedKind.ISSUES:
            _append(channel, f"{{{SY}}}updatePeriod", "weekly")
            _append(channel, f"{{{SY}}}updateFrequency", "1")
        if self.feed.current:
            etree.SubElement(channel, f"{{{FH}}}archive")
        self._describe_podcast(channel)
        return rss

    def extend_atom(self, feed: etree._Element) -> etree._Element:
        feed.set(f"{{{XML}}}lang", self.feed.language)
        for name, url in _links(self.feed, "atom"):
            _set_link(etree.SubElement(feed, "link"), name, url, "atom")
        if self.feed.current:
            etree.SubElement(feed, f"{{{FH}}}archive")
        return feed

    def _describe_podcast(self, channel: etree._Element) -> None:
        podcast = self.feed.podcast
        if podcast is None:
            return
        _append(channel, f"{{{ITUNES}}}author", clean(podcast.author))
        _append(channel, f"{{{ITUNES}}}explicit", _yes_or_no(podcast.is_explicit))
        category = etree.SubElement(channel, f"{{{ITUNES}}}category")
        category.set("text", podcast.category)
        owner = etree.SubElement(channel, f"{{{ITUNES}}}owner")
        _append(owner, f"{{{ITUNES}}}name", clean(podcast.author))
        _append(owner, f"{{{ITUNES}}}email", podcast.email)
        etree.SubElement(channel, f"{{{ITUNES}}}image").set("href", podcast.image)


class PubNames(BaseExtension):  # type: ignore[misc]  # feedgen has no types
    """All names that an entry may use, for writing one alone."""

    def extend_ns(self) -> dict[str, str]:
        return {"dc": DC, "media": MEDIA, "itunes": ITUNES}


class PubEntry(BaseEntryExtension):  # type: ignore[misc]  # feedgen has no types
    """The additions to an entry.

    `is_foreign`: its language is not the feed's; `is_podcast`: directories read the feed. Set all
    three first.
    """

    entry: Entry
    is_foreign: bool
    is_podcast: bool

    def extend_rss(self, item: etree._Element) -> etree._Element:
        # <author> must be a mail address; names belong into dc:creator (RSS Profile 1.0).
        for name in self.entry.authors:
            _append(item, f"{{{DC}}}creator", clean(name))
        if self.is_foreign:
            _append(item, f"{{{DC}}}language", self.entry.language)
        self._thumbnail(item)
        if self.is_podcast and self.entry.media:
            _append(item, f"{{{ITUNES}}}explicit", "no")
            if self.entry.media.seconds:
                _append(item, f"{{{ITUNES}}}duration", str(self.entry.media.seconds))
        return item

    def extend_atom(self, item: etree._Element) -> etree._Element:
        # feedgen keeps nothing of an entry's link but its address (its #135, #143).
        for link in item.findall("link"):
            item.remove(link)
        position = [child.tag for child in item].index("updated") + 1
        link = etree.Element("link")
        link.set("href", self.entry.url)
        link.set("rel", "alternate")
        link.set("type", "text/html")
        item.insert(position, link)
        media = self.entry.media
        if media:
            link = etree.Element("link")
            link.set("href", media.url)
            link.set("rel", "enclosure")
            link.set("type", media.type)
            link.set("length", str(media.length))
            item.insert(position + 1, link)
        if self.is_foreign:
            item.set(f"{{{XML}}}lang", self.entry.language)
        self._thumbnail(item)
        return item

    def _thumbnail(self, item: etree._Element) -> None:
        image = self.entry.image
        if image is not None:
            thumbnail = etree.SubElement(item, f"{{{MEDIA}}}thumbnail")
            thumbnail.set("url", image.url)


def _links(feed: Feed, kind: str) -> list[tuple[str, str]]:
    """The links of a document besides itself and its page: relation, URL."""
    found = [
        ("hub", feed.hub),
        ("current", feed.current.get(kind, "")),
        ("prev-archive", feed.previous.get(kind, "")),
        ("next-archive", feed.next.get(kind, "")),
    ]
    return [(name, url) for name, url in found if url]


def _set_link(link: etree._Element, name: str, url: str, kind: str) -> None:
    link.set("href", url)
    link.set("rel", name)
    if name != "hub":
        link.set("type", MEDIA_TYPES[kind])


def _append(parent: etree._Element, tag: str, text: str) -> None:
    etree.SubElement(parent, tag).text = text


def _yes_or_no(is_so: bool) -> str:
    return "yes" if is_so else "no"

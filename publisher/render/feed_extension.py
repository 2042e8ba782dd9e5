"""What feedgen 1.0 does not write: all links, Dublin Core creators, languages, thumbnails."""

from feedgen.ext.base import BaseEntryExtension, BaseExtension
from lxml import etree

from publisher.domain.feeds import Entry, Feed

ATOM = "http://www.w3.org/2005/Atom"
DC = "http://purl.org/dc/elements/1.1/"
MEDIA = "http://search.yahoo.com/mrss/"
XML = "http://www.w3.org/XML/1998/namespace"


class PubFeed(BaseExtension):  # type: ignore[misc]  # feedgen has no types
    """The additions to a feed. `feed` is set before rendering."""

    feed: Feed

    def extend_ns(self) -> dict[str, str]:
        return {"dc": DC, "media": MEDIA}

    def extend_rss(self, rss: etree._Element) -> etree._Element:
        return rss

    def extend_atom(self, feed: etree._Element) -> etree._Element:
        feed.set(f"{{{XML}}}lang", self.feed.language)
        return feed


class PubEntry(BaseEntryExtension):  # type: ignore[misc]  # feedgen has no types
    """The additions to an entry. `is_foreign`: its language is not the feed's. Set both first."""

    entry: Entry
    is_foreign: bool

    def extend_rss(self, item: etree._Element) -> etree._Element:
        # <author> must be a mail address; names belong into dc:creator (RSS Profile 1.0).
        for name in self.entry.authors:
            _append(item, f"{{{DC}}}creator", name)
        if self.is_foreign:
            _append(item, f"{{{DC}}}language", self.entry.language)
        self._thumbnail(item)
        return item

    def extend_atom(self, item: etree._Element) -> etree._Element:
        # feedgen keeps nothing of an entry's link but its address (its #135, #143).
        for link in item.findall("link"):
            item.remove(link)
        link = etree.Element("link")
        link.set("href", self.entry.url)
        link.set("rel", "alternate")
        link.set("type", "text/html")
        position = [child.tag for child in item].index("updated") + 1
        item.insert(position, link)
        if self.is_foreign:
            item.set(f"{{{XML}}}lang", self.entry.language)
        self._thumbnail(item)
        return item

    def _thumbnail(self, item: etree._Element) -> None:
        image = self.entry.image
        if image is not None:
            thumbnail = etree.SubElement(item, f"{{{MEDIA}}}thumbnail")
            thumbnail.set("url", image.url)


def _append(parent: etree._Element, tag: str, text: str) -> None:
    etree.SubElement(parent, tag).text = text

"""Links: where a feed says it is, what belongs to it, and how addresses are written."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from publisher.lint.feeds_document import ATOM, FH, MEDIA, FeedDocument, Node, words
from publisher.lint.findings import Finding, Severity

_UNFIT = re.compile(r"[^0-9A-Za-z;/?:@&=+$.\-_!~*'()%,#]")
_RELATIONS = words(
    "alternate current describedby edit edit-media enclosure first hub last license next "
    "next-archive payment prev-archive previous related replies search self service up "
    "via"
)
_PAGING = words("current first last next next-archive prev-archive previous")
_URI = re.compile(r"[a-z][a-z0-9+.-]*:\S+", re.IGNORECASE)
_FEED_TYPES = frozenset({"application/rss+xml", "application/atom+xml", "application/rdf+xml"})
_FORM_TYPES = {"rss": "application/rss+xml", "atom": "application/atom+xml"}
_XML_TYPES = frozenset({*_FORM_TYPES.values(), "application/xml", "text/xml"})


def check_links(feed: FeedDocument, *, url: str) -> Iterator[Finding]:
    """The rules `U1`, `L1`, `L2`, `L3`, `R4`. `url`: where the document is published."""
    yield from _characters(feed)
    yield from _self(feed, url)
    yield from _relations(feed)
    yield from _archive(feed)
    own = url or next(filter(None, map(_own_address, feed.head.all("link", ATOM))), "")
    for entry in feed.entries if feed.form == "rss" else ():
        yield from _enclosures(entry, own)


def check_media_type(form: str, media_type: str) -> Iterator[Finding]:
    """The rule `M1`. `media_type` as it is served, with or without parameters."""
    kind = media_type.partition(";")[0].strip().lower()
    other = {"rss": "atom", "atom": "rss"}[form]
    if kind not in _XML_TYPES or kind == _FORM_TYPES[other]:
        yield Finding(
            rule="M1",
            severity=Severity.WARNING,
            line=0,
            problem=f"is served as {kind or 'nothing in particular'}",
            fix=f"serve it as {_FORM_TYPES[form]}",
        )


def _characters(feed: FeedDocument) -> Iterator[Finding]:
    for node in feed.nodes:
        for value in _addresses(node, feed):
            if found := _UNFIT.search(value):
                yield Finding(
                    rule="U1",
                    severity=Severity.ERROR,
                    line=node.line,
                    problem=f"<{node.shown}>: {found[0]!r} must not stand in the URL {value[:60]}",
                    fix="percent-encode it; write a host's name in its ASCII form",
                )


def _addresses(node: Node, feed: FeedDocument) -> Iterator[str]:
    """The URLs of one element."""
    if node.space == feed.space and node.name in {"link", "icon", "logo", "uri", "url", "docs"}:
        yield node.text.strip()
    if node.space == ATOM and node.name == "link":
        yield node.attributes.get("href", "")
    if node.name in {"enclosure", "thumbnail", "content"} and node.space in {"", MEDIA}:
        yield node.attributes.get("url", "")
    if node.space == ATOM and node.name == "category":
        yield node.attributes.get("scheme", "")


def _self(feed: FeedDocument, url: str) -> Iterator[Finding]:
    links = feed.head.all("link", ATOM)
    for link in links:
        if "href" not in link.attributes:
            yield _error("L1", link, "a link without href", "say where it leads")
    own = next((link for link in links if link.attributes.get("rel") == "self"), None)
    if own is None:
        problem = "the feed does not say where it is"
        yield _finding("L1", feed.head, problem, 'add a link with rel="self"')
        return
    place = own.attributes.get("href", "")
    if url and place != url:
        problem = f"says that it is at {place}, and is at {url}"
        yield _finding("L1", own, problem, "set site.base_url to the public address")
    kind = own.attributes.get("type", "")
    if kind and kind not in _FEED_TYPES:
        yield _finding("L1", own, f"the feed's own type is {kind}", "name the type of the feed")


def _relations(feed: FeedDocument) -> Iterator[Finding]:
    for parent in (feed.head, *feed.entries):
        for link in parent.all("link", ATOM):
            name = link.attributes.get("rel", "alternate")
            if name not in _RELATIONS and not _URI.fullmatch(name):
                yield _finding("L2", link, f"the relation {name!r} is not registered", "use a URI")
            elif name in _PAGING and parent is not feed.head:
                problem = f"an entry has no {name}: that is said of feeds"
                yield _finding("L2", link, problem, "move it to the feed")


def _archive(feed: FeedDocument) -> Iterator[Finding]:
    archive = feed.head.first("archive", FH)
    if archive is None:
        return
    relations = {link.attributes.get("rel") for link in feed.head.all("link", ATOM)}
    if feed.form == "atom" and "current" not in relations:
        yield _finding("L3", archive, "an archive without current", "link to the feed it is of")
    if not relations & {"prev-archive", "next-archive"}:
        problem = "an archive without a neighbour"
        yield _finding("L3", archive, problem, "wait until there are two archives")


def _own_address(link: Node) -> str:
    return link.attributes.get("href", "") if link.attributes.get("rel") == "self" else ""


def _enclosures(item: Node, own: str) -> Iterator[Finding]:
    found = item.all("enclosure")
    if len(found) > 1:
        yield _finding("R4", found[1], "a second enclosure, which readers pass over", "keep one")
    for node in found:
        url = node.attributes.get("url", "")
        if not _is_of_file(url, own):
            problem = f"{url!r} is not the URL of a file"
            yield _error("R4", node, problem, "write https://host.example/file")
        elif not node.attributes.get("length", "").isdigit():
            yield _error("R4", node, "has no length in bytes", "0 means unknown")
        elif "/" not in node.attributes.get("type", ""):
            yield _error("R4", node, "has no media type", "say for example audio/mpeg")


def _is_of_file(url: str, own: str) -> bool:
    """Whether an address has a path, and a host that anybody can reach, or at least whoever reads
    the feed: in a rehearsal both are on `localhost`.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        is_reached = "." in host or (bool(host) and host == urlsplit(own).hostname)
    except ValueError:  # half an IPv6 address
        return False
    return is_reached and parts.path.startswith("/")


def _error(rule: str, node: Node, problem: str, fix: str) -> Finding:
    return Finding(rule=rule, severity=Severity.ERROR, line=node.line, problem=problem, fix=fix)


def _finding(rule: str, node: Node, problem: str, fix: str) -> Finding:
    return Finding(rule=rule, severity=Severity.WARNING, line=node.line, problem=problem, fix=fix)

"""The parts of a feed: what must be there, in which order, and what no reader knows."""

import re
from collections.abc import Iterator

from publisher.lint.feeds_document import (
    ATOM,
    CONTENT,
    DC,
    FH,
    ITUNES,
    MEDIA,
    SLASH,
    SY,
    FeedDocument,
    Node,
    words,
)
from publisher.lint.findings import Finding, Severity

_KNOWN_SPACES = frozenset({
    "", ATOM, CONTENT, DC, SY, MEDIA, FH, SLASH, ITUNES,
    "http://purl.org/dc/terms/",
    "http://purl.org/syndication/thread/1.0",
    "http://wellformedweb.org/CommentAPI/",
    "http://backend.userland.com/creativeCommonsRssModule",
    "http://www.georss.org/georss",
    "http://www.w3.org/1999/xhtml",
})  # fmt: skip
_CHILDREN = {
    ("rss", "channel"): words(
        "title link description language copyright managingEditor webMaster pubDate "
        "lastBuildDate category generator docs cloud ttl image rating textInput skipHours "
        "skipDays item"
    ),
    ("rss", "item"): words(
        "title link description author category comments enclosure guid pubDate source"
    ),
    ("atom", "feed"): words(
        "author category contributor generator icon id link logo rights subtitle title "
        "updated entry"
    ),
    ("atom", "entry"): words(
        "author category content contributor id link published rights source summary title updated"
    ),
}
_SPACED = {
    DC: words(
        "contributor coverage creator date description format identifier language publisher "
        "relation rights source subject title type"
    ),
    SY: frozenset({"updatePeriod", "updateFrequency", "updateBase"}),
    FH: frozenset({"archive", "complete", "incremental"}),
    CONTENT: frozenset({"encoded"}),
}
_PERSON = re.compile(r"[^@\s<>()]+@[^@\s<>()]+ \(.+\)")
_BARE_MAIL = re.compile(r"[^@\s<>()]+@[^@\s<>()]+")
_TWINS = (
    (("author", ""), ("creator", DC)),
    (("pubDate", ""), ("date", DC)),
    (("pubDate", ""), ("published", ATOM)),
    (("category", ""), ("subject", DC)),
    (("guid", ""), ("id", ATOM)),
)
_LANGUAGES = words(
    "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs "
    "cu cv cy da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha "
    "he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn "
    "ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mo mr ms mt my na "
    "nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc "
    "sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt "
    "tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu"
)  # fmt: skip
_PICTURE = re.compile(r".*\.(?:png|jpe?g|gif)", re.IGNORECASE)
_PODCAST = ("category", "explicit", "owner", "image", "author")


def check_parts(feed: FeedDocument) -> Iterator[Finding]:
    """The rules `A1` to `A3`, `R1` to `R3`, `R5`, `R6`, `N1`, `N2`."""
    yield from _order(feed)
    yield from _names(feed)
    yield from _media(feed)
    yield from _emptiness(feed)
    if feed.form == "atom":
        yield from _atom(feed)
    else:
        yield from _rss_required(feed)
        yield from _people(feed)
        yield from _twins(feed)
        yield from _image(feed.head)
        yield from _small_things(feed)


def _order(feed: FeedDocument) -> Iterator[Finding]:
    entry = "entry" if feed.form == "atom" else "item"
    seen = False
    for child in feed.head.children:
        if (child.space, child.name) == (feed.space, entry):
            seen = True
        elif seen:
            problem = f"<{child.shown}> of the feed stands behind its first entry"
            severity = Severity.ERROR if feed.form == "atom" else Severity.WARNING
            yield _finding("A3", child, problem, "move it before the entries", severity)
            return


def _names(feed: FeedDocument) -> Iterator[Finding]:
    for node in feed.nodes:
        if node.space not in _KNOWN_SPACES:
            problem = f"<{node.shown}> is of a namespace that validators do not know"
            yield _finding("N1", node, problem, f"leave out {node.space}")
        elif node.space in _SPACED and node.name not in _SPACED[node.space]:
            problem = f"there is no <{node.shown}>"
            yield _error("N1", node, problem, "look up how it is written")
        elif feed.form == "atom" and node.space == ATOM and node.prefix:
            problem = f"<{node.shown}> has a prefix that some readers do not expect"
            yield _finding("N1", node, problem, "make Atom the default namespace")
    for parent in (feed.head, *feed.entries):
        known = _CHILDREN[feed.form, parent.name]
        for child in parent.children:
            if child.space == feed.space and child.name not in known:
                problem = f"there is no <{child.shown}> in <{parent.shown}>"
                yield _error("N1", child, problem, "look up how it is written")


def _media(feed: FeedDocument) -> Iterator[Finding]:
    for node in feed.nodes:
        if node.space != MEDIA:
            continue
        if node.name == "group" and len(node.all("content", MEDIA)) < 2:
            yield _error("N2", node, "a group of fewer than two", "write it without a group")
        for side in ("width", "height") if node.name == "thumbnail" else ():
            value = node.attributes.get(side, "1")
            if not value.isdigit() or int(value) < 1:
                yield _error("N2", node, f"{side}={value!r} is no size", "write pixels, or nothing")


def _emptiness(feed: FeedDocument) -> Iterator[Finding]:
    content = [("content", ATOM), ("summary", ATOM)]
    if feed.form == "rss":
        content = [("description", ""), ("encoded", CONTENT)]
    for parent in (feed.head, *feed.entries):
        for name in ("title", "category", "content"):
            for node in parent.all(name, feed.space):
                said = node.text.strip() or node.attributes.get("term", "").strip()
                if not said and not node.children and "src" not in node.attributes:
                    yield _finding(
                        "A2", node, f"<{node.shown}> is empty", "fill it or leave it out"
                    )
    for entry in feed.entries:
        if not any(entry.first(name, space) is not None for name, space in content):
            yield _finding("A2", entry, "an entry with neither content nor summary", "add one")


def _atom(feed: FeedDocument) -> Iterator[Finding]:
    for parent in (feed.head, *feed.entries):
        for name in ("title", "id", "updated"):
            if parent.first(name, ATOM) is None:
                yield _error("A1", parent, f"<{parent.shown}> without <{name}>", "add it")
        yield from _alternates(parent)
    has_author = feed.head.first("author", ATOM) is not None
    if not has_author and (
        not feed.entries or any(not e.all("author", ATOM) for e in feed.entries)
    ):
        yield _error("A1", feed.head, "neither the feed nor each entry has an author", "add one")
    for entry in feed.entries:
        links = [link.attributes.get("rel", "alternate") for link in entry.all("link", ATOM)]
        if entry.first("content", ATOM) is None and "alternate" not in links:
            yield _error("A1", entry, "an entry with neither content nor link", "add one")


def _alternates(parent: Node) -> Iterator[Finding]:
    seen = set()
    for link in parent.all("link", ATOM):
        if link.attributes.get("rel", "alternate") == "alternate":
            kind = (link.attributes.get("type"), link.attributes.get("hreflang"))
            if kind in seen:
                problem = "two alternates of one type and language"
                yield _error("A1", link, problem, "keep one, or give the other its relation")
            seen.add(kind)


def _rss_required(feed: FeedDocument) -> Iterator[Finding]:
    for name in ("title", "link", "description"):
        if feed.head.first(name) is None:
            yield _error("R1", feed.head, f"the channel has no <{name}>", "add it")
    for item in feed.entries:
        if item.first("title") is None and item.first("description") is None:
            yield _error("R1", item, "an item with neither title nor description", "add one")
        names = [(child.space, child.name) for child in item.children]
        if (CONTENT, "encoded") in names and ("", "description") not in names[
            : names.index((CONTENT, "encoded"))
        ]:
            problem = "content:encoded without a description before it"
            yield _finding("R1", item, problem, "put the summary before it")


def _people(feed: FeedDocument) -> Iterator[Finding]:
    for parent in (feed.head, *feed.entries):
        for name in ("author", "managingEditor", "webMaster"):
            for node in parent.all(name):
                text = node.text.strip()
                if _PERSON.fullmatch(text):
                    continue
                severity = Severity.WARNING if "@" in text else Severity.ERROR
                bare = "a bare address" if _BARE_MAIL.fullmatch(text) else "not `mail (Name)`"
                problem = f"<{name}> is {bare}"
                yield _finding("R2", node, problem, "use dc:creator for a name", severity)


def _twins(feed: FeedDocument) -> Iterator[Finding]:
    for item in feed.entries:
        for (name, space), (other, other_space) in _TWINS:
            twin = item.first(other, other_space)
            if item.first(name, space) is not None and twin is not None:
                problem = f"<{name}> and <{twin.shown}> say the same twice"
                yield _finding("R3", twin, problem, "keep one of them")


def _image(channel: Node) -> Iterator[Finding]:
    image = channel.first("image")
    if image is None:
        return
    path = image.value("url").partition("?")[0]
    ending = path.rpartition("/")[2]
    if "." in ending and not _PICTURE.fullmatch(ending):
        yield _finding("R5", image, "the image's format is rare", "use PNG, JPEG or GIF")
    for side, most in (("width", 144), ("height", 400)):
        size = image.value(side)
        if size.isdigit() and int(size) > most:
            yield _error("R5", image, f"the image's {side} is above {most}", "make it smaller")
    for name in ("title", "link"):
        if image.value(name) != channel.value(name):
            yield _finding("R5", image, f"the image's {name} is not the channel's", "repeat that")


def _small_things(feed: FeedDocument) -> Iterator[Finding]:
    channel = feed.head
    language = channel.first("language")
    if language is not None:
        primary = language.text.strip().partition("-")[0].lower()
        if primary not in _LANGUAGES:
            problem = f"the language {language.text!r} is not one of ISO 639-1"
            yield _error("R6", language, problem, "write for example zh-CN")
    ttl = channel.first("ttl")
    if ttl is not None and not (ttl.text.isdigit() and int(ttl.text) > 0):
        yield _error("R6", ttl, f"ttl is {ttl.text!r}", "write minutes, above 0")
    comments = next((item for item in feed.entries if item.all("comments", SLASH)), None)
    if comments is not None and channel.first("lastBuildDate") is None:
        problem = "slash:comments in a channel without lastBuildDate"
        yield _finding("R6", comments, problem, "add lastBuildDate")
    given = {child.name for child in channel.children if child.space == ITUNES}
    lacking = [name for name in _PODCAST if name not in given]
    if given and lacking:
        problem = f"some itunes elements, but not {', '.join(lacking)}"
        yield _finding("R6", channel, problem, "give all that directories ask for")


def _error(rule: str, node: Node, problem: str, fix: str) -> Finding:
    return _finding(rule, node, problem, fix, Severity.ERROR)


def _finding(
    rule: str, node: Node, problem: str, fix: str, severity: Severity = Severity.WARNING
) -> Finding:
    return Finding(rule=rule, severity=severity, line=node.line, problem=problem, fix=fix)

"""Published files as the web sees them: validators, encodings, and where they have gone.

The conditional requests of RFC 9110 are decided here, as values, so that a table can prove them.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

from publisher.domain.compact import Compact

ENCODINGS = {"br": ".br", "gzip": ".gz"}
"""Content coding -> what its file name has behind that of the plain one; the better first."""

_SECOND = timedelta(seconds=1)
_LISTED_TAG = re.compile(r'(?:W/)?"([^"]*)"')
_ENCODING_SUFFIX = re.compile(r"[-;](gzip|br)$")
_CODING = re.compile(r"([\w*-]+)(?:\s*;\s*q\s*=\s*(1(?:\.0*)?|0(?:\.\d*)?))?", re.ASCII)


class Document(Compact, frozen=True, kw_only=True):
    """One published file, remembered for good.

    `path` lies below the output folder. `owner` is the post it shows, empty for others. `source`
    is a fingerprint of all it was made of; `digest` the SHA-256 (hex) of its bytes, `size` their
    number. `modified_at`: when these bytes first appeared, in whole seconds. `max_age`: how many
    seconds a client need not ask again. `gone_at`: since when there is nothing at its address.
    """

    path: str
    owner: str = ""
    source: str = ""
    digest: str = ""
    size: int = 0
    modified_at: datetime
    max_age: int = 0
    gone_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What a request says it has: the lines of If-None-Match, and If-Modified-Since."""

    if_none_match: tuple[str, ...] = ()
    if_modified_since: str = ""


def holds(condition: Condition, *, digest: str, modified_at: datetime | None) -> bool:
    """Whether the client has what we have: a 304 (RFC 9110, sections 13.1.2, 13.1.3, 13.2.2).

    Where there is an If-None-Match, be it malformed, If-Modified-Since counts for nothing.
    """
    if condition.if_none_match:
        return any(is_listed(line, digest) for line in condition.if_none_match)
    since = _http_date(condition.if_modified_since)
    return since is not None and modified_at is not None and since >= modified_at


def is_listed(if_none_match: str, digest: str) -> bool:
    """Whether an If-None-Match names these bytes, by weak comparison.

    Proxies that compress turn `"x"` into `W/"x"`, `"x-gzip"` or `"x;gzip"`, and all come back.
    """
    if if_none_match.strip() == "*":
        return True
    tags = _LISTED_TAG.findall(if_none_match)
    return any(_ENCODING_SUFFIX.sub("", tag) == digest for tag in tags)


def entity_tag(digest: str, encoding: str = "") -> str:
    """The strong ETag of bytes in one content coding, empty = identity."""
    return f'"{digest}-{encoding}"' if encoding else f'"{digest}"'


def choose_encoding(accepted: Sequence[str], available: Collection[str]) -> str:
    """The content coding to send, empty = identity, by the lines of Accept-Encoding.

    RFC 9110, section 12.5.3: the one that is liked best, and of equals the shorter bytes. Where
    nothing that we have is wanted, identity is sent all the same.
    """
    weights: dict[str, float] = {}
    for item in ",".join(accepted).split(","):
        if found := _CODING.fullmatch(item.strip()):
            weights[found[1].lower()] = float(found[2] or 1)
    others = weights.get("*", 0.0)
    wanted = {name: weights.get(name, others) for name in ENCODINGS if name in available}
    best = max(wanted, key=lambda name: wanted[name], default="")
    return best if best and wanted[best] > 0 and wanted[best] >= weights.get("identity", 0) else ""


def http_date(instant: datetime) -> str:
    """An instant as headers have it (RFC 9110, section 5.6.7)."""
    return format_datetime(instant.astimezone(UTC), usegmt=True)


def first_seen(now: datetime, earlier: datetime | None) -> datetime:
    """The Last-Modified of bytes that appear now: whole seconds, later than those before."""
    moment = now.replace(microsecond=0)
    return max(moment, earlier + _SECOND) if earlier else moment


def _http_date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


OLD_ADDRESSES = {
    old: new
    for new, olds in {
        "rss.xml": (
            "feed", "feed.xml", "feed.rss", "index.xml", "index.rss", "rss", "rss2.xml",
            "feed/rss", "feed/rss2", "feeds/all.rss.xml", "feeds/rss.xml", "blog/feed.xml",
            "blog/index.xml", "blog/rss.xml", "posts/index.xml", "post/index.xml",
            "rss/index.xml",
        ),
        "atom.xml": (
            "atom", "feed.atom", "index.atom", "feed/atom", "feeds/all.atom.xml",
            "feeds/atom.xml", "blog/atom.xml",
        ),
        "feed.json": ("index.json", "feeds/all.json", "feeds/json", "feed/json"),
    }.items()
    for old in olds
}  # fmt: skip
"""Where Hexo, Hugo, Jekyll, Pelican, WordPress, Ghost and others had a site's feeds."""

_OLD_LABELS = (
    (re.compile(r"(?:tags?|label)/([^/]+)/(?:feed|rss|index\.xml|rss\.xml|feed/rss2?)"), "tags"),
    (re.compile(r"(?:categor(?:y|ies))/(.+)/(?:feed|rss|index\.xml|rss\.xml)"), "categories"),
    (re.compile(r"(?:authors?)/([^/]+)/(?:feed|rss|index\.xml|rss\.xml)"), "authors"),
    (re.compile(r"feeds/(?:tag|tags)[./]([^/]+)\.(?:rss|atom)\.xml"), "tags"),
    (re.compile(r"feeds/([^/]+)\.(?:rss|atom)\.xml"), "categories"),
)


def usual_new_address(path: str) -> str:
    """Where a feed that is asked for at a usual old address may lie now; empty if it is none.

    `path` is below the site, without the first slash. Whether there is such a file is to be seen.
    """
    bare = path.rstrip("/")
    if bare in OLD_ADDRESSES:
        return OLD_ADDRESSES[bare]
    for pattern, folder in _OLD_LABELS:
        if found := pattern.fullmatch(bare):
            return f"{folder}/{found[1].lower()}/feed.xml"
    return ""

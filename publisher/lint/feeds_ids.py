"""Identity and time: ids that stay one id everywhere, dates that every reader can parse."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from publisher.lint.feeds_document import ATOM, FeedDocument, Node
from publisher.lint.findings import Finding, Severity

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")
_URL = re.compile(r"https?://[^/?#\s]+", re.IGNORECASE)
_TAG = re.compile(
    r"tag:(?P<who>[^,]+),(?P<when>\d{4}(-\d{2}(-\d{2})?)?):[A-Za-z0-9;/?:@&=+$._!~*'()%,#-]*"
)
_WHO = re.compile(r"([a-z0-9._-]+@)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_UUID = re.compile(r"urn:uuid:[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NEEDLESS = re.compile(r"%(?:2[dDeE]|5[fF]|7[eE]|3[0-9]|[46][1-9a-fA-F]|[57][0-9aA])")
_RFC822 = re.compile(
    r"(?:(?P<day>Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?\d{1,2} [A-Z][a-z]{2} (?P<year>\d{2,4}) "
    r"\d{2}:\d{2}(:\d{2})? (?P<zone>[+-]\d{4}|[A-Z]{1,3})"
)
_RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_FEW_DIGITS = re.compile(r"\d{1,8}")


def check_ids(feed: FeedDocument) -> Iterator[Finding]:
    """The rules `I1` to `I4`."""
    ids: list[tuple[Node, str]] = []
    for entry in feed.entries:
        if feed.form == "rss":
            yield from _guid(entry)
        node = entry.first("guid" if feed.form == "rss" else "id", feed.space)
        if node is not None:
            ids.append((node, node.text))
    atom_ids = [feed.head.first("id", ATOM), *(node for node, _ in ids)]
    for node in atom_ids if feed.form == "atom" else ():
        if node is not None:
            yield from _atom_id(node)
    yield from _twice(ids)


def check_dates(feed: FeedDocument, now: datetime | None) -> Iterator[Finding]:
    """The rules `D1` and `D2`. Without `now` nothing is said of the future."""
    names = ("published", "updated") if feed.form == "atom" else ("pubDate", "lastBuildDate")
    ahead = timedelta(days=1) if feed.form == "atom" else timedelta(minutes=10)
    for parent in (feed.head, *feed.entries):
        for node in (n for name in names for n in parent.all(name, feed.space)):
            problem = _atom_date(node.text) if feed.form == "atom" else _rss_date(node.text)
            instant = parse_date(node.text)
            if not problem and instant is not None:
                problem = _implausible(instant, now, ahead)
            if problem:
                shape = "2025-10-11T06:16:29+08:00" if feed.form == "atom" else _RSS_SHAPE
                yield _finding("D1", node, f"{node.text.strip()!r}: {problem}", f"write {shape}")
    if feed.form == "atom":
        yield from _same_updated(feed)


_RSS_SHAPE = "Sat, 11 Oct 2025 06:16:29 +0800"


def parse_date(text: str) -> datetime | None:
    """An RFC 3339 or RFC 822 date, aware; None for anything else."""
    text = text.strip()
    try:
        found = datetime.fromisoformat(text) if text[:4].isdigit() else parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _guid(item: Node) -> Iterator[Finding]:
    guid = item.first("guid")
    if guid is None:
        yield _finding(
            "I1", item, "an item without guid: readers take an edit for a new post", "add one"
        )
        return
    is_link = guid.attributes.get("isPermaLink", "true") != "false"
    if is_link and not _URL.match(guid.text):
        problem = f"the guid {guid.text[:60]!r} is taken for a link"
        yield _error("I1", guid, problem, 'say isPermaLink="false"')
    elif _FEW_DIGITS.fullmatch(guid.text.strip()):
        problem = f"the guid {guid.text} is a number that other sites have too"
        yield _finding("I1", guid, problem, "use a tag: URI")


def _atom_id(node: Node) -> Iterator[Finding]:
    value = node.text
    if value != value.strip():
        yield _error("I2", node, "blanks around the id", "remove them")
    elif not _URI.fullmatch(value):
        yield _error("I2", node, f"{value[:60]!r} is not a URI", "use a tag: URI (RFC 4151)")
    elif value.startswith("tag:") and not _is_tag(value):
        shape = "tag:example.org,2025:key"
        yield _error("I2", node, f"{value[:60]!r} is not a tag: URI", f"write {shape}")
    elif value.startswith("urn:uuid:") and not _UUID.fullmatch(value):
        yield _error("I2", node, f"{value[:60]!r} is not a UUID", "use a tag: URI")
    elif problem := _not_canonical(value):
        yield _finding("I3", node, f"the id {value[:60]!r} {problem}", "write it in its one form")


def _is_tag(value: str) -> bool:
    found = _TAG.fullmatch(value)
    return found is not None and _WHO.fullmatch(found["who"]) is not None


def _not_canonical(value: str) -> str:
    if re.search(r"%(?:[a-f][0-9A-Fa-f]|[0-9A-F][a-f])", value):
        return "has an escape in small letters"
    if found := _NEEDLESS.search(value):
        return f"has the needless escape {found[0]}"
    if re.fullmatch(r"https?://[^/?#]+", value):
        return "has a host and no / behind it"
    return ""


def _twice(ids: list[tuple[Node, str]]) -> Iterator[Finding]:
    counts = Counter(value for _, value in ids)
    if len(ids) > 9 and len(counts) == 1:
        yield _error("I4", ids[0][0], "all entries have one id", "give each its own")
        return
    for node, value in ids:
        if counts[value] > 1:
            problem = f"the id {value[:60]!r} stands {counts[value]} times"
            yield _finding("I4", node, problem, "give each entry its own")
            counts[value] = 0


def _rss_date(text: str) -> str:
    found = _RFC822.fullmatch(text)
    instant = parse_date(text)
    if found is None or instant is None:
        return "is not a date of RFC 822"
    if len(found["year"]) == 2:
        return "has a year of two digits"
    if found["day"] and found["day"] != _DAYS[instant.weekday()]:
        return f"is a {_DAYS[instant.weekday()]}"
    if found["zone"][0] in "+-" and found["zone"][3:] not in {"00", "30"}:
        return "has an offset that validators doubt; write it in UTC"
    return ""


def _atom_date(text: str) -> str:
    if text != text.strip():
        return "has blanks around it"
    if not _RFC3339.fullmatch(text) or parse_date(text) is None:
        return "is not a date of RFC 3339, with seconds and a zone"
    return ""


def _implausible(instant: datetime, now: datetime | None, ahead: timedelta) -> str:
    if instant.year < 1990:
        return "is before there were feeds"
    if now is not None and instant > now + ahead:
        return "is in the future"
    return ""


def _same_updated(feed: FeedDocument) -> Iterator[Finding]:
    seen: set[str] = set()
    for entry in feed.entries:
        node = entry.first("updated", ATOM)
        if node is None:
            continue
        if node.text in seen:
            problem = f"two entries were updated at {node.text}"
            yield _finding("D2", node, problem, "add a fraction of a second")
        seen.add(node.text)


def _error(rule: str, node: Node, problem: str, fix: str) -> Finding:
    return Finding(rule=rule, severity=Severity.ERROR, line=node.line, problem=problem, fix=fix)


def _finding(rule: str, node: Node, problem: str, fix: str) -> Finding:
    return Finding(rule=rule, severity=Severity.WARNING, line=node.line, problem=problem, fix=fix)

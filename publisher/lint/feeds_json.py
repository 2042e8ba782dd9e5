"""JSON Feed 1.1: what its few rules ask for, and the rules that all forms have in common."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from publisher.lint.feeds_html import lint_html
from publisher.lint.feeds_ids import parse_date
from publisher.lint.findings import Finding, Severity

VERSION = "https://jsonfeed.org/version/1.1"

_UNFIT = re.compile(r"[^0-9A-Za-z;/?:@&=+$.\-_!~*'()%,#]")
_ABSOLUTE = re.compile(r"https?://[^/?#\s]+", re.IGNORECASE)
_URLS = ("url", "external_url", "image", "banner_image")


def check_json(feed: dict[str, Any], *, url: str) -> Iterator[Finding]:
    """The rules `A1`, `A2`, `H1` to `H6`, `I4`, `L1`, `U1`, `D1` and `C1` as JSON has them."""
    yield from _head(feed, url)
    items = feed.get("items")
    if not isinstance(items, list):
        yield _error("A1", "items is not a list", "write a list, empty if need be")
        return
    counts = Counter(str(item.get("id")) for item in items if isinstance(item, dict))
    for value, number in counts.items():
        if number > 1:
            yield _warning(
                "I4", f"the id {value[:60]!r} stands {number} times", "give each its own"
            )
    for place, item in enumerate(items):
        if isinstance(item, dict):
            yield from _item(item, f"items[{place}]")
        else:
            yield _error("A1", f"items[{place}] is not an object", "write an object")


def _head(feed: dict[str, Any], url: str) -> Iterator[Finding]:
    if feed.get("version") != VERSION:
        yield _error("A1", "version is not that of JSON Feed 1.1", f"write {VERSION}")
    if not feed.get("title"):
        yield _error("A1", "there is no title", "add one")
    own = feed.get("feed_url", "")
    if not own:
        yield _warning("L1", "there is no feed_url", "say where the feed is")
    elif url and own != url:
        yield _warning("L1", f"says that it is at {own}, and is at {url}", "set site.base_url")
    for name in ("home_page_url", "feed_url", "next_url", "icon", "favicon"):
        yield from _address(feed.get(name, ""), name)


def _item(item: dict[str, Any], name: str) -> Iterator[Finding]:
    if not isinstance(item.get("id"), str) or not item["id"]:
        yield _error("A1", f"{name} has no id", "add one, as a string")
    html, text = item.get("content_html"), item.get("content_text")
    if html is None and text is None:
        yield _error("A1", f"{name} has neither content_html nor content_text", "add one")
    if not (html or text or item.get("summary")):
        yield _warning("A2", f"{name} says nothing", "add content or a summary")
    for key in _URLS:
        yield from _address(item.get(key, ""), f"{name}.{key}")
    for place, attachment in enumerate(item.get("attachments", ())):
        yield from _address(attachment.get("url", ""), f"{name}.attachments[{place}].url")
    for key in ("date_published", "date_modified"):
        if key in item and parse_date(str(item[key])) is None:
            yield _error("D1", f"{name}.{key} is not a date of RFC 3339", "write a zone too")
    if isinstance(html, str):
        yield from lint_html(html, name=f"{name}.content_html", line=0)


def _address(value: object, name: str) -> Iterator[Finding]:
    text = str(value or "")
    if text and not _ABSOLUTE.match(text):
        yield _error("H5", f"{name}: the address {text[:60]!r} is relative", "write it whole")
    elif found := _UNFIT.search(text):
        problem = f"{name}: {found[0]!r} must not stand in a URL"
        yield _error("U1", problem, "percent-encode it")


def _error(rule: str, problem: str, fix: str) -> Finding:
    return Finding(rule=rule, severity=Severity.ERROR, line=0, problem=problem, fix=fix)


def _warning(rule: str, problem: str, fix: str) -> Finding:
    return Finding(rule=rule, severity=Severity.WARNING, line=0, problem=problem, fix=fix)

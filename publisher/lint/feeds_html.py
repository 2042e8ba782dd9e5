"""HTML fields: what stands in an entry must be HTML that a browser would not have to mend.

Most of it is proved in one step: HTML that a sanitiser which allows nothing harmful gives back
byte for byte has no parse error and holds nothing that it would remove. Only what is not given
back so is read by html5lib, the parser that the W3C validator uses, which names each error.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from html.parser import HTMLParser

import html5lib
import nh3

from publisher.lint.feeds_document import ATOM, CONTENT, FeedDocument, Node, words
from publisher.lint.findings import Finding, Severity

_UNKNOWN = words("svg math nobr rb rtc search marquee menuitem")
_RISKY = words(
    "script style iframe object embed param applet meta base link title html head body "
    "frame noframes frameset bdo slot xmp"
)
_CONTROLS = words(
    "form input button select textarea option optgroup fieldset legend label output "
    "datalist progress meter"
)
_HARMLESS = words(
    "a abbr address area article aside audio b bdi blockquote br caption cite code col "
    "colgroup data dd del details dfn div dl dt em figcaption figure footer h1 h2 h3 h4 "
    "h5 h6 header hgroup hr i img ins kbd li main map mark nav ol p picture pre q rp rt "
    "ruby s samp section small source span strong sub summary sup table tbody td tfoot th "
    "thead time tr u ul var video wbr"
)
_PLAIN = {
    "alt", "title", "width", "height", "lang", "dir", "id", "class", "href", "src", "cite", "start",
    "colspan", "rowspan", "align", "scope", "datetime", "open", "type", "controls", "loading",
}  # fmt: skip
_SCHEMES = {"http", "https", "mailto", "tel"}
_ADDRESSES = ("href", "src", "cite", "poster", "srcset", "longdesc", "background", "data")
_ADDRESS = re.compile(rf'\s(?:{"|".join(_ADDRESSES)})="([^"]*)"')
_ABSOLUTE = re.compile(r"(?:https?://[^/?#\s]|mailto:|tel:|data:image/)", re.IGNORECASE)
_HARMFUL = re.compile(r"\s*(?:javascript|vbscript|data:text)", re.IGNORECASE)
_KEPT = 256

Problem = tuple[str, int, str, str]
"""Rule, line within the HTML, what is wrong, what to do."""

_WARNINGS = frozenset({"H1", "H2", "H3"})


def check_html(feed: FeedDocument) -> Iterator[Finding]:
    """The rules `H1` to `H6` in every HTML field of a feed in XML."""
    for node in html_fields(feed):
        if _problems(node.text):  # else nobody need know on which line it begins
            yield from lint_html(node.text, name=node.shown, line=node.line)


def html_fields(feed: FeedDocument) -> Iterator[Node]:
    """Every element that holds HTML."""
    for entry in feed.entries:
        for child in entry.children:
            if feed.form == "rss":
                is_html = (child.space, child.name) in {("", "description"), (CONTENT, "encoded")}
            else:
                is_html = child.space == ATOM and child.attributes.get("type") == "html"
            if is_html:
                yield child


def lint_html(html: str, *, name: str, line: int) -> Iterator[Finding]:
    """What is wrong with one piece of HTML that begins on this line of a document."""
    for rule, place, problem, fix in _problems(html):
        yield Finding(
            rule=rule,
            severity=Severity.WARNING if rule in _WARNINGS else Severity.ERROR,
            line=line + place - 1 if line else 0,
            problem=f"<{name}>: {problem}",
            fix=fix,
        )


@lru_cache(maxsize=_KEPT)
def _problems(html: str) -> tuple[Problem, ...]:
    """The same entry stands in many feeds, and is judged once."""
    if _is_as_any_parser_writes_it(html):
        return tuple(_relative(html))
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return (*_parse_errors(html), *reader.found)


def _is_as_any_parser_writes_it(html: str) -> bool:
    """Whether it comes back byte for byte from one that keeps what is harmless."""
    again = nh3.clean(
        html,
        tags=_HARMLESS,
        attributes={"*": _PLAIN},
        clean_content_tags=set(),
        url_schemes=_SCHEMES,
        link_rel=None,
    )
    return again == html


def _relative(html: str) -> Iterator[Problem]:
    for found in _ADDRESS.finditer(html):
        if not _ABSOLUTE.match(found[1]):
            yield _relative_url(found[1], html.count("\n", 0, found.start()) + 1)


def _relative_url(url: str, line: int) -> Problem:
    return ("H5", line, f"the address {url[:60]!r} is relative", "write the whole address")


def _parse_errors(html: str) -> Iterator[Problem]:
    parser = html5lib.HTMLParser(html5lib.getTreeBuilder("etree"), namespaceHTMLElements=False)
    parser.parseFragment(html)
    seen = set()
    for (line, _column), code, values in parser.errors:
        if code not in seen:
            seen.add(code)
            what = f"{code.replace('-', ' ')} {values.get('name', '')}".strip()
            fix = "close what is open, nest properly, write & as &amp; and < as &lt;"
            yield ("H1", line, f"is not HTML that parsers agree on: {what}", fix)


class _Reader(HTMLParser):
    """Looks at every tag as it is written."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Problem] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        line = self.getpos()[0]
        if tag in _UNKNOWN or "-" in tag:
            self.found.append(("H2", line, f"<{tag}> is unknown to readers", "use plain HTML"))
        if tag in _RISKY:
            self.found.append(("H3", line, f"<{tag}> is a risk that readers remove", "remove it"))
        if tag in _CONTROLS:
            self.found.append(("H6", line, f"<{tag}> does nothing in a reader", "remove it"))
        for name, value in attributes:
            self._attribute(name, value or "", line)

    def _attribute(self, name: str, value: str, line: int) -> None:
        if name.startswith("on") or name == "style":
            self.found.append(("H4", line, f"the attribute {name}", "remove it"))
        elif name in _ADDRESSES and _HARMFUL.match(value):
            self.found.append(("H6", line, f"{name} runs a script", "remove it"))
        elif name in _ADDRESSES:
            urls = [part.strip() for part in value.split(",")] if name == "srcset" else [value]
            self.found += [_relative_url(url, line) for url in urls if not _ABSOLUTE.match(url)]

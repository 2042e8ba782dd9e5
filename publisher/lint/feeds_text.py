"""Text fields: plain text that readers decode once, and some twice."""

import re
from collections.abc import Iterator
from functools import lru_cache
from html.entities import html5

from publisher.lint.feeds_document import ATOM, DC, FeedDocument, Node, words, written
from publisher.lint.findings import Finding, Severity

_RSS_TEXT = {
    ("", "title"), ("", "copyright"), ("", "category"), (DC, "creator"), (DC, "subject"),
    (DC, "title"), (DC, "rights"),
}  # fmt: skip
_ATOM_TEXT = {"title", "subtitle", "summary", "rights", "name"}

_ELEMENTS = words(
    "a abbr address area article aside audio b base bdi bdo blockquote body br button "
    "canvas caption cite code col colgroup data datalist dd del details dfn dialog div dl "
    "dt em embed fieldset figcaption figure font footer form frame h1 h2 h3 h4 h5 h6 head "
    "header hr html i iframe img input ins kbd label legend li link main map mark menu "
    "meta meter nav noscript object ol optgroup option output p param picture pre "
    "progress q rp rt ruby s samp script section select slot small source span strike "
    "strong style sub summary sup svg table tbody td template textarea tfoot th thead "
    "time title tr track tt u ul var video wbr"
)
_END_TAG = re.compile(r"</([A-Za-z][A-Za-z0-9]*)\s*>")
_ENTITY = re.compile(r"&(#?\w+)", re.ASCII)
_TAG_START = re.compile(r"<[A-Za-z/]")
_KEPT = 512
_BAD = re.compile("[\x7f-\x84\x86-\x9f\ufffd]")
_HEX = "write it as &#x26; or &#x3C;: hexadecimal references are decoded once by every reader"


def check_text(feed: FeedDocument) -> Iterator[Finding]:
    """The rules `T1`, `T2`, `T3` and the second half of `C1`."""
    for node in text_fields(feed):
        yield from _text(node, is_rss=feed.form == "rss")
    for node in feed.nodes:
        if found := _damage(node.text):
            yield Finding(
                rule="C1",
                severity=Severity.WARNING,
                line=node.line,
                problem=f"<{node.shown}> has the character U+{ord(found):04X}",
                fix="remove it: it shows as a box, or is a piece of damaged text",
            )


@lru_cache(maxsize=_KEPT)
def _damage(text: str) -> str:
    """The first character that is damage. The same texts stand in many feeds."""
    found = _BAD.search(text)
    return found[0] if found else ""


def text_fields(feed: FeedDocument) -> Iterator[Node]:
    """Every element that holds plain text."""
    if feed.form == "rss":
        description = feed.head.first("description")
        if description:
            yield description
        for parent in (feed.head, *feed.entries):
            yield from (c for c in parent.children if (c.space, c.name) in _RSS_TEXT)
    else:
        for parent in (feed.head, *feed.entries):
            for child in (*parent.children, *(n for a in _people(parent) for n in a.children)):
                is_plain = child.attributes.get("type", "text") == "text"
                if child.space == ATOM and child.name in _ATOM_TEXT and is_plain:
                    yield child


def _people(parent: Node) -> list[Node]:
    return [*parent.all("author", ATOM), *parent.all("contributor", ATOM)]


def _text(node: Node, *, is_rss: bool) -> Iterator[Finding]:
    if "&" not in node.text and "<" not in node.text:
        return
    marks = written(node)
    text = "".join(mark for mark, _ in marks)
    for found in _END_TAG.finditer(text):
        if found[1].lower() in _ELEMENTS:
            problem = f"<{node.shown}> has {found[0]}, which some readers take for markup"
            yield _finding("T1", node, problem, "nothing can be done but to reword it")
            break
    for found in _ENTITY.finditer(text):
        if _is_entity(found[1]) and not marks[found.start()][1]:
            problem = f"<{node.shown}> has {found[0]}, which some readers decode once more"
            yield _finding("T2", node, problem, _HEX)
            break
    for found in _TAG_START.finditer(text) if is_rss else ():
        if not marks[found.start()][1]:
            problem = f"<{node.shown}> has {found[0]}, which some readers take for markup"
            yield _finding("T3", node, problem, _HEX)
            break


def _is_entity(name: str) -> bool:
    return f"{name};" in html5 or name in html5 or name == "apos" or not name.isalpha()


def _finding(rule: str, node: Node, problem: str, fix: str) -> Finding:
    return Finding(rule=rule, severity=Severity.WARNING, line=node.line, problem=problem, fix=fix)

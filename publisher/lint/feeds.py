"""A finished feed as readers and validators see it: bytes in, findings out.

    bytes ──▶ feeds_document ──▶ elements as written ──▶ a check for each concern ──▶ findings

| concern | module | rules |
|---|---|---|
| text that is decoded once or twice | `feeds_text` | `T` `C` |
| HTML in entries | `feeds_html` | `H` |
| ids and dates | `feeds_ids` | `I` `D` |
| links, enclosures, addresses, media type | `feeds_links` | `L` `U` `R4` `M` |
| what must be there and what must not | `feeds_parts` | `A` `R` `N` |
| JSON Feed | `feeds_json` | those that it has |

The rules are what the W3C feed validator says at its level AA, and what it overlooks and readers
stumble over (`H4` to `H6`).
"""

from datetime import datetime

from publisher.lint.feeds_document import Unreadable, read_json, read_xml
from publisher.lint.feeds_html import check_html
from publisher.lint.feeds_ids import check_dates, check_ids
from publisher.lint.feeds_json import check_json
from publisher.lint.feeds_links import check_links, check_media_type
from publisher.lint.feeds_parts import check_parts
from publisher.lint.feeds_text import check_text
from publisher.lint.findings import Finding, Severity

RULES = {
    "T1": "a text with an end tag of HTML in it, which some readers take for markup",
    "T2": "a text with an entity in it that some readers decode once more",
    "T3": "a text in RSS with < before a letter, not written as a hexadecimal reference",
    "H1": "HTML that a parser has to mend",
    "H2": "elements that readers do not know",
    "H3": "elements that readers remove as a risk",
    "H4": "event handlers and inline styles",
    "H5": "a relative address",
    "H6": "scripts in addresses, form controls",
    "I1": "an RSS guid that is missing, no link though it says so, or a mere number",
    "I2": "an Atom id that is no URI",
    "I3": "an id that could be written in another way",
    "I4": "one id for several entries",
    "U1": "characters that must not stand in a URL",
    "D1": "a date that is malformed or cannot be",
    "D2": "two Atom entries updated at the same instant",
    "A1": "something that the format demands is missing",
    "A2": "something empty",
    "A3": "what is said of the feed, behind its first entry",
    "R1": "a channel or item without what RSS demands",
    "R2": "a person in RSS who is not `mail (Name)`",
    "R3": "the same said twice, in two vocabularies",
    "R4": "an enclosure that readers cannot use",
    "R5": "a channel image that readers cannot use",
    "R6": "language, ttl, comments or podcast elements that are not whole",
    "L1": "no link of the feed to itself, or one to elsewhere",
    "L2": "a relation that nobody knows, or in the wrong place",
    "L3": "an archive without its feed or a neighbour",
    "N1": "elements that nobody knows",
    "N2": "media elements that are not whole",
    "C1": "characters that XML forbids, or that are damage",
    "M1": "served as something else",
    "S1": "larger than many readers take",
}
"""Every rule and what breaks it."""

INCURABLE = frozenset({"T1"})
"""Nothing can be done about these but to reword a title; they do not fail a build."""

LARGE = 1_000_000
"""Above this many bytes readers are slow, from 5 MB on the validator refuses."""


def lint_feed(
    document: bytes, *, url: str = "", media_type: str = "", now: datetime | None = None
) -> list[Finding]:
    """Everything that is wrong with a feed document, errors first, then by line. Never raises.

    `url`: where it is published, `media_type`: what it is served as; empty = not known.
    """
    try:
        found = _lint(document, url, media_type, now)
    except Unreadable as error:
        found = [
            Finding(
                rule="C1",
                severity=Severity.ERROR,
                line=error.line,
                problem=error.problem,
                fix="no reader can read it until this is put right",
            )
        ]
    if len(document) > LARGE:
        problem = f"has {len(document):,} bytes"
        fix = "lower feeds.entries, or set feeds.content to summary"
        found.append(
            Finding(rule="S1", severity=Severity.WARNING, line=0, problem=problem, fix=fix)
        )
    return sorted(found, key=lambda finding: (finding.severity is Severity.WARNING, finding.line))


def _lint(document: bytes, url: str, media_type: str, now: datetime | None) -> list[Finding]:
    if document.lstrip()[:1] == b"{":
        return list(check_json(read_json(document), url=url))
    feed = read_xml(document)
    return [
        *check_text(feed),
        *check_html(feed),
        *check_ids(feed),
        *check_dates(feed, now),
        *check_links(feed, url=url),
        *(check_media_type(feed.form, media_type) if media_type else ()),
        *check_parts(feed),
    ]

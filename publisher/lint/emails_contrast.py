"""Whether the text can be read, by day and in the dark."""

import re
from collections.abc import Iterator

from publisher.lint.emails_cascade import Look, Scheme, knows_dark, looks
from publisher.lint.emails_colours import Colour, contrast
from publisher.lint.emails_css import Styles
from publisher.lint.emails_message import Email
from publisher.lint.emails_visible import own_text
from publisher.lint.findings import Finding, Severity

MIN_CONTRAST, MIN_CONTRAST_LARGE = 4.5, 3.0
_LARGE, _LARGE_BOLD = 24.0, 18.66
"""Pixels from which text counts as large (WCAG 2.2: 18 pt, or 14 pt bold)."""

_READ = re.compile(r"[^\W_]")

Pair = tuple[Colour, Colour]


def check_contrast(email: Email, styles: Styles) -> Iterator[Finding]:
    """The rules `contrast` and `contrast-dark`, once for each pair of colours.

    The dark is looked at only where the mail says how it wants to look there.
    """
    by_day = _faint(email, styles, Scheme.LIGHT)
    yield from _findings("contrast", by_day, "")
    if knows_dark(email, styles):
        by_night = _faint(email, styles, Scheme.DARK)
        new = {pair: lines for pair, lines in by_night.items() if pair not in by_day}
        yield from _findings("contrast-dark", new, " in the dark")


def _faint(email: Email, styles: Styles, scheme: Scheme) -> dict[Pair, list[int]]:
    """Pairs of text and ground that are too near each other, and the lines where they meet."""
    faint: dict[Pair, list[int]] = {}
    for element, look in looks(email, styles, scheme=scheme):
        if look.ground is None or look.is_hidden or not _READ.search(own_text(element)):
            continue
        colour = look.colour.over(look.ground)
        if contrast(colour, look.ground) < _wanted(look):
            faint.setdefault((colour, look.ground), []).append(element.sourceline or 0)
    return faint


def _wanted(look: Look) -> float:
    is_large = look.size >= (_LARGE_BOLD if look.is_bold else _LARGE)
    return MIN_CONTRAST_LARGE if is_large else MIN_CONTRAST


def _findings(rule: str, faint: dict[Pair, list[int]], when: str) -> Iterator[Finding]:
    for (colour, ground), lines in faint.items():
        places = f"; {len(lines)} places" if len(lines) > 1 else ""
        yield Finding(
            rule=rule,
            severity=Severity.WARNING,
            line=lines[0],
            problem=f"text in {colour} on {ground}{when} has a contrast of "
            f"{contrast(colour, ground):.2f}{places}",
            fix=f"bring it to {MIN_CONTRAST} (large text {MIN_CONTRAST_LARGE:g}), or set the "
            f"ground with the text{when}",
        )

"""How wide a text is, and how to cut it where a reader would.

Lengths are columns, as a terminal counts them: a wide character (a han, say) is two, marks are
none.
"""

import re
import unicodedata
from functools import lru_cache

import regex

_ENDS = regex.compile(r"[。！？!?…．；;][”’」』）)】》〉\"']*|\.[”’」』）)】》〉\"']*(?=\s|$)")
_OPENERS = "（([{《〈「『“‘【〔 \t\n，、；：,;:—–-"
_TWO_WIDE = re.compile("[\ufe0f\U0001f1e6-\U0001f1ff]")  # shown as a picture; flags
_HALF_WORD = re.compile(r"[A-Za-z0-9_\u00c0-\u052f'’-]+$")
_WORD = re.compile(r"[A-Za-z0-9_\u00c0-\u052f]")


def width(text: str) -> int:
    """Columns: two for a wide character, one for others, none for marks."""
    if text.isascii():
        return len(text)
    return sum(_grapheme_width(grapheme) for grapheme in regex.findall(r"\X", text))


def shorten(text: str, budget: int) -> str:
    """As much of the text as fits: to a sentence that ends past the middle, else with `…`."""
    return text if width(text) <= budget else cut(text, budget, budget)


def cut(text: str, left: int, whole: int) -> str:
    """The part of a text that fits into `left` columns, of `whole` that there were."""
    fitting = _fitting(text, max(left - 1, 0))
    used = whole - left
    ends = [match.end() for match in _ENDS.finditer(fitting)]
    if ends and (used + width(fitting[: ends[-1]])) * 2 >= whole:
        return fitting[: ends[-1]]
    following = text[len(fitting) : len(fitting) + 1]
    if _WORD.match(following) and (word := _HALF_WORD.search(fitting)):
        shorter = fitting[: word.start()]
        halves = (used + width(shorter)) * 2 < used + width(fitting)
        fitting = fitting if halves else shorter
    shown = fitting.rstrip(_OPENERS)
    return f"{shown}…" if shown else "…" if used else ""


def dotted(text: str) -> str:
    """The text with `…` behind it, unless a sentence ends there."""
    shown = text.rstrip(_OPENERS)
    ends = [match.end() for match in _ENDS.finditer(shown)]
    return shown if ends and ends[-1] == len(shown) else f"{shown}…"


def _fitting(text: str, budget: int) -> str:
    kept, used = 0, 0
    for match in regex.finditer(r"\X", text):
        used += _grapheme_width(match[0])
        if used > budget:
            break
        kept = match.end()
    return text[:kept]


@lru_cache(maxsize=8192)
def _grapheme_width(grapheme: str) -> int:
    if _TWO_WIDE.search(grapheme):
        return 2
    return max(_point_width(point) for point in grapheme)


def _point_width(point: str) -> int:
    if unicodedata.category(point) in {"Mn", "Me", "Cf", "Cc"}:
        return 0
    return 2 if unicodedata.east_asian_width(point) in {"W", "F"} else 1

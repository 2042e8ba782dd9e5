"""The opening of a post: where the writer cut it, or as much as fits."""

import re
import unicodedata
from html import escape, unescape

import regex

from publisher.domain.posts import Excerpt

BUDGET = 280
"""Columns of an automatic excerpt: a wide character counts two, so 140 han."""

_BLOCK = re.compile(r"<(p)(?:\s[^>]*)?>(.*?)</\1>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_NOTE = re.compile(r"<sup[^>]*>.*?</sup>", re.DOTALL)
_ENDS = re.compile(r"[。！？!?…．；;][”’」』）)】》〉\"']*|\.[”’」』）)】》〉\"']*(?=\s|$)")
_OPENERS = "（([{《〈「『“‘【〔 ，、；：,;:—–-"


def manual(html: str) -> Excerpt:
    """An excerpt that the writer chose."""
    return Excerpt(html=html.strip(), text=plain(html), is_manual=True)


def automatic(html: str, budget: int = BUDGET) -> Excerpt:
    """The first paragraphs that fit into `budget` columns, cut at a sentence or outside words."""
    kept: list[str] = []
    left = budget
    for match in _BLOCK.finditer(html):
        text = plain(_NOTE.sub("", match[2]))
        if not text:
            continue
        short = shorten(text, left)
        if not short or (kept and short.endswith("…") and left < budget // 3):
            break
        kept.append(short)
        left -= width(short)
        if short != text or left < budget // 5:
            break
    html = "".join(f"<p>{escape(part, quote=False)}</p>\n" for part in kept)
    return Excerpt(html=html.strip(), text="\n\n".join(kept), is_manual=False)


def plain(html: str) -> str:
    """The words of some HTML: paragraphs apart by an empty line, blanks folded."""
    blocks = re.split(r"</(?:p|li|h\d|blockquote|pre|tr)>", html)
    words = (" ".join(unescape(_TAG.sub("", block)).split()) for block in blocks)
    return "\n\n".join(filter(None, words))


def width(text: str) -> int:
    """Columns: two for a wide character, one for others, none for marks."""
    return sum(_grapheme_width(grapheme) for grapheme in regex.findall(r"\X", text))


def shorten(text: str, budget: int) -> str:
    """As much of the text as fits: to a sentence that ends past the middle, else with `…`."""
    if width(text) <= budget:
        return text
    fitting = _fitting(text, budget - 1)
    ends = [match.end() for match in _ENDS.finditer(fitting)]
    if ends and width(fitting[: ends[-1]]) * 2 >= budget:
        return fitting[: ends[-1]]
    if word := re.search(r"[\w'’-]*[A-Za-z0-9\u00c0-\u052f]$", fitting, re.ASCII):
        shorter = fitting[: word.start()].rstrip()
        fitting = shorter if width(shorter) * 2 >= budget else fitting
    return fitting.rstrip(_OPENERS) + "…" if fitting.rstrip(_OPENERS) else ""


def _fitting(text: str, budget: int) -> str:
    taken: list[str] = []
    for grapheme in regex.findall(r"\X", text):
        budget -= _grapheme_width(grapheme)
        if budget < 0:
            break
        taken.append(grapheme)
    return "".join(taken)


def _grapheme_width(grapheme: str) -> int:
    return max(_point_width(point) for point in grapheme)


def _point_width(point: str) -> int:
    if unicodedata.category(point) in {"Mn", "Me", "Cf", "Cc"}:
        return 0
    return 2 if unicodedata.east_asian_width(point) in {"W", "F"} else 1

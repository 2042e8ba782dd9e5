"""Markdown among Chinese, Japanese and Korean text.

CommonMark's emphasis asks for blanks that these scripts do not have: `**注意：**请看` prints its
asterisks (commonmark-spec #650, marked #3838). Here a run of two or more opens unless a blank
follows, or punctuation follows a letter; closing is the mirror, and CJK signs are no punctuation.
"""

import unicodedata
from functools import lru_cache

from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Delimiter

_SHARED = frozenset("“”‘’—…·")
"""Signs that Chinese text and English text share; they count as what stands beside them."""

_RANGES = (
    (0x1100, 0x11FF), (0x2E80, 0x303E), (0x3041, 0x33FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF),
    (0xA960, 0xA97F), (0xAC00, 0xD7FF), (0xF900, 0xFAFF), (0xFE10, 0xFE1F), (0xFE30, 0xFE4F),
    (0xFF00, 0xFFEF), (0x1AFF0, 0x1B16F), (0x20000, 0x3FFFF),
)  # fmt: skip


@lru_cache(maxsize=4096)
def is_cjk(character: str) -> bool:
    """Whether a character is a CJK letter or a sign of those scripts (U+3000 is a blank)."""
    point = ord(character)
    return point != 0x3000 and any(low <= point <= high for low, high in _RANGES)


def tokenize_emphasis(state: StateInline, silent: bool) -> bool:
    """The inline rule for `*` and `_`; single ones are CommonMark's own affair."""
    marker = state.src[state.pos]
    if silent or marker not in "_*":
        return False
    length, can_open, can_close = _scan(state, marker)
    for _ in range(length):
        _push(state, marker, length=length, can_open=can_open, can_close=can_close)
    state.pos += length
    return True


def tokenize_strikethrough(state: StateInline, silent: bool) -> bool:
    """The inline rule for `~~`."""
    if silent or state.src[state.pos] != "~":
        return False
    length, can_open, can_close = _scan(state, "~")
    if length < 2:
        return False
    if length % 2:
        state.push("text", "", 0).content = "~"
    for _ in range(length // 2):
        _push(state, "~~", length=0, can_open=can_open, can_close=can_close)
    state.pos += length
    return True


def join_lines(state: StateCore) -> None:
    """The core rule that drops a line end between two CJK characters: no blank belongs there."""
    for block in state.tokens:
        children = block.children or []
        for place in range(1, len(children) - 1):
            before, here, after = children[place - 1 : place + 2]
            joins = here.type == "softbreak" and before.content and after.content
            if joins and is_cjk(before.content[-1]) and is_cjk(after.content[0]):
                here.type, here.content = "text", ""


def _push(state: StateInline, text: str, *, length: int, can_open: bool, can_close: bool) -> None:
    state.push("text", "", 0).content = text
    state.delimiters.append(
        Delimiter(
            marker=ord(text[0]),
            length=length,
            token=len(state.tokens) - 1,
            end=-1,
            open=can_open,
            close=can_close,
        )
    )


def _scan(state: StateInline, marker: str) -> tuple[int, bool, bool]:
    """How long the run is, and whether it may open and close."""
    start, end = state.pos, state.pos
    while end < state.posMax and state.src[end] == marker:
        end += 1
    length = end - start
    if length < 2 or marker == "_":
        stock = state.scanDelims(start, marker == "*")
        return length, stock.can_open, stock.can_close
    before = _kind(
        state.src[start - 1 : start], state.src[start - 2 : start - 1], state.src[end : end + 1]
    )
    after = _kind(
        state.src[end : end + 1], state.src[start - 1 : start], state.src[end + 1 : end + 2]
    )
    can_open = after != "blank" and not (after == "punctuation" and before == "letter")
    can_close = before != "blank" and not (before == "punctuation" and after == "letter")
    return length, can_open, can_close


def _kind(character: str, *beside: str) -> str:
    """`blank`, `cjk`, `punctuation` or `letter`."""
    if not character or character.isspace():
        return "blank"
    if is_cjk(character) or (character in _SHARED and any(b and is_cjk(b) for b in beside)):
        return "cjk"
    return "punctuation" if unicodedata.category(character)[0] in "PS" else "letter"

"""The opening of a post: where the writer ended it, or as much as fits.

Lengths are columns, as a terminal counts them: a wide character is two, so 280 columns are 140
han or 280 Latin letters. Cuts are made on the tree of the sanitised HTML, so that no tag stays
open and no word, character or reading is cut in two.
"""

import re
from collections.abc import Iterator

from lxml import etree
from lxml import html as lxml_html
from lxml.html import HtmlElement

from publisher.columns import cut, dotted, width
from publisher.domain.posts import Excerpt

BUDGET = 280
"""Columns of an automatic excerpt."""

_LEFT_OUT = frozenset(
    {"pre", "table", "figure", "iframe", "video", "audio", "form", "input", "hr", "details",
     "section"}
)  # fmt: skip
"""Elements that no automatic excerpt shows; a `section` holds footnotes."""

_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_ATOMS = frozenset({"ruby", "code", "kbd", "img", "picture", "math", "svg", "sup", "sub"})
_BLANKS = re.compile(r"\s+")
_BLOCKS = frozenset(
    {"p", "li", "blockquote", "pre", "tr", "div", "dt", "dd", "br", "section", *_HEADINGS}
)


def manual(html: str) -> Excerpt:
    """An excerpt that the writer chose, without its references to footnotes."""
    root = _tree(html)
    _drop_footnote_marks(root)
    kept = _inner(root)
    return Excerpt.of(kept, plain(kept), is_manual=True)


def automatic(html: str, budget: int = BUDGET) -> Excerpt:
    """As much of sanitised HTML as fits into `budget` columns, ending at a sentence if one ends
    past the middle, else outside words with `…`. No code blocks, tables, figures, headings.
    """
    root = _tree(html)
    etree.strip_elements(root, *_LEFT_OUT, *_HEADINGS, with_tail=False)
    _drop_footnote_marks(root)
    _Cutter(budget).cut(root)
    _drop_empty(root)
    kept = _inner(root)
    return Excerpt.of(kept, plain(kept), is_manual=False)


def plain(html: str) -> str:
    """The words of some HTML: blocks apart by an empty line, blanks folded, readings left out."""
    if "<" not in html and "&" not in html:
        return " ".join(html.split())
    lines: list[str] = [""]
    for text, is_break in _words(_tree(html)):
        if is_break:
            lines.append("")
        lines[-1] += text
    folded = (" ".join(line.split()) for line in lines)
    return "\n\n".join(filter(None, folded))


class _Cutter:
    """Walks a tree in reading order and removes all that follows the last thing that fits."""

    def __init__(self, budget: int) -> None:
        self._left = budget
        self._whole = budget
        self._is_full = False

    def cut(self, element: HtmlElement) -> None:
        element.text = self._take(element.text)
        if element.text == "…" and element.tag in _BLOCKS:
            element.text = None  # the block before it ends well
        for child in list(element):
            if self._is_full or not self._fits(child):
                element.remove(child)  # and the text behind it
            else:
                child.tail = self._take(child.tail)

    def _fits(self, child: HtmlElement) -> bool:
        """Takes what fits of an element; of one that cannot be parted all or nothing."""
        if child.tag not in _ATOMS:
            self.cut(child)
            return True
        size = width(" ".join(str(child.text_content()).split()))
        if size > self._left:
            self._is_full = True
            _end_before(child)
            return False
        self._left -= size
        return True

    def _take(self, text: str | None) -> str | None:
        if not text or self._is_full:
            return None
        size = _size(text)
        if size <= self._left:
            self._left -= size
            return text
        self._is_full = True
        return cut(text, self._left, self._whole)


def _end_before(element: HtmlElement) -> None:
    """Marks in the text before an element that more would follow."""
    before, parent = element.getprevious(), element.getparent()
    if before is not None:
        before.tail = dotted(before.tail or "")
    elif parent is not None and parent.text:
        parent.text = dotted(parent.text)


def _tree(html: str) -> HtmlElement:
    root: HtmlElement = lxml_html.fragment_fromstring(html, create_parent="div")
    return root


def _inner(root: HtmlElement) -> str:
    """The HTML inside the wrapping `div`."""
    whole = lxml_html.tostring(root, encoding="unicode", method="html")
    return str(whole).removeprefix("<div>").removesuffix("</div>").strip()


def _size(text: str) -> int:
    """Columns of a text among others: runs of blanks are one, line breaks between blocks none."""
    return 0 if text.isspace() and "\n" in text else width(_BLANKS.sub(" ", text))


def _drop(element: HtmlElement) -> None:
    """Removes an element and what it holds; the text behind it stays."""
    element.drop_tree()


def _drop_footnote_marks(root: HtmlElement) -> None:
    for mark in list(root.iter("sup")):
        if any("#fn" in (link.get("href") or "") for link in mark.iter("a")):
            _drop(mark)


def _drop_empty(root: HtmlElement) -> None:
    """Elements that hold nothing any more, from the inside out."""
    for element in reversed(list(root.iterdescendants())):
        is_void = element.tag in {"img", "br", "wbr"}
        if not is_void and not len(element) and not (element.text or "").strip():
            _drop(element)


def _words(element: HtmlElement) -> Iterator[tuple[str, bool]]:
    """The texts of a tree, each with whether a new line begins with it."""
    is_block = element.tag in _BLOCKS
    yield element.text or "", is_block
    for child in element:
        if child.tag not in {"rt", "rp"}:
            yield from _words(child)
        yield child.tail or "", child.tag in _BLOCKS

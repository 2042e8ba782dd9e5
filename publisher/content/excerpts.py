"""The opening of a post: where the writer ended it, or as much as fits.

Lengths are columns, as a terminal counts them: a wide character is two, so 280 columns are 140
han or 280 Latin letters. Cuts are made on the tree of the sanitised HTML, so that no tag stays
open and no word, character or reading is cut in two.
"""

import re
from collections.abc import Iterator

from lxml import html as lxml_html
from lxml.html import HtmlElement

from publisher.columns import cut, width
from publisher.domain.posts import Excerpt

BUDGET = 280
"""Columns of an automatic excerpt."""

_LEFT_OUT = frozenset(
    {"pre", "table", "figure", "iframe", "video", "audio", "form", "input", "hr", "details"}
)
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
    return Excerpt(html=kept, text=plain(kept), is_manual=True)


def automatic(html: str, budget: int = BUDGET) -> Excerpt:
    """As much of sanitised HTML as fits into `budget` columns, ending at a sentence if one ends
    past the middle, else outside words with `…`. No code blocks, tables, figures, headings.
    """
    root = _tree(html)
    for element in list(root.iter(*_LEFT_OUT, *_HEADINGS)):
        _drop(element)
    for element in list(root.iter("section")):  # footnotes
        _drop(element)
    _drop_footnote_marks(root)
    _Cutter(budget).cut(root)
    _drop_empty(root)
    kept = _inner(root)
    return Excerpt(html=kept, text=plain(kept), is_manual=False)


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
        for child in list(element):
            if self._is_full:
                element.remove(child)  # and what stands behind it
                continue
            if child.tag in _ATOMS:
                self._take_atom(child)
            else:
                self.cut(child)
            if child.getparent() is not None:
                child.tail = self._take(child.tail)

    def _take_atom(self, atom: HtmlElement) -> None:
        size = width(" ".join(str(atom.text_content()).split()))
        if size > self._left:
            self._is_full = True
            if (parent := atom.getparent()) is not None:
                parent.remove(atom)
        else:
            self._left -= size

    def _take(self, text: str | None) -> str | None:
        if not text or self._is_full:
            return None
        size = _size(text)
        if size <= self._left:
            self._left -= size
            return text
        self._is_full = True
        return cut(text, self._left, self._whole)


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

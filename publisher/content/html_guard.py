"""Tells HTML from text that only looks like it.

`List<String>`, `<dependency>` and `<?php` are what people write about; a sanitiser eats them (it
did in 243 of 8,633 posts). HTML and SVG names and comments pass; all else is text.
"""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, html_block
from markdown_it.rules_inline import StateInline, html_inline

NAMES = frozenset({
    "a", "abbr", "acronym", "address", "area", "article", "aside", "audio", "b", "base",
    "bdi", "bdo", "big", "blockquote", "body", "br", "button", "canvas", "caption", "center",
    "cite", "code", "col", "colgroup", "data", "datalist", "dd", "del", "details", "dfn",
    "dialog", "dir", "div", "dl", "dt", "em", "embed", "fieldset", "figcaption", "figure",
    "font", "footer", "form", "frame", "frameset", "h1", "h2", "h3", "h4", "h5", "h6", "head",
    "header", "hgroup", "hr", "html", "i", "iframe", "img", "input", "ins", "kbd", "label",
    "legend", "li", "link", "main", "map", "mark", "marquee", "menu", "meta", "meter", "nav",
    "noframes", "noscript", "object", "ol", "optgroup", "option", "output", "p", "param",
    "picture", "pre", "progress", "q", "rp", "rt", "ruby", "s", "samp", "script", "section",
    "select", "slot", "small", "source", "span", "strike", "strong", "style", "sub",
    "summary", "sup", "svg", "table", "tbody", "td", "template", "textarea", "tfoot", "th",
    "thead", "time", "title", "tr", "track", "tt", "u", "ul", "var", "video", "wbr", "circle",
    "clippath", "defs", "ellipse", "g", "line", "lineargradient", "marker", "mask", "path",
    "pattern", "polygon", "polyline", "radialgradient", "rect", "stop", "symbol", "text",
    "tspan", "use", "math",
})  # fmt: skip
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:-]*)(?=[\s/>])|<(?=!--)|<")
_NAME = re.compile(r"</?([A-Za-z][A-Za-z0-9:-]*)(?=[\s/>]|\Z)")


def guard_html(parser: MarkdownIt) -> None:
    """Wraps the two HTML rules, so that only real HTML is HTML."""
    # `alt`: without it HTML would not end a paragraph.
    parser.block.ruler.at("html_block", _block, {"alt": ["paragraph", "reference", "blockquote"]})
    parser.inline.ruler.at("html_inline", _inline)


def escape_unknown(html: str) -> str:
    """The HTML with every `<` that opens no known element written as text."""
    return _TAG.sub(_keep_or_escape, html)


def _keep_or_escape(found: re.Match[str]) -> str:
    if found[2] is not None:
        return found[0] if found[2].lower() in NAMES else "&lt;" + found[0][1:]
    return "<" if found.string.startswith("<!--", found.start()) else "&lt;"


def _is_html(text: str, position: int) -> bool:
    if text.startswith("<!--", position):
        return True
    name = _NAME.match(text, position)
    return name is not None and name[1].lower() in NAMES


def _block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    position = state.bMarks[start] + state.tShift[start]
    if not state.src.startswith("<", position) or not _is_html(state.src, position):
        return False
    return html_block(state, start, end, silent)


def _inline(state: StateInline, silent: bool) -> bool:
    if not state.src.startswith("<", state.pos) or not _is_html(state.src, state.pos):
        return False
    return html_inline(state, silent)

"""Markdown to HTML, as people really write it.

CommonMark with tables, footnotes, task lists, definition lists, headings with anchors, formulas
and diagrams kept readable; emphasis among Chinese text, template tags, and text that looks like
HTML are read as they were meant. `code` puts colours into what became of it, for mail and pages.
"""

import re
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from itertools import pairwise
from typing import Any, Protocol

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.tasklists import tasklists_plugin

from publisher.content.bare_links import link_bare_addresses
from publisher.content.code import code_block, language_of
from publisher.content.east_asian import join_lines, tokenize_emphasis, tokenize_strikethrough
from publisher.content.html_guard import escape_unknown, guard_html
from publisher.content.template_tags import read_template_tags, without_tags

MORE = re.compile(r"<!-+\s*more\s*-+>", re.IGNORECASE)
"""Where the writer ends the opening."""

_TAB_TITLE = re.compile(r"<!--\s*+tab\s++([^\n]{0,400}?)-->")
_TAB_ICON = re.compile(r"@\S+$")
_INPUT = re.compile(r"<input\b[^<>]*>")

Doubter = Callable[[int, str, str], None]
"""Takes a line of the body (from 0), a problem and a remedy."""


class Posts(Protocol):
    """Who knows the other posts: a file name or path -> its address, None if there is none."""

    def post(self, name: str) -> str | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """The whole body and its opening (None without a marker)."""

    html: str
    opening: str | None


def render(body: str, *, key: str, breaks: bool, posts: Posts, doubt: Doubter) -> Rendered:
    """The body as HTML, not yet sanitised.

    `key` makes footnote ids unique among posts; `breaks`: a line end is a line break, as in Hexo.
    """
    parser = _parser(breaks)
    env: dict[str, Any] = {"docId": re.sub(r"\W+", "-", key), "library": posts, "doubt": doubt}
    tokens = parser.parse(body, env)
    html = _html(parser, tokens, env)
    cut = _marker(tokens, doubt)
    opening = None if cut is None else _html(parser, tokens[:cut], env)
    return Rendered(html=html, opening=opening)


def code_of(body: str) -> list[str]:
    """What a reader of the post will see as code: the inside of its fences and of backticks.

    Code that is made by a template tag, or by an indent alone, does not count.
    """
    env: dict[str, Any] = {"library": _NoPosts(), "doubt": lambda *_: None}
    found: list[str] = []
    for token in _parser(False).parse(body, env):
        if token.type == "fence" and token.markup:
            found.append(token.content)
        found += [each.content for each in token.children or () if each.type == "code_inline"]
    return found


class _NoPosts:
    """Knows no other post."""

    def post(self, _name: str) -> str | None:
        return None


@lru_cache(maxsize=2)
def _parser(breaks: bool) -> MarkdownIt:
    parser = MarkdownIt("gfm-like", {"html": True, "breaks": breaks})
    parser.use(footnote_plugin).use(tasklists_plugin).use(deflist_plugin)
    parser.use(dollarmath_plugin, allow_space=False, allow_digits=False, allow_labels=False)
    parser.inline.ruler.at("emphasis", tokenize_emphasis)
    parser.inline.ruler.at("strikethrough", tokenize_strikethrough)
    parser.core.ruler.at("inline", _parse_inline)
    parser.core.ruler.push("anchors", _anchor_headings)
    if not breaks:
        parser.core.ruler.after("inline", "join_lines", join_lines)
    guard_html(parser)
    read_template_tags(parser)
    link_bare_addresses(parser)
    for name, rule in _RULES.items():
        parser.add_render_rule(name, rule)
    return parser


def anchor(title: str) -> str:
    """The anchor of a heading, as the large forges make it; CJK letters stay."""
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")


def _parse_inline(state: StateCore) -> None:
    """The core rule `inline`, which tells the rules where they are."""
    for token in state.tokens:
        if token.type == "inline":
            token.children = token.children or []
            state.env["line"] = token.map[0] if token.map else 0
            state.env["is_raw"] = bool(token.meta.get("is_raw"))
            state.md.inline.parse(token.content, state.md, state.env, token.children)


def _anchor_headings(state: StateCore) -> None:
    """The core rule that gives each heading its anchor; of a name that comes again `a-1`, `a-2`.

    A counter a name: the stock rule tries all numbers at each heading.
    """
    used: dict[str, int] = {}
    for opener, inline in pairwise(state.tokens):
        if opener.type == "heading_open":
            words = (c.content for c in inline.children or [] if c.type in {"text", "code_inline"})
            name = wanted = anchor("".join(words))
            while name in used:
                used[wanted] += 1
                name = f"{wanted}-{used[wanted]}"
            used[name] = 0
            opener.attrSet("id", name)


def _html(parser: MarkdownIt, tokens: list[Token], env: MutableMapping[str, Any]) -> str:
    html = str(parser.renderer.render(tokens, parser.options, env))
    return _INPUT.sub(_as_box, html)


def _as_box(found: re.Match[str]) -> str:
    if 'type="checkbox"' not in found[0]:
        return found[0]
    return "☑" if "checked=" in found[0] else "☐"


def _code(_renderer: RendererHTML, tokens: list[Token], index: int, _options: Any, env: Any) -> str:
    token = tokens[index]
    return code_block(token.content, language_of(token.info))


def _raw(_renderer: RendererHTML, tokens: list[Token], index: int, _options: Any, env: Any) -> str:
    """HTML that the writer typed; the titles of tabs stand in comments."""
    content = _TAB_TITLE.sub(_tab_title, tokens[index].content)
    return escape_unknown(without_tags(content, env))


def _tab_title(tab: re.Match[str]) -> str:
    title = _TAB_ICON.sub("", tab[1].rstrip()).rstrip()
    return f"<p><strong>{escape(title)}</strong></p>"


def _formula(
    _renderer: RendererHTML, tokens: list[Token], index: int, _options: Any, _env: Any
) -> str:
    return f"<code>${escape(tokens[index].content, quote=False)}$</code>"


def _formula_block(
    _renderer: RendererHTML, tokens: list[Token], index: int, _options: Any, _env: Any
) -> str:
    return code_block(tokens[index].content.strip("\n") + "\n", "math")


_RULES = {
    "fence": _code,
    "code_block": _code,
    "html_block": _raw,
    "html_inline": _raw,
    "math_inline": _formula,
    "math_inline_double": _formula,
    "math_block": _formula_block,
}


def _marker(tokens: list[Token], doubt: Doubter) -> int | None:
    """Where the opening ends: behind the outermost block that holds the first marker."""
    outer = ""
    for index, token in enumerate(tokens):
        if not token.level and token.nesting >= 0:
            outer = token.type
        is_marker = token.type == "html_block" and MORE.search(token.content)
        inside = token.children or []
        if is_marker or any(c.type == "html_inline" and MORE.search(c.content) for c in inside):
            if not token.level:
                return index + (MORE.sub("", token.content).strip() != "")
            if outer in {"bullet_list_open", "ordered_list_open", "table_open"}:
                line = token.map[0] if token.map else 0
                doubt(line, "the opening ends inside a list or a table", "put it below")
            return _end_of_block(tokens, index)
    return None


def _end_of_block(tokens: list[Token], index: int) -> int:
    while index < len(tokens) and tokens[index].level:
        index += 1
    return index + 1

"""Markdown to HTML (CommonMark with tables, footnotes, task lists and bare links)."""

import re
from functools import lru_cache
from html import escape

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.tasklists import tasklists_plugin

MORE = re.compile(r"<!-+\s*more\s*-+>", re.IGNORECASE)
_CHECKBOX = re.compile(r'<input[^>]*type="checkbox"[^>]*>')


def render(body: str, *, key: str, breaks: bool) -> tuple[str, str | None]:
    """The whole body as HTML, and its opening up to `<!-- more -->` (None without a marker).

    `key` makes footnote ids unique among posts; `breaks`: a line end is a line break, as in Hexo.
    """
    parser = _parser(breaks)
    env: dict[str, object] = {"docId": re.sub(r"\W+", "-", key)}
    tokens = parser.parse(body, env)
    html = _plain(parser.renderer.render(tokens, parser.options, env))
    cut = _marker(tokens)
    if cut is None:
        return html, None
    opening = parser.renderer.render(tokens[:cut], parser.options, env)
    return html, _plain(opening)


@lru_cache(maxsize=2)
def _parser(breaks: bool) -> MarkdownIt:
    parser = MarkdownIt("gfm-like", {"html": True, "breaks": breaks})
    parser.use(footnote_plugin).use(tasklists_plugin).use(deflist_plugin)
    if parser.linkify is not None:  # `README.md` is no address
        parser.linkify.set({"fuzzy_link": False, "fuzzy_email": False})
    parser.add_render_rule("fence", _fence)
    return parser


def _fence(
    _renderer: object, tokens: list[Token], index: int, _options: object, _env: object
) -> str:
    """Code with its language as a class, and nothing that a style sheet must explain."""
    token = tokens[index]
    language = token.info.strip().split(maxsplit=1)[:1]
    marked = f' class="language-{escape(language[0])}"' if language else ""
    return f"<pre><code{marked}>{escape(token.content, quote=False)}</code></pre>\n"


def _plain(html: str) -> str:
    return _CHECKBOX.sub(lambda box: "☑ " if "checked=" in box[0] else "☐ ", html)


def _marker(tokens: list[Token]) -> int | None:
    """Where the opening ends: behind the outermost block that holds the marker."""
    for index, token in enumerate(tokens):
        inside = token.children or []
        is_marker = token.type == "html_block" and MORE.search(token.content)
        if is_marker or any(c.type == "html_inline" and MORE.search(c.content) for c in inside):
            return _end_of_block(tokens, index) if token.level else index
    return None


def _end_of_block(tokens: list[Token], index: int) -> int:
    while index < len(tokens) and tokens[index].level:
        index += 1
    return index + 1

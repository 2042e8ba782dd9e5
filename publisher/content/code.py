"""Code blocks: plain for feeds, in colour for mail and pages."""

import re
from functools import lru_cache
from html import escape, unescape

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

PREFIX = "hl-"
"""Of the classes that templates/code.css gives their colours."""

MAX_COLOURED = 20_000
"""Characters; longer code stays plain."""

_LANGUAGE = re.compile(r"[A-Za-z0-9_+#.-]{1,32}")
_NAMES = {"c++": "cpp", "c#": "csharp", "golang": "go", "sh": "bash", "shell": "bash"}


def language_of(info: str) -> str:
    """The language that an info string names (```` ```python {3} ````); empty if none."""
    found = _LANGUAGE.match(info.strip().removeprefix("{").removeprefix("."))
    return found[0].lower().strip(":{") if found else ""


def code_block(text: str, language: str) -> str:
    """A `pre` with its language as a class."""
    marked = f' class="language-{escape(language)}"' if language else ""
    return f"<pre><code{marked}>{escape(text, quote=False)}</code></pre>\n"


def coloured(html: str) -> str:
    """Sanitised HTML with the words of its code blocks marked by Pygments' classes."""
    return _BLOCK.sub(_in_colour, html) if "<pre>" in html else html


_BLOCK = re.compile(r'(<pre><code class="language-([^"]+)">)([^<]+)(?=</code></pre>)')


def _in_colour(block: re.Match[str]) -> str:
    opener, language, text = block[1], unescape(block[2]), unescape(block[3])
    lexer = _lexer(_NAMES.get(language, language))
    if lexer is None or len(text) > MAX_COLOURED:
        return block[0]
    marked = str(highlight(text, lexer, _FORMATTER)).removesuffix("\n")
    return f"{opener}{marked.replace('&quot;', chr(34)).replace('&#39;', chr(39))}\n"


_FORMATTER = HtmlFormatter(nowrap=True, classprefix=PREFIX)


@lru_cache(maxsize=64)
def _lexer(language: str) -> Lexer | None:
    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None

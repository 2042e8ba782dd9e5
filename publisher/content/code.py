"""Code blocks: plain for feeds, in colour for mail and pages."""

import re
from functools import lru_cache
from html import escape

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


def code_block(text: str, language: str, *, coloured: bool) -> str:
    """A `pre` with its language as a class; `coloured` marks the words with Pygments' classes."""
    marked = f' class="language-{escape(language)}"' if language else ""
    inner = _coloured(text, language) if coloured and language else None
    return (
        f"<pre><code{marked}>{escape(text, quote=False) if inner is None else inner}</code></pre>\n"
    )


def _coloured(text: str, language: str) -> str | None:
    lexer = _lexer(_NAMES.get(language, language))
    if lexer is None or len(text) > MAX_COLOURED:
        return None
    return str(highlight(text, lexer, _FORMATTER)).removesuffix("\n") + "\n"


_FORMATTER = HtmlFormatter(nowrap=True, classprefix=PREFIX)


@lru_cache(maxsize=64)
def _lexer(language: str) -> Lexer | None:
    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None

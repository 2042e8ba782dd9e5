"""Styles into style attributes, by premailer, and what must hold afterwards.

Two sheets: one is inlined; the other (media queries, dark mode) goes verbatim into the head
afterwards, because premailer drops or damages what it cannot inline.
"""

import logging
import re
from collections import Counter
from collections.abc import Callable
from threading import Lock

from lxml.etree import LxmlError

from publisher.errors import ConfigError, TemplateError
from publisher.render.templates import Templates

BASE = "email/base"
HEAD_MARK = "<!--head-css-->"
HEAD_LIMIT = 15_000
"""Bytes of style in the head: Gmail drops all of it above 16 kB."""

_LOCK = Lock()  # threads share a cache inside premailer: 23 of 144 outputs differed (its #65)
_FORBIDDEN = ("%7B%7B", "{{", "@import")
_LINKED_SHEET = re.compile(r"<link\b[^>]*stylesheet", re.IGNORECASE)
_TOKEN = re.compile(r"nl[0-9a-f]{16}_[a-z]+")
_STEP = re.compile(r"@[a-z-]+|[{}]")
_IMAGE = re.compile(r"<img\b[^>]*>")
_UNSEEN = re.compile("[\u00a0\u00ad\u034f\u2007\u200b-\u200d\ufeff]")
"""Characters that nobody sees; written as numbers, no editor or relay loses them."""


def inline(templates: Templates, folder: str, html: str) -> str:
    """The document of a template in `folder` with the styles of mails, ready to be sent.

    The sheets of `email/base` come first, then the folder's own, if it has any. Raises
    `TemplateError` if something is lost on the way.
    """
    name = f"{folder}/body.html"
    if HEAD_MARK not in html:
        raise TemplateError(name, 0, f"the head must hold the comment {HEAD_MARK}")
    head = _sheet(templates, folder, "head.css")
    document = _inlined(templates, html, _sheet(templates, folder, "inline.css"), name)
    document = document.replace(HEAD_MARK, f"<style>\n{head}</style>", 1)
    document = _UNSEEN.sub(lambda found: f"&#{ord(found[0])};", document)
    _assert_whole(html, document, head, name)
    return document + "\n"


def inline_styles(html: str, styles: str) -> str:
    """The document with a sheet in its style attributes."""
    import premailer  # noqa: PLC0415  # it takes a tenth of the daemon's start, and comes much later

    with _LOCK:
        document: str = premailer.Premailer(
            html,
            base_url=None,
            css_text=styles,
            allow_network=False,
            allow_loading_external_files=False,
            strip_important=False,
            keep_style_tags=False,
            remove_classes=False,
            disable_validation=True,
            disable_basic_attributes=["width", "height"],
            cssutils_logging_level=logging.CRITICAL,
        ).transform(pretty_print=False)
    return document


def fast_inliner() -> Callable[[str, str], str]:
    """What css-inline does in a tenth of the time (the extra `fast`). Raises `ConfigError` where
    it is not installed.

    The styles are the same; premailer also repeats some as attributes (`bgcolor`, `align`).
    """
    try:
        import css_inline  # noqa: PLC0415  # an extra: only who asks for it needs it
    except ImportError:
        problem = 'templates.inliner is "css-inline": install it with pip install publisher[fast]'
        raise ConfigError([problem]) from None

    def work(html: str, styles: str) -> str:
        inliner = css_inline.CSSInliner(
            inline_style_tags=False,
            keep_style_tags=True,
            load_remote_stylesheets=False,
            extra_css=styles,
        )
        return inliner.inline(html)

    return work


def _inlined(templates: Templates, html: str, styles: str, name: str) -> str:
    """Runs the inliner; what it dies of is a fault of the template or its sheets."""
    try:
        return (templates.inliner or inline_styles)(html, styles)
    except (AssertionError, AttributeError, LookupError, RuntimeError, SyntaxError, TypeError,
            ValueError, LxmlError) as error:  # fmt: skip
        problem = f"inline.css does not go into it ({type(error).__name__}: {error})"
        raise TemplateError(name, 0, problem) from error


def _sheet(templates: Templates, folder: str, name: str) -> str:
    """The sheet of all mails, and behind it the folder's own."""
    own = templates.sources(f"{folder}/{name}")[:1]
    return "".join((templates.source(f"{BASE}/{name}"), *own))


def _assert_whole(before: str, after: str, head: str, name: str) -> None:
    """Raises `TemplateError` for what premailer is known to lose or leave behind."""
    if not after.lower().startswith("<!doctype html"):
        raise TemplateError(name, 1, "must begin with <!DOCTYPE html>")
    if len(head.encode()) > HEAD_LIMIT:
        raise TemplateError(name, 0, f"head.css is longer than {HEAD_LIMIT} bytes")
    if head not in after:
        raise TemplateError(name, 0, "head.css did not arrive as it is")
    if _LINKED_SHEET.search(after):
        raise TemplateError(name, 0, "a linked stylesheet: no mail client fetches it")
    for text in _FORBIDDEN:
        if text in after and text not in before:
            raise TemplateError(name, 0, f"inlining left {text!r} behind")
    if _tokens(before) != _tokens(after):
        raise TemplateError(name, 0, "inlining changed how often a slot stands there")
    _assert_sheet(head, name)
    _assert_images(before, after, name)


def _assert_sheet(head: str, name: str) -> None:
    """Gmail drops a media query that holds another @ rule, and no client imports sheets."""
    depth = 0
    for found in _STEP.finditer(head):
        step = found[0]
        if step in "{}":
            depth += 1 if step == "{" else -1
        elif depth or step == "@import":
            raise TemplateError(name, 0, f"head.css has {step} where Gmail drops all around it")


def _assert_images(before: str, after: str, name: str) -> None:
    was, now = _IMAGE.findall(before), _IMAGE.findall(after)
    if not all(re.search(r"\balt=", image) for image in now):
        raise TemplateError(name, 0, "every img must have an alt")
    for attribute in ("width", "height"):
        wanted = [re.findall(rf"\s{attribute}=[\"']?(\d+)", image) for image in was]
        if [re.findall(rf"\s{attribute}=[\"']?(\d+)", image) for image in now] != wanted:
            raise TemplateError(name, 0, f"inlining changed the {attribute} of an img")


def _tokens(html: str) -> Counter[str]:
    return Counter(_TOKEN.findall(html))

"""Styles into style attributes, by premailer, and what must hold afterwards.

Two sheets: one is inlined; the other (media queries, dark mode) goes verbatim into the head
afterwards, because premailer drops or damages what it cannot inline.
"""

import logging
import re
from threading import Lock

import premailer

from publisher.errors import TemplateError

HEAD_MARK = "<!--head-css-->"
HEAD_LIMIT = 15_000
"""Bytes of style in the head: Gmail drops all of it above 16 kB."""

_LOCK = Lock()  # threads share a cache inside premailer: 23 of 144 outputs differed (its #65)
_FORBIDDEN = ("%7B%7B", "{{", "@import", 'rel="stylesheet"')


def inline(html: str, *, styles: str, head: str, name: str) -> str:
    """The document with `styles` inlined and `head` at its mark.

    `name` is the template's, for messages. Raises `TemplateError` if something was lost on the
    way.
    """
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
    if HEAD_MARK not in document:
        raise TemplateError(name, 0, f"the head must hold the comment {HEAD_MARK}")
    document = document.replace(HEAD_MARK, f"<style>\n{head}</style>", 1)
    _assert_whole(html, document, head, name)
    return document + "\n"


def _assert_whole(before: str, after: str, head: str, name: str) -> None:
    if not after.lower().startswith("<!doctype html"):
        raise TemplateError(name, 1, "must begin with <!DOCTYPE html>")
    if len(head.encode()) > HEAD_LIMIT:
        raise TemplateError(name, 0, f"head.css is longer than {HEAD_LIMIT} bytes")
    for text in _FORBIDDEN:
        if text in after and text not in before:
            raise TemplateError(name, 0, f"inlining left {text!r} behind")
    if before.count("<img") != len(re.findall(r"<img[^>]* alt=", after)):
        raise TemplateError(name, 0, "every img must have an alt")

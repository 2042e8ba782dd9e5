"""An issue for everybody on the web: the words and looks of the mail, without what is personal.

    mail's HTML ──▶ tree ──▶ personal elements out ──▶ style attributes into a sheet ──▶ page, sheet

Pages of the site may not have inline styles (the content policy forbids them), so each distinct
style attribute becomes a class of the page's own sheet. An element of the class `personal` is
left out, and so is every link that holds a slot.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lxml import etree
from lxml import html as lxml_html
from lxml.html import HtmlElement
from lxml.html import builder as make

from publisher.render.cleaning import clean
from publisher.render.digest import SLOTS

_CONDITION = re.compile(r"<!--\[if.*?<!\[endif\]-->", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebVersion:
    """A page and its sheet."""

    page: bytes
    sheet: bytes


def web_version(html: str, nonce: str, *, url: str, sheet_url: str) -> WebVersion:
    """The web version of a rendered issue. `url` is the page's own."""
    document: HtmlElement = lxml_html.document_fromstring(_CONDITION.sub("", html))
    _leave_out_personal(document, f"nl{nonce}_")
    rules = _styles_as_classes(document)
    sheet = _sheet(document, rules)
    head = document.find("head")
    if head is not None:
        head.append(make.LINK(rel="stylesheet", href=sheet_url))
        head.append(make.LINK(rel="canonical", href=url))
    page = etree.tostring(document, encoding="unicode", method="html", doctype="<!DOCTYPE html>")
    return WebVersion(page=page.encode() + b"\n", sheet=sheet)


def _leave_out_personal(document: HtmlElement, token: str) -> None:
    for element in document.find_class("personal") + document.find_class("preheader"):
        element.drop_tree()
    for link in list(document.iter("a")):
        if token in (link.get("href") or ""):
            link.drop_tree()
    slot = re.compile(rf"{re.escape(token)}(?:{'|'.join(SLOTS)})")
    for element in document.iter():
        if isinstance(element.tag, str) and element.text:
            element.text = clean(slot.sub("", element.text))
        if element.tail:
            element.tail = clean(slot.sub("", element.tail))


def _styles_as_classes(document: HtmlElement) -> Mapping[str, str]:
    """Puts a class in the place of each style attribute; returns style -> class."""
    names: dict[str, str] = {}
    for element in document.iter():
        style = element.attrib.pop("style", None) if isinstance(element.tag, str) else None
        if style:
            name = names.setdefault(style, f"s{len(names)}")
            element.set("class", f"{name} {element.get('class') or ''}".strip())
    return names


def _sheet(document: HtmlElement, names: Mapping[str, str]) -> bytes:
    """The rules of the attributes, then what stood in the head."""
    rules = [f".{name} {{ {style} }}" for style, name in names.items()]
    for element in list(document.iter("style")):
        rules.append((element.text or "").strip())
        element.drop_tree()
    return ("\n".join(rules) + "\n").encode()

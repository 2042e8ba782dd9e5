"""What of the HTML a reader sees, going by tags and style attributes alone."""

import re
from collections.abc import Iterator

from lxml import etree
from lxml.html import HtmlElement

from publisher.lint.emails_message import Email

UNSEEN = frozenset({"head", "title", "style", "script", "template", "noscript", "meta", "link"})
_HIDING = re.compile(r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)


def is_hidden(element: HtmlElement) -> bool:
    """Whether the element, or one around it, is not shown."""
    return any(hides(each) for each in (element, *element.iterancestors()))


def hides(element: HtmlElement) -> bool:
    """Whether an element hides itself and what it holds."""
    return element.tag in UNSEEN or bool(_HIDING.search(element.get("style") or ""))


def own_text(element: HtmlElement) -> str:
    """The text that stands directly in an element, without that of the elements inside."""
    return " ".join([element.text or "", *(child.tail or "" for child in element)])


def texts(email: Email) -> Iterator[tuple[HtmlElement, str]]:
    """Every piece of text below <body> with the element it stands in, in reading order."""
    for element in email.elements("body"):
        for event, each in etree.iterwalk(element, events=("start", "end", "comment")):
            if event == "start":
                yield each, each.text or ""
            elif each is not element:
                yield each.getparent(), each.tail or ""


def visible_texts(email: Email) -> Iterator[str]:
    """The pieces of text that are shown, in the order of the document."""
    hidden: set[HtmlElement] = set()
    for element in email.elements():
        if element.getparent() in hidden or hides(element):
            hidden.add(element)
        elif text := own_text(element).strip():
            yield text


def name_of(element: HtmlElement) -> str:
    """What an element says to somebody who cannot see: its text, or that of its images."""
    text = "".join(element.itertext(with_tail=False))
    alternatives = (image.get("alt") or "" for image in element.iter("img"))
    return " ".join([text, *alternatives, element.get("aria-label") or ""]).strip()

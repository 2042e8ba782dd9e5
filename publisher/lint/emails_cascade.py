"""How the elements of a mail look: style sheets, attributes and inheritance, as far as it matters.

What decides between two declarations is the order of CSS: importance, then style attributes,
then the selector's specificity, then the place. Only what bears on reading is kept.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from cssselect import HTMLTranslator, SelectorError, parse
from lxml import etree
from lxml.html import HtmlElement

from publisher.lint.emails_colours import (
    WHITE,
    Colour,
    attribute_colour,
    first_colour,
    parse_colour,
)
from publisher.lint.emails_css import Declaration, Rule, Styles, Token
from publisher.lint.emails_message import Email

Priority = tuple[bool, bool, tuple[int, int, int], int]
Winners = dict[str, tuple[Priority, Sequence[Token]]]


class Scheme(StrEnum):
    """Which of the two a reader's device prefers."""

    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How the text of an element looks. `ground` is None on an image; `size` is in px."""

    colour: Colour
    ground: Colour | None
    size: float
    is_bold: bool
    is_hidden: bool


DARK_CANVAS = Colour(0x12 / 255, 0x12 / 255, 0x12 / 255)
_INK = Colour(0, 0, 0)
_LINK = {Scheme.LIGHT: Colour(0, 0, 0xEE / 255), Scheme.DARK: Colour(0x9E / 255, 0x9E / 255, 1)}
_SIZES = {"h1": 2.0, "h2": 1.5, "h3": 1.17, "small": 0.83, "sub": 0.83, "sup": 0.83}
_BOLD = frozenset({"b", "strong", "th", "h1", "h2", "h3", "h4", "h5", "h6"})
_UNSEEN = frozenset({"head", "title", "style", "script", "template"})
_UNITS = {"px": 1.0, "pt": 4 / 3, "pc": 16.0, "in": 96.0, "cm": 96 / 2.54, "mm": 96 / 25.4}
_PROPERTIES = {
    "color": "color",
    "background": "ground",
    "background-color": "ground",
    "background-image": "image",
    "font-size": "size",
    "font-weight": "weight",
    "display": "display",
    "visibility": "visibility",
}
_translator = HTMLTranslator()


def knows_dark(email: Email, styles: Styles) -> bool:
    """Whether a mail has colours of its own for the dark; else clients invert those of the day."""
    in_media = any("dark" in query for rule in styles.rules for query in rule.media)
    return in_media or any(
        (meta.get("name") or "").lower() == "color-scheme" and "dark" in (meta.get("content") or "")
        for meta in email.elements("meta")
    )


def looks(email: Email, styles: Styles, *, scheme: Scheme) -> list[tuple[HtmlElement, Look]]:
    """Every element with its look, in the order of the document."""
    winners = _winners(email, styles, scheme)
    found: dict[HtmlElement, Look] = {}
    for element in email.elements():
        around = found.get(element.getparent()) or _canvas(scheme)
        found[element] = _look(element, winners.get(element, {}), around, scheme=scheme)
    return list(found.items())


def _canvas(scheme: Scheme) -> Look:
    is_dark = scheme is Scheme.DARK
    return Look(
        colour=WHITE if is_dark else _INK,
        ground=DARK_CANVAS if is_dark else WHITE,
        size=16.0,
        is_bold=False,
        is_hidden=False,
    )


def _winners(email: Email, styles: Styles, scheme: Scheme) -> Mapping[HtmlElement, Winners]:
    """The declarations that hold for each element."""
    winners: dict[HtmlElement, Winners] = {}
    order = 0
    for rule in styles.rules:
        if email.document is None or not _applies(rule, scheme):
            continue
        for matches, specificity in _compiled(rule.selector):
            order += 1
            for element in _matching(matches, email.document):
                _keep(winners, element, rule.declarations, (False, specificity, order))
    for inline in styles.inlines:
        _keep(winners, inline.element, inline.declarations, (True, (0, 0, 0), 0))
    return winners


def _keep(
    winners: dict[HtmlElement, Winners],
    element: HtmlElement,
    declarations: Iterable[Declaration],
    rank: tuple[bool, tuple[int, int, int], int],
) -> None:
    kept = winners.setdefault(element, {})
    for declaration in declarations:
        name = _PROPERTIES.get(declaration.name)
        priority = (declaration.important, *rank)
        if name and (name not in kept or priority >= kept[name][0]):
            kept[name] = (priority, declaration.tokens)


def _applies(rule: Rule, scheme: Scheme) -> bool:
    """Whether a rule holds on a wide screen in that scheme."""
    for query in rule.media:
        if "prefers-color-scheme" in query:
            if scheme.value not in query:
                return False
        elif "max-width" in query or "print" in query or "not " in query:
            return False
    return True


@lru_cache(maxsize=512)
def _compiled(selector: str) -> tuple[tuple[etree.XPath, tuple[int, int, int]], ...]:
    """The selectors of a group, each with its specificity; none where it cannot be read."""
    try:
        return tuple(
            (etree.XPath(_translator.selector_to_xpath(each)), each.specificity())
            for each in parse(selector)
            if each.pseudo_element is None
        )
    except (SelectorError, etree.XPathError, RecursionError, ValueError):
        return ()


def _matching(matches: etree.XPath, document: HtmlElement) -> list[HtmlElement]:
    try:
        found = matches(document)
    except etree.XPathError:
        return []
    nodes = found if isinstance(found, list) else []
    return [each for each in nodes if isinstance(each, HtmlElement)]


def _look(element: HtmlElement, winners: Winners, around: Look, *, scheme: Scheme) -> Look:
    tokens = {name: value for name, (_, value) in winners.items()}
    return Look(
        colour=_colour(element, tokens, around, scheme=scheme),
        ground=_ground(element, tokens, around),
        size=_size(element, tokens.get("size"), around),
        is_bold=_is_bold(element, tokens.get("weight"), around),
        is_hidden=around.is_hidden
        or element.tag in _UNSEEN
        or "none" in _idents(tokens.get("display"))
        or "hidden" in _idents(tokens.get("visibility")),
    )


def _colour(
    element: HtmlElement,
    tokens: Mapping[str, Sequence[Token]],
    around: Look,
    *,
    scheme: Scheme,
) -> Colour:
    own = first_colour(tokens.get("color", ()))
    if own is None and "color" not in tokens:
        own = attribute_colour(element.get("color") or element.get("text"))
        if own is None and element.tag == "a" and element.get("href") is not None:
            own = _LINK[scheme]
    return own or around.colour


def _ground(
    element: HtmlElement, tokens: Mapping[str, Sequence[Token]], around: Look
) -> Colour | None:
    """The colour behind an element's text."""
    declared = tokens.get("ground")
    if _has_image(tokens.get("image")) or _has_image(declared) or element.get("background"):
        return None
    own = first_colour(declared) if declared else attribute_colour(element.get("bgcolor"))
    if own is None or own.alpha == 0:
        return around.ground
    return own.over(around.ground) if around.ground else own if own.alpha == 1 else None


def _has_image(tokens: Sequence[Token] | None) -> bool:
    return any(
        token.type == "url" or (token.type == "function" and parse_colour(token) is None)
        for token in tokens or ()
    )


def _size(element: HtmlElement, tokens: Sequence[Token] | None, around: Look) -> float:
    for token in tokens or ():
        if token.type == "dimension" and token.lower_unit in _UNITS:
            return float(token.value) * _UNITS[token.lower_unit]
        if token.type == "dimension" and token.lower_unit in ("em", "rem"):
            return float(token.value) * (around.size if token.lower_unit == "em" else 16.0)
        if token.type == "percentage":
            return float(token.value) / 100 * around.size
    return around.size * _SIZES.get(str(element.tag), 1.0)


def _is_bold(element: HtmlElement, tokens: Sequence[Token] | None, around: Look) -> bool:
    for token in tokens or ():
        if token.type == "number":
            return float(token.value) >= 700
        if token.type == "ident":
            return token.lower_value in ("bold", "bolder")
    return around.is_bold or element.tag in _BOLD


def _idents(tokens: Sequence[Token] | None) -> set[str]:
    return {token.lower_value for token in tokens or () if token.type == "ident"}

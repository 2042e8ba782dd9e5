"""Style sheets and style attributes as values, read by tinycss2.

A style sheet is flattened: a rule knows the media queries around it. Lines are those of the
document, not of the sheet.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import tinycss2
from lxml.html import HtmlElement

from publisher.lint.emails_message import Email

Token = Any
"""A node of `tinycss2.ast`, which has no types."""

_BARE = {"skip_comments": True, "skip_whitespace": True}
_DEEP = 5  # media queries within each other, of which more than one is an error already
_SKIPPED = re.compile(r"""/\*.*?(\*/|$)|"(\\.|[^"\\\n])*"?|'(\\.|[^'\\\n])*'?""", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """`name: value`, the name in lower case. `tokens` are the value's, blanks and all."""

    name: str
    tokens: Sequence[Token]
    important: bool
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A selector, its declarations and the media queries it stands in, outermost first."""

    selector: str
    tokens: Sequence[Token]
    media: tuple[str, ...]
    declarations: tuple[Declaration, ...]
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AtRule:
    """`@keyword prelude`; `nested` where it stands inside another at-rule."""

    keyword: str
    prelude: str
    nested: bool
    line: int


@dataclass(slots=True, kw_only=True)
class Sheet:
    """One `<style>`. `size` is in bytes; `errors` are (line, what the parser says)."""

    line: int
    size: int
    rules: list[Rule] = field(default_factory=list)
    at_rules: list[AtRule] = field(default_factory=list)
    errors: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inline:
    """One style attribute."""

    element: HtmlElement
    declarations: tuple[Declaration, ...]
    errors: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Styles:
    """All the CSS of a mail in its order, but for what stands in comments for Outlook."""

    sheets: tuple[Sheet, ...]
    inlines: tuple[Inline, ...]

    @property
    def rules(self) -> Iterator[Rule]:
        """The rules of all sheets."""
        return (rule for sheet in self.sheets for rule in sheet.rules)

    @property
    def declarations(self) -> Iterator[Declaration]:
        """Those of the attributes, then those of the sheets."""
        yield from (style for inline in self.inlines for style in inline.declarations)
        yield from (style for rule in self.rules for style in rule.declarations)


def read_styles(email: Email) -> Styles:
    """Parses the style sheets and attributes. Never raises: what is no CSS is an error in them."""
    found = email.elements("style")
    return Styles(
        sheets=tuple(_sheet(element.text or "", element.sourceline or 0) for element in found),
        inlines=tuple(_inlines(email)),
    )


def walk(tokens: Sequence[Token]) -> Iterator[Token]:
    """The tokens and all that stand inside of them; in no particular order."""
    pending = list(tokens)
    while pending:
        token = pending.pop()
        yield token
        pending += getattr(token, "arguments", None) or getattr(token, "content", None) or ()


def text_of(tokens: Sequence[Token]) -> str:
    """Tokens as text again; "" where they are nested too deeply for anybody."""
    try:
        return str(tinycss2.serialize(tokens)).strip()
    except RecursionError:
        return ""


def _inlines(email: Email) -> Iterator[Inline]:
    for element in email.elements():
        style = element.get("style")
        if style is not None:
            line = element.sourceline or 0
            declarations, errors = _attribute(style)
            yield Inline(
                element=element,
                declarations=tuple(replace(found, line=line) for found in declarations),
                errors=tuple((line, problem) for problem in errors),
            )


def _sheet(source: str, line: int) -> Sheet:
    sheet = Sheet(line=line, size=len(source.encode("utf-8", "replace")))
    nodes = tinycss2.parse_stylesheet(source, **_BARE)
    _read_rules(sheet, nodes, ())
    bare = _SKIPPED.sub("", source)
    if bare.count("{") != bare.count("}"):
        sheet.errors.append((line, "its braces do not match"))
    return sheet


def _read_rules(sheet: Sheet, nodes: Sequence[Token], around: tuple[str, ...]) -> None:
    for node in nodes:
        line = sheet.line + node.source_line - 1
        if node.type == "error":
            sheet.errors.append((line, node.message))
        elif node.type == "qualified-rule":
            _read_rule(sheet, node, around)
        elif node.type == "at-rule":
            prelude = text_of(node.prelude).lower()
            _note_at_rule(sheet, node, nested=bool(around))
            is_group = node.lower_at_keyword in ("media", "supports") and node.content is not None
            if is_group and len(around) < _DEEP:
                inner = tinycss2.parse_stylesheet(node.content, **_BARE)
                _read_rules(sheet, inner, (*around, prelude))


def _read_rule(sheet: Sheet, node: Token, around: tuple[str, ...]) -> None:
    line = sheet.line + node.source_line - 1
    declarations = []
    for part in tinycss2.parse_blocks_contents(node.content, **_BARE):
        own = sheet.line + part.source_line - 1
        if part.type == "declaration":
            declarations.append(_declaration(part, own))
        elif part.type == "error":
            sheet.errors.append((own, part.message))
        else:
            _note_at_rule(sheet, part, nested=True)
    rule = Rule(
        selector=text_of(node.prelude),
        tokens=tuple(node.prelude),
        media=around,
        declarations=tuple(declarations),
        line=line,
    )
    sheet.rules.append(rule)
    sheet.errors += [(line, problem) for problem in _broken(node.prelude, declarations)]


def _note_at_rule(sheet: Sheet, node: Token, *, nested: bool) -> None:
    """Also a rule inside a rule, whose keyword is ""."""
    is_at_rule = node.type == "at-rule"
    noted = AtRule(
        keyword=node.lower_at_keyword if is_at_rule else "",
        prelude=text_of(node.prelude).lower(),
        nested=nested,
        line=sheet.line + node.source_line - 1,
    )
    sheet.at_rules.append(noted)


@lru_cache(maxsize=512)  # a digest repeats few styles many times
def _attribute(style: str) -> tuple[tuple[Declaration, ...], tuple[str, ...]]:
    nodes = tinycss2.parse_blocks_contents(style, **_BARE)
    declarations = tuple(_declaration(node, 0) for node in nodes if node.type == "declaration")
    errors = [node.message for node in nodes if node.type == "error"]
    errors += ["a rule stands in it" for node in nodes if node.type.endswith("rule")]
    return declarations, (*errors, *_broken((), declarations))


def _broken(prelude: Sequence[Token], declarations: Sequence[Declaration]) -> Iterator[str]:
    """What the parser could not read inside of a selector or value: a stray brace, an open URL."""
    for token in walk([*prelude, *(token for found in declarations for token in found.tokens)]):
        if token.type == "error":
            yield str(token.message)


def _declaration(node: Token, line: int) -> Declaration:
    return Declaration(
        name=node.lower_name, tokens=tuple(node.value), important=node.important, line=line
    )

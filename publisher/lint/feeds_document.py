"""A feed taken apart so that every rule can see how each element was written.

Validators judge the written form: `&#x26;` and `&amp;` are the same to a parser, not to them. So
the elements keep their own bytes, and the line on which they begin.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from xml.parsers import expat

ATOM = "http://www.w3.org/2005/Atom"
CONTENT = "http://purl.org/rss/1.0/modules/content/"
DC = "http://purl.org/dc/elements/1.1/"
FH = "http://purl.org/syndication/history/1.0"
ITUNES = "http://www.itunes.com/dtds/podcast-1.0.dtd"
MEDIA = "http://search.yahoo.com/mrss/"
SLASH = "http://purl.org/rss/1.0/modules/slash/"
SY = "http://purl.org/rss/1.0/modules/syndication/"
XML = "http://www.w3.org/XML/1998/namespace"

_SPLIT = "\n"
_BUFFER = 1 << 16  # bytes; most posts come in one piece
_START_TAG = re.compile(rb"<(?:[^<>\"']|\"[^\"]*\"|'[^']*')*>")
_WRITTEN = re.compile(r"<!\[CDATA\[(?P<cdata>.*?)\]\]>|&(?P<ref>#?\w+);|<!--.*?-->", re.DOTALL)
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


@dataclass(slots=True, eq=False)
class Node:
    """One element. `space` is its namespace, empty = none; `inside` its bytes between the tags.

    The keys of `attributes` are local names, or `{namespace}local`. It begins at byte `start` of
    its `document`.
    """

    space: str
    name: str
    prefix: str
    attributes: dict[str, str]
    document: bytes = field(repr=False)
    start: int
    text: str = ""
    inside: bytes = b""
    children: list["Node"] = field(default_factory=list)

    @property
    def line(self) -> int:
        """On which line it begins; counted when somebody asks, for that takes long."""
        return self.document.count(b"\n", 0, self.start) + 1

    def all(self, name: str, space: str = "") -> list["Node"]:
        """The children of that name."""
        return [child for child in self.children if child.name == name and child.space == space]

    def first(self, name: str, space: str = "") -> "Node | None":
        for child in self.children:
            if child.name == name and child.space == space:
                return child
        return None

    def value(self, name: str, space: str = "") -> str:
        """The text of the first child of that name, trimmed; empty where there is none."""
        found = self.first(name, space)
        return found.text.strip() if found else ""

    def walk(self) -> Iterator["Node"]:
        """This element and all below it, in the order of the document, however deep."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))

    @property
    def shown(self) -> str:
        """Its name as it is written."""
        return f"{self.prefix}:{self.name}" if self.prefix else self.name


@dataclass(frozen=True, slots=True)
class FeedDocument:
    """A feed in XML. `form`: `rss` or `atom`; `head` holds what is said of the feed itself.

    `nodes`: every element, in the order of the document.
    """

    form: str
    root: Node
    head: Node
    entries: tuple[Node, ...]
    nodes: tuple[Node, ...]

    @classmethod
    def of(cls, form: str, *, root: Node, head: Node) -> "FeedDocument":
        """Finds the entries and all else in the two."""
        found = head.all("entry", ATOM) if form == "atom" else head.all("item")
        return cls(form, root, head, tuple(found), tuple(root.walk()))

    @property
    def space(self) -> str:
        """The namespace of the feed's own elements."""
        return ATOM if self.form == "atom" else ""


def words(text: str) -> frozenset[str]:
    """The words of a text, for tables of names."""
    return frozenset(text.split())


class Unreadable(Exception):
    """A document that no reader can read."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line
        self.problem = problem


def read_xml(document: bytes) -> FeedDocument:
    """Raises `Unreadable`."""
    root = _Reader(document).root()
    if (root.space, root.name) == (ATOM, "feed"):
        return FeedDocument.of("atom", root=root, head=root)
    channel = root.first("channel")
    if (root.space, root.name) == ("", "rss") and channel:
        return FeedDocument.of("rss", root=root, head=channel)
    raise Unreadable(root.line, f"<{root.shown}> is neither RSS 2.0 nor Atom 1.0")


def read_json(document: bytes) -> dict[str, Any]:
    """Raises `Unreadable`."""
    try:
        found = json.loads(document)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 0)
        raise Unreadable(line, f"is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise Unreadable(1, "is not a JSON object")
    return found


def written(node: Node) -> list[tuple[str, bool]]:
    """The characters of an element's text, each with whether it was a hexadecimal reference."""
    source = node.inside.decode("utf-8", "replace")
    found: list[tuple[str, bool]] = []
    place = 0
    for match in _WRITTEN.finditer(source):
        found += ((mark, False) for mark in source[place : match.start()])
        place = match.end()
        if match["cdata"] is not None:
            found += ((mark, False) for mark in match["cdata"])
        elif match["ref"]:
            found.append((_character(match["ref"]), match["ref"].startswith("#x")))
    found += ((mark, False) for mark in source[place:])
    return found


def _character(reference: str) -> str:
    if reference.startswith("#x"):
        return chr(int(reference[2:], 16))
    return chr(int(reference[1:])) if reference[0] == "#" else _NAMED.get(reference, "")


class _Reader:
    """Makes nodes of expat's events. Entities of its own make a document unreadable."""

    def __init__(self, document: bytes) -> None:
        self._document = document
        self._open: list[Node] = []
        self._root: Node | None = None
        self._parser = expat.ParserCreate(namespace_separator=_SPLIT)
        self._parser.namespace_prefixes = True
        self._parser.buffer_text = True
        self._parser.buffer_size = _BUFFER
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.EntityDeclHandler = self._entity

    def root(self) -> Node:
        try:
            self._parser.Parse(self._document, True)
        except expat.ExpatError as error:
            raise Unreadable(error.lineno, f"is not XML: {expat.ErrorString(error.code)}") from None
        if self._root is None:
            raise Unreadable(1, "is empty")
        return self._root

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        space, local, prefix = _split(name)
        node = Node(
            space=space,
            name=local,
            prefix=prefix,
            attributes={_key(key): value for key, value in attributes.items()},
            document=self._document,
            start=self._parser.CurrentByteIndex,
        )
        if self._open:
            self._open[-1].children.append(node)
        else:
            self._root = node
        self._open.append(node)

    def _end(self, _name: str) -> None:
        node = self._open.pop()
        if not node.children and (tag := _START_TAG.match(self._document, node.start)):
            node.inside = self._document[tag.end() : max(self._parser.CurrentByteIndex, tag.end())]

    def _characters(self, text: str) -> None:
        self._open[-1].text += text

    def _entity(self, *_: object) -> None:
        raise Unreadable(self._parser.CurrentLineNumber, "declares entities of its own")


@lru_cache(maxsize=256)
def _split(name: str) -> tuple[str, str, str]:
    parts = name.split(_SPLIT)
    if len(parts) == 1:
        return "", parts[0], ""
    return parts[0], parts[1], parts[2] if len(parts) > 2 else ""


def _key(name: str) -> str:
    space, local, _ = _split(name)
    return f"{{{space}}}{local}" if space else local

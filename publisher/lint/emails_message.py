"""A message taken apart as far as its bytes allow, whatever they are.

bytes ──▶ header fields with their lines
      ──▶ parts (`email`, lenient) ──▶ HTML ──▶ tree (lxml), text
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message

from lxml import etree
from lxml.html import HtmlElement, HTMLParser, document_fromstring

_FIELD_END = re.compile(rb"\r?\n(?![ \t])")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_CHARSETS = re.compile(
    r"us-ascii|ascii|iso-?8859|latin|windows-125|cp125|gb|hz|big5|shift|euc|iso-?2022|koi8|ks_c"
)
"""Charsets of real mail; Python knows others that take quadratic time or no bytes at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One header field: `name` in lower case, `value` unfolded, `raw` its lines as they came."""

    name: str
    value: str
    raw: bytes
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A part that is not divided further. `encoded` counts its bytes before decoding."""

    media_type: str
    charset: str
    content_id: str
    content: str
    encoded: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Email:
    """A message as the rules see it. `html` and `text` are None where there is no such part.

    `document` is None where the HTML has no element at all. `defects` are the parser's.
    """

    raw: bytes
    fields: tuple[Field, ...]
    leaves: tuple[Leaf, ...]
    html: Leaf | None
    text: Leaf | None
    document: HtmlElement | None
    defects: tuple[str, ...]

    def values(self, name: str) -> list[str]:
        """The values of all fields of that (lower-case) name, as they are, unfolded."""
        return [field.value for field in self.fields if field.name == name]

    def shown(self, name: str) -> str:
        """The first value of a field as a reader sees it: encoded words decoded."""
        return decoded(next(iter(self.values(name)), ""))

    @property
    def leave_urls(self) -> tuple[str, ...]:
        """What stands between angle brackets in List-Unsubscribe, in its order."""
        found = " ".join(self.values("list-unsubscribe"))
        return tuple(re.sub(r"\s", "", url) for url in re.findall(r"<([^<>]*)>", found))

    def elements(self, *tags: str) -> Iterator[HtmlElement]:
        """The elements of these tags, all if none is named, in the order of the document."""
        if self.document is not None:
            yield from self.document.iter(*(tags or (etree.Element,)))


def read_email(message: bytes) -> Email:
    """Takes a message apart. Never raises: what cannot be read is a defect."""
    defects: list[str] = []
    leaves: tuple[Leaf, ...] = ()
    try:
        parsed = message_from_bytes(message)
        leaves = tuple(_leaves(parsed, defects))
    except (RecursionError, ValueError, LookupError, AssertionError) as error:
        defects.append(f"unreadable ({type(error).__name__})")
    found = {kind: _first(leaves, kind) for kind in ("text/html", "text/plain")}
    markup = found["text/html"]
    return Email(
        raw=message,
        fields=tuple(_fields(message)),
        leaves=leaves,
        html=markup,
        text=found["text/plain"],
        document=_document(markup.content) if markup else None,
        defects=tuple(defects),
    )


def decoded(value: str) -> str:
    """A header value with its encoded words decoded (RFC 2047); as it is where that fails."""
    try:
        return str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, ValueError):
        return value


def _fields(message: bytes) -> Iterator[Field]:
    head = _HEAD_END.split(message, maxsplit=1)[0]
    line = 1
    for raw in _FIELD_END.split(head):
        name, colon, value = raw.partition(b":")
        if colon:
            unfolded = re.sub(rb"\r?\n", b"", value).decode("utf-8", "replace").strip()
            shown = name.decode("ascii", "replace").strip().lower()
            yield Field(name=shown, value=unfolded, raw=raw, line=line)
        line += raw.count(b"\n") + 1


def _leaves(message: Message, defects: list[str]) -> Iterator[Leaf]:
    for part in message.walk():
        if not part.is_multipart():
            yield _leaf(part)
        defects += [_words(type(defect).__name__) for defect in part.defects]


def _leaf(part: Message) -> Leaf:
    payload = part.get_payload()
    data = part.get_payload(decode=True)
    charset = (part.get_content_charset() or "us-ascii").lower()
    return Leaf(
        media_type=part.get_content_type(),
        charset=charset,
        content_id=str(part.get("Content-ID", "")).strip("<> "),
        content=_text(data if isinstance(data, bytes) else b"", charset),
        encoded=len(payload) if isinstance(payload, str) else 0,
    )


def _text(data: bytes, charset: str) -> str:
    name = charset if _CHARSETS.match(charset) else "utf-8"
    try:
        return codecs.lookup(name).decode(data, "replace")[0]
    except (LookupError, ValueError):
        return data.decode("utf-8", "replace")


def _words(name: str) -> str:
    """`StartBoundaryNotFoundDefect` as words."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name.removesuffix("Defect")).lower()


def _first(leaves: tuple[Leaf, ...], kind: str) -> Leaf | None:
    return next((leaf for leaf in leaves if leaf.media_type == kind), None)


def _document(markup: str) -> HtmlElement | None:
    data = markup.replace("\0", "").encode("utf-8", "replace")
    parser = HTMLParser(encoding="utf-8", huge_tree=True, remove_pis=True)
    try:
        return document_fromstring(data, parser=parser)
    except etree.LxmlError:
        return None

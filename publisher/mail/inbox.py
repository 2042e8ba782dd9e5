"""Reads the built-in inbox, a Maildir, for people: whatever lies in it, nothing here breaks."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesHeaderParser
from pathlib import Path

from publisher.errors import NotFound

_FOLDERS = ("new", "cur")
_ARRIVAL = re.compile(r"([0-9]{1,11})\.M([0-9]{1,6})", re.ASCII)
_HEAD_BYTES = 65_536
_MAX_VALUE = 4_000
_MAX_PARTS = 100
_MAX_DEPTH = 10
_SLOW_CODECS = ("idna", "punycode")  # quadratic; no mail is written in them


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """One message of the inbox, as a list shows it. `size` is in bytes; `at` is its arrival."""

    key: str
    at: datetime
    sender: str
    recipient: str
    subject: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """One message, decoded for display. `html` and `text` are "" where there is no such part."""

    headers: list[tuple[str, str]]
    html: str
    text: str


def listing(inbox: Path) -> list[Captured]:
    """All messages, newest first; empty if there is no inbox yet."""
    found = (_captured(path) for path in _files(inbox))
    return sorted(
        (captured for captured in found if captured),
        key=lambda captured: (captured.at, captured.key),
        reverse=True,
    )


def read(inbox: Path, key: str) -> bytes:
    """The bytes of one message, as the relay took them. Raises `NotFound`."""
    for path in _files(inbox):
        if path.name == key:
            try:
                return path.read_bytes()
            except OSError:
                break  # removed meanwhile
    raise NotFound("message", key)


def parts(data: bytes) -> Parts:
    """Headers in their order, and the first HTML and the first text part. Never raises."""
    try:
        message = message_from_bytes(data)
        leaves = list(_leaves(message))
    except (RecursionError, ValueError):  # parts thousands deep, numbers thousands of digits long
        head = re.split(rb"\r?\n\r?\n", data, maxsplit=1)[0]
        return Parts(headers=_headers(BytesHeaderParser().parsebytes(head)), html="", text="")
    return Parts(
        headers=_headers(message),
        html=_first(leaves, "text/html"),
        text=_first(leaves, "text/plain"),
    )


def _files(inbox: Path) -> Iterator[Path]:
    for folder in _FOLDERS:
        try:
            paths = sorted((inbox / folder).iterdir())
        except OSError:
            continue
        for path in paths:
            if not path.name.startswith(".") and path.is_file() and not path.is_symlink():
                yield path


def _captured(path: Path) -> Captured | None:
    try:
        status = path.stat()
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return None  # removed meanwhile
    shown = parts(re.split(rb"\r?\n\r?\n", head, maxsplit=1)[0])
    headers = {name.lower(): value for name, value in reversed(shown.headers)}
    return Captured(
        key=path.name,
        at=_arrival(path.name, status.st_mtime),
        sender=headers.get("from", ""),
        recipient=headers.get("to", ""),
        subject=headers.get("subject", ""),
        size=status.st_size,
    )


def _arrival(name: str, changed: float) -> datetime:
    found = _ARRIVAL.match(name)
    if not found:
        return datetime.fromtimestamp(changed, UTC)
    return datetime.fromtimestamp(int(found[1]), UTC).replace(microsecond=int(found[2]))


def _headers(message: Message) -> list[tuple[str, str]]:
    return [(_clean(name), _decoded(str(value))) for name, value in message.items()]


def _decoded(value: str) -> str:
    text = re.sub(r"[\r\n]+[ \t]*", " ", value[:_MAX_VALUE]).strip()
    with suppress(HeaderParseError, LookupError, ValueError):  # shown as it was written
        text = str(make_header(decode_header(text)))
    return _clean(re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", text))


def _leaves(message: Message, depth: int = 0) -> Iterator[Message]:
    """The parts that may be shown: no attachments, no messages within the message."""
    if message.is_multipart() and message.get_content_maintype() == "multipart":
        for part in list(message.get_payload())[:_MAX_PARTS]:
            if depth < _MAX_DEPTH and isinstance(part, Message):
                yield from _leaves(part, depth + 1)
    elif message.get_content_disposition() != "attachment":
        yield message


def _first(leaves: list[Message], kind: str) -> str:
    for leaf in leaves:
        if leaf.get_content_type() == kind and not leaf.is_multipart():
            return _text(leaf)
    return ""


def _text(leaf: Message) -> str:
    payload = leaf.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    try:
        charset = leaf.get_content_charset() or "utf-8"
        if charset in _SLOW_CODECS:
            charset = "utf-8"
        text = data.decode(charset, "replace")
    except (LookupError, ValueError):
        text = data.decode("utf-8", "replace")
    return _clean(text)


def _clean(text: str) -> str:
    """Text that can be written as UTF-8: no lone surrogates."""
    return text.encode("utf-8", "replace").decode("utf-8")

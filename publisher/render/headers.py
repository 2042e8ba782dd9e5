"""Header fields as bytes of our own.

`email.message` breaks a List-Unsubscribe URI of 76 characters or more into encoded words (cpython
#85725) and turns an encoded word in a title into a second header (CVE-2024-6923). So text goes
out here: control characters become blanks, anything but plain ASCII becomes B-encoded words (RFC
2047), and no URI is ever folded.
"""

import re
from base64 import b64encode
from datetime import UTC, datetime

import regex

NAME_LIMIT = 64
_WORD_BYTES = 45  # 45 bytes are 60 base64 characters; with `=?utf-8?B?..?=` a word has 72 of 75
_FIRST_BYTES = 36  # the first stands behind the field's name, and a line has 78 characters
_LINE = 60
_PLAIN = re.compile(r"[ -~]*", re.ASCII)
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+", re.ASCII)
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def field(name: str, value: str) -> bytes:
    """One field whose value is ASCII and ready. Raises `ValueError` for a line break in it."""
    if not _PLAIN.fullmatch(value.replace("\r\n ", "")):
        raise ValueError(f"{name}: not a header value: {value!r}")
    return f"{name}: {value}\r\n".encode("ascii")


def text(value: str) -> str:
    """Unstructured text (RFC 5322, section 2.2.1), encoded where it is not plain."""
    shown = " ".join(_INVISIBLE.sub(" ", value).split(" ")).strip()
    if _PLAIN.fullmatch(shown) and "=?" not in shown and len(shown) <= _LINE:
        return shown
    return encoded_words(shown)


def mailbox(name: str, address: str) -> str:
    """A name and an address (RFC 5322, section 3.4); the address alone where there is no name.

    Raises `ValueError` for an address with a blank or control character.
    """
    if not _PLAIN.fullmatch(address) or not re.fullmatch(r"[^\s<>,;]+", address):
        raise ValueError(f"not an address: {address!r}")
    return angled(name, address) if name.strip() else address


def angled(name: str, value: str) -> str:
    """`name <value>`, on two lines where one would be too long (RFC 5322, section 2.1.1)."""
    shown = phrase(one_line(name)[:NAME_LIMIT])
    if not shown:
        return f"<{value}>"
    last = shown.rpartition("\n")[2]
    return f"{shown} <{value}>" if len(last) + len(value) <= _LINE else f"{shown}\r\n <{value}>"


def one_line(name: str) -> str:
    """A name without what is not seen: control characters, turns of direction, line breaks."""
    return " ".join(_INVISIBLE.sub(" ", name).split())


def phrase(shown: str) -> str:
    """A display name: as it is, quoted, or encoded."""
    if "=?" in shown or not _PLAIN.fullmatch(shown):
        return encoded_words(shown)
    if _ATOMS.fullmatch(shown):
        return shown
    return '"' + shown.replace("\\", "\\\\").replace('"', '\\"') + '"'


def encoded_words(shown: str) -> str:
    """The text as B-encoded words (RFC 2047), never split inside a character a reader sees."""
    words: list[bytes] = []
    chunk = b""
    for grapheme in regex.findall(r"\X", shown):
        for piece in _fitting(grapheme):
            if len(chunk) + len(piece) > (_WORD_BYTES if words else _FIRST_BYTES):
                words.append(chunk)
                chunk = b""
            chunk += piece
    words.append(chunk)
    return "\r\n ".join(f"=?utf-8?B?{b64encode(word).decode()}?=" for word in words)


def date(instant: datetime) -> str:
    """A date as mail writes it (RFC 5322, section 3.3), in UTC and whatever the locale."""
    moment = instant.astimezone(UTC)
    day, month = _DAYS[moment.weekday()], _MONTHS[moment.month - 1]
    time = f"{moment.hour:02}:{moment.minute:02}:{moment.second:02}"
    return f"{day}, {moment.day:02} {month} {moment.year} {time} +0000"


def _fitting(grapheme: str) -> list[bytes]:
    """The grapheme's bytes; one that is longer than a word (a pile of marks) by code points."""
    data = grapheme.encode()
    return [data] if len(data) <= _WORD_BYTES else [point.encode() for point in grapheme]

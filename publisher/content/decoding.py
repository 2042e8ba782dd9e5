"""Bytes to text: which encoding a file is in, and line ends."""

import codecs
import re
from dataclasses import dataclass

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A file's text with LF line ends. `guessed` names an encoding that nothing declared."""

    text: str
    guessed: str = ""


def decode(data: bytes, declared: str = "") -> Decoded | None:
    """The text of a file, or None where no encoding fits.

    A byte order mark decides; else UTF-8; else what is declared; else GB18030 if all of it fits,
    which says little (it swallows Latin-1), so the caller tells the writer.
    """
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    if text := _try(data, encoding):
        return Decoded(text=text)
    if declared and (text := _try(data, declared)):
        return Decoded(text=text)
    if encoding == "utf-8" and (text := _try(data, "gb18030")):
        return Decoded(text=text, guessed="gb18030")
    return Decoded(text="") if not data else None


def without_controls(text: str) -> str:
    """The text as it may be published: no control characters but TAB and LF.

    One of them makes a feed unreadable (35 of 8,633 files hold some). The file keeps them.
    """
    return _CONTROLS.sub("", text)


_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff\ud800-\udfff]")


def _try(data: bytes, encoding: str) -> str | None:
    try:
        text = data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None
    return text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")

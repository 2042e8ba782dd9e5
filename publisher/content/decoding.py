"""Bytes to text: which encoding a file is in, and line ends."""

import codecs
import re
from dataclasses import dataclass

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff\ud800-\udfff]")

_UNSHOWN = re.compile("[\x80-\x84\x86-\x9f\ufffd]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A file's text behind `mark`, the byte order marks that open it (two of them occur).

    `is_guessed`: it fits the encoding, but nothing declares that.
    """

    raw: str
    encoding: str
    mark: bytes = b""
    is_guessed: bool = False

    @property
    def text(self) -> str:
        """The text with LF line ends."""
        return self.raw.replace("\r\n", "\n").replace("\r", "\n")


def decode(data: bytes, declared: str = "") -> Decoded | None:
    """The text of a file, or None where no encoding fits.

    A byte order mark decides; else UTF-8; else what is declared; else GB18030 if all of it fits,
    which says little (it swallows Latin-1), so the caller tells the writer.
    """
    mark, name = next((pair for pair in _MARKS if data.startswith(pair[0])), (b"", ""))
    body = data
    while mark and body.startswith(mark):
        body = body[len(mark) :]
    for encoding in (name,) if mark else filter(None, ("utf-8", declared, "gb18030")):
        try:
            raw = body.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
        return Decoded(
            raw=raw,
            encoding=encoding,
            mark=data[: len(data) - len(body)],
            is_guessed=encoding == "gb18030" != declared,
        )
    return None


def without_controls(text: str) -> str:
    """The text as it may be published: no control characters but TAB and LF.

    One of them makes a feed unreadable (35 of 8,633 files hold some). The file keeps them.
    """
    return _CONTROLS.sub("", text)


def shown(text: str) -> str:
    """The words of a title or a label: as `without_controls`, and without what feeds drop as well,
    C1 controls (NEL is a line end) and the sign of a character that was lost.
    """
    return _UNSHOWN.sub("", without_controls(text))

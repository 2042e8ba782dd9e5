"""What a relay says, read strictly: one reply off by one would mark a stranger's row.

Bytes in, `Answer`s out; no I/O. RFC 5321, section 4.2.
"""

import re
from collections import deque
from dataclasses import dataclass
from functools import lru_cache

from publisher.domain.replies import Reply, Stage

MAX_LINE = 2_048
MAX_REPLY = 65_536
MAX_TEXT = 500
"""Bytes of a line and of a whole reply that we read; characters of it that we keep."""

_LINE = re.compile(rb"([2-5][0-5][0-9])(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"([245])\.[0-9]{1,3}\.[0-9]{1,3}(?= |$)")
_TOO_LONG = f"a line of its reply is longer than {MAX_LINE} bytes"


class LineLost(Exception):
    """The line is gone, or what comes over it can no longer be trusted. Stays inside `mail`."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole reply: its code and the text of each line, as sent."""

    code: int
    lines: tuple[str, ...]

    @property
    def is_positive(self) -> bool:
        return self.code // 100 == 2

    @property
    def is_refusal(self) -> bool:
        return self.code // 100 in (4, 5)

    @property
    def enhanced(self) -> str:
        """The code of RFC 3463, or "": its class must be that of the reply (RFC 2034, 4)."""
        found = _ENHANCED.match(self.lines[0])
        return found[0] if found and int(found[1]) == self.code // 100 else ""

    def reply(self, stage: Stage) -> Reply:
        """The same as a value of the domain."""
        marker = self.enhanced
        return Reply(code=self.code, enhanced=marker, text=self._without(marker), stage=stage)

    @property
    def text(self) -> str:
        """All lines in one, without the enhanced codes, fit for a log: printable, cut short."""
        return self._without(self.enhanced)

    def _without(self, marker: str) -> str:
        if len(self.lines) == 1:
            return printable(self.lines[0].removeprefix(marker).strip())
        bare = (line.removeprefix(marker).strip() for line in self.lines)
        return printable(" ".join(line for line in bare if line))

    def __str__(self) -> str:
        return " ".join(part for part in (str(self.code), self.enhanced, self.text) if part)


class Replies:
    """Cuts the bytes that arrive into answers, in the order of their arrival."""

    def __init__(self) -> None:
        self._lines: deque[bytes] = deque()  # whole ones, not read yet
        self._rest = b""
        self._begun: list[_Line] = []  # of a reply that goes on
        self._size = 0

    @property
    def has_rest(self) -> bool:
        """Whether bytes are waiting, be it a whole answer or the beginning of one."""
        return bool(self._lines or self._rest or self._begun)

    def feed(self, data: bytes) -> None:
        """Takes what has arrived, cut anywhere."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._lines.extend(lines)

    def next(self) -> Answer | None:
        """The next whole answer, None until there is one. Raises `LineLost` at garbage."""
        while self._lines:
            line = _read(self._lines.popleft())
            if line.answer is not None and not self._begun:
                return line.answer
            self._take(line)
            if line.answer is not None:
                answer = Answer(line.code, tuple(each.text for each in self._begun))
                self._begun, self._size = [], 0
                return answer
        if len(self._rest) >= MAX_LINE:
            raise LineLost(_TOO_LONG)
        return None

    def _take(self, line: "_Line") -> None:
        if self._begun and line.code != self._begun[0].code:
            raise LineLost(f"one reply of it has two codes, {self._begun[0].code} and {line.code}")
        self._size += line.size
        if self._size > MAX_REPLY:
            raise LineLost(f"its reply is longer than {MAX_REPLY} bytes")
        self._begun.append(line)


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of a reply. `answer`: the whole one, if it is the last line and stands alone."""

    code: int
    text: str
    size: int
    answer: Answer | None


@lru_cache(maxsize=256)  # most answers are the same few words
def _read(line: bytes) -> _Line:
    """A line without its LF. Raises `LineLost` where it is none of a reply."""
    line = line.removesuffix(b"\r")  # a bare LF will do
    if len(line) >= MAX_LINE:
        raise LineLost(_TOO_LONG)
    found = _LINE.fullmatch(line)
    if not found:
        raise LineLost(f"what it sent is no SMTP reply: {printable(_decode(line[:60]))!r}")
    code, text = int(found[1]), _decode(found[3] or b"")
    answer = None if found[2] == b"-" else Answer(code, (text,))
    return _Line(code, text, len(line), answer)


def printable(text: str) -> str:
    """The text with everything that could disturb a terminal or a log escaped, cut short."""
    if text.isprintable():
        return text[:MAX_TEXT]
    shown = "".join(
        mark if mark.isprintable() else mark.encode("unicode_escape").decode()
        for mark in text[:MAX_TEXT]
    )
    return shown[:MAX_TEXT]


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")

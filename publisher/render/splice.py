"""A base64 body with holes: encoded once, joined for each recipient.

A body is static text around slots: S0 v1 S1 .. vn Sn. Base64 turns three bytes into four
characters, so what a static segment looks like depends on how many bytes (0, 1, 2) stand before
it in its group. Each segment is therefore stored for all three phases; a message is a join of
ready blocks and a few encoded values. Lines may be shorter than 76 characters, never longer (RFC
2045, section 6.8).
"""

import re
from binascii import b2a_base64
from collections.abc import Collection, Mapping
from dataclasses import dataclass

LINE_BYTES = 57
CRLF = b"\r\n"


@dataclass(frozen=True, slots=True)
class Phase:
    """A segment after `head` bytes have completed the group before it."""

    head: bytes
    block: bytes
    tail: bytes


@dataclass(frozen=True, slots=True)
class Static:
    """Text that is the same for everybody: `raw`, and its three phases where it is long enough."""

    raw: bytes
    phases: tuple[Phase, ...]


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for a recipient's own value, by name."""

    name: str


Part = Static | Slot


def split_at_tokens(text: str, nonce: str, names: Collection[str]) -> list[str | Slot]:
    """The text cut at its slot tokens (`nl<nonce>_<name>`); static pieces and slots in order.

    `names` are those of the slots, at least one: what follows a token may be a letter too.
    """
    known = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    pieces = re.split(f"nl{re.escape(nonce)}_({known})", text)
    return [Slot(piece) if place % 2 else piece for place, piece in enumerate(pieces)]


def compile_text(text: str, nonce: str, names: Collection[str]) -> tuple[Part, ...]:
    """A text with tokens of the slots of these names, ready to be joined. Line ends become CRLF."""
    wire = text.replace("\r\n", "\n").replace("\n", "\r\n")
    return tuple(
        piece if isinstance(piece, Slot) else static(piece.encode())
        for piece in split_at_tokens(wire, nonce, names)
    )


def static(raw: bytes) -> Static:
    """A static segment with its phases."""
    return Static(raw, tuple(_phase(raw, skip) for skip in range(3)) if len(raw) >= 3 else ())


def pieces(parts: tuple[Part, ...], values: Mapping[str, bytes]) -> list[bytes]:
    """The body for one recipient: base64 in lines, each ended by CRLF, to be joined."""
    out: list[bytes] = []
    carry = b""
    for part in parts:
        if isinstance(part, Static) and part.phases:
            phase = part.phases[-len(carry) % 3]
            if carry:
                out.append(b2a_base64(carry + phase.head, newline=False) + CRLF)
            out.append(phase.block)
            carry = phase.tail
        else:
            pending = carry + (part.raw if isinstance(part, Static) else values[part.name])
            whole = len(pending) // 3 * 3
            out.append(_lines(pending[:whole]))
            carry = pending[whole:]
    if carry:
        out.append(b2a_base64(carry, newline=False) + CRLF)
    return out


def _phase(raw: bytes, skip: int) -> Phase:
    whole = skip + (len(raw) - skip) // 3 * 3
    return Phase(head=raw[:skip], block=_lines(raw[skip:whole]), tail=raw[whole:])


def _lines(data: bytes) -> bytes:
    """Base64 in lines of 76 characters; `data` is a multiple of three bytes long."""
    starts = range(0, len(data), LINE_BYTES)
    return b"".join(
        [b2a_base64(data[start : start + LINE_BYTES], newline=False) + CRLF for start in starts]
    )

"""Long texts kept small: of ten thousand posts a build reads a few at a time."""

import zlib

_LEVEL = 1
"""The quickest: half the bytes in a thirtieth of the time that rendering takes."""


def pack(text: str) -> bytes:
    """The text, compressed; halves of surrogate pairs come back as they were."""
    return zlib.compress(text.encode("utf-8", "surrogatepass"), _LEVEL) if text else b""


def unpack(packed: bytes) -> str:
    """The text that was packed."""
    return zlib.decompress(packed).decode("utf-8", "surrogatepass") if packed else ""

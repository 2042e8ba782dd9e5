"""Packed texts of many posts in one file, each read when somebody asks for it.

A bundle is written once and never changed: texts that come later go into another one. It stays
open as long as one of its texts is held, so that it may be removed meanwhile.
"""

import os
import tempfile
import weakref
from pathlib import Path
from zlib import crc32

from publisher.domain.packing import Packed
from publisher.errors import PublisherError

ENDING = ".texts"

Place = tuple[str, int, int, int]
"""Where a text lies: name of the bundle, first byte, number of bytes, their CRC-32."""


class Bundle:
    """One file of texts, open for reading. `size` in bytes."""

    def __init__(self, path: str, handle: int, size: int) -> None:
        self.path = path
        self.size = size
        self._handle = handle
        weakref.finalize(self, os.close, handle)

    @property
    def name(self) -> str:
        return os.path.basename(self.path)

    @classmethod
    def create(cls, folder: str) -> "Bundle":
        """An empty one, under a name of its own. Raises `OSError`."""
        handle, path = tempfile.mkstemp(dir=folder, suffix=ENDING)
        return cls(path, handle, 0)

    @classmethod
    def open(cls, path: str, size: int) -> "Bundle | None":
        """One that was written earlier; None if it is not there whole."""
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        bundle = cls(path, handle, size)
        return bundle if os.fstat(handle).st_size == size else None

    def add(self, data: bytes) -> "Kept":
        """Writes a text behind the others. Raises `OSError`; the others are not harmed."""
        place, rest = self.size, memoryview(data)
        while rest:
            rest = rest[os.pwrite(self._handle, rest, self.size) :]
            self.size = place + len(data) - len(rest)
        return Kept(self, (self.name, place, len(data), crc32(data)))

    def read(self, place: int, length: int) -> bytes:
        """So many bytes from a place on; fewer where the file has been cut."""
        return os.pread(self._handle, length, place)

    def finish(self) -> None:
        """Waits until all of it is on the disk."""
        os.fdatasync(self._handle)

    def discard(self) -> None:
        """Removes the file; what is held of it can still be read."""
        Path(self.path).unlink(missing_ok=True)


class Kept(Packed):
    """A text in a bundle."""

    __slots__ = ("bundle", "place")

    def __init__(self, bundle: Bundle, place: Place) -> None:
        self.bundle = bundle
        self.place = place

    @property
    def length(self) -> int:
        return self.place[2]

    def __hash__(self) -> int:
        return self.place[3]  # it need not be read to be looked up

    def data(self) -> bytes:
        """Raises `PublisherError` if the disk has not kept what was written."""
        _, start, length, check = self.place
        data = self.bundle.read(start, length)
        if crc32(data) != check:
            self.bundle.discard()  # the next load makes its texts anew
            raise PublisherError(
                f"{self.bundle.path} was damaged and is removed; do this once more"
            )
        return data

"""Parsed posts kept under the state folder. It may be deleted at any time.

One file an entry, named by a digest of the post's bytes, its path and all settings that change
what it becomes. Nothing of time is in it: who may read a post is decided anew at every load.
"""

import os
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec

from publisher.content.options import ContentOptions
from publisher.content.rendering import RENDER_VERSION, Rendering
from publisher.content.sources import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What was read of a file, and what it became (None while nobody may read it)."""

    source: Source
    rendering: Rendering | None


class Cache:
    """The entries of one folder of posts. Without a folder it keeps nothing."""

    def __init__(self, options: ContentOptions) -> None:
        self._folder = options.cache / "posts" if options.cache else None
        self._base = sha256(f"{RENDER_VERSION}\n".encode() + options.fingerprint())
        self._used: set[str] = set()

    def key(self, path: str, data: bytes) -> str:
        """The name of a file's entry."""
        digest = self._base.copy()
        digest.update(path.encode("utf-8", "surrogateescape") + b"\0")
        digest.update(data)
        return digest.hexdigest()

    def get(self, key: str) -> Entry | None:
        """The entry of that name; a damaged one counts as none."""
        if self._folder is None:
            return None
        self._used.add(key)
        try:
            with open(self._file(key), "rb") as file:
                return _DECODER.decode(file.read())
        except (OSError, msgspec.DecodeError):
            return None

    def put(self, key: str, entry: Entry) -> None:
        """Keeps an entry. A full disk is no error: the next load parses again."""
        if self._folder is None:
            return
        path = self._file(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=".")
            with os.fdopen(handle, "wb") as aside:
                aside.write(_ENCODER.encode(entry))
            os.replace(name, path)
        except (OSError, UnicodeEncodeError):
            return

    def sweep(self) -> None:
        """Removes the entries that nobody asked for since this object was made."""
        if self._folder is None or not self._folder.is_dir():
            return
        for path in self._folder.glob("*/*"):
            if path.parent.name + path.name not in self._used:
                path.unlink(missing_ok=True)

    def _file(self, key: str) -> Path:
        if self._folder is None:
            raise RuntimeError("this cache has no folder")
        return self._folder / key[:2] / key[2:]


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Entry)

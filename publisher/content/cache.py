"""Parsed posts kept under the state folder. It may be deleted at any time.

An entry is found by a digest of the post's bytes, its path and all settings that change what it
becomes. Nothing of time is in it: who may read a post is decided anew at every load. Entries lie
in 256 files, parted by path: ten thousand files of their own would cost more than what they save.
"""

import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256

import msgspec

from publisher.content.options import ContentOptions
from publisher.content.rendering import RENDER_VERSION, Rendering
from publisher.content.sources import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What was read of a file, and what it became (None while nobody may read it)."""

    source: Source
    rendering: Rendering | None


Shard = dict[str, Entry]
"""The entries of one file, by their keys."""


class Cache:
    """The entries of one folder of posts, for the length of one load; `save` ends it.

    What was neither asked for nor put by then is dropped. Without a folder it keeps nothing.
    """

    def __init__(self, options: ContentOptions) -> None:
        self._folder = os.fspath(options.cache / "posts") if options.cache else ""
        self._base = sha256(f"{RENDER_VERSION}\n".encode() + options.fingerprint())
        self._held: dict[str, Shard] = {}
        self._wanted: dict[str, Shard] = {}
        self._changed: set[str] = set()

    def key(self, path: str, data: bytes) -> str:
        """The name of a file's entry: two digits for the path, then a digest of everything."""
        name = path.encode()
        digest = self._base.copy()
        digest.update(name + b"\0")
        digest.update(data)
        return sha256(name).hexdigest()[:2] + digest.hexdigest()

    def get(self, key: str) -> Entry | None:
        """The entry of that key; a damaged one counts as none."""
        if not self._folder:
            return None
        name = key[:2]
        if name not in self._held:
            self._held[name] = _read(f"{self._folder}/{name}")
        entry = self._held[name].get(key)
        if entry:
            self._wanted.setdefault(name, {})[key] = entry
        return entry

    def put(self, key: str, entry: Entry) -> None:
        """Keeps an entry, from `save` on."""
        self._wanted.setdefault(key[:2], {})[key] = entry
        self._changed.add(key[:2])

    def save(self) -> None:
        """Writes what changed. A full disk is no error: the next load parses again."""
        if not self._folder:
            return
        with suppress(OSError):
            os.makedirs(self._folder, exist_ok=True)
            for name in os.listdir(self._folder):
                if name not in self._wanted:
                    os.unlink(f"{self._folder}/{name}")
            for name, shard in sorted(self._wanted.items()):
                if name in self._changed or len(shard) != len(self._held[name]):
                    _write(self._folder, name, shard)


def _read(path: str) -> Shard:
    try:
        with open(path, "rb") as file:
            return _DECODER.decode(file.read())
    except (OSError, msgspec.DecodeError):
        return {}


def _write(folder: str, name: str, shard: Shard) -> None:
    """Puts a whole file in the place of the old one, or leaves that as it is."""
    handle, aside = tempfile.mkstemp(dir=folder, prefix=".")
    with os.fdopen(handle, "wb") as file:
        file.write(_ENCODER.encode(shard))
    os.replace(aside, f"{folder}/{name}")


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Shard)

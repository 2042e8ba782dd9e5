"""The index of the cache: what is known of every file, read and written in one piece.

A text is written as its place: which bundle, where in it, how long, its check sum.
"""

import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import msgspec

from publisher.content.bundles import Bundle, Kept
from publisher.content.folder import Stamp
from publisher.content.rendering import Rendering
from publisher.content.sources import Source
from publisher.domain.packing import NOTHING, Packed

INDEX = "index"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What was read of a file, and what it became (None while nobody may read it).

    `digest` is that of its path and bytes; `stamp` is None where it proves nothing.
    """

    digest: bytes
    stamp: Stamp | None
    source: Source
    rendering: Rendering | None = None

    @property
    def texts(self) -> tuple[Kept, ...]:
        """What is kept of it in bundles."""
        if self.rendering is None:
            return ()
        both = self.rendering.body.packed, self.rendering.excerpt.packed
        return tuple(text for text in both if isinstance(text, Kept))


@dataclass(frozen=True, slots=True)
class Index:
    """The entries by path, and each as it is written, so that it need not be written anew."""

    entries: Mapping[str, Entry]
    written: Mapping[str, msgspec.Raw]


NO_INDEX = Index({}, {})


@dataclass(frozen=True, slots=True)
class _File:
    """`maker`: a digest of program and settings. `bundles`: the size of each, by name."""

    maker: bytes
    bundles: dict[str, int]
    entries: dict[str, msgspec.Raw]


def read_index(folder: str, maker: bytes) -> Index:
    """The entries whose texts are there; none if the index is damaged or not ours."""
    try:
        with open(f"{folder}/{INDEX}", "rb") as file:
            found = msgspec.msgpack.decode(file.read(), type=_File)
        if found.maker != maker:
            return NO_INDEX
        bundles = {name: Bundle.open(f"{folder}/{name}", n) for name, n in found.bundles.items()}
        decode = _decoder(bundles).decode
        entries = {path: decode(written) for path, written in found.entries.items()}
    except (OSError, msgspec.DecodeError, LookupError):
        return NO_INDEX
    if None in bundles.values():
        entries = {path: entry for path, entry in entries.items() if not _is_lost(entry)}
    return Index(entries, found.entries)


def write_index(
    folder: str,
    maker: bytes,
    entries: Mapping[str, Entry],
    *,
    bundles: Iterable[Bundle],
    old: Index,
) -> None:
    """Puts a whole index in the place of the old one; `bundles` are all that hold its texts."""
    encode = msgspec.msgpack.Encoder(enc_hook=_place).encode
    written = {
        path: old.written[path] if entry is old.entries.get(path) else msgspec.Raw(encode(entry))
        for path, entry in entries.items()
    }
    sizes = {bundle.name: bundle.size for bundle in bundles}
    handle, aside = tempfile.mkstemp(dir=folder)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.msgpack.encode(_File(maker, sizes, written)))
    os.replace(aside, f"{folder}/{INDEX}")


def moved(entry: Entry, bundle: Bundle) -> Entry:
    """The entry with its texts in another place. Raises `OSError`."""
    if entry.rendering is None:
        return entry
    body, excerpt = entry.rendering.body, entry.rendering.excerpt
    rendering = replace(
        entry.rendering,
        body=replace(body, packed=bundle.add(body.packed.data())),
        excerpt=replace(excerpt, packed=bundle.add(excerpt.packed.data())),
    )
    return replace(entry, rendering=rendering)


def _is_lost(entry: Entry) -> bool:
    return entry.rendering is not None and entry.rendering.body.packed is NOTHING


def _place(text: Kept) -> tuple[str, int, int, int]:
    return text.bundle.name, text.place, text.length, text.check


def _decoder(bundles: Mapping[str, Bundle | None]) -> "msgspec.msgpack.Decoder[Entry]":
    def text(_type: type, place: tuple[str, int, int, int]) -> Packed:
        name, start, length, check = place
        bundle = bundles[name]
        return Kept(bundle, start, length, check) if bundle else NOTHING

    return msgspec.msgpack.Decoder(Entry, dec_hook=text)

"""The index of the cache: what is known of every file, read and written in one piece.

A text is written as its place: which bundle, where in it, how long, its check sum.
"""

import os
import tempfile
from collections.abc import Mapping, Sequence
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
    def texts(self) -> tuple[Packed, ...]:
        """What is kept in a bundle, all in the same one."""
        found = self.rendering
        return (found.body.packed, found.excerpt.packed) if found else ()

    @property
    def size(self) -> int:
        """How many bytes its texts take in their bundle."""
        return sum(text.length for text in self.texts if isinstance(text, Kept))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Index:
    """`maker`: a digest of program and settings. `bundles`: the name and size of each."""

    maker: bytes
    bundles: tuple[tuple[str, int], ...]
    entries: msgspec.Raw


def read_index(folder: str, maker: bytes) -> dict[str, Entry]:
    """The entries, by path, whose texts are there; none if the index is damaged or not ours."""
    try:
        with open(f"{folder}/{INDEX}", "rb") as file:
            index = msgspec.msgpack.decode(file.read(), type=_Index)
        if index.maker != maker:
            return {}
        bundles = [Bundle.open(f"{folder}/{name}", size) for name, size in index.bundles]
        entries = _decoder(bundles).decode(index.entries)
    except (OSError, msgspec.DecodeError, IndexError):
        return {}
    if None in bundles:
        return {path: entry for path, entry in entries.items() if not _is_lost(entry)}
    return entries


def write_index(folder: str, maker: bytes, entries: Mapping[str, Entry]) -> list[str]:
    """Puts a whole index in the place of the old one; the names of the bundles that it needs."""
    found = dict.fromkeys(filter(None, map(bundle_of, entries.values())))
    numbers = {bundle: number for number, bundle in enumerate(found)}
    bundles = [(os.path.basename(bundle.path), bundle.size) for bundle in numbers]
    written = _encoder(numbers).encode(entries)
    index = _Index(maker=maker, bundles=tuple(bundles), entries=msgspec.Raw(written))
    handle, aside = tempfile.mkstemp(dir=folder)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.msgpack.encode(index))
    os.replace(aside, f"{folder}/{INDEX}")
    return [name for name, _ in bundles]


def bundle_of(entry: Entry) -> Bundle | None:
    """Where an entry's texts are."""
    return next((text.bundle for text in entry.texts if isinstance(text, Kept)), None)


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
    return any(text is NOTHING for text in entry.texts)


def _encoder(numbers: Mapping[Bundle, int]) -> msgspec.msgpack.Encoder:
    def place(text: Kept) -> tuple[int, int, int, int]:
        return numbers[text.bundle], text.place, text.length, text.check

    return msgspec.msgpack.Encoder(enc_hook=place)


def _decoder(bundles: Sequence[Bundle | None]) -> "msgspec.msgpack.Decoder[dict[str, Entry]]":
    def text(_type: type, place: tuple[int, int, int, int]) -> Packed:
        number, start, length, check = place
        bundle = bundles[number]
        return Kept(bundle, start, length, check) if bundle else NOTHING

    return msgspec.msgpack.Decoder(dict[str, Entry], dec_hook=text)

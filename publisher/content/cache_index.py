"""The index of the cache: what is known of every file, read and written in one piece.

A text is written as its place: which bundle, where in it, how long, its check sum.
"""

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any
from zlib import crc32

import msgspec
from msgspec import Struct
from msgspec.inspect import type_info
from msgspec.structs import replace

from publisher.content.bundles import Bundle, Kept
from publisher.content.folder import Stamp
from publisher.content.rendering import Rendering
from publisher.content.sources import Source
from publisher.domain.compact import Compact
from publisher.domain.packing import NOTHING, Packed

INDEX = "index"


class Entry(Compact, frozen=True, kw_only=True):
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


SHAPE = str(type_info(Entry))
"""The fields of an entry, which an index does not name: with others it is another index."""


class _Head(Struct, array_like=True):
    """`maker`: a digest of program and settings. `bundles`: the size of each, by name. `check`:
    the CRC-32 of the entries; they say what may be read.
    """

    maker: bytes
    bundles: dict[str, int]
    check: int
    entries: msgspec.Raw


def read_index(folder: str, maker: bytes) -> dict[str, Entry]:
    """The entries whose texts are there, by path; none if the index is damaged or not ours."""
    try:
        with open(f"{folder}/{INDEX}", "rb") as file:
            head = msgspec.msgpack.decode(file.read(), type=_Head)
        if head.maker != maker or head.check != crc32(head.entries):
            return {}
        bundles = {name: Bundle.open(f"{folder}/{name}", n) for name, n in head.bundles.items()}
        entries = _decoder(bundles).decode(head.entries)
    except (OSError, msgspec.DecodeError, LookupError):
        return {}
    is_whole = None not in bundles.values()
    return {each.source.path: each for each in entries if is_whole or not _is_lost(each)}


def write_index(
    folder: str, maker: bytes, entries: Iterable[Entry], *, bundles: Iterable[Bundle]
) -> None:
    """Puts a whole index in the place of the old one; `bundles` are all that hold its texts."""
    encode = msgspec.msgpack.Encoder(enc_hook=attrgetter("place")).encode
    sizes = {bundle.name: bundle.size for bundle in bundles}
    written = encode([*entries])
    data = encode(_Head(maker, sizes, crc32(written), msgspec.Raw(written)))
    handle, aside = tempfile.mkstemp(dir=folder)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
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


def _decoder(bundles: Mapping[str, Bundle | None]) -> "msgspec.msgpack.Decoder[list[Entry]]":
    def text(_type: type, place: Sequence[Any]) -> Packed:
        name, start, length, check = place
        bundle = bundles[name]
        return Kept(bundle, (name, start, length, check)) if bundle else NOTHING

    return msgspec.msgpack.Decoder(list[Entry], dec_hook=text)

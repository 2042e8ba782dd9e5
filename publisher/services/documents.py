"""Publishes documents and finds them again: bytes on disk, their validators in the database.

    what is to lie where ──▶ is it there? ──no──▶ bytes ──▶ aside ──▶ rows ──▶ in its place

The rows are committed before the files take their places: after a crash in between the next build
finds old bytes under a new row, writes the same file again, and no validator ever goes backwards.
"""

import os
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from gzip import compress, decompress
from hashlib import sha256
from pathlib import Path

import brotli

from publisher.domain.documents import ENCODINGS, Document, first_seen, usual_new_address
from publisher.errors import Gone, NotFound, PublisherError
from publisher.services.app import App
from publisher.services.output import Staging, remove
from publisher.store import documents as rows

PAGE_SECONDS = 300
"""How long a page is taken as new, unless its file says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFile:
    """One file to publish. `path` is relative to the output folder, with forward slashes.

    `data` may be a function: it is called only if what the file was made of, `source`, is not what
    it was (an empty `source` never is). `owner` is the post that a page shows. `is_packed`: with
    its gzip and brotli forms beside it.
    """

    path: str
    data: bytes | Callable[[], bytes]
    source: str = ""
    owner: str = ""
    max_age: int = PAGE_SECONDS
    is_packed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What became of one file: its size in bytes, and whether its bytes are new.

    `is_made`: it was rendered, whether or not the bytes came out new.
    """

    path: str
    size: int
    changed: bool
    is_made: bool = True


Look = Callable[[OutputFile, bytes], None]
"""Is shown the bytes of each file that was made, before anything is published."""


def publish(
    app: App, files: Iterable[OutputFile], *, now: datetime, look: Look | None = None
) -> tuple[list[Written], list[str]]:
    """Publishes the files, in their order, then removes what an earlier build wrote and this did
    not.

    Returns what was written and the paths that were removed. Raises `PublisherError` when the
    disk refuses; all old files are then still in place.
    """
    output = app.folders.output
    with app.store.read() as tx:
        known = rows.known(tx)
    try:
        with Staging(output) as staging:
            desk = _Desk(output=output, known=known, staging=staging, now=now, look=look)
            written = [desk.take(file) for file in files]
            present = {file.path for file in written}
            staging.finish()
            gone = [path for path, row in known.items() if not row.gone_at and path not in present]
            with app.store.begin() as tx:
                rows.keep(tx, desk.changed)
                rows.bury(tx, gone, now=now)
            staging.settle()
        removed = sorted(path for path in gone if _remove(output, path))
    except OSError as error:
        raise PublisherError(
            f"{error.filename or output}: {error.strerror}; nothing half written was left behind, "
            "the old files are in place; make room or mend the rights, then build again"
        ) from error
    return written, removed


def find(app: App, path: str) -> Document | None:
    """What is known of the file at a path below the output folder."""
    with app.store.read() as tx:
        return rows.get(tx, path)


def missing(app: App, path: str) -> str:
    """Where to send whoever asks for a path at which no file lies: a path on this site.

    A post that moved, the usual old addresses of feeds, and those that the settings name. Raises
    `Gone` where something was published once, `NotFound` for all else.
    """
    for old, new in app.feeds.redirects:
        if path.strip("/") == old.strip("/"):
            return new
    with app.store.read() as tx:
        for candidate in (path, f"{path}/index.html".lstrip("/"), f"{path}index.html"):
            row = rows.get(tx, candidate)
            if row is not None and row.gone_at is not None:
                heir = rows.of_owner(tx, row.owner) if row.owner else None
                if heir is None:
                    raise Gone("page", path)
                return f"/{heir.path.removesuffix('index.html')}"
        place = usual_new_address(path)
        row = rows.get(tx, place) if place else None
    if row is None or row.gone_at is not None:
        raise NotFound("page", path)
    return f"/{place}"


def listed(app: App) -> Mapping[str, Document]:
    """Everything ever published, by path."""
    with app.store.read() as tx:
        return rows.known(tx)


PRESSES: Mapping[str, Callable[[bytes], bytes]] = {
    "br": lambda data: brotli.compress(data, mode=brotli.MODE_TEXT, quality=_BROTLI_QUALITY),
    "gzip": lambda data: compress(data, _GZIP_LEVEL, mtime=0),
}
"""Content coding -> what puts bytes into it; equal bytes give equal ones."""


def unpack(encoding: str, data: bytes) -> bytes:
    """The plain bytes of a content coding; empty where it is damaged."""
    try:
        return brotli.decompress(data) if encoding == "br" else decompress(data)
    except (brotli.error, OSError, EOFError, zlib.error):
        return b""


# Best bytes for the time: the next level costs half as much again and saves two in a hundred.
_BROTLI_QUALITY = 5
_GZIP_LEVEL = 6


@dataclass
class _Desk:
    """Where files are judged one by one: to be left alone, or made and staged."""

    output: Path
    known: Mapping[str, Document]
    staging: Staging
    now: datetime
    look: Look | None

    def __post_init__(self) -> None:
        self.changed: list[Document] = []
        self._root = os.fspath(self.output)

    def take(self, file: OutputFile) -> Written:
        row = self.known.get(file.path)
        row = None if row is None or row.gone_at else row
        is_intact = row is not None and self._is_intact(file, row)
        if row and is_intact and file.source and row.source == file.source:
            return Written(path=file.path, size=row.size, changed=False, is_made=False)
        data = file.data if isinstance(file.data, bytes) else file.data()
        if self.look:
            self.look(file, data)
        return self._place(file, data, row, is_intact=is_intact)

    def _place(
        self, file: OutputFile, data: bytes, row: Document | None, *, is_intact: bool
    ) -> Written:
        digest = sha256(data).hexdigest()
        is_new = row is None or row.digest != digest
        before = self.known.get(file.path)
        if row is not None and not is_new:
            modified_at = row.modified_at
        else:
            modified_at = first_seen(self.now, before.modified_at if before else None)
        document = Document(
            path=file.path,
            owner=file.owner,
            source=file.source,
            digest=digest,
            size=len(data),
            modified_at=modified_at,
            max_age=file.max_age,
        )
        if document != row:
            self.changed.append(document)
        if is_new or not is_intact:
            self._stage(file, data, document)
        return Written(path=file.path, size=len(data), changed=is_new)

    def _stage(self, file: OutputFile, data: bytes, document: Document) -> None:
        # The plain file last: what is found beside it is then never older than it.
        forms = {"": lambda: data}
        if file.is_packed:
            forms = {name: partial(press, data) for name, press in PRESSES.items()} | forms
        for encoding, make in forms.items():
            path = file.path + ENCODINGS.get(encoding, "")
            self.staging.add(path, make, modified_at=document.modified_at)

    def _is_intact(self, file: OutputFile, row: Document) -> bool:
        """Whether the file, and what belongs beside it, lies there as we left it."""
        seconds = int(row.modified_at.timestamp())
        endings = ("", *ENCODINGS.values()) if file.is_packed else ("",)
        try:
            sizes = [_left_alone(f"{self._root}/{file.path}{end}", seconds) for end in endings]
        except (FileNotFoundError, NotADirectoryError):
            return False
        return sizes[0] == row.size and None not in sizes


def _left_alone(path: str, seconds: int) -> int | None:
    """The size of a file whose time is still the one that we gave it, else None."""
    found = os.stat(path)
    return found.st_size if found.st_mtime_ns == seconds * 1_000_000_000 else None


def _remove(output: Path, path: str) -> bool:
    for ending in ENCODINGS.values():
        remove(output, path + ending)
    return remove(output, path)

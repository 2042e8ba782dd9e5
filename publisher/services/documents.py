"""Publishes documents and finds them again: bytes on disk, their validators in the database.

    what is to lie where ──▶ is it there? ──no──▶ bytes ──▶ aside ──▶ rows ──▶ in its place

The rows are committed before the files take their places: after a crash in between the next build
finds old bytes under a new row, writes the same file again, and no validator ever goes backwards.
"""

import os
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from gzip import decompress
from pathlib import Path, PurePosixPath

import brotli

from publisher.domain.compact import Compact
from publisher.domain.documents import ENCODINGS, Document, first_seen, usual_new_address
from publisher.errors import Gone, NotFound, PublisherError
from publisher.lint.findings import Finding
from publisher.services.app import App
from publisher.services.makers import Job, Made, OutputFile, make_all
from publisher.services.output import MANY, Staging, remove
from publisher.store import documents as rows

_SECOND = 1_000_000_000
"""In nanoseconds."""


class Written(Compact, frozen=True, kw_only=True):
    """What became of one file: its size in bytes, and whether its bytes are new.

    `is_made`: it was rendered, whether or not the bytes came out new; `findings` are then what is
    wrong with it.
    """

    path: str
    size: int
    changed: bool
    is_made: bool = True
    findings: tuple[Finding, ...] = ()


def publish(
    app: App, files: Iterable[OutputFile], *, now: datetime
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
            desk = _Desk(output=output, known=known, staging=staging, now=now)
            wanted = [*files]
            _refuse_twins(wanted)
            written = desk.take([desk.judged(file) for file in wanted])
            present = {file.path for file in written}
            gone = [path for path, row in known.items() if not row.gone_at and path not in present]
            with app.store.begin() as tx:
                rows.keep(tx, desk.changed)
                rows.bury(tx, gone, now=now)
            for path in _in_the_way(gone, [each.path for each in desk.changed]):
                _remove(output, path)
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


def unpack(encoding: str, data: bytes) -> bytes:
    """The plain bytes of a content coding; empty where it is damaged."""
    try:
        return brotli.decompress(data) if encoding == "br" else decompress(data)
    except (brotli.error, OSError, EOFError, zlib.error):
        return b""


class _Judged(Compact, frozen=True):
    """A file, what is published of it, and whether that lies there as we left it."""

    file: OutputFile
    row: Document | None
    is_intact: bool

    @property
    def is_good(self) -> bool:
        """Whether it is left alone."""
        is_same = self.row is not None and self.row.source == self.file.source
        return self.is_intact and is_same and self.file.source != ""


@dataclass
class _Desk:
    """Where files are judged one by one: to be left alone, or made and staged."""

    output: Path
    known: Mapping[str, Document]
    staging: Staging
    now: datetime

    def __post_init__(self) -> None:
        self.changed: list[Document] = []
        self._root = os.fspath(self.output)

    def judged(self, file: OutputFile) -> _Judged:
        row = self.known.get(file.path)
        row = None if row is None or row.gone_at else row
        return _Judged(file, row, row is not None and self._is_intact(file, row))

    def take(self, judged: Sequence[_Judged]) -> list[Written]:
        """Makes what is to be made, all of it side by side, and stages what is new."""
        bad = [each for each in judged if not each.is_good]
        is_synced = len(bad) <= MANY
        jobs = [
            Job(
                file=each.file,
                aside=self.staging.reserve(),
                digest=each.row.digest if each.row and each.is_intact else "",
                is_synced=is_synced,
            )
            for each in bad
        ]
        made = zip(bad, jobs, make_all(jobs), strict=True)
        done = {each.file.path: self._place(each, job.aside, new) for each, job, new in made}
        if not is_synced:
            self.staging.finish()
        return [done.get(each.file.path) or _left(each) for each in judged]

    def _place(self, judged: _Judged, aside: Path, made: Made) -> Written:
        file, row = judged.file, judged.row
        is_new = row is None or row.digest != made.digest
        before = self.known.get(file.path)
        if row is not None and not is_new:
            modified_at = row.modified_at
        else:
            modified_at = first_seen(self.now, before.modified_at if before else None)
        document = Document(
            path=file.path,
            owner=file.owner,
            source=file.source,
            digest=made.digest,
            size=made.size,
            modified_at=modified_at,
            max_age=file.max_age,
        )
        if document != row:
            self.changed.append(document)
        if made.is_written:
            self._stage(file, aside, document)
        return Written(
            path=file.path, size=made.size, changed=is_new, is_made=True, findings=made.findings
        )

    def _stage(self, file: OutputFile, aside: Path, document: Document) -> None:
        # The plain file last: what is found beside it is then never older than it.
        for ending in (*(ENCODINGS.values() if file.is_packed else ()), ""):
            place = aside.with_name(aside.name + ending)
            self.staging.add(place, file.path + ending, modified_at=document.modified_at)

    def _is_intact(self, file: OutputFile, row: Document) -> bool:
        """Whether the file, and what belongs beside it, lies there as we left it."""
        path, written = f"{self._root}/{file.path}", int(row.modified_at.timestamp()) * _SECOND
        try:
            found = os.stat(path)
            if found.st_size != row.size or found.st_mtime_ns != written:
                return False
            beside = ENCODINGS.values() if file.is_packed else ()
            return all(os.stat(path + ending).st_mtime_ns == written for ending in beside)
        except (FileNotFoundError, NotADirectoryError):
            return False


def _left(judged: _Judged) -> Written:
    size = judged.row.size if judged.row else 0
    return Written(path=judged.file.path, size=size, changed=False, is_made=False)


def _refuse_twins(files: Sequence[OutputFile]) -> None:
    """Two files in one place: the second would be lost. Raises `PublisherError`."""
    known: dict[str, OutputFile] = {}
    for file in files:
        other = known.setdefault(file.path, file)
        if other is not file:
            owners = " and ".join(each.owner or "the site itself" for each in (other, file))
            raise PublisherError(
                f"{file.path}: {owners} would both be there; give the post another permalink"
            )


def _in_the_way(gone: Iterable[str], new: Iterable[str]) -> list[str]:
    """The old files where folders are wanted now, and those in folders where files are wanted."""
    files = {*new}
    folders = {parent for path in files for parent in _above(path)}
    return [path for path in gone if path in folders or not files.isdisjoint(_above(path))]


def _above(path: str) -> list[str]:
    return [os.fspath(parent) for parent in PurePosixPath(path).parents][:-1]


def _remove(output: Path, path: str) -> bool:
    for ending in ENCODINGS.values():
        remove(output, path + ending)
    return remove(output, path)

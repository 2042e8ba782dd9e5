"""Copies of the database: taken while it works, checked, thinned out; and put back.

A database that was put back is fenced: what was mailed since the copy must not be mailed again.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from publisher.domain.backups import superfluous
from publisher.errors import Conflict, NotFound, PublisherError, StoreError
from publisher.services import instances
from publisher.services.app import App
from publisher.store.engine import (
    copy_database,
    open_store,
    problems_of,
    revision_of,
    vacuum_database,
)
from publisher.store.migrations import head_revision, refuse_newer

_NAME = re.compile(r"publisher-(\d{8}T\d{6})Z\.db")
_STAMP = "%Y%m%dT%H%M%S"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """One copy: when it was taken (UTC), where it lies, its size in bytes."""

    at: datetime
    path: Path
    size: int


def take(app: App, *, to: Path | None = None) -> Backup:
    """Copies the database beside itself, or to a path, and checks the copy.

    It may be at work meanwhile. Raises `Conflict` if there is such a file already,
    `PublisherError` where the disk refuses or the copy is damaged; no half copy is left then.
    """
    now = app.clock().astimezone(UTC)
    target = to or _folder(database(app)) / f"publisher-{now:{_STAMP}}Z.db"
    if target.exists():
        raise Conflict("backup", str(target), "is there already")
    aside = target.with_name(f".{target.name}.part")
    try:
        with _explained(target):
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            aside.unlink(missing_ok=True)
            copy_database(database(app), aside)
            if problems := problems_of(aside):
                raise PublisherError(
                    f"{target}: the copy is damaged: {problems[0]}; check the disk"
                )
            os.replace(aside, target)
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
    return Backup(at=now, path=target, size=target.stat().st_size)


def thin_out(app: App) -> list[Path]:
    """Removes backups that are not needed any more: 7 days and 4 weeks keep one each."""
    found = listing(app)
    gone = superfluous(backup.at for backup in found)
    removed = [backup.path for backup in found if backup.at in gone]
    for path in removed:
        path.unlink(missing_ok=True)
    return removed


def listing(app: App) -> list[Backup]:
    """The daily backups, newest first."""
    found = []
    for path in sorted(_folder(database(app)).glob("publisher-*.db"), reverse=True):
        if at := _taken_at(path.name):
            found.append(Backup(at=at, path=path, size=path.stat().st_size))
    return found


def _taken_at(name: str) -> datetime | None:
    """When the backup of that name was taken; None where it is none of ours."""
    found = _NAME.fullmatch(name)
    try:
        return datetime.strptime(found[1], _STAMP).replace(tzinfo=UTC) if found else None
    except ValueError:  # the thirteenth month
        return None


def restore(place: Path, source: Path, *, now: datetime) -> Path | None:
    """Puts a copy in the place of a database, which may be damaged or gone.

    The copy is judged, brought to the present schema and fenced aside; only then does it take the
    place. The caller holds the lock of the state folder. Returns where the database that was there
    lies now; None where there was none. Raises `NotFound`, and `PublisherError` for a copy that is
    of no use; the database is then as it was.
    """
    _refuse_useless(source)
    aside = place.with_name(f".{place.name}.part")
    try:
        with _explained(place):
            _prepare(source, aside, now=now)
            kept = _keep(place, now=now)
            for path in _beside(place):  # of what was there before
                path.unlink(missing_ok=True)
            os.replace(aside, place)
    finally:
        with suppress(OSError):
            _remove(aside)
    return kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """The form that a database file has, and what is wrong with it: mostly nothing."""

    revision: str
    problems: tuple[str, ...]


def inspect(path: Path) -> Inspection:
    """Reads a database file from end to end, without a change. Raises `NotFound`, `StoreError`."""
    if not path.is_file():
        raise NotFound("database", str(path))
    return Inspection(revision=revision_of(path), problems=tuple(problems_of(path)))


def present_form() -> str:
    """The form that a database of this release has."""
    return head_revision()


def vacuum(app: App) -> tuple[int, int]:
    """Builds the database file anew without its gaps; its bytes before and after.

    The caller holds the lock of the state folder.
    """
    place = database(app)
    before = place.stat().st_size
    vacuum_database(place)
    return before, place.stat().st_size


def database(app: App) -> Path:
    """Where the database lies."""
    return app.folders.state / "publisher.db"


def files(app: App) -> list[Path]:
    """The database, what lies beside it, and every copy in its folder of backups."""
    place = database(app)
    return [place, *_beside(place), *sorted(_folder(place).glob("*"))]


def _refuse_useless(source: Path) -> None:
    if not source.is_file():
        raise NotFound("backup", str(source))
    if problems := problems_of(source):
        raise PublisherError(f"{source}: is damaged: {problems[0]}; take another backup")
    try:
        revision = revision_of(source)
    except StoreError:  # it is whole, and does not say
        revision = ""
    if not revision:
        raise PublisherError(
            f"{source}: is no database of Publisher; `publisher backup --list` names the backups"
        )
    refuse_newer(revision, str(source))


def _prepare(source: Path, aside: Path, *, now: datetime) -> None:
    _remove(aside)
    copy_database(source, aside)
    store = open_store(aside)
    try:
        instances.fence_restored(store, now=now)
    finally:
        store.close()


def _keep(place: Path, *, now: datetime) -> Path | None:
    if not place.exists():
        return None
    kept = _folder(place) / f"before-restore-{now.astimezone(UTC):{_STAMP}}Z.db"
    kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        copy_database(place, kept)
    except StoreError:  # damaged: its bytes as they are, for whoever knows how to mend it
        _copy_bytes(place, kept)
    return kept


def _copy_bytes(place: Path, kept: Path) -> None:
    for source, target in zip((place, *_beside(place)), (kept, *_beside(kept)), strict=True):
        if source.exists():
            target.touch(mode=0o600)
            shutil.copyfile(source, target)


def _remove(database: Path) -> None:
    for path in (database, *_beside(database)):
        path.unlink(missing_ok=True)


def _beside(database: Path) -> list[Path]:
    """The log of SQLite and its index, which belong to the bytes of one database."""
    return [database.with_name(database.name + ending) for ending in ("-wal", "-shm")]


def _folder(place: Path) -> Path:
    return place.parent / "backups"


@contextmanager
def _explained(place: Path) -> Iterator[None]:
    """Says of each refusal of the disk where it was and what to do."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise PublisherError(f"{place}: {reason}; make room or mend the rights") from error

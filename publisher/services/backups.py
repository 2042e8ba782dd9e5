"""Copies of the database: taken while it works, checked, thinned out; and put back.

A database that was put back is fenced: what was mailed since the copy must not be mailed again.
"""

import os
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from publisher.domain.backups import superfluous
from publisher.errors import Conflict, NotFound, PublisherError
from publisher.services import instances
from publisher.services.app import App
from publisher.store.engine import (
    copy_database,
    open_store,
    problems_of,
    revision_of,
    vacuum_database,
)
from publisher.store.migrations import head_revision

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
    target = to or _folder(app) / f"publisher-{now:{_STAMP}}Z.db"
    if target.exists():
        raise Conflict("backup", str(target), "is there already")
    aside = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside.unlink(missing_ok=True)
        copy_database(database(app), aside)
        if problems := problems_of(aside):
            raise PublisherError(f"{target}: the copy is damaged: {problems[0]}; check the disk")
        aside.chmod(0o600)
        os.replace(aside, target)
    except OSError as error:
        reason = error.strerror or str(error)
        raise PublisherError(f"{target}: {reason}; make room or mend the rights") from error
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
    for path in sorted(_folder(app).glob("publisher-*.db"), reverse=True):
        if name := _NAME.fullmatch(path.name):
            at = datetime.strptime(name[1], _STAMP).replace(tzinfo=UTC)
            found.append(Backup(at=at, path=path, size=path.stat().st_size))
    return found


def restore(app: App, source: Path) -> Path:
    """Puts a copy in the place of the database, brings it to the present schema, and fences it.

    The caller holds the lock of the state folder, and `app` is of no use afterwards. Returns
    where the database that was there lies now. Raises `NotFound`, and `PublisherError` for a
    damaged copy; the database is then as it was.
    """
    if not source.is_file():
        raise NotFound("backup", str(source))
    if problems := problems_of(source):
        raise PublisherError(f"{source}: is damaged: {problems[0]}; take another backup")
    now, place = app.clock(), database(app)
    kept = _folder(app) / f"before-restore-{now.astimezone(UTC):{_STAMP}}Z.db"
    kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = place.with_name(f".{place.name}.part")
    aside.unlink(missing_ok=True)
    copy_database(source, aside)
    copy_database(place, kept)
    app.store.close()
    for ending in ("-wal", "-shm"):
        place.with_name(place.name + ending).unlink(missing_ok=True)
    os.replace(aside, place)
    store = open_store(place)
    try:
        instances.fence_restored(replace(app, store=store), now=now)
    finally:
        store.close()
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


def _folder(app: App) -> Path:
    return app.folders.state / "backups"

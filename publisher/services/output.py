"""Files on disk: never half a file.

Each is written aside, synced and renamed. `Staging` does so for many at once: all of them are
whole on the disk before the first one takes its place.
"""

import os
import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath

from publisher.errors import PublisherError

_ASIDE = ".new-"
MANY = 256
"""From so many files on, the disk is told once to write everything, not once a file."""


def write_file(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Writes one file atomically: aside, fsync, rename, fsync of the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as aside:
            os.fchmod(aside.fileno(), mode)
            aside.write(data)
            aside.flush()
            os.fsync(aside.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def inside(output: Path, path: str) -> Path:
    """The place of a published path. Raises `PublisherError` if it leads out of the folder."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or not pure.parts or ".." in pure.parts:
        raise PublisherError(f"{path!r} would be written outside the output folder")
    return output / pure


def refuse_used(folder: Path, *, beside: Path) -> None:
    """Raises `PublisherError` for a folder that holds something, or lies in that of the site."""
    if folder.resolve().is_relative_to(beside.resolve()):
        raise PublisherError(f"{folder}: lies in the folder of the site; name another one")
    try:
        is_used = folder.exists() and any(folder.iterdir())
    except OSError as error:
        raise PublisherError(f"{folder}: {error.strerror}; name another one") from error
    if is_used:
        raise PublisherError(f"{folder}: is not empty; name a new folder, or empty this one")


@dataclass
class Staging:
    """New files beside the old ones, until `settle` puts them in their places.

    Use it as a context manager: whatever was not settled by the end is thrown away.
    """

    output: Path
    _waiting: list[tuple[Path, Path, float]] = field(default_factory=list)
    _folder: Path | None = None
    _reserved: int = 0

    def __enter__(self) -> "Staging":
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def reserve(self) -> Path:
        """Where a file may be written before it has its place."""
        self._reserved += 1
        return self._room() / str(self._reserved)

    def add(self, aside: Path, path: str, *, modified_at: datetime) -> None:
        """A file that was written aside is to lie at a path of the output folder.

        Its time is what a plain web server will give as its age.
        """
        self._waiting.append((aside, inside(self.output, path), modified_at.timestamp()))

    def finish(self) -> None:
        """Waits until every file is whole on the disk: for files that were written without."""
        os.sync()

    def settle(self) -> None:
        """Renames every file into its place, in the order in which they were added."""
        folders: dict[Path, None] = {}
        for aside, target, seconds in self._waiting:
            target.parent.mkdir(parents=True, exist_ok=True)
            os.utime(aside, (seconds, seconds))
            os.replace(aside, target)
            folders[target.parent] = None
        self._waiting.clear()
        if len(folders) > MANY:
            os.sync()
        else:
            for folder in folders:
                _sync_folder(folder)

    def _room(self) -> Path:
        """Our own folder in the output folder: a rename cannot leave a file system."""
        if self._folder is None:
            self.output.mkdir(parents=True, exist_ok=True)
            _sweep(self.output)
            self._folder = Path(tempfile.mkdtemp(prefix=f"{_ASIDE}{os.getpid()}-", dir=self.output))
        return self._folder


def remove(output: Path, path: str) -> bool:
    """Removes a file and the folders that it leaves empty; False if there was none."""
    target = inside(output, path)
    if not target.is_file():
        return False
    target.unlink()
    for folder in target.parents:
        if folder == output or any(folder.iterdir()):
            break
        folder.rmdir()
    return True


def _sweep(output: Path) -> None:
    """Removes what a process left that was killed while it built."""
    for folder in output.glob(f"{_ASIDE}*"):
        pid = folder.name.removeprefix(_ASIDE).partition("-")[0]
        if pid.isdigit() and not _is_alive(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""The output folder: never half a file, nothing left over.

Each file is written aside, synced and renamed. A manifest in the state folder remembers what we
wrote, so that the page of a post that became a draft disappears, and nothing that we did not
write ever does.
"""

import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from publisher.errors import PublisherError

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFile:
    """One file to publish. `path` is relative to the output folder, with forward slashes."""

    path: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What became of one file: its size in bytes, and whether its bytes are new."""

    path: str
    size: int
    changed: bool


def publish_files(
    files: Iterable[OutputFile], *, output: Path, state: Path
) -> tuple[list[Written], list[str]]:
    """Writes the files in their order, then removes what an earlier build wrote and this did not.

    Returns what was written and the paths that were removed. Raises `PublisherError` when the
    disk refuses; all old files are then still in place.
    """
    manifest = state / MANIFEST
    earlier = _read_manifest(manifest)
    written: list[Written] = []
    try:
        for file in files:
            target = _inside(output, file.path)
            changed = not _holds(target, file.data)
            if changed:
                write_file(target, file.data)
            written.append(Written(path=file.path, size=len(file.data), changed=changed))
        present = {entry.path for entry in written}
        removed = sorted(path for path in earlier - present if _remove(output, path))
        if present != earlier:
            write_file(manifest, json.dumps(sorted(present), indent=1).encode())
    except OSError as error:
        raise PublisherError(
            f"{error.filename or output}: {error.strerror}; nothing half written was left behind, "
            "the old files are in place; make room or mend the rights, then build again"
        ) from error
    return written, removed


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


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _inside(output: Path, path: str) -> Path:
    """The place of a published path. Raises `PublisherError` if it leads out of the folder."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or not pure.parts or ".." in pure.parts:
        raise PublisherError(f"{path!r} would be written outside the output folder")
    return output / pure


def _holds(target: Path, data: bytes) -> bool:
    try:
        return target.read_bytes() == data
    except (FileNotFoundError, NotADirectoryError):
        return False


def _remove(output: Path, path: str) -> bool:
    target = _inside(output, path)
    if not target.is_file():
        return False
    target.unlink()
    for folder in target.parents:
        if folder == output or any(folder.iterdir()):
            break
        folder.rmdir()
    return True


def _read_manifest(path: Path) -> set[str]:
    try:
        return set(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return set()
    except (ValueError, TypeError):  # damaged: forget what we wrote rather than delete by guess
        return set()

"""The files of a content folder: which of them are posts, and their bytes."""

import os
import re
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path

from publisher.content.decoding import without_controls
from publisher.content.places import ROOTS, Places, posts_among
from publisher.content.references import POSTS
from publisher.content.sources import MAX_BYTES
from publisher.domain.compact import Compact
from publisher.domain.posts import Failed
from publisher.errors import ContentError

Stamp = tuple[int, int, int, int, int]
"""What tells a file from another, or a later one, without reading it: size in bytes, when it was
written and when it became what it is (ns), inode, device.
"""


class Seen(Compact, frozen=True, kw_only=True):
    """A path below the content folder. `stamp` is None where nothing can be told of the file."""

    path: str
    stamp: Stamp | None


class File(Compact, frozen=True, kw_only=True):
    """A path below the content folder and the file's bytes. `stamp`: as it was before they were
    read.
    """

    path: str
    data: bytes
    stamp: Stamp


def find(folder: Path, places: Places) -> list[str]:
    """The paths of all posts below the folder, sorted, relative to it, with forward slashes.

    Raises `ContentError` if the folder itself cannot be opened: no folder is not an empty one.
    """
    return [path for path, _ in _posts(folder, places) if _is_text(path)]


def look(folder: Path, places: Places) -> Iterator[Seen | Failed]:
    """Each post, by path. Reads none of them."""
    for path, entry in _posts(folder, places):
        if _is_text(path):
            yield Seen(path=path, stamp=_seen(entry))
        else:
            shown = re.sub(r"[^\x20-\x7e]", "?", path)
            problem = "has a name that is not UTF-8, or holds control characters"
            yield _failed(shown, problem, "rename the file")


def read_file(root: str, path: str) -> File | Failed:
    """The bytes of one post; of one that is too large a little more than is allowed."""
    try:
        with open(f"{root}/{path}", "rb", buffering=0) as file:
            stamp = _stamp(os.fstat(file.fileno()))
            return File(path=path, data=file.read(min(stamp[0], MAX_BYTES) + 1), stamp=stamp)
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
        return _failed(path, problem, "check the file and its rights")


def _posts(folder: Path, places: Places) -> list[tuple[str, "os.DirEntry[str] | None"]]:
    """What `_walk` finds but a site's pages, by path."""
    found = sorted(_walk(folder), key=itemgetter(0))
    if not places.generator:
        return found
    posts = {*posts_among([path for path, _ in found], places)}
    return [each for each in found if each[0] in posts or each[1] is None]


def _seen(entry: "os.DirEntry[str] | None") -> Stamp | None:
    try:
        return _stamp(entry.stat()) if entry else None
    except OSError:
        return None


def _stamp(found: os.stat_result) -> Stamp:
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev


def _walk(folder: Path) -> Iterator[tuple[str, "os.DirEntry[str] | None"]]:
    """Leaves out names that begin with `_` or `.`, or end in `~` or `%`, and links to folders.

    What cannot be looked into comes too, without an entry: reading it says why.
    """
    prefixes = [""]
    while prefixes:
        prefix = prefixes.pop()
        try:
            entries = [*os.scandir(folder / prefix)]
        except OSError as error:
            if not prefix:
                problem = f"cannot be opened: {error.strerror}; set content.folder"
                raise ContentError(str(folder), 0, problem) from None
            yield prefix.removesuffix("/"), None
            continue
        for entry in entries:
            name = entry.name
            if (name[0] in "._" and name not in ROOTS) or name[-1] in "~%":
                continue
            if entry.is_dir(follow_symlinks=False):
                prefixes.append(f"{prefix}{name}/")
            elif name[name.rfind(".") :].lower() in POSTS and _is_file(entry):
                yield f"{prefix}{name}", entry


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link to itself
        return True


def _is_text(path: str) -> bool:
    """Whether a path can be shown, stored and published: some disks hold bytes that are none."""
    if path.isascii() and path.isprintable():
        return True
    return without_controls(path) == path and not {"\t", "\n"} & set(path)


def _failed(path: str, problem: str, remedy: str) -> Failed:
    return Failed(path=path, line=0, problem=problem, remedy=remedy)

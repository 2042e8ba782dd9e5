"""Parsed posts kept under the state folder. It may be deleted at any time.

    index              what is known of every file, in one piece (`cache_index`)
    *.texts            what the files became, each read when somebody asks for it (`bundles`)

An entry belongs to a digest of the post's path and bytes. A file need not be read to be known:
one with the stamp of then - size, times, inode - holds the bytes of then, unless it was so new
when it was read that it may have been written once more within the same tick of its clock (the
rule of git's index). Nothing of time is in an entry: who may read a post is decided anew at every
load.
"""

import fcntl
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256

from msgspec.structs import replace

from publisher.content.bundles import Bundle
from publisher.content.cache_index import INDEX, SHAPE, Entry, moved, read_index, write_index
from publisher.content.folder import File, Seen, Stamp
from publisher.content.options import ContentOptions
from publisher.content.rendering import RENDER_VERSION
from publisher.content.sources import Source

_LOCK = "lock"
_TICK = 2_000_000_000
"""Nanoseconds: the coarsest clock of a file system that is in use."""

_MOST_BUNDLES = 16


class Cache:
    """The entries of one folder of posts, for the length of one load; `save` ends it.

    What was neither asked for nor put by then is dropped. Without a folder it keeps nothing. Of
    two loads at once the one that ends first is kept.
    """

    def __init__(self, options: ContentOptions) -> None:
        self._folder = os.fspath(options.cache / "posts") if options.cache else ""
        self._maker = sha256(
            f"{RENDER_VERSION}\n{SHAPE}\n".encode() + options.fingerprint()
        ).digest()
        self._bundle: Bundle | None = None
        self._wanted: dict[str, Entry] = {}
        self._is_changed = False
        self._settled_before = self._began() - _TICK
        self._index_was = self._index_is()
        self._known = read_index(self._folder, self._maker) if self._folder else {}

    def recall(self, seen: Seen) -> Entry | None:
        """The entry of a file that nobody has touched, told without reading it."""
        entry = self._known.get(seen.path)
        if entry is None or entry.stamp is None or entry.stamp != seen.stamp:
            return None
        self._wanted[seen.path] = entry
        return entry

    def recognise(self, file: File) -> Entry | None:
        """The entry of a file with these bytes."""
        entry = self._known.get(file.path)
        if entry is None or entry.digest != digest_of(file):
            return None
        stamp = self._proof(file.stamp)
        if entry.stamp != stamp:
            entry = replace(entry, stamp=stamp)
            self._is_changed = True
        self._wanted[file.path] = entry
        return entry

    def entry(self, file: File, source: Source) -> Entry:
        """An entry for what was read of a file; it is not kept before it is `put`."""
        return Entry(digest=digest_of(file), stamp=self._proof(file.stamp), source=source)

    def put(self, entry: Entry) -> Entry:
        """Keeps an entry, from `save` on. It comes back with its texts on the disk."""
        if entry.rendering and self._folder:
            with self._trying():
                entry = moved(entry, self._newest())
        self._wanted[entry.source.path] = entry
        self._is_changed = True
        return entry

    def save(self) -> None:
        """Writes what changed. A full disk is no error: the next load parses again."""
        if not self._folder or not (self._is_changed or len(self._wanted) != len(self._known)):
            return
        with self._trying(), _alone(f"{self._folder}/{_LOCK}"):
            if self._index_is() == self._index_was:
                bundles = self._gathered()
                if self._bundle:
                    self._bundle.finish()
                write_index(self._folder, self._maker, self._wanted.values(), bundles=bundles)
                self._tidy({*(bundle.name for bundle in bundles), INDEX, _LOCK})
            elif self._bundle:
                self._bundle.discard()

    def _began(self) -> int:
        """This moment by the clock of the disk (ns); 0 where nothing can be written."""
        with suppress(OSError):
            if self._folder:
                os.makedirs(self._folder, exist_ok=True)
                with open(f"{self._folder}/{_LOCK}", "ab") as file:
                    os.utime(file.fileno())
                    return os.fstat(file.fileno()).st_mtime_ns
        return 0

    def _proof(self, stamp: Stamp) -> Stamp | None:
        """The stamp, if no later write can have left it the same."""
        _, written, changed, _, _ = stamp
        return stamp if max(written, changed) < self._settled_before else None

    def _index_is(self) -> tuple[int, int] | None:
        try:
            found = os.stat(f"{self._folder}/{INDEX}")
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns

    def _newest(self) -> Bundle:
        self._bundle = self._bundle or Bundle.create(self._folder)
        return self._bundle

    def _gathered(self) -> set[Bundle]:
        """The bundles that hold what is wanted, after some were emptied into the newest: those that
        are mostly dead, those with a text that was taken back, all but the largest of too many.
        """
        live: Counter[Bundle] = Counter()
        for entry in self._wanted.values():
            for text in entry.texts:
                live[text.bundle] += text.length
        old = sorted((each for each in live if each is not self._bundle), key=lambda b: b.size)
        worn = {each for each in old if live[each] * 2 < each.size} | self._taken_back()
        if len(old) > _MOST_BUNDLES:
            worn |= {*old[:-1]}
        for path, entry in self._wanted.items() if worn else ():
            if any(text.bundle in worn for text in entry.texts):
                self._wanted[path] = moved(entry, self._newest())
        kept = {*live} - worn
        return kept | {self._bundle} if self._bundle else kept

    def _taken_back(self) -> set[Bundle]:
        """The bundles that hold a text of a post that is gone, or may not be read any more."""
        lost = [entry for path, entry in self._known.items() if not self._is_rendered(path)]
        return {text.bundle for entry in lost for text in entry.texts}

    def _is_rendered(self, path: str) -> bool:
        entry = self._wanted.get(path)
        return entry is not None and entry.rendering is not None

    def _tidy(self, kept: set[str]) -> None:
        for name in {*os.listdir(self._folder)} - kept:
            with suppress(OSError):
                os.unlink(f"{self._folder}/{name}")

    @contextmanager
    def _trying(self) -> Iterator[None]:
        """Work on the disk; where that refuses, nothing is kept any more."""
        try:
            yield
        except OSError:
            self._folder = ""
            if self._bundle:
                self._bundle.discard()


def digest_of(file: File) -> bytes:
    """A digest of a file's path and bytes."""
    return sha256(file.path.encode() + b"\0" + file.data).digest()


@contextmanager
def _alone(path: str) -> Iterator[None]:
    with open(path, "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

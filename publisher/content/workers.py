"""Reads and renders many files side by side, each under a limit of time.

A few small files are read where we are; many, or a large one, go to processes of their own, where
a limit can be enforced: a hostile text stops only itself. What a limit cuts off, and a worker
that dies, is a failed post.
"""

import os
import pickle
import signal
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import lru_cache, partial
from itertools import chain, islice
from multiprocessing import get_context
from pathlib import Path
from types import FrameType
from typing import TypeVar

from publisher.collector import seldom_from_now_on
from publisher.content.folder import File
from publisher.content.options import ContentOptions
from publisher.content.references import Index
from publisher.content.rendering import Rendering, render
from publisher.content.sources import Text, read_source
from publisher.domain.posts import Failed

MANY = 96
"""From so many files on, processes are worth their start (0.4 s)."""

LARGE = 64_000
"""Bytes; a larger file is never read where no limit of time can be enforced."""

LIMIT_SECONDS = 20.0
CHUNK = 16
AHEAD = 16
"""Chunks that are given out before the first of them is done."""


_Job = TypeVar("_Job")
_Done = TypeVar("_Done")


class Workers:
    """The two kinds of work, done here or side by side. A context manager."""

    def __init__(self, options: ContentOptions) -> None:
        self._options = options
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_error: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def read(self, files: Iterable[File]) -> Iterator[Text | Failed]:
        """Each file as a text, in the same order. Never holds more than some of the files."""
        work = partial(_read, self._options)
        few, files = _first(files)
        if _are_light([len(file.data) for file in few]):
            return map(work, few)
        return self._spread(work, files, lambda file: file.path)

    def render(self, texts: Sequence[Text], index: Index) -> Iterator[Rendering | Failed]:
        """Each text rendered, in the same order."""
        if _are_light([text.size for text in texts]):
            yield from (render(text, self._options, index) for text in texts)
            return
        with _shared(index) as path:
            work = partial(_render, self._options, path)
            yield from self._spread(work, texts, lambda text: text.source.path)

    def _spread(
        self, work: Callable[[_Job], _Done], jobs: Iterable[_Job], path_of: Callable[[_Job], str]
    ) -> Iterator[_Done | Failed]:
        pool, rest = self._open_pool(), iter(jobs)
        waiting: deque[tuple[list[_Job], Future[list[_Done | str]]]] = deque()
        while True:
            while len(waiting) < AHEAD and (chunk := list(islice(rest, CHUNK))):
                waiting.append((chunk, pool.submit(_chunk, work, chunk)))
            if not waiting:
                return
            chunk, future = waiting.popleft()
            try:
                found = future.result()
            except BrokenProcessPool:
                found = [self._one(work, job) for job in chunk]
            for job, done in zip(chunk, found, strict=True):
                yield _too_much(path_of(job), done) if isinstance(done, str) else done

    def _one(self, work: Callable[[_Job], _Done], job: _Job) -> _Done | str:
        """One job in a process of its own, after a worker died."""
        with _new_pool(1) as pool:
            try:
                return pool.submit(_chunk, work, [job]).result()[0]
            except BrokenProcessPool:
                return "ended the process that read it"

    def _open_pool(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = _new_pool(min(os.cpu_count() or 1, 8))
        return self._pool


def _first(jobs: Iterable[_Job]) -> tuple[list[_Job], Iterator[_Job]]:
    """So many that it shows whether they are many, and all of them."""
    rest = iter(jobs)
    few = list(islice(rest, MANY))
    return few, chain(few, rest)


def _are_light(sizes: Sequence[int]) -> bool:
    """Whether work is done faster here than by processes that must start first."""
    return len(sizes) < MANY and max(sizes, default=0) < LARGE


def _new_pool(size: int) -> ProcessPoolExecutor:
    # Not forked: the daemon has threads, and a fork would copy their locks.
    return ProcessPoolExecutor(
        size, mp_context=get_context("spawn"), initializer=seldom_from_now_on
    )


def _read(options: ContentOptions, file: File) -> Text | Failed:
    return read_source(file.data, file.path, options)


def _render(options: ContentOptions, index_path: Path, text: Text) -> Rendering | Failed:
    return render(text, options, _index(index_path))


def _chunk(work: Callable[[_Job], _Done], jobs: Sequence[_Job]) -> list[_Done | str]:
    """Does some jobs in this process; a text instead of a result says why there is none."""
    done: list[_Done | str] = []
    for job in jobs:
        try:
            with _limit(LIMIT_SECONDS):
                done.append(work(job))
        except TimeoutError:
            done.append(f"takes longer than {LIMIT_SECONDS:.0f} seconds to read")
        except MemoryError:
            done.append("needs more memory than there is")
    return done


def _too_much(path: str, problem: str) -> Failed:
    return Failed(path=path, line=0, problem=problem, remedy="simplify or split the text")


@contextmanager
def _limit(seconds: float) -> Iterator[None]:
    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


@contextmanager
def _shared(index: Index) -> Iterator[Path]:
    """The index in a file, which each process reads once instead of with every job."""
    with tempfile.TemporaryDirectory(prefix="publisher-") as folder:
        path = Path(folder, "index")
        path.write_bytes(pickle.dumps(dict(index)))
        yield path


@lru_cache(maxsize=1)
def _index(path: Path) -> Index:
    loaded: Index = pickle.loads(path.read_bytes())  # noqa: S301  # nosec B301  our own, of this run
    return loaded

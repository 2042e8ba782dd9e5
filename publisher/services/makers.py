"""Makes the bytes of many files side by side: rendered, looked at, compressed, written aside.

    jobs ──▶ few, or bound to this process ──▶ here ──┐
        └──▶ many ──▶ processes of their own ─────────┴──▶ what was made, in order

Rendering keeps a processor busy, so a whole site is made on all of them. Whatever stops a process
is made once more here, where an error can be told.
"""

import os
import pickle
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path

import brotli
import deflate

from publisher.collector import seldom_from_now_on
from publisher.domain.compact import Compact
from publisher.domain.documents import ENCODINGS
from publisher.lint.findings import Finding

PAGE_SECONDS = 300
"""How long a page is taken as new, unless its file says otherwise."""

_MANY = 192
"""From so many jobs on, processes are worth their start (1 s)."""

_MOST_PROCESSES = 8
_THREADS = 2
_WAITING = 32  # files whose bytes wait for a thread
_CHUNK = 12  # whole feeds: their three documents share what is read of an entry
_AHEAD = 4  # chunks for each process that are given out before the first of them is done

# Best bytes for the time: the next level costs half as much again, or more, and saves two in a
# hundred at most.
_BROTLI_QUALITY = 5
_GZIP_LEVEL = 6

PRESSES: Mapping[str, Callable[[bytes], bytes]] = {
    "br": lambda data: brotli.compress(data, mode=brotli.MODE_TEXT, quality=_BROTLI_QUALITY),
    "gzip": lambda data: bytes(deflate.gzip_compress(data, _GZIP_LEVEL)),  # it tells no time
}
"""Content coding -> what puts bytes into it; equal bytes give equal ones."""


class OutputFile(Compact, frozen=True, kw_only=True):
    """One file to publish. `path` is relative to the output folder, with forward slashes.

    `data` may be a function: it is called only if what the file was made of, `source`, is not what
    it was (an empty `source` never is). `is_portable`: it and `look` can be sent to another
    process. `owner` is the post that a page shows. `is_packed`: with its gzip and brotli forms
    beside it. `look` says what is wrong with the bytes.
    """

    path: str
    data: bytes | Callable[[], bytes]
    source: str = ""
    owner: str = ""
    max_age: int = PAGE_SECONDS
    is_packed: bool = False
    is_portable: bool = False
    look: Callable[[bytes], Sequence[Finding]] | None = None


class Job(Compact, frozen=True, kw_only=True):
    """A file to be made. `aside` is where its bytes go, and its encoded forms behind the same name.

    `digest` is that of the bytes which lie in its place whole, empty = none: equal ones are not
    written again. `is_synced`: the disk is waited for.
    """

    file: OutputFile
    aside: Path
    digest: str
    is_synced: bool


class Made(Compact, frozen=True, kw_only=True):
    """What was made. `is_written`: the bytes are not those that lie there already."""

    digest: str
    size: int
    is_written: bool
    findings: tuple[Finding, ...] = ()


def make_all(jobs: Sequence[Job]) -> Iterator[Made]:
    """Makes every file, in this order. Raises what the making of one raises, and `OSError`."""
    portable = [job for job in jobs if job.file.is_portable]
    if len(portable) < _MANY or os.cpu_count() == 1:
        yield from _here(jobs)
        return
    far = _far(portable)
    near = _here([job for job in jobs if not job.file.is_portable])
    for job in jobs:
        yield next(far if job.file.is_portable else near)
    deque(near, maxlen=0)  # to its end: the last of them are still being written


def make(job: Job) -> Made:
    """Makes one file."""
    made, data = _bytes(job)
    if made.is_written:
        _store(job, data)
    return made


def _bytes(job: Job) -> tuple[Made, bytes]:
    file = job.file
    data = file.data if isinstance(file.data, bytes) else file.data()
    findings = tuple(file.look(data)) if file.look else ()
    digest = sha256(data).hexdigest()
    is_new = digest != job.digest
    return Made(digest=digest, size=len(data), is_written=is_new, findings=findings), data


def _store(job: Job, data: bytes) -> None:
    for coding, press in PRESSES.items() if job.file.is_packed else ():
        _write(f"{job.aside}{ENCODINGS[coding]}", press(data), is_synced=job.is_synced)
    _write(str(job.aside), data, is_synced=job.is_synced)


def _here(jobs: Sequence[Job]) -> Iterator[Made]:
    """Rendered here, compressed and written by threads, for neither needs the interpreter.

    An `OSError` may be that of a file before.
    """
    waiting: deque[Future[None]] = deque()
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            for job in jobs:
                made, data = _bytes(job)
                if made.is_written:
                    waiting.append(pool.submit(_store, job, data))
                if len(waiting) > _WAITING:
                    waiting.popleft().result()
                yield made
            for each in waiting:
                each.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _far(jobs: Sequence[Job]) -> Iterator[Made]:
    # Not forked: the daemon has threads, and a fork would copy their locks.
    number = min(os.cpu_count() or 1, _MOST_PROCESSES)
    chunks = iter([jobs[start : start + _CHUNK] for start in range(0, len(jobs), _CHUNK)])
    waiting: deque[tuple[Sequence[Job], Future[list[Made] | None] | None]] = deque()
    with ProcessPoolExecutor(
        number, mp_context=get_context("spawn"), initializer=seldom_from_now_on
    ) as pool:
        while True:
            while len(waiting) < _AHEAD * number and (chunk := next(chunks, None)) is not None:
                waiting.append((chunk, _send(pool, chunk)))
            if not waiting:
                return
            chunk, future = waiting.popleft()
            yield from _result(future) or [make(job) for job in chunk]


def _send(pool: ProcessPoolExecutor, chunk: Sequence[Job]) -> Future[list[Made] | None] | None:
    # Pickled here: what fails while the pool does it leaves the pool hanging.
    with suppress(BrokenProcessPool):
        return pool.submit(_try, pickle.dumps(chunk))
    return None


def _result(future: Future[list[Made] | None] | None) -> list[Made] | None:
    with suppress(BrokenProcessPool):
        return future.result() if future else None
    return None


def _try(pickled: bytes) -> list[Made] | None:
    """None where something is wrong: not every error finds its way from one process to another."""
    jobs: Sequence[Job] = pickle.loads(pickled)  # noqa: S301  # nosec B301  our own, of this run
    try:
        return [make(job) for job in jobs]
    except Exception:
        return None


def _write(path: str, data: bytes, *, is_synced: bool) -> None:
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        if is_synced:
            os.fsync(file.fileno())
    os.chmod(path, 0o644)

"""One publisher at work on a state folder at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from publisher.errors import Locked, StoreError


@contextmanager
def exclusive(state: Path) -> Iterator[None]:
    """Holds `daemon.lock` of the state folder. Raises `Locked`, naming the holder, if it is taken,
    `StoreError` where this user may not write there.

    The kernel releases it when the process ends, however it ends; the number inside is for
    people.
    """
    path = state / "daemon.lock"
    with _open(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip()
            raise Locked(str(path), int(holder) if holder.isdigit() else 0) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def _open(path: Path) -> TextIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a+", encoding="ascii", errors="replace")
    except OSError as error:
        raise StoreError(
            f"{path}: {error.strerror}; give this user the right to write there"
        ) from error

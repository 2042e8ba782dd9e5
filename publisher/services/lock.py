"""One publisher at work on a state folder at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from publisher.errors import Locked


@contextmanager
def exclusive(state: Path) -> Iterator[None]:
    """Holds `daemon.lock` of the state folder. Raises `Locked`, naming the holder, if it is taken.

    The kernel releases it when the process ends, however it ends; the number inside is for
    people.
    """
    state.mkdir(parents=True, exist_ok=True)
    path = state / "daemon.lock"
    with path.open("a+", encoding="ascii") as file:
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

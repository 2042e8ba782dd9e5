"""The log of final dots beside the database."""

import os
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from time import monotonic

from publisher.services.book_entries import Claimed

SYNC_SECONDS = 0.2
"""How much of the log a power cut may cost. The log tells of databases that are older than that;
to wait for the disk at each commit would cost a fifth of the rate."""


class SentLog:
    """A line for each final dot, beside the database: a restored backup is found out by it."""

    def __init__(self, path: Path, mark: Callable[[str], str]) -> None:
        self._mark = mark
        self._file = path.open("ab", buffering=0)
        self._synced = monotonic()

    def append(self, going: Iterable[Claimed], *, at: datetime) -> None:
        """Only what is committed: a line that the database does not know fences us."""
        moment = f"{at:%Y-%m-%dT%H:%M:%SZ}"
        lines = [
            f"{moment} {one.newsletter} {one.period} {self._mark(one.claim.address_key)}\n"
            for one in going
        ]
        self._file.write("".join(lines).encode("ascii"))
        if monotonic() - self._synced > SYNC_SECONDS:
            self._sync()

    def close(self) -> None:
        self._sync()
        self._file.close()

    def _sync(self) -> None:
        os.fdatasync(self._file.fileno())
        self._synced = monotonic()

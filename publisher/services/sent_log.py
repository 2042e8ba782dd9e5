"""The log of final dots beside the database."""

import os
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from publisher.services.book_entries import Claimed


class SentLog:
    """A line for each final dot, beside the database: a restored backup is found out by it."""

    def __init__(self, path: Path, mark: Callable[[str], str]) -> None:
        self._mark = mark
        self._file = path.open("a", encoding="ascii")

    def line(self, claimed: Claimed, now: datetime) -> str:
        mark = self._mark(claimed.claim.address_key)
        return f"{now:%Y-%m-%dT%H:%M:%SZ} {claimed.newsletter} {claimed.period} {mark}\n"

    def append(self, lines: Iterable[str]) -> None:
        """Only what is committed: a line that the database does not know fences us."""
        self._file.writelines(lines)
        self._file.flush()

    def flush(self) -> None:
        os.fdatasync(self._file.fileno())

    def close(self) -> None:
        self._file.close()

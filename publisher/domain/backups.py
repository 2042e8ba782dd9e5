"""Which backups to keep."""

from collections.abc import Iterable
from datetime import datetime

DAILY, WEEKLY = 7, 4


def superfluous(
    taken: Iterable[datetime], *, daily: int = DAILY, weekly: int = WEEKLY
) -> set[datetime]:
    """The instants of the backups that may go, of those `taken` (UTC).

    Kept are the newest of each of the last `daily` days and of each of the last `weekly` weeks
    that have one: days without a backup use up no place.
    """
    newest_first = sorted(taken, reverse=True)
    kept: set[datetime] = set()
    for span, places in (("%Y-%m-%d", daily), ("%G-W%V", weekly)):
        seen: set[str] = set()
        for instant in newest_first:
            name = f"{instant:{span}}"
            if name not in seen and len(seen) < places:
                seen.add(name)
                kept.add(instant)
    return set(newest_first) - kept

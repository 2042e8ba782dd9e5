"""Which copy of a database is at work, and when it must not be trusted.

A restored backup, a cloned machine or a clock that is far off would mail again what people have,
or swallow issues that are still to come. Then the daemon is *fenced*: it plans and sends nothing
until the operator says `publisher resume`. The same marks lie in the database and in a file
beside it; a copy of one of them disagrees with the other.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What the database and the file both hold. `starts` counts the starts, first in the database.

    `machine` is systemd's id of the machine, empty where there is none.
    """

    instance: str
    starts: int
    machine: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """The database's own row. `fence` says why nothing is sent; empty: all is well.

    `beat_at`: when the daemon last was at work.
    """

    marks: Marks
    beat_at: datetime | None = None
    fenced_at: datetime | None = None
    fence: str = ""


def disagreement(database: Marks, file: Marks | None, *, machine: str) -> str:
    """Why database and file cannot belong together, in words; empty where they do.

    The counter is raised in the database first: one ahead is a start that was cut short.
    """
    if file is None:
        return (
            "the file `instance` in the state folder is missing: "
            "this database was put here from elsewhere"
        )
    if file.instance != database.instance:
        return "the database is another one than the last that worked here"
    if file.starts > database.starts:
        return "the database is older than what was last at work here: a backup was put back"
    if database.starts > file.starts + 1:
        return "the state folder is older than the database: a backup was put back"
    if database.machine and machine and machine != database.machine:
        return "this is another machine than the one that the database worked on: a clone"
    return ""


def silence(beat_at: datetime | None, *, max_late: timedelta, now: datetime) -> str:
    """Why the time since the last sign of life is too long, in words; empty where it is not.

    One rule for a long downtime, a suspended machine, a clock that jumped ahead, and a snapshot
    of the whole disk, in which every file agrees with every other.
    """
    if beat_at is None or now - beat_at <= max_late:
        return ""
    hours = (now - beat_at) / timedelta(hours=1)
    return (
        f"the last sign of life is {hours:.0f} hours old (at {beat_at:%Y-%m-%d %H:%M} UTC): "
        "a long downtime, a clock that jumped, or an old copy of the disk"
    )

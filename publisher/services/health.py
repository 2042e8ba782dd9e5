"""Whether the daemon is fit for work, check by check."""

import shutil
from dataclasses import dataclass
from datetime import timedelta

from publisher.domain.instances import Instance
from publisher.errors import StoreError
from publisher.services.app import App
from publisher.store import instances

BEAT_AGE = timedelta(seconds=30)
LEAST_FREE = 100_000_000
"""Bytes that must be free where the database lies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check; `problem` is empty where all is well."""

    name: str
    problem: str


def readiness(app: App) -> list[Check]:
    """Every check, in their order. Fit for work means: none has a problem."""
    try:
        with app.store.begin() as tx:  # takes the write lock: a full or read-only disk fails here
            found = instances.get(tx)
    except StoreError as error:
        return [Check(name="database", problem=str(error))]
    return [
        Check(name="database", problem=""),
        Check(name="worker", problem=_worker(app, found)),
        Check(name="fenced", problem=found.fence if found else ""),
        Check(name="draining", problem="about to end" if app.vitals.is_draining else ""),
        Check(name="disk", problem=_disk(app)),
    ]


def _worker(app: App, found: Instance | None) -> str:
    if found is None or found.beat_at is None:
        return "has not begun yet"
    age = app.clock() - found.beat_at
    return f"last seen {age.total_seconds():.0f} seconds ago" if age > BEAT_AGE else ""


def _disk(app: App) -> str:
    free = shutil.disk_usage(app.folders.state).free
    return f"only {free / 1e6:.0f} MB are free" if free < LEAST_FREE else ""

"""Runs of housekeeping jobs: each slot of a job once."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, or_, select, update

from publisher.store.engine import Tx, insert_ignoring
from publisher.store.tables import job_runs

RETRY_AFTER = timedelta(hours=1)
"""A run that failed, or never ended, may be repeated after this long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRun:
    """One run. `finished_at` is None while it lasts; `problem` is empty where all went well."""

    job: str
    slot: datetime
    started_at: datetime
    finished_at: datetime | None
    problem: str


def claim(tx: Tx, job: str, slot: datetime, *, now: datetime) -> bool:
    """Takes the slot of a job; False where somebody has it, or has done it."""
    fresh = tx.execute(
        insert_ignoring(tx, job_runs).values(job=job, slot=slot, started_at=now, problem="")
    )
    if fresh.rowcount == 1:
        return True
    again = tx.execute(
        update(job_runs)
        .where(
            job_runs.c.job == job,
            job_runs.c.slot == slot,
            or_(job_runs.c.finished_at.is_(None), job_runs.c.problem != ""),
            job_runs.c.started_at <= now - RETRY_AFTER,
        )
        .values(started_at=now, finished_at=None, problem="")
    )
    return again.rowcount == 1


def finish(tx: Tx, job: str, slot: datetime, *, problem: str, now: datetime) -> None:
    """Records how a run ended."""
    tx.execute(
        update(job_runs)
        .where(job_runs.c.job == job, job_runs.c.slot == slot)
        .values(finished_at=now, problem=problem)
    )


def latest(tx: Tx) -> dict[str, JobRun]:
    """The newest run of each job."""
    newest = select(job_runs.c.job, func.max(job_runs.c.slot).label("slot")).group_by(
        job_runs.c.job
    )
    found = newest.subquery()
    rows = tx.execute(
        select(job_runs).join(
            found, (found.c.job == job_runs.c.job) & (found.c.slot == job_runs.c.slot)
        )
    )
    return {
        row.job: JobRun(
            job=row.job,
            slot=row.slot,
            started_at=row.started_at,
            finished_at=row.finished_at,
            problem=row.problem,
        )
        for row in rows
    }


def last_success(tx: Tx) -> dict[str, datetime]:
    """Job -> when it last ended well."""
    rows = tx.execute(
        select(job_runs.c.job, func.max(job_runs.c.finished_at).label("at"))
        .where(job_runs.c.problem == "", job_runs.c.finished_at.is_not(None))
        .group_by(job_runs.c.job)
    )
    return {row.job: row.at for row in rows}


def sweep(tx: Tx, before: datetime) -> None:
    """Forgets runs from before an instant."""
    tx.execute(delete(job_runs).where(job_runs.c.started_at < before))

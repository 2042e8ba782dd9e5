"""The table of housekeeping jobs: what is done, and when, in the site's own zone.

A job's slot is computed like that of a newsletter, and its row in `job_runs` is taken before it
runs, so that each slot is served once, after downtime too, and the operator sees what ran. Chores
are looked at by every round; they cost nothing where there is nothing to do, and leave no row.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time

from publisher.domain.newsletters import Cadence, Schedule, latest
from publisher.errors import PublisherError
from publisher.services import doctor, housekeeping, memos, polls, retention
from publisher.services.app import App

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job: daily at a local time. `run` may be repeated; it raises `PublisherError`."""

    name: str
    at: time
    run: Callable[[App], object]


JOBS = (
    Job(name="readers", at=time(0, 20), run=polls.close_day),
    Job(name="backup", at=time(3, 10), run=housekeeping.back_up),
    Job(name="sweep", at=time(3, 40), run=housekeeping.sweep),
    Job(name="tidy", at=time(4, 10), run=retention.tidy),
    Job(name="doctor", at=time(4, 40), run=doctor.daily),
    Job(name="ping", at=time(12, 0), run=housekeeping.ping),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chore:
    """What every round looks after. `run` may be repeated; it raises `PublisherError`."""

    name: str
    run: Callable[[App], object]


CHORES = (Chore(name="memos", run=memos.tell),)


def do_chores(app: App, *, chores: tuple[Chore, ...] = CHORES) -> None:
    """Does each chore. One that fails stops only itself."""
    for chore in chores:
        if problem := _problem(app, chore):
            log.error("chore.failed", extra={"chore": chore.name, "problem": problem})


def run_due(app: App, *, now: datetime, jobs: tuple[Job, ...] = JOBS) -> list[str]:
    """Runs each job whose slot has passed and was not served; returns the names of those that ran.

    A job that fails stops only itself; it is tried again after an hour.
    """
    return [job.name for job in jobs if _run(app, job, now)]


def _run(app: App, job: Job, now: datetime) -> bool:
    schedule = Schedule(cadence=Cadence.DAILY, zone=app.site.zone, at=job.at)
    slot = latest(schedule, now).slot
    if not housekeeping.claim(app, job.name, slot, now=now):
        return False
    problem = _problem(app, job)
    housekeeping.finish(app, job.name, slot, problem=problem)
    if problem:
        log.error("job.failed", extra={"job": job.name, "problem": problem})
    else:
        log.info("job.finished", extra={"job": job.name})
    return True


def _problem(app: App, work: Job | Chore) -> str:
    """Does the work; why it failed, in words, or nothing."""
    try:
        work.run(app)
    except PublisherError as error:
        return str(error)
    except Exception as error:  # the daemon outlives any one job
        log.exception("job.crashed", extra={"job": work.name})
        return f"{type(error).__name__}: {error}"
    return ""

"""What the daemon does for itself: backups, forgetting what is old, telling that it lives."""

from datetime import datetime, timedelta

from publisher.errors import NetworkError
from publisher.net import http
from publisher.services import backups
from publisher.services.app import App
from publisher.store import admins, checkups
from publisher.store import jobs as rows
from publisher.store.jobs import JobRun

KEEP_RUNS = timedelta(days=90)
KEEP_SESSIONS = timedelta(days=7)


def claim(app: App, job: str, slot: datetime, *, now: datetime) -> bool:
    """Takes the slot of a job; False where it is taken."""
    with app.store.read() as tx:
        last = rows.latest(tx).get(job)
    if last and last.slot >= slot and last.finished_at and not last.problem:
        return False  # the usual case costs no write
    with app.store.begin() as tx:
        return rows.claim(tx, job, slot, now=now)


def finish(app: App, job: str, slot: datetime, *, problem: str) -> None:
    """Records how a run ended."""
    with app.store.begin() as tx:
        rows.finish(tx, job, slot, problem=problem, now=app.clock())


def runs(app: App) -> dict[str, JobRun]:
    """The newest run of each job."""
    with app.store.read() as tx:
        return rows.latest(tx)


def back_up(app: App) -> None:
    """A copy of the database, and no more old ones than are needed."""
    backups.take(app)
    backups.thin_out(app)


def sweep(app: App) -> None:
    """Forgets runs, checkups, sessions and failed logins that are long past."""
    now = app.clock()
    with app.store.begin() as tx:
        rows.sweep(tx, now - KEEP_RUNS)
        checkups.sweep(tx, now - KEEP_RUNS)
        admins.sweep(tx, now - KEEP_SESSIONS)


def ping(app: App) -> None:
    """Tells the address of `[monitor] ping_url` that we are alive: the one alarm that works when
    the daemon is dead. Raises `NetworkError`.
    """
    monitor = app.monitor
    if not monitor.ping_url:
        return
    asked = http.Request(method="GET", url=monitor.ping_url)
    answer = http.send(asked, allow_private=monitor.ping_is_private)
    if not answer.is_success:
        raise NetworkError(monitor.ping_url, f"answered {answer.status}")

"""The waker and the worker of one machine.

APScheduler is an alarm clock: an interval as safety net (downtime, suspend, clock steps) and a
date for punctuality. It decides nothing; each waking runs one whole cycle, and rows in the
database say what is due.
"""

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from publisher.domain.newsletters import upcoming
from publisher.errors import PublisherError
from publisher.services import publishing
from publisher.services.app import App
from publisher.services.publishing import CycleReport

log = logging.getLogger(__name__)

_JOB_DEFAULTS = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}


async def work(app: App, stop: asyncio.Event) -> None:
    """Runs a cycle at once, then at each slot and each tick, until `stop` is set.

    The cycle runs in a thread; on `stop` it ends after the message in hand, and this returns.
    """
    wake = asyncio.Event()
    scheduler = AsyncIOScheduler(timezone=UTC, job_defaults=_JOB_DEFAULTS)

    async def ring() -> None:  # a plain function would run in a thread
        wake.set()

    scheduler.add_job(
        ring, IntervalTrigger(seconds=app.schedule.tick.total_seconds(), timezone=UTC), id="tick"
    )
    scheduler.start()
    try:
        while not stop.is_set():
            wake.clear()
            await asyncio.to_thread(_cycle, app, stop)
            if slot := _next_slot(app):
                scheduler.add_job(ring, DateTrigger(slot), id="next-slot", replace_existing=True)
            await _first_of(wake, stop)
    finally:
        scheduler.shutdown(wait=False)


def _cycle(app: App, stop: asyncio.Event) -> None:
    try:
        report = publishing.publish(app, stopping=stop.is_set)
    except PublisherError as error:
        log.error("cycle.failed", extra={"problem": str(error)})
    except Exception:  # the daemon outlives any one cycle
        log.exception("cycle.crashed")
    else:
        _log(report)


def _log(report: CycleReport) -> None:
    for row in report.in_doubt:
        log.warning("delivery.in_doubt", extra={"issue": row.issue, "delivery": row.id})
    for file in report.build.feeds:
        if file.changed:
            log.info("feed.written", extra={"feed": file.path, "bytes": file.size})
    for entry in report.newsletters:
        newsletter = entry.plan.newsletter.id
        if entry.problem:
            log.error("issue.failed", extra={"newsletter": newsletter, "problem": entry.problem})
        elif entry.assembled:
            log.info(
                "issue.planned",
                extra={
                    "newsletter": newsletter,
                    "issue": entry.assembled.issue,
                    "status": entry.assembled.status.value,
                    "reason": entry.assembled.reason,
                },
            )
    for issue in report.issues:
        keys = {"issue": issue.issue.id, "newsletter": issue.issue.newsletter}
        counts = {status.value: count for status, count in issue.counts.items()}
        if issue.problem:
            log.error("issue.delayed", extra={**keys, **counts, "problem": issue.problem})
        else:
            event = "issue.sent" if issue.finished else "issue.waiting"
            log.info(event, extra={**keys, **counts})


def _next_slot(app: App) -> datetime | None:
    now = app.clock()
    slots = [
        period.slot
        for newsletter in app.newsletters
        for period in upcoming(newsletter.schedule, now)
    ]
    return min(slots, default=None)


async def _first_of(*events: asyncio.Event) -> None:
    """Returns when one of the events is set."""
    waiters = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waiters, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiter in waiters:
            waiter.cancel()
            with suppress(asyncio.CancelledError):
                await waiter

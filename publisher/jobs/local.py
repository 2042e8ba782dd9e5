"""The waker and the worker of one machine.

APScheduler is an alarm clock: an interval as safety net (downtime, suspend, clock steps) and a
date for punctuality. It decides nothing; rows in the database say what is due. Five lanes work
beside each other, each one thing at a time in a thread, so that a long issue keeps neither a new
post from the feeds nor a backup from its hour:

    beat    a sign of life in the database; fences after a long silence
    build   feeds and pages: on a change of the content folder, at a future post's minute
    notices decides what visitors asked for, and mails them within seconds
    send    plans and delivers: at each slot, at each tick, after each build
    jobs    housekeeping
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger
from watchfiles import awatch

from publisher.domain.instances import silence
from publisher.domain.newsletters import upcoming
from publisher.domain.posts import Library, SkipReason
from publisher.errors import PublisherError
from publisher.jobs import reports, table
from publisher.jobs.systemd import Notifier
from publisher.services import (
    housekeeping,
    instances,
    notices,
    polls,
    publishing,
    series,
    signups,
)
from publisher.services.app import App

log = logging.getLogger(__name__)

LANES = ("beat", "build", "notices", "send", "jobs")

BEAT = timedelta(seconds=10)
STUCK_SECONDS = 900.0
"""A lane that does not get on for so long is stuck: a relay may take ten minutes for one answer."""

_NOTICES = timedelta(seconds=2)

_JOB_DEFAULTS = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
_RESCAN_TICKS = 10
"""The content folder is read anew every so many ticks, for file systems that tell of no change."""

_WATCH_DEBOUNCE_MS = 400
_WATCH_AGAIN_SECONDS = 30
_POLLS_SECONDS = 30


class Worker:
    """The lanes of one `App`, until `stop` is set."""

    def __init__(self, app: App, stop: asyncio.Event, notifier: Notifier) -> None:
        self._app = app
        self._stop = stop
        self._notifier = notifier
        self._fence = ""
        self._beat_at: datetime | None = None
        self._opens: datetime | None = None
        self._wakes = {lane: asyncio.Event() for lane in LANES}
        self._scheduler = AsyncIOScheduler(timezone=UTC, job_defaults=_JOB_DEFAULTS)

    async def run(self) -> None:
        """Works; returns when `stop` is set and every lane has ended what it had in hand."""
        tick = self._app.schedule.tick
        self._every(min(tick, BEAT), "beat", "beat")
        self._every(_NOTICES, "notices", "notices")
        self._every(tick, "tick", "send", "jobs")
        self._every(tick * _RESCAN_TICKS, "rescan", "build")
        await asyncio.to_thread(self._beat)  # before any lane: a long downtime fences
        await asyncio.to_thread(notices.recover, self._app)
        self._scheduler.start()
        ended = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as group:  # what is in hand may take a minute to end
                group.create_task(self._lane("beat", self._beat, until=ended))
                await self._work()
                ended.set()
        finally:
            self._scheduler.shutdown(wait=False)

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._lane("build", self._build, until=self._stop))
            group.create_task(self._lane("notices", self._notify, until=self._stop))
            group.create_task(self._lane("send", self._send, until=self._stop))
            group.create_task(self._lane("jobs", self._housekeep, until=self._stop))
            group.create_task(self._watch())

    def _every(self, interval: timedelta, name: str, *lanes: str) -> None:
        trigger = IntervalTrigger(seconds=interval.total_seconds(), timezone=UTC)
        self._scheduler.add_job(self._waker(*lanes), trigger, id=name)

    def _at(self, instant: datetime | None, lane: str) -> None:
        if instant is not None:
            self._scheduler.add_job(
                self._waker(lane), DateTrigger(instant), id=f"next-{lane}", replace_existing=True
            )

    def _waker(self, *lanes: str) -> Callable[[], object]:
        async def ring() -> None:  # a plain function would run in a thread
            for lane in lanes:
                self._wakes[lane].set()

        return ring

    async def _lane(self, lane: str, work: Callable[[], None], *, until: asyncio.Event) -> None:
        """Does the work at once, then whenever it is woken. A failure ends this round only."""
        wake = self._wakes[lane]
        while not until.is_set():
            wake.clear()
            self._app.vitals.beat(lane)
            try:
                await asyncio.to_thread(work)
                self._after(lane)
            except PublisherError as error:
                log.error("lane.failed", extra={"lane": lane, "problem": str(error)})
            except Exception:  # the daemon outlives any one round
                log.exception("lane.crashed", extra={"lane": lane})
            self._app.vitals.rest(lane)
            await first_of(wake, until)

    def _after(self, lane: str) -> None:
        """What a round leads to."""
        if lane == "beat":
            self._tell_watchdog()
        elif lane == "build":
            self._wakes["send"].set()
            self._at(self._opens, "build")
        elif lane == "send":
            self._at(_next_slot(self._app), "send")
            self._wakes["jobs"].set()  # somebody may have to be told

    def _tell_watchdog(self) -> None:
        """The loop turns, a thread ran, the database took a write, and no lane is stuck."""
        if stuck := self._app.vitals.stuck(after=STUCK_SECONDS):
            log.error("lane.stuck", extra={"lane": ", ".join(stuck), "seconds": STUCK_SECONDS})
        else:
            self._notifier.alive()

    def _stopping_in(self, lane: str) -> Callable[[], bool]:
        """For work that asks between its steps: asking shows that it gets on."""

        def stopping() -> bool:
            self._app.vitals.beat(lane)
            return self._stop.is_set() or self._is_fenced()

        return stopping

    def _is_fenced(self) -> bool:
        """Whether nothing may go out: we are fenced, or the next beat will fence.

        After a suspend all lanes wake at once, and the one that beats need not be the first.
        """
        late = self._app.schedule.max_late
        return bool(self._fence or silence(self._beat_at, max_late=late, now=self._app.clock()))

    def _beat(self) -> None:
        now = self._app.clock()
        reason = instances.beat(self._app, now=now)
        if reason != self._fence:
            reports.fence(reason)
        self._fence = reason
        self._beat_at = now  # last: until then the silence speaks

    def _build(self) -> None:
        built = publishing.build(self._app)
        reports.built(built)
        self._opens = _next_opening(built.library, self._app.clock())
        if not self._is_fenced():
            publishing.tell_hubs(self._app, built, stopping=self._stopping_in("build"))

    def _notify(self) -> None:
        if not self._is_fenced():
            signups.work_off(self._app, stopping=self._stopping_in("notices"))

    def _send(self) -> None:
        self._beat()  # ours may be the first lane to wake; and somebody may have ended the fence
        report = publishing.send(self._app, stopping=self._stopping_in("send"))
        reports.sent(report)
        if any(issue.finished for issue in report.issues):
            housekeeping.ping(self._app)

    def _housekeep(self) -> None:
        table.run_due(self._app, now=self._app.clock())
        table.do_chores(self._app)

    async def _watch(self) -> None:
        """Wakes the builder when something below the content folder changes."""
        folder = self._app.content.folder
        while not self._stop.is_set():
            try:
                await self._follow(folder)
            except (OSError, RuntimeError) as error:  # gone, or too many watches: rescans remain
                log.warning("content.unwatched", extra={"problem": str(error)})
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), _WATCH_AGAIN_SECONDS)

    async def _follow(self, folder: Path) -> None:
        changes = awatch(
            folder, stop_event=self._stop, debounce=_WATCH_DEBOUNCE_MS, rust_timeout=1000
        )
        async for _ in changes:
            self._wakes["build"].set()


async def keep_polls(app: App, stop: asyncio.Event) -> None:
    """Writes down who asked for feeds, twice a minute and at the end. For whoever serves pages."""
    while not stop.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _POLLS_SECONDS)
        try:
            await asyncio.to_thread(polls.flush, app)
        except PublisherError as error:  # what was taken is lost; the next ones are not
            log.error("polls.lost", extra={"problem": str(error)})
        except Exception:  # statistics never end the daemon
            log.exception("polls.crashed")


async def first_of(*events: asyncio.Event) -> None:
    """Returns when one of the events is set."""
    waiters = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waiters, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiter in waiters:
            waiter.cancel()
            with suppress(asyncio.CancelledError):
                await waiter


def _next_slot(app: App) -> datetime | None:
    now = app.clock()
    slots = [
        period.slot
        for newsletter in series.everything(app)
        for period in upcoming(newsletter.schedule, now)
    ]
    return min(slots, default=None)


def _next_opening(library: Library, now: datetime) -> datetime | None:
    """When the next post that is still to come may be read."""
    dates = [
        post.facts.published
        for post in library.skipped
        if post.reason is SkipReason.FUTURE and post.facts and post.facts.published
    ]
    return min((date for date in dates if date > now), default=None)

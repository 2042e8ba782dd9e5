import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from publisher.clock import system_clock
from publisher.errors import StoreError
from publisher.jobs import local
from publisher.jobs.local import Worker
from publisher.jobs.systemd import Notifier
from publisher.services import deliveries, instances, publishing, signups
from publisher.services.app import App
from publisher.services.publishing import SendReport
from tests.faults.relay import Behaviour, FaultRelay
from tests.faults.world import found, make_relay, open_world
from tests.services.conftest import FakeClock

LONG = timedelta(days=7)


class Watchdog(Notifier):
    """Counts what systemd would hear."""

    def __init__(self) -> None:
        super().__init__("")
        self.count = 0

    def alive(self) -> None:
        self.count += 1


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  # nothing tells us
        await asyncio.sleep(0.02)


def stuck(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lanes that the log calls stuck; on a slow machine others may be among them."""
    return [vars(each)["lane"] for each in caplog.records if each.message == "lane.stuck"]


@pytest.mark.parametrize("work", ["build", "send"])
def test_the_watchdog_hears_nothing_while_any_lane_is_stuck(
    app: App, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, work: str
) -> None:
    go_on, really = threading.Event(), getattr(publishing, work)

    def frozen(*arguments: object, **named: object) -> object:
        go_on.wait()
        return really(*arguments, **named)

    monkeypatch.setattr(publishing, work, frozen)
    monkeypatch.setattr(local, "STUCK_SECONDS", 0.2)
    monkeypatch.setattr(local, "BEAT", local.BEAT / 200)
    watchdog, stop = Watchdog(), asyncio.Event()

    async def watch() -> tuple[int, int, int]:
        worker = asyncio.create_task(Worker(app, stop, watchdog).run())
        await until(lambda: any(work in lane for lane in stuck(caplog)))
        silent_from = watchdog.count
        await asyncio.sleep(0.4)
        silent_to = watchdog.count
        go_on.set()
        await until(lambda: watchdog.count > silent_to)
        stop.set()
        await worker
        return silent_from, silent_to, watchdog.count

    before, during, after = asyncio.run(asyncio.wait_for(watch(), 60))
    assert before == during < after


def test_the_watchdog_hears_of_a_worker_that_ends_what_it_has_in_hand(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(*_: object, **__: object) -> SendReport:
        begun.set()
        go_on.wait()
        return SendReport()

    monkeypatch.setattr(publishing, "send", slow)
    monkeypatch.setattr(local, "BEAT", local.BEAT / 200)
    watchdog, stop = Watchdog(), asyncio.Event()

    async def watch() -> None:
        worker = asyncio.create_task(Worker(app, stop, watchdog).run())
        try:
            await until(begun.is_set)
            stop.set()
            heard = watchdog.count
            await until(lambda: watchdog.count > heard + 2)
        finally:
            go_on.set()
        await worker

    asyncio.run(asyncio.wait_for(watch(), 30))


@dataclass
class Work:
    """What the lanes would have done, and whether a fence stood when they began."""

    sends: list[str] = field(default_factory=list)
    notices: int = 0


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    """Of a worker whose signs of life are slow, so that every other lane comes first."""
    work, beat = Work(), instances.beat

    def slow_beat(*arguments: App, **named: object) -> str:
        time.sleep(0.1)
        return beat(*arguments, **named)  # type: ignore[arg-type]

    def send(app: App, **_: object) -> SendReport:
        work.sends.append(instances.fence(app))
        return SendReport()

    def work_off(app: App, **_: object) -> int:
        work.notices += 1
        return 0

    monkeypatch.setattr(instances, "beat", slow_beat)
    monkeypatch.setattr(publishing, "send", send)
    monkeypatch.setattr(signups, "work_off", work_off)
    monkeypatch.setattr(local, "_NOTICES", timedelta(milliseconds=10))
    return work


def quick(app: App) -> App:
    """Its tick is a moment."""
    return replace(app, schedule=replace(app.schedule, tick=timedelta(milliseconds=20)))


async def working(app: App, *, until_then: Callable[[], bool]) -> None:
    stop = asyncio.Event()
    worker = asyncio.create_task(Worker(app, stop, Notifier("")).run())
    async with asyncio.timeout(60):
        await until(lambda: worker.done() or until_then())
    stop.set()
    await worker


def test_after_a_long_downtime_the_fence_is_there_before_any_lane(
    app: App, clock: FakeClock, work: Work
) -> None:
    instances.start(app)
    instances.beat(app, now=clock.now)
    clock.now += LONG

    asyncio.run(working(quick(app), until_then=lambda: len(work.sends) > 1))

    assert all("last sign of life" in fence for fence in work.sends)
    assert work.notices == 0


def test_after_a_suspend_it_does_not_matter_which_lane_wakes_first(
    app: App, clock: FakeClock, work: Work
) -> None:
    instances.start(app)
    before = Work()

    def suspended_once() -> bool:
        if work.sends and work.notices and not before.sends:
            clock.now += LONG
            before.sends, before.notices = list(work.sends), work.notices
        return bool(before.sends) and bool(instances.fence(app)) and bool(work.sends[-1])

    asyncio.run(working(quick(app), until_then=suspended_once))

    after = work.sends[len(before.sends) + 1 :]  # one round may have been on its way
    assert all("last sign of life" in fence for fence in after)
    assert work.notices <= before.notices + 1


def test_nothing_goes_out_after_the_fence_though_a_run_is_in_the_middle(tmp_path: Path) -> None:
    found(tmp_path, [f"reader{number}@d.test" for number in range(1_500)])
    clock = FakeClock(system_clock())
    with (
        FaultRelay(Behaviour(delay_ms=2)) as relay,
        open_world(tmp_path, [make_relay(relay.port)], clock=clock) as app,
    ):
        instances.start(app)
        worker = Worker(app, asyncio.Event(), Notifier(""))
        worker._beat()
        stopping, arrived = worker._stopping_in("send"), [0]

        def jumping() -> bool:
            if len(relay.accepted) > 100 and not arrived[0]:
                clock.now += timedelta(hours=40)
                worker._beat()
                arrived[0] = relay.dots
            return stopping()

        deliveries.deliver(app, stopping=jumping)
        assert instances.fence(app)
        assert 0 < arrived[0] <= relay.dots <= arrived[0] + app.relays[0].max_connections
        instances.resume(app, who="test")
        deliveries.recover(app)
        assert deliveries.deliver(app)[0].finished
        assert len(relay.accepted) == len({each["rcpt"] for each in relay.accepted}) == 1_500


def test_a_fenced_database_leases_nothing(tmp_path: Path) -> None:
    found(tmp_path, ["ann@d.test"])
    with FaultRelay() as relay, open_world(tmp_path, [make_relay(relay.port)]) as app:
        instances.start(app)
        instances.fence_restored(app.store, now=app.clock())
        deliveries.deliver(app)
        assert relay.dots == 0


def test_a_lane_outlives_whatever_its_work_leads_to(
    app: App, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(app: App) -> None:
        raise StoreError("publisher.db: database is locked")

    monkeypatch.setattr(local, "_next_slot", locked)
    asyncio.run(working(quick(app), until_then=lambda: len(work.sends) > 2))
    assert len(work.sends) > 2

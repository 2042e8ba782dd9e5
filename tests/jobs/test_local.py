import asyncio
import threading
from collections.abc import Callable

import pytest

from publisher.jobs import local
from publisher.jobs.local import Worker
from publisher.jobs.systemd import Notifier
from publisher.services import publishing
from publisher.services.app import App


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

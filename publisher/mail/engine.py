"""The sending engine: one event loop in a thread of its own, one lane for each relay.

Of its own, so that pages and sending never wait for each other. On uvloop where that is
installed: it halves the time that each message takes.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Event, Thread

from publisher.mail.jobs import Desk
from publisher.mail.pool import Lane
from publisher.mail.relays import Relay

try:
    import uvloop as loops
except ImportError:  # no build for this machine
    import asyncio as loops  # type: ignore[no-redef]  # the same function by the same name


class Engine:
    """Sends what the desk hands out; a thread from `start` to `join`."""

    def __init__(self, relays: Iterable[Relay], desk: Desk) -> None:
        self._relays = tuple(relays)
        self._desk = desk
        self._loop: asyncio.AbstractEventLoop = loops.new_event_loop()
        self._lanes: list[Lane] = []
        self._thread = Thread(target=self._run, name="sending engine", daemon=True)
        self._main: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None
        self._is_ready = Event()

    def start(self) -> None:
        """Returns when there is something that can be stopped."""
        self._thread.start()
        self._is_ready.wait()

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def join(self, seconds: float | None = None) -> None:
        """Waits for the end. Raises what the engine died of."""
        self._thread.join(seconds)
        if self._failure is not None:
            raise self._failure

    def call(self, function: Callable[..., object], *values: object) -> None:
        """Calls a function on the loop, from any thread; not at all once the engine has ended."""
        with suppress(RuntimeError):  # the loop is closed: whoever it was for has gone
            self._loop.call_soon_threadsafe(function, *values)

    def wake(self) -> None:
        """There may be jobs, or there will be none."""
        self.call(self._pump)

    def stop(self) -> None:
        """Drains: no new message, the answers to final dots are awaited, then it ends."""
        self.call(self._leave)

    def abandon(self) -> None:
        """Ends at once: no dot may go out any more, or nobody answers. May be called twice."""
        self.cancel()
        self._thread.join()

    def cancel(self) -> None:
        """Asks for an end at once, and does not wait for it."""
        self.call(self._cancel)

    def _cancel(self) -> None:
        if self._main is not None:
            self._main.cancel()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._work())
        except asyncio.CancelledError:
            pass  # abandoned
        except BaseException as failure:
            self._failure = failure
        finally:
            self._is_ready.set()

    async def _work(self) -> None:
        self._main = asyncio.current_task()
        self._lanes = [Lane(relay, self._desk) for relay in self._relays]
        self._is_ready.set()
        async with asyncio.TaskGroup() as group:
            for lane in self._lanes:
                group.create_task(lane.run())

    def _pump(self) -> None:
        for lane in self._lanes:
            lane.pump()

    def _leave(self) -> None:
        for lane in self._lanes:
            lane.leave()

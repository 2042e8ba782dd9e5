"""One run of the engine: its threads, how to end them, and how far it has come."""

import os
import socket
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from secrets import token_hex
from time import monotonic

from publisher.domain.deliveries import DeliveryStatus
from publisher.domain.issues import Issue
from publisher.domain.relays import RelayState
from publisher.domain.sent_log import address_hash
from publisher.mail.engine import Engine
from publisher.services.app import App
from publisher.services.books import Books
from publisher.services.ledger import Ledger
from publisher.services.letters import IssueMail
from publisher.services.outbox import Outbox
from publisher.services.sent_log import SentLog
from publisher.services.supplies import Supply

GLANCE_SECONDS = 0.1
DRAIN_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far the sending of an issue has come. `seconds_left` is None until it can be told."""

    issue: Issue
    counts: Mapping[DeliveryStatus, int]
    rate: float
    seconds_left: float | None

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def done(self) -> int:
        """How many are settled."""
        return self.total - self.counts.get(DeliveryStatus.PENDING, 0)


Progress = Callable[[Standing], None]
"""Told a few times a second, and at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Who looks on while we send: hears how it goes, says when to stop, after how many at most."""

    progress: Progress
    stopping: Callable[[], bool]
    limit: int | None


class Run:
    """Engine, outbox and books of one run."""

    def __init__(
        self,
        app: App,
        sending: list[Issue],
        supplies: list[Supply],
        *,
        mails: Mapping[int, IssueMail],
        states: Mapping[str, RelayState],
        watch: Watch,
    ) -> None:
        self._sending = sending
        self._watch = watch
        self._log = SentLog(
            app.folders.state / "sent.log", lambda key: address_hash(app.site_key, key)
        )
        ledger = Ledger()
        ledger.troubled = {label for label, state in states.items() if state.problem}
        self.books = Books(
            app.store,
            app.clock,
            ledger,
            call=self._call,
            sent_log=self._log,
            on_failure=self._stop_dead,
            on_unlogged=self._stop_gently,
        )
        self._outbox = Outbox(
            app,
            self.books,
            ledger,
            mails=mails,
            supplies=supplies,
            owner=f"{socket.gethostname()}:{os.getpid()}:{token_hex(4)}",
            wake=self._wake,
            limit=watch.limit,
        )
        self._engine = Engine([supply.relay for supply in supplies], self._outbox)

    def go(self) -> None:
        """To the end, or until asked to stop; whatever happens, the books are closed.

        Raises what the run died of, once the answers to the dots that are out have been awaited.
        """
        self.books.start(self._outbox)
        self._outbox.start()
        self._engine.start()
        pace = Pace(self._sending, self.books)
        try:
            deadline = None
            while self._engine.is_running:
                self._engine.join(GLANCE_SECONDS)
                pace.tell(self._watch.progress)
                if deadline is None and (self._watch.stopping() or self._outbox.is_spent):
                    deadline = monotonic() + DRAIN_SECONDS
                    self._engine.stop()
                elif deadline is not None and monotonic() > deadline:
                    self._engine.abandon()
        finally:
            self._engine.abandon()
            self._outbox.close()
            with closing(self._log):
                self.books.close()
        pace.tell(self._watch.progress, is_last=True)
        if self._outbox.problem is not None:
            raise self._outbox.problem

    def _stop_dead(self) -> None:
        """Nothing can be written any more: not one dot more."""
        self._engine.cancel()

    def _stop_gently(self) -> None:
        self._engine.stop()

    def _wake(self) -> None:
        self._engine.wake()

    def _call(self, function: Callable[..., object], *values: object) -> None:
        self._engine.call(function, *values)


class Pace:
    """Rate and time left, from what the books count."""

    def __init__(self, sending: list[Issue], books: Books) -> None:
        self._sending = sending
        self._books = books
        self._past: list[tuple[float, int]] = [(monotonic(), self._settled())]
        self._told = 0.0

    def tell(self, progress: Progress, *, is_last: bool = False) -> None:
        now = monotonic()
        if now - self._told < 0.25 and not is_last:
            return
        self._told = now
        self._past = [*self._past[-40:], (now, self._settled())]
        (then, before), (_, settled) = self._past[0], self._past[-1]
        rate = (settled - before) / max(now - then, 0.001)
        for issue in self._sending:
            counts = dict(self._books.counts[issue.id])
            left = counts.get(DeliveryStatus.PENDING, 0)
            seconds = left / rate if rate > 0 else None
            progress(Standing(issue=issue, counts=counts, rate=rate, seconds_left=seconds))

    def _settled(self) -> int:
        counts = [Counter(self._books.counts[issue.id]) for issue in self._sending]
        return sum(sum(each.values()) - each[DeliveryStatus.PENDING] for each in counts)

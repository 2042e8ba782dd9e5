"""The books that are kept while mail is sent: intents and outcomes, grouped into few commits.

    take what has come in ──▶ fold it, row by row ──▶ one transaction ──▶ let the dots go

An outcome rides in the commit of its connection's next intent; alone it waits a moment for
company. All of it happens on the engine's loop: to hand each group to a thread and back costs
more than its transaction, and no dot could go out meanwhile anyway. Nothing here knows SMTP, and
`mail` knows nothing of the database: between them go jobs, grants and verdicts.
"""

import asyncio
import logging
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from contextlib import ExitStack
from time import monotonic, sleep
from typing import Any

from publisher.clock import Clock
from publisher.domain.deliveries import DeliveryStatus
from publisher.domain.replies import Verdict
from publisher.errors import StoreError
from publisher.mail.jobs import Granted, Job
from publisher.mail.relays import Relay
from publisher.services.book_entries import Done, Entry, Group, Intent, Listener, Outcome, Task
from publisher.services.ledger import Ledger
from publisher.services.sent_log import SentLog
from publisher.store.engine import Store, Tx, Writer

LONELY_SECONDS = 0.2
LONELY_OUTCOMES = 200
"""How long outcomes wait for an intent to ride with, and how many at most."""

COMPANY_SECONDS = 0.004
"""How long an intent waits for those that may still come: twelve in one transaction cost little
more than two."""

PATIENCE_SECONDS = 60.0
AGAIN_SECONDS = 0.5
"""How long a database that cannot be written to is tried, and how often; no dot goes out."""

log = logging.getLogger(__name__)


class Books:
    """What is written, and when. Everything happens on the engine's loop, but `do` and `refuse`.

    `call` runs a function on that loop, from any thread, for as long as there is one. `on_failure`
    is to end the run at once, `on_unlogged` after the answers to the dots that are out.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        ledger: Ledger,
        *,
        call: Callable[..., None],
        sent_log: SentLog,
        on_failure: Callable[[], None],
        on_unlogged: Callable[[], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._ledger = ledger
        self._call = call
        self._sent_log = sent_log
        self._on_failure = on_failure
        self._on_unlogged = on_unlogged
        self._unlogged: StoreError | None = None
        self._entries: deque[Entry] = deque()  # may come from any thread
        self._group = Group()  # what is to be written next
        self._timer: asyncio.TimerHandle | None = None  # when we write
        self._due = 0.0
        self._is_soon = False
        self._failing_since: float | None = None
        self._awaited: set[Job] = set()  # handed out, and their intents are still to come
        self.counts: defaultdict[int, Counter[DeliveryStatus]] = defaultdict(Counter)
        self.problem: Exception | None = None
        self.listener: Listener
        self._writer: Writer
        self._open = ExitStack()

    def start(self, listener: Listener) -> None:
        """Opens the books, before the loop begins."""
        self.listener = listener
        self._writer = self._open.enter_context(self._store.writer())

    def close(self) -> None:
        """Writes what is left, once the loop has ended. Raises what the writing died of."""
        with self._open:
            self._fold()
            self._group.intents.clear()  # nobody is left to let these dots go
            while self.problem is None and (self._entries or not self._group.is_empty):
                if not self._write():
                    sleep(AGAIN_SECONDS)
        if problem := self.problem or self._unlogged:
            raise problem

    def taken(self, job: Job) -> None:
        """A job is handed out: its intent will come, or its outcome."""
        self._awaited.add(job)

    def intend(self, job: Job, relay: Relay, granted: Granted) -> None:
        self._awaited.discard(job)
        self._entries.append(Intent(job, relay, granted))
        self._plan_soon()

    def settle(self, job: Job, relay: Relay, verdict: Verdict) -> None:
        self._awaited.discard(job)
        self._entries.append(Outcome(job, relay, verdict))
        if self._timer is None:
            self._plan(LONELY_SECONDS)
        elif len(self._entries) >= LONELY_OUTCOMES:
            self._plan(0.0)

    def refuse(self, job: Job, relay: Relay, verdict: Verdict) -> None:
        """What became of a job that never was handed out. From any thread."""
        self._entries.append(Outcome(job, relay, verdict))
        self._call(self._plan, LONELY_SECONDS)

    def do(self, work: Callable[[Tx], Any], then: Callable[[Any], None] = lambda _: None) -> None:
        """Runs `work` in the next transaction, and `then` with its result after the commit.

        From any thread. `then` comes on the loop, or in `close`.
        """
        self._entries.append(Task(work, then))
        self._call(self._plan_soon)

    # When to write.

    def _plan_soon(self) -> None:
        """At once, or as soon as those have come who may."""
        if self._awaited and self._is_soon:
            return
        self._is_soon = True
        self._plan(COMPANY_SECONDS if self._awaited else 0.0)

    def _plan(self, seconds: float) -> None:
        """Writes after so long, if it is not to be done before."""
        if self._failing_since is not None:
            seconds = AGAIN_SECONDS
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        if self._timer is not None:
            if self._due <= due:
                return
            self._timer.cancel()
        self._due = due
        self._timer = loop.call_later(seconds, self._write_or_wait)

    def _write_or_wait(self) -> None:
        self._timer, self._is_soon = None, False
        if self.problem is None and not self._write():
            self._plan(AGAIN_SECONDS)

    def _write(self) -> bool:
        """Writes what has come in, and tells of it; False if that must be tried again."""
        self._fold()
        group = self._group
        if group.is_empty:
            return True
        try:
            with self._writer.begin() as tx:
                done = self._ledger.enter(tx, group, now=self._clock())
            self._group, self._failing_since = Group(), None
            self._tell(done)
        except StoreError as problem:
            return self._is_hopeless(problem)
        except Exception as problem:
            self._fail(problem)
        return True

    def _fold(self) -> None:
        for _ in range(len(self._entries)):
            entry = self._entries.popleft()
            self._group.add(entry)
            if isinstance(entry, Outcome):
                self._ledger.heed(entry)

    def _is_hopeless(self, problem: StoreError) -> bool:
        self._failing_since = self._failing_since or monotonic()
        if monotonic() - self._failing_since > PATIENCE_SECONDS:
            self._fail(problem)
            return True
        log.warning("deliveries.retrying", extra={"problem": str(problem)})
        return False

    def _fail(self, problem: Exception) -> None:
        self.problem = problem
        log.error("deliveries.unwritable", extra={"problem": str(problem)})
        self._on_failure()

    def _tell(self, done: Done) -> None:
        """After the commit: the dots may go, and everybody hears what has become of their part."""
        self._ledger.close(done)
        for tell, job, may_go in done.granted:
            tell(job, may_go)
        if done.going:
            self._log_dots(done)
        for (issue, status), number in done.counts.items():
            self.counts[issue][DeliveryStatus.PENDING] -= number
            self.counts[issue][status] += number
        for job, claimed, fate in done.finished:
            self.listener.finished(job, claimed, fate)
        for relay, until in done.full:
            self.listener.exhausted(relay, until)
        if done.lost:
            self.listener.lost(done.lost)
        for task, result in done.tasks:
            task.then(result)

    def _log_dots(self, done: Done) -> None:
        """The dots are out, and their answers still count: a full disk must not lose them."""
        try:
            self._sent_log.append(done.going, at=done.at)
        except OSError as problem:
            self._unlogged = StoreError(f"sent.log cannot be written: {problem}")
            log.error("deliveries.unlogged", extra={"problem": str(problem)})
            self._on_unlogged()

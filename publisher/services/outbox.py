"""What the engine is handed: leased batches, composed a little ahead of the connections.

    claims (leases) ──▶ compose (a thread) ──▶ ready ──▶ take (the loop)

A few hundred messages at most exist at any time, so memory does not grow with the issue, and
dates are fresh. Two threads meet here: on the engine's loop jobs are taken, and the books tell what
has become of them; our own composes.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from threading import Event, Lock, Thread
from time import monotonic

from msgspec.structs import replace

from publisher.domain.replies import (
    After,
    Rejected,
    Reply,
    Scope,
    Stage,
    Verdict,
    reply_class,
)
from publisher.mail.jobs import Granted, Job
from publisher.mail.relays import Pipelining, Relay
from publisher.services import letters, relays
from publisher.services.app import App
from publisher.services.book_entries import Claimed, Fate
from publisher.services.books import Books
from publisher.services.leases import Leases
from publisher.services.ledger import Ledger
from publisher.services.letters import IssueMail
from publisher.services.supplies import Supply
from publisher.store import relays as relay_rows

CHUNK = 8

log = logging.getLogger(__name__)


class Outbox:
    """The engine's desk. `wake` tells the engine to look again.

    `limit` is how many messages are handed out at most; one that comes back unsent is not counted.
    """

    def __init__(
        self,
        app: App,
        books: Books,
        ledger: Ledger,
        *,
        mails: Mapping[int, IssueMail],
        supplies: Sequence[Supply],
        owner: str,
        wake: Callable[[], None],
        limit: int | None = None,
    ) -> None:
        self._app = app
        self._books = books
        self._ledger = ledger
        self._mails = mails
        self._supplies = {supply.relay.label: supply for supply in supplies}
        self._wake = wake
        self._limit = limit  # how many messages may still be handed out
        self._begun: dict[int, float] = {}  # when each delivery under way was handed out
        self._lock = Lock()  # around counts that several threads change
        self._work = Event()
        self._is_closing = False
        self.problem: Exception | None = None  # what our own thread died of
        self._leases = Leases(
            app,
            books,
            mails=mails,
            supplies=self._supplies,
            owner=owner,
            on_claims=self._work.set,
            on_released=self._look_again,
        )
        self._thread = Thread(target=self._run, name="delivery outbox", daemon=True)

    def start(self) -> None:
        self._work.set()
        self._thread.start()

    def close(self) -> None:
        """Gives back what was leased and not sent; the books write it."""
        self._is_closing = True
        self._work.set()
        self._thread.join()
        self._leases.close()
        for supply in self._supplies.values():
            supply.problem = supply.problem or supply.cold

    @property
    def is_spent(self) -> bool:
        """Whether as many messages as were asked for have come to their end."""
        return self._limit == 0 and not any(each.flying for each in self._supplies.values())

    # The engine's loop.

    def take(self, relay: Relay) -> Job | None:
        supply = self._supplies[relay.label]
        while not supply.problem:
            if self._limit == 0 or (supply.room is not None and supply.room <= 0):
                return None
            try:
                job = supply.ready.popleft()
            except IndexError:
                supply.is_hungry = True
                self._work.set()
                return None
            if len(supply.ready) < supply.few and not self._work.is_set():
                self._work.set()
            if not self._is_wanted(job):
                self._drop(job)
                continue
            with self._lock:
                supply.flying += 1
                if supply.room is not None:
                    supply.room -= 1
                if self._limit is not None:
                    self._limit -= 1
            self._begun[job.delivery] = monotonic()
            self._books.taken(job)
            return job
        return None

    def ready(self, relay: Relay) -> int:
        supply = self._supplies[relay.label]
        return len(supply.ready) + len(supply.claims)

    def intend(self, job: Job, relay: Relay, granted: Granted) -> None:
        self._books.intend(job, relay, granted)

    def settle(self, job: Job, relay: Relay, verdict: Verdict) -> None:
        if began := self._begun.pop(job.delivery, None):  # else it has been withdrawn
            self._app.vitals.replied(reply_class(verdict.outcome), monotonic() - began)
        self._books.settle(job, relay, verdict)

    def is_done(self, relay: Relay) -> bool:
        if self._supplies[relay.label].problem:
            return True
        return not self._leases.is_releasing and all(
            each.is_over for each in self._supplies.values()
        )

    def learn(
        self,
        relay: Relay,
        *,
        per_connection: int | None = None,
        pipelining: Pipelining | None = None,
    ) -> None:
        lesson: dict[str, object] = {}
        if per_connection is not None:
            lesson["per_connection"] = per_connection
        if pipelining is not None:
            lesson["pipelining"] = pipelining.value
        self._books.do(lambda tx: relay_rows.change(tx, relay.label, **lesson))

    def give_up(
        self, relay: Relay, problem: str, *, pause: bool, rest_seconds: float = 0.0
    ) -> None:
        supply = self._supplies[relay.label]
        now = self._app.clock()
        rest = max(relays.rest(relay, supply.setbacks), timedelta(seconds=rest_seconds))
        log.warning("relay.resting", extra={"relay": relay.label, "problem": problem})
        self._books.do(
            lambda tx: relay_rows.fail(
                tx, relay.label, problem, is_paused=pause, until=now + rest, now=now
            )
        )
        self._shut(supply, problem)

    # What the books tell, on the engine's loop too.

    def finished(self, job: Job, claimed: Claimed, fate: Fate) -> None:
        """A job has come to its end, or goes back to the end of the queue."""
        self._begun.pop(job.delivery, None)
        supply = self._supplies[claimed.relay]
        with self._lock:
            supply.flying -= 1
            if fate is not Fate.SETTLED:
                if supply.room is not None:
                    supply.room += 1
                if self._limit is not None:
                    self._limit += 1
        if fate is Fate.RETURNED and not supply.problem and self._leases.is_ours(claimed):
            claimed.claim = replace(claimed.claim, attempts=claimed.attempt)
            supply.claims.append(claimed)
            self._work.set()
            return
        self._end(claimed)

    def lost(self, batches: Iterable[int]) -> None:
        """These leases are worth nothing any more."""
        self._leases.lose(batches)
        self._work.set()

    def exhausted(self, relay: Relay, until: datetime | None) -> None:
        """The quota is used up."""
        when = f" until {until:%Y-%m-%d %H:%M} UTC" if until else ""
        self._shut(self._supplies[relay.label], f"its quota is used up{when}")

    # Our own thread.

    def _run(self) -> None:
        """Feeds the supplies. What that dies of ends the run; else the engine waited for ever."""
        try:
            self._feed_all()
        except Exception as problem:
            self.problem = problem
            log.error("outbox.failed", extra={"problem": str(problem)})
            for supply in self._supplies.values():
                self._shut(supply, str(problem))
            self._wake()

    def _feed_all(self) -> None:
        while not self._is_closing:
            self._work.wait(timeout=1.0)
            self._work.clear()
            for supply in self._supplies.values():
                self._feed(supply)
            self._leases.extend()

    def _feed(self, supply: Supply) -> None:
        if supply.problem:
            self._empty(supply)
            return
        if supply.room is not None and supply.room <= 0 and not supply.flying:
            self.exhausted(supply.relay, supply.room_until)
            return
        self._leases.ask(supply)
        while supply.claims and len(supply.ready) < 2 * supply.few:
            for _ in range(min(CHUNK, len(supply.claims))):
                self._compose(supply, supply.claims.popleft())
            if supply.is_hungry:
                supply.is_hungry = False
                self._wake()
        if supply.is_over:
            self._wake()

    def _compose(self, supply: Supply, claimed: Claimed) -> None:
        if not self._leases.is_ours(claimed):
            self._end(claimed)
            return
        claim = claimed.claim
        mail = self._mails[claimed.lease.issue]
        try:
            job = letters.job(self._app, mail, claim, at=self._app.clock())
        except ValueError as problem:
            self._refuse(supply, claimed, str(problem))
            return
        self._ledger.claimed[job] = claimed
        supply.ready.append(job)

    def _refuse(self, supply: Supply, claimed: Claimed, problem: str) -> None:
        """No message can be made for this address: it fails, the others go on."""
        claim = claimed.claim
        job = Job(delivery=claim.id, issue=claimed.lease.issue, sender="", recipient="", wire=b"")
        said = Reply(code=553, enhanced="5.1.3", text=f"not sent: {problem}", stage=Stage.RCPT)
        self._ledger.claimed[job] = claimed
        with self._lock:
            supply.flying += 1
        verdict = Verdict(outcome=Rejected(said), scope=Scope.RECIPIENT, after=After.KEEP)
        self._books.refuse(job, supply.relay, verdict)

    # Ends.

    def _shut(self, supply: Supply, problem: str) -> None:
        supply.problem = supply.problem or problem
        self._leases.ask_again()
        self._work.set()

    def _empty(self, supply: Supply) -> None:
        """What a relay that was given up had not taken goes back to the database."""
        while supply.claims:
            self._end(supply.claims.popleft())
        while True:
            try:
                job = supply.ready.popleft()
            except IndexError:
                break
            self._drop(job)
        self._wake()

    def _drop(self, job: Job) -> None:
        claimed = self._ledger.claimed.pop(job, None)
        if claimed is not None:
            self._end(claimed)

    def _is_wanted(self, job: Job) -> bool:
        """Whether, while it waited, its issue was not stopped nor its lease taken from us."""
        claimed = self._ledger.claimed.get(job)
        is_ours = claimed is not None and self._leases.is_ours(claimed)
        return is_ours and job.issue not in self._ledger.stopped

    def _end(self, claimed: Claimed) -> None:
        self._leases.end(claimed)
        if not self._supplies[claimed.relay].outstanding:
            self._work.set()

    def _look_again(self) -> None:
        """There may be something to lease, or nothing left to do."""
        self._work.set()
        self._wake()

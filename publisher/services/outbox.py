"""What the engine is handed: leased batches, composed a little ahead of the connections.

    lease a batch (books) ──▶ claimed rows ──▶ compose (a thread) ──▶ ready ──▶ take (the loop)

A few hundred messages at most exist at any time, so memory does not grow with the issue, and
dates are fresh. Two threads meet here: on the engine's loop jobs are taken,
and the books tell what has become of them; our own composes.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Event, Lock, Thread
from time import monotonic

from publisher.domain.deliveries import OnUnknown
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
from publisher.services import letters
from publisher.services.app import App
from publisher.services.book_entries import Claimed, Fate
from publisher.services.books import Books
from publisher.services.ledger import Ledger, room_of
from publisher.services.letters import IssueMail
from publisher.services.supplies import Supply
from publisher.store import batches
from publisher.store import deliveries as rows
from publisher.store import outcomes as outcome_rows
from publisher.store import relays as relay_rows
from publisher.store.batches import Lease
from publisher.store.deliveries import Claim
from publisher.store.engine import Tx

LEASE = timedelta(minutes=5)
EXTEND_SECONDS = 60.0
LOW_CLAIMS = 100
CHUNK = 8
REST_MOST = timedelta(minutes=5)

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Held:
    lease: Lease
    supply: Supply
    left: int
    is_lost: bool = False


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
        self._owner = owner
        self._wake = wake
        self._limit = limit  # how many messages may still be handed out
        self._held: dict[int, _Held] = {}
        self._begun: dict[int, float] = {}  # when each delivery under way was handed out
        self._lock = Lock()  # around counts that several threads change
        self._work = Event()
        self._is_closing = False
        self._releasing = 0  # batches on their way back to the database
        self._extended = monotonic()
        self._thread = Thread(target=self._run, name="delivery outbox", daemon=True)

    def start(self) -> None:
        self._work.set()
        self._thread.start()

    def close(self) -> None:
        """Gives back what was leased and not sent; the books write it."""
        self._is_closing = True
        self._work.set()
        self._thread.join()
        for held in list(self._held.values()):
            self._release(held.lease)

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
            if job.issue in self._ledger.stopped:  # while it waited
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
        return not self._releasing and all(each.is_over for each in self._supplies.values())

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

    def give_up(self, relay: Relay, problem: str, *, pause: bool) -> None:
        supply = self._supplies[relay.label]
        now = self._app.clock()
        rest = min(
            timedelta(seconds=relay.backoff_seconds) * (1 << min(supply.setbacks, 20)), REST_MOST
        )
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
        held = self._held.get(claimed.lease.batch)
        supply = self._supplies[claimed.relay]
        with self._lock:
            supply.flying -= 1
            if fate is not Fate.SETTLED:
                if supply.room is not None:
                    supply.room += 1
                if self._limit is not None:
                    self._limit += 1
        if fate is Fate.RETURNED and not supply.problem and held and not held.is_lost:
            claimed.claim = replace(claimed.claim, attempts=claimed.attempt)
            supply.claims.append(claimed)
            self._work.set()
            return
        self._end(claimed)

    def lost(self, batches: Iterable[int]) -> None:
        """These leases are worth nothing any more."""
        for batch in batches:
            if batch in self._held:
                self._held[batch].is_lost = True
        self._work.set()

    def exhausted(self, relay: Relay, until: datetime | None) -> None:
        """The quota is used up."""
        when = f" until {until:%Y-%m-%d %H:%M} UTC" if until else ""
        self._shut(self._supplies[relay.label], f"its quota is used up{when}")

    # Our own thread.

    def _run(self) -> None:
        while not self._is_closing:
            self._work.wait(timeout=1.0)
            self._work.clear()
            for supply in self._supplies.values():
                self._feed(supply)
            if monotonic() - self._extended > EXTEND_SECONDS:
                self._extend()

    def _feed(self, supply: Supply) -> None:
        if supply.problem:
            self._empty(supply)
            return
        if supply.room is not None and supply.room <= 0 and not supply.flying:
            self.exhausted(supply.relay, supply.room_until)
            return
        if self._wants_lease(supply):
            supply.is_asking = True
            self._books.do(
                lambda tx: self._lease(tx, supply), lambda found: self._leased(supply, found)
            )
        while supply.claims and len(supply.ready) < 2 * supply.few:
            for _ in range(min(CHUNK, len(supply.claims))):
                self._compose(supply, supply.claims.popleft())
            if supply.is_hungry:
                supply.is_hungry = False
                self._wake()
        if supply.is_over:
            self._wake()

    def _wants_lease(self, supply: Supply) -> bool:
        """Few claims left, and not ahead of its share beside the other relays."""
        if supply.is_asking or supply.is_dry or len(supply.claims) >= LOW_CLAIMS:
            return False
        others = [
            each
            for each in self._supplies.values()
            if each is not supply and not each.problem and not each.is_dry
        ]
        share = supply.leased / supply.relay.weight
        return all(share <= (each.leased + 1) / each.relay.weight for each in others)

    def _lease(self, tx: Tx, supply: Supply) -> tuple[Lease, list[Claim]] | None:
        now = self._app.clock()
        if supply.room is None:
            self._measure(tx, supply, now)
        lease = batches.lease(tx, supply.issues, owner=self._owner, now=now, until=now + LEASE)
        if lease is None:
            return None
        policy = self._mails[lease.issue].letter.newsletter.on_unknown
        resend = {lease.issue} if policy is OnUnknown.RESEND else set()
        outcome_rows.recover(tx, resend=resend, batch=lease.batch, now=now)
        claims = rows.claim(tx, lease.batch, now=now)
        if not claims:
            batches.release(tx, lease, now=now)
        return lease, claims

    def _measure(self, tx: Tx, supply: Supply, now: datetime) -> None:
        domains = {
            self._mails[issue].letter.newsletter.sender.email.rpartition("@")[2]
            for issue in supply.issues
        }
        for domain in domains:
            left = room_of(tx, supply.relay, domain, now=now)
            if left.messages is not None:
                supply.room, supply.room_until = left.messages, left.until

    def _leased(self, supply: Supply, found: tuple[Lease, list[Claim]] | None) -> None:
        supply.is_asking = False
        if found is None:
            supply.is_dry = True
        elif found[1]:
            lease, claims = found
            letter = self._mails[lease.issue].letter
            supply.leased += 1
            self._held[lease.batch] = _Held(lease, supply, len(claims))
            with self._lock:
                supply.outstanding += len(claims)
            supply.claims.extend(
                Claimed(
                    claim=claim,
                    lease=lease,
                    relay=supply.relay.label,
                    newsletter=letter.newsletter.id,
                    period=letter.issue,
                    sender_domain=letter.newsletter.sender.email.rpartition("@")[2],
                    on_unknown=letter.newsletter.on_unknown,
                    attempt=claim.attempts,
                )
                for claim in claims
            )
        self._work.set()

    def _compose(self, supply: Supply, claimed: Claimed) -> None:
        held = self._held.get(claimed.lease.batch)
        if held is None or held.is_lost:
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
        self._ask_again()
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

    def _end(self, claimed: Claimed) -> None:
        held = self._held.get(claimed.lease.batch)
        supply = self._supplies[claimed.relay]
        with self._lock:
            supply.outstanding -= 1
            if held is not None:
                held.left -= 1
            is_last = held is not None and not held.left
        if is_last:
            del self._held[claimed.lease.batch]
            self._release(claimed.lease)
        if not supply.outstanding:
            self._work.set()

    def _release(self, lease: Lease) -> None:
        now = self._app.clock()
        with self._lock:
            self._releasing += 1
        self._books.do(lambda tx: batches.release(tx, lease, now=now), self._released)

    def _released(self, _: None) -> None:
        with self._lock:
            self._releasing -= 1
        if any(supply.problem for supply in self._supplies.values()):
            self._ask_again()
        self._work.set()
        self._wake()

    def _ask_again(self) -> None:
        """What went back may go over another relay."""
        for supply in self._supplies.values():
            supply.is_dry = False

    def _extend(self) -> None:
        self._extended = monotonic()
        leases = [held.lease for held in list(self._held.values())]
        until = self._app.clock() + LEASE
        self._books.do(lambda tx: batches.extend(tx, leases, until=until))

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
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from time import monotonic, sleep
from typing import Any

from publisher.clock import Clock
from publisher.domain.addresses import parse_address
from publisher.domain.breakers import Breaker
from publisher.domain.deliveries import DeliveryStatus, OnUnknown, settle
from publisher.domain.issues import IssueStatus
from publisher.domain.quotas import Room, room
from publisher.domain.replies import (
    Accepted,
    Blame,
    Deferred,
    NotSent,
    Rejected,
    Unconfirmed,
    Verdict,
)
from publisher.domain.suppressions import SuppressionReason
from publisher.errors import StoreError
from publisher.mail.jobs import Granted, Job
from publisher.mail.relays import Relay
from publisher.services.book_entries import (
    Claimed,
    Done,
    Entry,
    Fate,
    Group,
    Intent,
    Listener,
    Outcome,
    Task,
)
from publisher.services.sent_log import SentLog
from publisher.store import batches, issues, suppressions
from publisher.store import deliveries as rows
from publisher.store import outcomes as outcome_rows
from publisher.store import relays as relay_rows
from publisher.store.engine import Store, Tx, Writer
from publisher.store.outcomes import Record

LONELY_SECONDS = 0.2
LONELY_OUTCOMES = 200
"""How long outcomes wait for an intent to ride with, and how many at most."""

COMPANY_SECONDS = 0.002
"""How long an intent waits for those that may still come: eight in one transaction cost little
more than two."""

PATIENCE_SECONDS = 60.0
AGAIN_SECONDS = 0.5
"""How long a database that cannot be written to is tried, and how often; no dot goes out."""

log = logging.getLogger(__name__)


class Books:
    """What is written, and when. Everything happens on the engine's loop, but `do` and `refuse`.

    `call` runs a function on that loop, from any thread, for as long as there is one.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        call: Callable[..., None],
        sent_log: SentLog,
        on_failure: Callable[[], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._call = call
        self._sent_log = sent_log
        self._on_failure = on_failure
        self._entries: deque[Entry] = deque()  # may come from any thread
        self._group = Group()  # what is to be written next
        self._alarms: dict[int, str] = {}  # issues that must not go on, and why
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._failing_since: float | None = None
        self._awaited: set[Job] = set()  # handed out, and their intents are still to come
        self._claimed: dict[Job, Claimed] = {}
        self._breakers: defaultdict[int, Breaker] = defaultdict(Breaker)
        self._troubled: set[str] = set()
        self._stopped: set[int] = set()
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
            while self.problem is None and not self._write():
                sleep(AGAIN_SECONDS)
        if self.problem is not None:
            raise self.problem

    def claimed(self, job: Job, claimed: Claimed) -> None:
        """Enters a job before it is handed out."""
        self._claimed[job] = claimed

    def forget(self, job: Job) -> Claimed | None:
        """A job was not handed out after all."""
        return self._claimed.pop(job, None)

    def is_stopped(self, job: Job) -> bool:
        """Whether its issue has been paused while it waited."""
        return job.issue in self._stopped

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
        self._plan(LONELY_SECONDS if len(self._entries) < LONELY_OUTCOMES else 0.0)

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

    def watch(self, relay: str) -> None:
        """The relay had trouble before: its first success is to be noted."""
        self._troubled.add(relay)

    # When to write.

    def _plan_soon(self) -> None:
        """At once, or as soon as those have come who may."""
        self._plan(COMPANY_SECONDS if self._awaited else 0.0)

    def _plan(self, seconds: float) -> None:
        """Writes after so long, if it is not to be done before."""
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        if self._timer is not None:
            if self._due <= due:
                return
            self._timer.cancel()
        self._due = due
        self._timer = loop.call_later(seconds, self._write_or_wait)

    def _write_or_wait(self) -> None:
        self._timer = None
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
                done = self._enter(tx, group)
            self._group, self._alarms, self._failing_since = Group(), {}, None
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
                self._heed(entry)

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

    # What to write.

    def _heed(self, outcome: Outcome) -> None:
        """Stops an issue that must not go on."""
        issue = outcome.job.issue
        if reason := self._breakers[issue].heed(outcome.verdict):
            self._alarms[issue] = reason
            self._stopped.add(issue)
            log.error("issue.paused", extra={"issue": issue, "reason": reason})

    def _enter(self, tx: Tx, group: Group) -> Done:
        now = self._clock()
        done = Done(at=now)
        for issue, reason in self._alarms.items():
            issues.move(
                tx, issue, before=[IssueStatus.SENDING], after=IssueStatus.PAUSED, reason=reason
            )
            done.lost |= {
                one.lease.batch for one in list(self._claimed.values()) if one.lease.issue == issue
            }
        for task in group.tasks:
            done.tasks.append((task, task.work(tx)))
        self._enter_outcomes(tx, group.outcomes, done, now=now)
        self._enter_intents(tx, list(group.intents.values()), done, now=now)
        relay_rows.count(tx, done.used, done.refused, now=now)
        return done

    def _enter_outcomes(
        self, tx: Tx, outcomes: Sequence[Outcome], done: Done, *, now: datetime
    ) -> None:
        sent = []
        for each in outcomes:
            claimed = self._claimed.get(each.job)
            if claimed is None:  # it was withdrawn; the line broke before it could be told
                continue
            outcome = each.verdict.outcome
            if isinstance(outcome, Accepted) and claimed.is_intended:
                sent.append(self._record(tx, each, claimed, now=now))
                done.finished.append((each.job, claimed, Fate.SETTLED))
                done.counts.append((each.job.issue, DeliveryStatus.SENT))
                if each.relay.label in self._troubled:
                    relay_rows.heal(tx, each.relay.label)
                    self._troubled.discard(each.relay.label)
            else:
                self._enter_trouble(tx, each, claimed, done, now=now)
        if sent:
            outcome_rows.record_sent(tx, sent, now=now)

    def _enter_trouble(
        self, tx: Tx, each: Outcome, claimed: Claimed, done: Done, *, now: datetime
    ) -> None:
        record = self._record(tx, each, claimed, now=now)
        fate, status = Fate.SETTLED, record.settlement.status
        match each.verdict.outcome:
            case NotSent():
                if claimed.is_intended:
                    outcome_rows.put_back(tx, record, now=now)
                    done.used[each.relay.label, claimed.sender_domain] -= 1  # it cost no quota
                fate = Fate.RETURNED
            case Unconfirmed():
                resend = claimed.on_unknown is OnUnknown.RESEND and not outcome_rows.was_unknown(
                    tx, each.job.delivery
                )
                outcome_rows.record(tx, record, now=now)
                if resend:
                    outcome_rows.resend_unknown(tx, [each.job.delivery], now=now)
                    fate = Fate.RETURNED
            case _:
                outcome_rows.record(tx, record, now=now)
        if each.verdict.blame is Blame.HARD:
            address = parse_address(claimed.claim.address)
            suppressions.add(tx, address, SuppressionReason.HARD_BOUNCE, now=now)
        if isinstance(each.verdict.outcome, Rejected):
            done.refused[each.relay.label, claimed.sender_domain] += 1
        if fate is Fate.SETTLED and status is not DeliveryStatus.PENDING:
            done.counts.append((each.job.issue, status))
        done.finished.append((each.job, claimed, fate))

    def _record(self, tx: Tx, each: Outcome, claimed: Claimed, *, now: datetime) -> Record:
        first_at = now
        if isinstance(each.verdict.outcome, Deferred) and claimed.claim.deferrals:
            deferrals = claimed.claim.deferrals
            first_at = outcome_rows.first_deferral(tx, each.job.delivery, deferrals) or now
        settlement = settle(
            each.verdict.outcome,
            delivery=each.job.delivery,
            deferrals=claimed.claim.deferrals,
            first_at=first_at,
            now=now,
        )
        return Record(
            delivery=each.job.delivery,
            attempt=claimed.attempt,
            intended=claimed.is_intended,
            relay=each.relay.label,
            settlement=settlement,
        )

    def _enter_intents(
        self, tx: Tx, intents: Sequence[Intent], done: Done, *, now: datetime
    ) -> None:
        if not intents:
            return
        intents, refused = self._within_quota(tx, intents, done, now=now)
        claimed = {each.job.delivery: self._claimed[each.job] for each in intents}
        epochs = {one.lease.batch: one.lease.epoch for one in claimed.values()}
        held = batches.held(tx, epochs, now=now)
        may = [number for number, one in claimed.items() if one.lease.batch in held]
        going = rows.intend(tx, may, now=now) if may else set()
        for each in intents:
            one = claimed[each.job.delivery]
            if each.job.delivery in going:
                done.used[each.relay.label, one.sender_domain] += 1
                done.going.append(one)
            else:
                done.finished.append((each.job, one, Fate.WITHDRAWN))
            done.granted.append((each.granted, each.job, each.job.delivery in going))
        for each in refused:
            done.finished.append((each.job, self._claimed[each.job], Fate.WITHDRAWN))
            done.granted.append((each.granted, each.job, False))
        done.lost |= epochs.keys() - held

    def _within_quota(
        self, tx: Tx, intents: Sequence[Intent], done: Done, *, now: datetime
    ) -> tuple[list[Intent], list[Intent]]:
        """Those that the quotas of their relays still allow, and the others."""
        allowed, refused = [], []
        left: dict[str, Room] = {}
        taken: Counter[str] = Counter()
        for each in intents:
            relay = each.relay
            if not (relay.per_hour or relay.per_day or relay.warm_up):
                allowed.append(each)
                continue
            one = self._claimed[each.job]
            if relay.label not in left:
                left[relay.label] = room_of(tx, relay, one.sender_domain, now=now)
            limit = left[relay.label].messages
            if limit is None or taken[relay.label] < limit:
                taken[relay.label] += 1
                allowed.append(each)
            else:
                refused.append(each)
                done.full.append((relay, left[relay.label].until))
        return allowed, refused

    def _tell(self, done: Done) -> None:
        """After the commit: the dots may go, and everybody hears what has become of their part."""
        for claimed in done.going:
            claimed.attempt += 1
            claimed.is_intended = True
        for tell, job, may_go in done.granted:
            tell(job, may_go)
        if done.going:
            self._sent_log.append(done.going, at=done.at)
        for issue, status in done.counts:
            self.counts[issue][DeliveryStatus.PENDING] -= 1
            self.counts[issue][status] += 1
        for job, claimed, fate in done.finished:
            claimed.is_intended = False
            self._claimed.pop(job, None)
            self.listener.finished(job, claimed, fate)
        for relay, until in done.full:
            self.listener.exhausted(relay, until)
        if done.lost:
            self.listener.lost(done.lost)
        for task, result in done.tasks:
            task.then(result)


def room_of(tx: Tx, relay: Relay, sender_domain: str, *, now: datetime) -> Room:
    """How many messages a relay may still be given."""
    warming = relay_rows.hours_used(tx, relay.label, sender_domain) if relay.warm_up else None
    used = relay_rows.usage(tx, relay.label, since=now - timedelta(hours=25))
    return room(used, per_hour=relay.per_hour, per_day=relay.per_day, now=now, warming=warming)

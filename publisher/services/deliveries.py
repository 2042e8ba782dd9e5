"""Delivering: from due rows to recorded outcomes, each subscriber once.

    fan out an issue ──▶ batches ──▶ outbox ──▶ engine ──▶ relay
                            ▲                      │
                            └────── books ◀────────┘   intents before the dots, outcomes after

Start, resume, a second worker: the same code on rows by their status, never a cursor. What a
killed process leaves in doubt is at most one delivery a connection, named `unknown`.
"""

import os
import socket
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from secrets import token_hex
from time import monotonic

from publisher.domain.deliveries import (
    Delivery,
    DeliveryStatus,
    OnUnknown,
    sending_order,
)
from publisher.domain.issues import Issue, IssueStatus
from publisher.domain.newsletters import Newsletter
from publisher.domain.relays import RelayState
from publisher.domain.tokens import address_mark, derive_key
from publisher.errors import Conflict, NotFound, PublisherError
from publisher.mail.capture import capture
from publisher.mail.engine import Engine
from publisher.mail.relays import Pipelining, Relay
from publisher.services import letters
from publisher.services.app import App
from publisher.services.books import Books, SentLog
from publisher.services.outbox import Outbox, Supply
from publisher.store import batches
from publisher.store import deliveries as rows
from publisher.store import issues as issue_rows
from publisher.store import relays as relay_rows

FAN_OUT = 10_000
"""How many rows are written in one transaction: pages and links work in between."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueReport:
    """How the delivering of one issue went. `problem` says why it stopped before the end."""

    issue: Issue
    counts: dict[DeliveryStatus, int]
    finished: bool
    problem: str = ""
    next_attempt_at: datetime | None = None


def recover(app: App) -> list[Delivery]:
    """Names what an earlier process left in doubt. Only for the holder of the lock.

    Every lease that is found is dead then.
    """
    resend = [each.id for each in app.newsletters if each.on_unknown is OnUnknown.RESEND]
    now = app.clock()
    with app.store.begin() as tx:
        batches.free_all(tx)
        again = [issue.id for issue in issue_rows.unfinished(tx) if issue.newsletter in resend]
        found = rows.recover(tx, resend=again, now=now)
        return rows.named(tx, found)


def deliver(
    app: App,
    *,
    progress: Progress = lambda _standing: None,
    stopping: Callable[[], bool] = lambda: False,
    limit: int | None = None,
) -> list[IssueReport]:
    """Sends what is due of every unfinished issue.

    `stopping` is asked all the time; once it says yes, no new message begins, the answers to final
    dots are awaited, and the rest keeps its place. `limit` ends the run after so many messages.
    """
    with app.store.read() as tx:
        unfinished = issue_rows.unfinished(tx)
    sending, problems = [], {}
    for issue in unfinished:
        try:
            app.newsletter(issue.newsletter)
            sending.append(_expand(app, issue, stopping))
        except PublisherError as error:  # the others go on
            problems[issue.id] = str(error)
    sending = [issue for issue in sending if issue.status is IssueStatus.SENDING]
    if sending and not stopping():
        with _relays(app) as relays:
            watch = Watch(progress=progress, stopping=stopping, limit=limit)
            problems |= _send(app, relays, sending, watch)
    return [_finish(app, issue, problems.get(issue.id, "")) for issue in unfinished]


@contextmanager
def _relays(app: App) -> Iterator[tuple[Relay, ...]]:
    """The configured relays, or the built-in inbox for as long as we send."""
    if app.relays:
        yield app.relays
        return
    with capture(app.folders.inbox) as inbox:
        yield (inbox,)


def _expand(app: App, issue: Issue, stopping: Callable[[], bool]) -> Issue:
    """Writes the rows of a planned issue; repeating it after a cut adds only what is missing."""
    now = app.clock()
    if app.expires_after and issue.slot + app.expires_after < now:
        return _expire(app, issue, now=now)
    if issue.status is not IssueStatus.PLANNED:
        return issue
    with app.store.read() as tx:
        wanted = rows.wanted(tx, issue.id, issue.newsletter)
    chosen = iter(
        sending_order(wanted, issue=issue.id, key=derive_key(app.site_key, "sending-order"))
    )
    while part := list(islice(chosen, FAN_OUT)):
        if stopping():
            return issue
        with app.store.begin() as tx:
            rows.expand(tx, issue.id, issue.newsletter, chosen=part, now=now)
    with app.store.begin() as tx:
        issue_rows.mark_sending(tx, issue.id)
    return replace(issue, status=IssueStatus.SENDING)


def _expire(app: App, issue: Issue, *, now: datetime) -> Issue:
    """What was not sent in time is not sent at all: old news is a nuisance."""
    with app.store.begin() as tx:
        if issue.status is IssueStatus.PLANNED:
            issue_rows.cancel(tx, issue.id, "expired before it could be sent")
            return replace(issue, status=IssueStatus.CANCELLED)
        rows.drop(tx, issue.id, "expired", now=now)
        batches.close_settled(tx, issue.id)
    return issue


def _send(
    app: App,
    relays: tuple[Relay, ...],
    sending: list[Issue],
    watch: Watch,
) -> dict[int, str]:
    """Runs the engine until nothing is due or nothing can be done. Returns problems by issue."""
    with app.store.read() as tx:
        states = relay_rows.states(tx)
        counts = {issue.id: Counter(rows.counts(tx, issue.id)) for issue in sending}
    supplies, resting = _supplies(app, relays, sending, states)
    if supplies:
        run = _Run(app, sending, supplies, states)
        run.books.counts.update(counts)
        run.go(watch)
        resting |= {supply.relay.label: supply.problem for supply in supplies if supply.problem}
    return {
        issue.id: "; ".join(
            f"{relay.label}: {resting[relay.label]}"
            for relay in _relays_of(app.newsletter(issue.newsletter), relays)
            if resting.get(relay.label)
        )
        for issue in sending
    }


def _supplies(
    app: App, relays: tuple[Relay, ...], sending: list[Issue], states: Mapping[str, RelayState]
) -> tuple[list[Supply], dict[str, str]]:
    """Who may send what now, and why others may not."""
    now = app.clock()
    known = {relay.label: states.get(relay.label, RelayState(name=relay.label)) for relay in relays}
    resting = {label: problem for label, one in known.items() if (problem := one.why_not(now))}
    supplies = []
    for relay in relays:
        state = known[relay.label]
        allowed = [
            issue.id
            for issue in sending
            if _is_called(relay, _relays_of(app.newsletter(issue.newsletter), relays), known, now)
        ]
        if allowed and relay.label not in resting:
            supplies.append(Supply(_taught(relay, state), tuple(allowed), setbacks=state.setbacks))
    return supplies, resting


def _relays_of(newsletter: Newsletter, relays: tuple[Relay, ...]) -> list[Relay]:
    """The relays of a newsletter, in its order of preference."""
    if not newsletter.relays or relays[0].label == "built-in inbox":
        return list(relays)
    by_name = {relay.label: relay for relay in relays}
    return [by_name[name] for name in newsletter.relays]


def _is_called(
    relay: Relay, chosen: list[Relay], known: Mapping[str, RelayState], now: datetime
) -> bool:
    """Whether a relay has a share of its own, or must stand in for all that have."""
    if relay not in chosen:
        return False
    return relay.weight > 0 or all(known[each.label].is_out(now) for each in chosen if each.weight)


def _taught(relay: Relay, state: RelayState) -> Relay:
    """The relay as configured, within what it has taught us."""
    levels = list(Pipelining)  # the most first
    learnt = Pipelining(state.pipelining) if state.pipelining else relay.pipelining
    per_connection = relay.per_connection
    if state.per_connection:
        per_connection = min(per_connection or state.per_connection, state.per_connection)
    return replace(
        relay,
        weight=max(relay.weight, 1),
        pipelining=max(relay.pipelining, learnt, key=levels.index),
        per_connection=per_connection,
    )


class _Run:
    """Engine, outbox and books of one run."""

    def __init__(
        self,
        app: App,
        sending: list[Issue],
        supplies: list[Supply],
        states: Mapping[str, RelayState],
    ) -> None:
        self._sending = sending
        mark_key = derive_key(app.site_key, "sent-log")
        self._log = SentLog(
            app.folders.state / "sent.log", lambda address: address_mark(mark_key, address)
        )
        self.books = Books(
            app.store,
            app.clock,
            call=self._call,
            sent_log=self._log,
            on_failure=self._stop_dead,
        )
        self._outbox = Outbox(
            app,
            self.books,
            editions={issue.id: letters.edition(app, issue) for issue in sending},
            supplies=supplies,
            owner=f"{socket.gethostname()}:{os.getpid()}:{token_hex(4)}",
            wake=self._wake,
        )
        self._engine = Engine([supply.relay for supply in supplies], self._outbox)
        for label, state in states.items():
            if state.problem:
                self.books.watch(label)

    def go(self, watch: Watch) -> None:
        """To the end, or until asked to stop; whatever happens, the books are closed."""
        self.books.start(self._outbox)
        self._outbox.start()
        self._engine.start()
        pace = _Pace(self._sending, self.books)
        try:
            deadline = None
            while self._engine.is_running:
                self._engine.join(GLANCE_SECONDS)
                pace.tell(watch.progress)
                if deadline is None and (watch.stopping() or pace.has_sent(watch.limit)):
                    deadline = monotonic() + DRAIN_SECONDS
                    self._engine.stop()
                elif deadline is not None and monotonic() > deadline:
                    self._engine.abandon()
        finally:
            self._engine.abandon()
            self._outbox.close()
            self.books.close()
            self._log.close()
        pace.tell(watch.progress, is_last=True)

    def _stop_dead(self) -> None:
        """Nothing can be written any more: not one dot more."""
        self._engine.cancel()

    def _wake(self) -> None:
        self._engine.wake()

    def _call(self, function: Callable[..., object], *values: object) -> None:
        self._engine.call(function, *values)


class _Pace:
    """Rate and time left, from what the books count."""

    def __init__(self, sending: list[Issue], books: Books) -> None:
        self._sending = sending
        self._books = books
        self._first = self._settled()
        self._past: list[tuple[float, int]] = [(monotonic(), self._first)]
        self._told = 0.0

    def has_sent(self, limit: int | None) -> bool:
        return limit is not None and self._settled() - self._first >= limit

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


def _finish(app: App, issue: Issue, problem: str) -> IssueReport:
    with app.store.begin() as tx:
        finished = issue_rows.finish(tx, issue.id, now=app.clock())
        counts = rows.counts(tx, issue.id)
        later = batches.next_due(tx, issue.id)
        after = issue_rows.get(tx, issue.id) or issue
    if after.status is IssueStatus.PAUSED:
        problem = f"paused: {after.reason}"
    return IssueReport(
        issue=after,
        counts=counts,
        finished=finished,
        problem="" if finished else problem,
        next_attempt_at=later,
    )


def retry(app: App, issue: int, status: DeliveryStatus) -> int:
    """Makes failed or unknown deliveries of an issue pending again, them alone; returns how many.

    Unknown ones may arrive twice. Raises `NotFound`, and `Conflict` for an issue that was
    cancelled or skipped.
    """
    with app.store.begin() as tx:
        found = issue_rows.get(tx, issue)
        if found is None:
            raise NotFound("issue", str(issue))
        if found.status in (IssueStatus.CANCELLED, IssueStatus.SKIPPED):
            raise Conflict("issue", str(issue), f"it is {found.status}: nothing of it is sent")
        count = rows.retry(tx, issue, status, now=app.clock())
        if count:
            issue_rows.reopen(tx, issue)
    return count


def listing(
    app: App,
    *,
    issue: int | None = None,
    status: DeliveryStatus | None = None,
    limit: int | None = None,
) -> list[Delivery]:
    """The deliveries, by issue and address."""
    with app.store.read() as tx:
        return list(rows.listing(tx, issue=issue, status=status, limit=limit))


def counts(app: App, issue: int) -> dict[DeliveryStatus, int]:
    """How many deliveries of an issue stand where."""
    with app.store.read() as tx:
        return rows.counts(tx, issue)

"""Delivering: from due rows to recorded outcomes, each subscriber once.

The rows are the queue. For each row: the message is joined, the envelope and the body go out, the
*intent* is committed, the final dot follows, the outcome is committed. A kill at any instant
leaves at most one row in doubt; `recover` names it `unknown`, and it is never sent again unasked.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from publisher.domain.deliveries import (
    Delivery,
    DeliveryStatus,
    NotSent,
    Outcome,
    settle,
)
from publisher.domain.issues import Issue, IssueStatus
from publisher.errors import PublisherError, RelayError
from publisher.mail.capture import capture
from publisher.mail.client import Connection, Relay
from publisher.services import instances, letters
from publisher.services.app import App
from publisher.services.letters import IssueMail
from publisher.store import deliveries as rows
from publisher.store import issues as issue_rows

BATCH = 100
"""How many rows are read at once; also how many messages go over one connection."""

SETBACKS = 3
"""After so many failures in a row that are no recipient's fault, the relay is left alone."""

Progress = Callable[[Issue, int, int], None]
"""Told after each message: the issue, how many are settled, how many there are in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueReport:
    """How the delivering of one issue went. `problem` says why it stopped before the end."""

    issue: Issue
    counts: dict[DeliveryStatus, int]
    finished: bool
    problem: str = ""
    next_attempt_at: datetime | None = None


def recover(app: App) -> list[Delivery]:
    """Names what an earlier process left in doubt. Only for the holder of the lock."""
    with app.store.begin() as tx:
        return rows.recover(tx, now=app.clock())


def deliver(
    app: App,
    *,
    progress: Progress = lambda _issue, _done, _all: None,
    stopping: Callable[[], bool] = lambda: False,
) -> list[IssueReport]:
    """Sends what is due of every unfinished issue. `stopping` is asked before each message."""
    with app.store.read() as tx:
        unfinished = issue_rows.unfinished(tx)
    if not unfinished:
        return []
    with _relay(app) as relay:
        return [
            _deliver_issue(app, relay, issue, progress=progress, stopping=stopping)
            for issue in unfinished
        ]


@contextmanager
def _relay(app: App) -> Iterator[Relay]:
    """The configured relay, or the built-in inbox for as long as we send."""
    if app.relay is not None:
        yield app.relay
        return
    with capture(app.folders.inbox) as inbox:
        yield inbox


def _deliver_issue(
    app: App, relay: Relay, issue: Issue, *, progress: Progress, stopping: Callable[[], bool]
) -> IssueReport:
    _expand(app, issue)
    problem = ""
    try:
        _send_due(app, relay, issue, progress=progress, stopping=stopping)
    except PublisherError as error:  # the rows stay due: the issue goes on by itself later
        problem = str(error)
    return _finish(app, issue, problem)


def _expand(app: App, issue: Issue) -> None:
    """Writes the rows of an issue; repeating it after a cut adds only what is missing."""
    now = app.clock()
    with app.store.begin() as tx:
        if issue.status is IssueStatus.PLANNED:
            rows.expand(tx, issue.id, issue.newsletter, now=now)
            instances.spare_mailed(app, tx, issue, now=now)
            issue_rows.mark_sending(tx, issue.id)
        rows.drop_without_consent(tx, issue.id, now=now)


def _send_due(
    app: App, relay: Relay, issue: Issue, *, progress: Progress, stopping: Callable[[], bool]
) -> None:
    mail = letters.open_issue(app, issue)
    total, done = _progress(app, issue)
    setbacks = 0
    while batch := _due(app, issue):
        with Connection(relay) as connection:
            for delivery in batch:
                if stopping():
                    return
                outcome = _send(app, connection, mail, delivery)
                if isinstance(outcome, NotSent):
                    setbacks += 1
                    if setbacks == SETBACKS:
                        raise RelayError(f"{relay.host}:{relay.port}", outcome.problem)
                else:
                    setbacks = 0
                    done += 1
                    progress(issue, done, total)
                if not connection.is_open:
                    break


def _send(app: App, connection: Connection, mail: IssueMail, delivery: Delivery) -> Outcome | None:
    """One delivery; None if its consent was gone at the last moment (the row says so already)."""
    withdrawn = False

    def intend() -> bool:
        nonlocal withdrawn
        with app.store.begin() as tx:
            withdrawn = not rows.intend(tx, delivery.id, now=app.clock())
        return not withdrawn

    outcome = connection.send(
        sender=mail.letter.newsletter.sender.email,
        recipient=delivery.address,
        message=letters.message(app, mail, delivery, at=app.clock()),
        intend=intend,
    )
    if withdrawn:
        return None
    _record(app, delivery, outcome)
    return outcome


def _record(app: App, delivery: Delivery, outcome: Outcome) -> None:
    now = app.clock()
    settlement = settle(
        outcome,
        delivery=delivery.id,
        deferrals=delivery.deferrals,
        first_at=delivery.created_at,
        now=now,
    )
    with app.store.begin() as tx:
        rows.settle(tx, delivery.id, settlement, now=now)


def _due(app: App, issue: Issue) -> list[Delivery]:
    with app.store.read() as tx:
        return rows.due(tx, issue.id, now=app.clock(), limit=BATCH)


def _progress(app: App, issue: Issue) -> tuple[int, int]:
    with app.store.read() as tx:
        counts = rows.counts(tx, issue.id)
    total = sum(counts.values())
    return total, total - counts.get(DeliveryStatus.PENDING, 0)


def _finish(app: App, issue: Issue, problem: str) -> IssueReport:
    with app.store.begin() as tx:
        finished = issue_rows.finish(tx, issue.id, now=app.clock())
        counts = rows.counts(tx, issue.id)
        later = rows.next_attempt(tx, issue.id)
    return IssueReport(
        issue=issue, counts=counts, finished=finished, problem=problem, next_attempt_at=later
    )


def listing(
    app: App, *, issue: int | None = None, status: DeliveryStatus | None = None
) -> list[Delivery]:
    """The deliveries, by issue and address."""
    with app.store.read() as tx:
        return rows.listing(tx, issue=issue, status=status)


def counts(app: App, issue: int) -> dict[DeliveryStatus, int]:
    """How many deliveries of an issue stand where."""
    with app.store.read() as tx:
        return rows.counts(tx, issue)

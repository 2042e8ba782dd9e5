"""Delivering: from due rows to recorded outcomes, each subscriber once.

    fan out an issue ──▶ batches ──▶ outbox ──▶ engine ──▶ relay
                            ▲                      │
                            └────── books ◀────────┘   intents before the dots, outcomes after

Start, resume, a second worker: the same code on rows by their status, never a cursor. What a
killed process leaves in doubt is at most one delivery a connection, named `unknown`.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from publisher.domain.addresses import parse_address
from publisher.domain.deliveries import (
    Delivery,
    DeliveryStatus,
    OnUnknown,
)
from publisher.domain.issues import Issue, IssueStatus
from publisher.domain.relays import RelayState
from publisher.domain.replies import Outcome
from publisher.errors import Conflict, NotFound, PublisherError
from publisher.mail.relays import Pipelining, Relay
from publisher.mail.single import send_one
from publisher.services import audiences, letters, relays
from publisher.services.app import App
from publisher.services.letters import IssueMail
from publisher.services.sending import Progress, Run, Watch
from publisher.services.supplies import Supply
from publisher.store import audit, batches
from publisher.store import deliveries as rows
from publisher.store import issues as issue_rows
from publisher.store import outcomes as outcome_rows
from publisher.store import relays as relay_rows
from publisher.store.deliveries import Claim


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueReport:
    """How the delivering of one issue went. `problem` says why it stopped before the end."""

    issue: Issue
    counts: dict[DeliveryStatus, int]
    finished: bool
    problem: str = ""
    next_attempt_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What sending an issue would do: to how many, over which relays, how big each message is."""

    issue: Issue
    recipients: int
    relays: tuple[str, ...]
    message_bytes: int

    def payload(self) -> dict[str, object]:
        return {
            "issue": self.issue.id,
            "recipients": self.recipients,
            "relays": list(self.relays),
            "message_bytes": self.message_bytes,
        }

    def __str__(self) -> str:
        over = " or ".join(self.relays)
        return (
            f"issue {self.issue.id}, {self.issue.period}: {self.recipients} messages of about "
            f"{self.message_bytes:,} bytes over {over}; nothing was sent"
        )


def recover(app: App) -> list[Delivery]:
    """Names what an earlier process left in doubt. Only for the holder of the lock.

    Every lease that is found is dead then.
    """
    resend = [each.id for each in app.newsletters if each.on_unknown is OnUnknown.RESEND]
    now = app.clock()
    with app.store.begin() as tx:
        batches.free_all(tx)
        again = [issue.id for issue in issue_rows.unfinished(tx) if issue.newsletter in resend]
        found = outcome_rows.recover(tx, resend=again, now=now)
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
    watch = Watch(progress=progress, stopping=stopping, limit=limit)
    return _deliver(app, unfinished, watch)


def _deliver(app: App, unfinished: list[Issue], watch: Watch) -> list[IssueReport]:
    sending: list[Issue] = []
    problems: dict[int, str] = {}
    mails: dict[int, IssueMail] = {}
    for issue in unfinished:
        try:
            mails[issue.id] = letters.open_issue(app, issue)
            sending.append(_expand(app, issue, watch.stopping))
        except PublisherError as error:  # the others go on
            problems[issue.id] = str(error)
    sending = [issue for issue in sending if issue.status is IssueStatus.SENDING]
    if sending and not watch.stopping():
        with relays.at_hand(app) as at_hand:
            problems |= _send(app, at_hand, sending, mails, watch)
    return [_finish(app, issue, problems.get(issue.id, "")) for issue in unfinished]


def deliver_one(
    app: App,
    number: int,
    *,
    progress: Progress = lambda _standing: None,
    stopping: Callable[[], bool] = lambda: False,
    limit: int | None = None,
) -> IssueReport:
    """Sends what is due of one issue. Raises `NotFound`, and `Conflict` if it is not to be sent."""
    issue = _get(app, number)
    if issue.status not in (IssueStatus.PLANNED, IssueStatus.SENDING) or not issue.content_hash:
        hint = "; `publisher deliveries retry` opens it again" if issue.sent_at else ""
        raise Conflict("issue", str(number), f"it is {issue.status}{hint}")
    watch = Watch(progress=progress, stopping=stopping, limit=limit)
    return _deliver(app, [issue], watch)[0]


def rehearse(app: App, number: int) -> Rehearsal:
    """What `deliver_one` would do. Raises `NotFound`, and `Conflict` where there is no content."""
    issue = _get_frozen(app, number)
    with app.store.read() as tx:
        waiting = rows.counts(tx, number).get(DeliveryStatus.PENDING, 0)
    if issue.status is IssueStatus.PLANNED:
        waiting += audiences.count(app, issue)
    mail = letters.open_issue(app, issue)
    sample = letters.message(app, mail, _stranger(issue, "reader@example.org"), at=app.clock())
    names = tuple(
        relay.label for relay in relays.of_newsletter(app.newsletter(issue.newsletter), app.relays)
    )
    return Rehearsal(
        issue=issue,
        recipients=waiting,
        relays=names or ("the built-in inbox",),
        message_bytes=len(sample),
    )


def send_sample(app: App, number: int, address: str) -> Outcome:
    """Sends an issue to any address, marked, without a trace in the books.

    Its unsubscribe link belongs to nobody. Raises `NotFound`, `InvalidAddress`, `RelayError`, and
    `Conflict` for an issue without content.
    """
    issue, to = _get_frozen(app, number), parse_address(address)
    mail = letters.open_issue(app, issue)
    marked = replace(mail, letter=replace(mail.letter, subject=f"[Test] {mail.letter.subject}"))
    message = letters.message(app, marked, _stranger(issue, to.text), at=app.clock())
    with relays.at_hand(app) as at_hand:
        relay = relays.of_newsletter(mail.letter.newsletter, at_hand)[0]
        sender = mail.letter.newsletter.sender.email
        return send_one(relay, sender=sender, recipient=to.text, message=message)


def _stranger(issue: Issue, address: str) -> Claim:
    """Somebody without a row."""
    return Claim(
        id=0,
        issue=issue.id,
        subscriber=0,
        subscription=0,
        address=address,
        address_key=address,
        name="",
        attempts=0,
        deferrals=0,
    )


def _get(app: App, number: int) -> Issue:
    with app.store.read() as tx:
        found = issue_rows.get(tx, number)
    if found is None:
        raise NotFound("issue", str(number))
    return found


def _get_frozen(app: App, number: int) -> Issue:
    """An issue that can be looked at; one that was skipped at its slot never had any content."""
    issue = _get(app, number)
    if not issue.is_frozen:
        problem = (
            f"it is {issue.status} and has no content; `publisher issues show {number}` says why"
        )
        raise Conflict("issue", str(number), problem)
    return issue


def _expand(app: App, issue: Issue, stopping: Callable[[], bool]) -> Issue:
    """Writes the rows of a planned issue; repeating it after a cut adds only what is missing."""
    now = app.clock()
    if app.expires_after and issue.slot + app.expires_after < now:
        return _expire(app, issue, now=now)
    if issue.status is not IssueStatus.PLANNED:
        return issue
    if not audiences.write_rows(app, issue, stopping=stopping):
        return issue
    return replace(issue, status=IssueStatus.SENDING)


def _expire(app: App, issue: Issue, *, now: datetime) -> Issue:
    """What was not sent in time is not sent at all: old news is a nuisance."""
    with app.store.begin() as tx:
        if issue.status is IssueStatus.PLANNED:
            is_over = issue_rows.move(
                tx,
                issue.id,
                before=[IssueStatus.PLANNED],
                after=IssueStatus.CANCELLED,
                reason="expired before it could be sent",
            )
            if not is_over:  # held or skipped meanwhile
                return issue
            issue = replace(issue, status=IssueStatus.CANCELLED)
        rows.drop(tx, issue.id, "expired", now=now)
    return issue


def _send(
    app: App,
    at_hand: tuple[Relay, ...],
    sending: list[Issue],
    mails: Mapping[int, IssueMail],
    watch: Watch,
) -> dict[int, str]:
    """Runs the engine until nothing is due or nothing can be done. Returns problems by issue."""
    with app.store.read() as tx:
        states = relay_rows.states(tx)
        counts = {issue.id: Counter(rows.counts(tx, issue.id)) for issue in sending}
    chosen = {
        issue.id: relays.of_newsletter(app.newsletter(issue.newsletter), at_hand)
        for issue in sending
    }
    problems = {label: problem for label, one in states.items()
                if (problem := one.why_not(app.clock()))}  # fmt: skip
    supplies = _supplies(at_hand, chosen, states, now=app.clock())
    if supplies:
        run = Run(app, sending, supplies, mails=mails, states=states, watch=watch)
        run.books.counts.update(counts)
        run.go()
        problems |= {supply.relay.label: supply.problem for supply in supplies if supply.problem}
    return {
        issue: "; ".join(
            f"{relay.label}: {problems[relay.label]}" for relay in its if relay.label in problems
        )
        for issue, its in chosen.items()
    }


def _supplies(
    at_hand: Sequence[Relay],
    chosen: Mapping[int, Sequence[Relay]],
    states: Mapping[str, RelayState],
    *,
    now: datetime,
) -> list[Supply]:
    """Who may send what now. `chosen`: the relays of each issue."""
    usable = {issue: relays.usable(its, states, now) for issue, its in chosen.items()}
    supplies = []
    for relay in at_hand:
        state = states.get(relay.label, RelayState(name=relay.label))
        if allowed := tuple(issue for issue, its in usable.items() if relay in its):
            supplies.append(Supply(_taught(relay, state), allowed, setbacks=state.setbacks))
    return supplies


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


def retry(app: App, issue: int, status: DeliveryStatus, *, who: str = "command") -> int:
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
            issue_rows.move(
                tx, issue, before=[IssueStatus.SENT, IssueStatus.SENDING], after=IssueStatus.SENDING
            )
        detail = f"{issue}: {count} {status}"
        audit.add(tx, "deliveries retry", who=who, detail=detail, now=app.clock())
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

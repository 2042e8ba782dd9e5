"""Who receives what: adding, importing, exporting, leaving."""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from publisher.domain.addresses import parse_address
from publisher.domain.notices import NoticeKind
from publisher.domain.subscribers import (
    PAUSE,
    Answer,
    Consent,
    Evidence,
    Joined,
    Subscription,
    SubscriptionStatus,
    judge_confirmation,
)
from publisher.domain.suppressions import marks
from publisher.domain.tokens import Purpose, read_confirmation, read_token
from publisher.errors import InvalidAddress, InvalidToken, NotFound, PublisherError
from publisher.services import links, notices, signups
from publisher.services.app import App
from publisher.store import consents as consent_rows
from publisher.store import notices as notice_rows
from publisher.store import subscribers as rows
from publisher.store import suppressions as suppression_rows
from publisher.store.engine import Tx

NAME_LIMIT = 200
_BATCH = 1000
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """Where the rows of a file go: the newsletter, the status of new ones, the file's name."""

    newsletter: str
    status: SubscriptionStatus
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedRow:
    """One line of an import file and what became of it. `line` counts from 1."""

    line: int
    email: str
    result: Joined
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    line: int
    email: str
    name: str
    problem: str = ""


def add(app: App, newsletter: str, *, email: str, name: str, source: str) -> Joined:
    """Adds a confirmed subscription on the operator's word. Raises `InvalidAddress`, `NotFound`."""
    app.newsletter(newsletter)
    address = parse_address(email.strip())
    with app.store.begin() as tx:
        return rows.add(
            tx,
            address=address,
            marks=marks(app.keys, address),
            name=name.strip(),
            newsletter=newsletter,
            status=SubscriptionStatus.CONFIRMED,
            source=source,
            now=app.clock(),
        )


def import_csv(app: App, lines: Iterable[str], plan: ImportPlan) -> Iterator[list[ImportedRow]]:
    """Adds the rows of a CSV file with the columns `email` and `name`; yields reports as it goes.

    A row that cannot be used stops only itself. Nobody who is there already is changed, whatever
    their status: an import never brings back who has left. Rows are committed a thousand at a
    time, so that an interrupted import is repeated without harm. Raises `PublisherError` for a
    file without the column `email`, `NotFound` for an unknown newsletter.
    """
    app.newsletter(plan.newsletter)
    candidates = _candidates(lines, plan.source)
    while batch := list(islice(candidates, _BATCH)):
        with app.store.begin() as tx:
            report = [_import_row(app, tx, row, plan) for row in batch]
        yield report


def rehearse_csv(app: App, lines: Iterable[str], plan: ImportPlan) -> list[ImportedRow]:
    """What `import_csv` would report, without a change."""
    app.newsletter(plan.newsletter)
    with app.store.rehearse() as tx:
        return [_import_row(app, tx, row, plan) for row in _candidates(lines, plan.source)]


def listing(
    app: App, *, newsletter: str | None = None, status: SubscriptionStatus | None = None
) -> list[Subscription]:
    """The subscriptions, by address."""
    with app.store.read() as tx:
        return rows.listing(tx, newsletter=newsletter, status=status)


def export_csv(subscriptions: Iterable[Subscription], *, raw: bool = False) -> str:
    """CSV (RFC 4180) with one row a subscription.

    A cell that a spreadsheet would take for a formula gets a leading apostrophe unless `raw`.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["email", "name", "newsletter", "status", "changed_at"])
    for row in subscriptions:
        cells = [
            row.address,
            row.name,
            row.newsletter,
            row.status.value,
            row.changed_at.isoformat(),
        ]
        writer.writerow(cells if raw else [_harmless(cell) for cell in cells])
    return out.getvalue()


def remove(app: App, email: str) -> None:
    """Removes a subscriber with every subscription. Raises `NotFound`, `InvalidAddress`."""
    address = parse_address(email.strip())
    with app.store.begin() as tx:
        if not rows.remove(tx, address, now=app.clock()):
            raise NotFound("subscriber", address.text)


def unsubscribe_url(app: App, subscription: int) -> str:
    """The link by which a subscription ends; also the target of one-click (RFC 8058)."""
    return links.unsubscribe(app, subscription)


def find_by_token(app: App, token: str) -> Subscription:
    """The subscription that an unsubscribe link names. Raises `InvalidToken`."""
    return get(app, read_token(app.keys, Purpose.UNSUBSCRIBE, token))


def get(app: App, subscription: int) -> Subscription:
    """One subscription. Raises `InvalidToken` where it is gone: only links know its number."""
    with app.store.read() as tx:
        found = rows.get(tx, subscription)
    if found is None:
        raise InvalidToken
    return found


def unsubscribe(app: App, token: str) -> Subscription:
    """Ends the subscription that the link names; may be repeated. Raises `InvalidToken`."""
    found = find_by_token(app, token)
    with app.store.begin() as tx:
        leave(app, tx, found, evidence=Evidence(source="unsubscribe link"))
    return found


def leave(app: App, tx: Tx, subscription: Subscription, *, evidence: Evidence) -> None:
    """Ends a subscription; nothing that waits for it is sent but perhaps a goodbye."""
    was_confirmed = subscription.status is SubscriptionStatus.CONFIRMED
    left = rows.change(
        tx,
        subscription.id,
        SubscriptionStatus.UNSUBSCRIBED,
        evidence=evidence,
        now=app.clock(),
    )
    notice_rows.cancel(tx, [subscription.id], now=app.clock())
    if left and was_confirmed and app.subscribers.goodbye:
        notices.queue(app, tx, NoticeKind.GOODBYE, subscription)


def evidence(app: App, email: str) -> list[Consent]:
    """All evidence of consent of an address, oldest first. Raises `NotFound`, `InvalidAddress`."""
    address = parse_address(email.strip())
    with app.store.read() as tx:
        person = rows.find(tx, address)
        if person is None:
            raise NotFound("subscriber", address.text)
        return consent_rows.of_subscriber(tx, person.id)


def find_confirmation(app: App, token: str) -> tuple[Subscription, Answer]:
    """The subscription that a confirmation link is about, and whether it can be confirmed.

    Raises `InvalidToken` for a link that is not ours, expired, or replaced.
    """
    claim = read_confirmation(app.keys, token)
    found = get(app, claim.subscription)
    answer = judge_confirmation(found, claim, now=app.clock())
    if answer is Answer.DEAD:
        raise InvalidToken
    return found, answer


def confirm(app: App, token: str, *, ip: str) -> Subscription:
    """Confirms what the link asks for; repeating it changes nothing. Raises `InvalidToken`."""
    found, answer = find_confirmation(app, token)
    if answer is Answer.OPEN:
        evidence = Evidence(source="confirmation link", ip=ip)
        with app.store.begin() as tx:
            rows.change(
                tx, found.id, SubscriptionStatus.CONFIRMED, evidence=evidence, now=app.clock()
            )
            if app.subscribers.welcome:
                notices.queue(app, tx, NoticeKind.WELCOME, found)
    return get(app, found.id)


def pause(app: App, token: str) -> Subscription:
    """Sends no issue for a while, then again by itself. Raises `InvalidToken`."""
    found = find_by_token(app, token)
    with app.store.begin() as tx:
        rows.choose(
            tx,
            found.id,
            language=found.language,
            paused_until=app.clock() + PAUSE,
            evidence=Evidence(source="unsubscribe page: pause"),
            now=app.clock(),
        )
    return get(app, found.id)


def ask_again(app: App, token: str, *, ip: str) -> Subscription:
    """Somebody who left wants to come back: a new confirmation, as if from the form."""
    found = find_by_token(app, token)
    with app.store.begin() as tx:
        ask_back(app, tx, found, evidence=Evidence(source="unsubscribe page", ip=ip))
    return found


def ask_back(app: App, tx: Tx, about: Subscription, *, evidence: Evidence) -> None:
    """Queues a confirmation for a subscription, where its address may be written to."""
    address = parse_address(about.address)
    is_welcome = (
        about.status is not SubscriptionStatus.CONFIRMED
        and not suppression_rows.holds(tx, marks(app.keys, address))
        and signups.may_mail(app, tx, about.address, about)
    )
    if is_welcome:
        pending = rows.ask(
            tx,
            address,
            about.newsletter,
            language=about.language,
            evidence=evidence,
            now=app.clock(),
        )
        notices.queue(app, tx, NoticeKind.CONFIRM, pending)


def _import_row(app: App, tx: Tx, row: _Candidate, plan: ImportPlan) -> ImportedRow:
    try:
        if row.problem:
            raise InvalidAddress(row.email, row.problem)
        address = parse_address(row.email)
    except InvalidAddress as error:
        return ImportedRow(
            line=row.line, email=row.email, result=Joined.REFUSED, problem=error.problem
        )
    result = rows.add(
        tx,
        address=address,
        marks=marks(app.keys, address),
        name=row.name,
        newsletter=plan.newsletter,
        status=plan.status,
        source=f"import of {plan.source}",
        now=app.clock(),
    )
    problem = "the address is suppressed" if result is Joined.REFUSED else ""
    return ImportedRow(line=row.line, email=address.text, result=result, problem=problem)


def _candidates(lines: Iterable[str], source: str) -> Iterator[_Candidate]:
    """The rows of a CSV file, each with its line; broken ones carry their problem."""
    reader = csv.reader(_without_mark(lines))
    header = [cell.strip().lower() for cell in next(reader, [])]
    if "email" not in header:
        found = ", ".join(filter(None, header)) or "nothing"
        raise PublisherError(f"{source}:1: there must be a column named email; found {found}")
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _Candidate(line=line, email="", name="", problem=f"not CSV: {error}")
            continue
        if any(cells):
            yield _candidate(line, dict(zip(header, cells, strict=False)))


def _candidate(line: int, cells: dict[str, str]) -> _Candidate:
    name = " ".join(cells.get("name", "").split())
    problem = f"the name is longer than {NAME_LIMIT} characters" if len(name) > NAME_LIMIT else ""
    return _Candidate(
        line=line, email=cells.get("email", "").strip(), name=name[:NAME_LIMIT], problem=problem
    )


def _without_mark(lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield line if number else line.removeprefix("\ufeff")


def _harmless(cell: str) -> str:
    return "'" + cell if cell.startswith(_FORMULA_STARTS) else cell

"""The relays: trying them out, leaving alone those that fail, lifting a pause once they work."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from publisher.domain.addresses import parse_address
from publisher.domain.relays import RelayState
from publisher.domain.replies import Accepted, NotSent, Outcome, Unconfirmed
from publisher.errors import PublisherError, RelayError
from publisher.mail.relays import Relay
from publisher.mail.single import send_one, try_relay
from publisher.render import headers
from publisher.services.app import App
from publisher.store import relays as rows

log = logging.getLogger(__name__)

REST_MOST = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayTrial:
    """What a relay has shown. `message` is what became of one, where one was asked for.
    `greeting`: the name by which it answers EHLO."""

    name: str
    address: str
    greeting: str = ""
    tls: str = ""
    login: str = ""
    offers: Mapping[str, str] = field(default_factory=dict)
    message: str = ""
    problem: str = ""


def try_out(app: App, recipient: str | None) -> list[RelayTrial]:
    """Tries every relay. One that works is no longer paused or resting.

    Raises `InvalidAddress`, and `PublisherError` where no relay is configured.
    """
    to = parse_address(recipient.strip()).text if recipient else ""
    if not app.relays:
        raise PublisherError(
            "no relay is configured: mail goes to the built-in inbox; set smtp.host"
        )
    return [_try(app, relay, to) for relay in app.relays]


def look_at(relay: Relay) -> RelayTrial:
    """Connects, encrypts, logs in; sends and changes nothing."""
    try:
        offers = try_relay(relay).offers
    except RelayError as error:
        return RelayTrial(name=relay.label, address=str(relay), problem=error.problem)
    return RelayTrial(
        name=relay.label,
        address=str(relay),
        greeting=offers.name,
        tls=offers.tls,
        login=offers.login,
        offers=offers.keywords,
    )


def rest(relay: Relay, setbacks: int) -> timedelta:
    """How long a relay is left alone after so many failures in a row."""
    backoff = timedelta(seconds=relay.backoff_seconds) * (1 << min(setbacks, 20))
    return min(backoff, REST_MOST)


def state(app: App, relay: Relay) -> RelayState:
    """What is known of a relay."""
    with app.store.read() as tx:
        return rows.states(tx).get(relay.label, RelayState(name=relay.label))


def fail(app: App, relay: Relay, error: RelayError) -> None:
    """Notes that a relay could not be used, for everybody who sends: it rests or is paused."""
    log.warning("relay.resting", extra={"relay": relay.label, "problem": error.problem})
    now = app.clock()
    until = now + rest(relay, state(app, relay).setbacks)
    with app.store.begin() as tx:
        rows.fail(tx, relay.label, error.problem, is_paused=error.is_lasting, until=until, now=now)


def heal(app: App, relay: Relay) -> None:
    """Notes that a relay works."""
    with app.store.begin() as tx:
        rows.heal(tx, relay.label)


def told(outcome: Outcome) -> str:
    """What became of one message, in words."""
    match outcome:
        case Accepted(reply):
            return f"taken: {reply}"
        case NotSent(problem) | Unconfirmed(problem):
            return problem
        case _:
            return f"refused at {outcome.reply.stage}: {outcome.reply}"


def _try(app: App, relay: Relay, recipient: str) -> RelayTrial:
    trial = look_at(relay)
    if recipient and not trial.problem:
        try:
            message, problem = _send(app, relay, recipient)
        except RelayError as error:
            return RelayTrial(name=relay.label, address=str(relay), problem=error.problem)
        trial = replace(trial, message=message, problem=problem)
    if not trial.problem:
        heal(app, relay)
    return trial


def _send(app: App, relay: Relay, recipient: str) -> tuple[str, str]:
    """What became of a message, and the problem if it was not taken."""
    sender = app.newsletters[0].sender.email if app.newsletters else app.site.author.email
    message = b"".join(
        (
            headers.field("From", headers.mailbox(app.site.title, sender)),
            headers.field("To", headers.mailbox("", recipient)),
            headers.field("Subject", headers.text(f"A test from {app.site.title}")),
            headers.field("Date", headers.date(app.clock())),
            b"\r\nThis relay takes our mail.\r\n",
        )
    )
    outcome = send_one(relay, sender=sender, recipient=recipient, message=message)
    words = told(outcome)
    return (words, "") if isinstance(outcome, Accepted) else (words, words)

"""The relays: trying them out, and lifting a pause once they work."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from publisher.domain.addresses import parse_address
from publisher.domain.replies import Accepted, NotSent, Outcome, Unconfirmed
from publisher.errors import PublisherError, RelayError
from publisher.mail.relays import Relay
from publisher.mail.single import send_one, try_relay
from publisher.render import headers
from publisher.services.app import App
from publisher.store import relays as rows


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
        with app.store.begin() as tx:
            rows.heal(tx, relay.label)
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

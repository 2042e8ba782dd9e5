"""The relays: which are used now, trying them out, leaving alone those that fail."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from publisher.domain.addresses import parse_address
from publisher.domain.newsletters import Newsletter
from publisher.domain.relays import RelayState
from publisher.domain.replies import Accepted, NotSent, Outcome, Unconfirmed
from publisher.errors import PublisherError, RelayError
from publisher.mail.capture import capture
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


@contextmanager
def at_hand(app: App) -> Iterator[tuple[Relay, ...]]:
    """The configured relays, or the built-in inbox for as long as we send."""
    if app.relays:
        yield app.relays
        return
    with capture(app.folders.inbox) as inbox:
        yield (inbox,)


def of_newsletter(newsletter: Newsletter, relays: Sequence[Relay]) -> list[Relay]:
    """The relays of a newsletter, in its order of preference."""
    if not newsletter.relays or not relays or relays[0].label == "built-in inbox":
        return list(relays)
    by_name = {relay.label: relay for relay in relays}
    return [by_name[name] for name in newsletter.relays]


def usable(chosen: Sequence[Relay], states: Mapping[str, RelayState], now: datetime) -> list[Relay]:
    """Those that may be used now: that have a share, or must stand in for all that have one."""
    known = {relay.label: states.get(relay.label, _unknown(relay)) for relay in chosen}
    is_out = all(known[relay.label].is_out(now) for relay in chosen if relay.weight)
    called = [relay for relay in chosen if relay.weight or is_out]
    return [relay for relay in called if not known[relay.label].why_not(now)]


def for_one(app: App, newsletter: str, relays: Sequence[Relay]) -> Relay | None:
    """The relay for a single message of a newsletter; None while none may be used."""
    found = next((each for each in app.newsletters if each.id == newsletter), None)
    chosen = of_newsletter(found, relays) if found else relays
    with app.store.read() as tx:
        states = rows.states(tx)
    return next(iter(usable(chosen, states, app.clock())), None)


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
        return rows.states(tx).get(relay.label, _unknown(relay))


def standing(app: App) -> dict[str, str]:
    """Why each relay is not used now, by name; empty where it is."""
    with app.store.read() as tx:
        states = rows.states(tx)
    now = app.clock()
    return {
        relay.label: states.get(relay.label, _unknown(relay)).why_not(now) for relay in app.relays
    }


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


def _unknown(relay: Relay) -> RelayState:
    return RelayState(name=relay.label)


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

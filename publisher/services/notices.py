"""Notices: mails to one person about their own subscription, sent before any issue.

They go one at a time, each over a connection of its own, by the rule of deliveries: the intent is
committed before the final dot, so a kill leaves at most one in doubt, and that is not sent again.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from publisher.domain.addresses import parse_address
from publisher.domain.deliveries import (
    GIVE_UP_AFTER,
    DeliveryStatus,
    Settlement,
    retry_delay,
    settle,
)
from publisher.domain.macs import mac
from publisher.domain.newsletters import Newsletter, upcoming
from publisher.domain.notices import Notice, NoticeKind, link_end
from publisher.domain.replies import Accepted, NotSent, Outcome
from publisher.domain.series import as_chosen
from publisher.domain.subscribers import ConsentEvent, Evidence, Subscription, SubscriptionStatus
from publisher.domain.suppressions import address_hash, marks
from publisher.domain.tokens import base36, derive_key
from publisher.errors import PublisherError, RelayError
from publisher.mail.dkim import sign
from publisher.mail.relays import Relay
from publisher.mail.single import send_one
from publisher.render.messages import NoticeEnvelope, compose_notice
from publisher.render.notices import render_notice
from publisher.services import dkim, links, relays
from publisher.services.app import App
from publisher.store import consents as consent_rows
from publisher.store import notices as rows
from publisher.store import subscribers as subscriber_rows
from publisher.store import suppressions as suppression_rows
from publisher.store.engine import Tx

log = logging.getLogger(__name__)

_BATCH = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mail:
    """What goes over the wire, who from, and its Message-ID without `<>`."""

    sender: str
    message_id: str
    data: bytes


def queue(app: App, tx: Tx, kind: NoticeKind, about: Subscription, *, to: str = "") -> int:
    """Queues a notice about a subscription, to its own address unless `to` another one."""
    now = app.clock()
    address = parse_address(to or about.address)
    return rows.add(
        tx,
        kind,
        subscription=about.id,
        newsletter=about.newsletter,
        address=address.text,
        address_hash=address_hash(app.site_key, address),
        language=about.language,
        expires_at=link_end(kind, now),
        now=now,
    )


def recover(app: App) -> int:
    """Names what an earlier process left in doubt. Only for the holder of the lock."""
    with app.store.begin() as tx:
        return rows.recover(tx, now=app.clock())


def deliver(app: App, *, stopping: Callable[[], bool] = lambda: False) -> int:
    """Sends what is due; returns how many were taken. Raises `RelayError` for a relay that cannot
    be used.

    One that rests or is paused is not asked: every try could be the one that locks the account.
    Safe to run in two threads at once: each notice is claimed before its final dot.
    """
    with app.store.read() as tx:
        batch = rows.due(tx, now=app.clock(), limit=_BATCH)
    if not batch:
        return 0
    sent = 0
    with relays.at_hand(app) as at_hand:
        for notice in batch:
            if stopping():
                break
            if relay := relays.for_one(app, notice.newsletter, at_hand):
                sent += _send(app, relay, notice)
    return sent


def hand_over(
    app: App,
    relay: Relay,
    *,
    sender: str,
    recipient: str,
    message: bytes,
    intend: Callable[[], bool],
) -> Outcome:
    """One message, as `send_one` does it; a relay that cannot be used is left alone afterwards.

    Raises `RelayError`.
    """
    try:
        outcome = send_one(
            relay, sender=sender, recipient=recipient, message=message, intend=intend
        )
    except RelayError as error:
        relays.fail(app, relay, error)
        raise
    if isinstance(outcome, Accepted) and relays.state(app, relay).problem:
        relays.heal(app, relay)
    return outcome


def _send(app: App, relay: Relay, notice: Notice) -> bool:
    """One notice; whether the relay took it."""
    if reason := _why_not(app, notice):
        settlement = Settlement(status=DeliveryStatus.SKIPPED, reason=reason)
        return _record(app, notice, settlement, message_id="")
    try:
        mail = _message(app, notice)
    except PublisherError as error:  # a broken template, a newsletter that is gone
        log.error("notice.failed", extra={"notice": notice.id, "problem": str(error)})
        return _record(app, notice, _later(app, notice, str(error)), message_id="")
    except ValueError as error:  # a header field cannot hold it; the words may name an address
        log.error("notice.failed", extra={"notice": notice.id, "problem": "cannot be composed"})
        settlement = Settlement(status=DeliveryStatus.FAILED, reason=str(error))
        return _record(app, notice, settlement, message_id="")
    claimed = False

    def intend() -> bool:
        nonlocal claimed
        now = app.clock()
        with app.store.begin() as tx:
            ends = link_end(notice.kind, now)
            claimed = rows.intend(tx, notice.id, expires_at=ends, now=now)
        return claimed

    outcome = hand_over(
        app, relay, sender=mail.sender, recipient=notice.address, message=mail.data, intend=intend
    )
    if isinstance(outcome, NotSent):
        if not claimed:
            return _put_off(app, notice, outcome.problem)
        return _record(app, notice, _later(app, notice, outcome.problem), message_id="")
    settlement = settle(
        outcome,
        delivery=notice.id,
        deferrals=notice.deferrals,
        first_at=notice.created_at,
        now=app.clock(),
    )
    return _record(app, notice, settlement, message_id=mail.message_id)


def _message(app: App, notice: Notice) -> _Mail:
    """The whole message, signed where our own keys sign.

    Raises `TemplateError`, `NotFound` for a newsletter that is gone, `ConfigError` for a key,
    `ValueError` for what a header field cannot hold.
    """
    newsletter, now = app.newsletter(notice.newsletter), app.clock()
    spoken = replace(newsletter, language=notice.language or newsletter.language)
    shown = links.of_notice(app, notice)
    rendered = render_notice(
        app.templates,
        notice.kind,
        site=app.site,
        newsletter=spoken,
        links=shown,
        next_at=_next_slot(app, newsletter, notice, now),
    )
    sender = app.subscribers.sender or newsletter.sender
    digest = mac(derive_key(app.site_key, "notice-id"), str(notice.id).encode())
    envelope = NoticeEnvelope(
        sender=sender,
        address=notice.address,
        message_id=f"n{base36(notice.id)}.{digest[:12].hex()}",
        unsubscribe_url=shown.get("unsubscribe", ""),
    )
    composed = compose_notice(rendered, envelope, date=now)
    keys = dkim.keys(app, sender.email)
    return _Mail(
        sender=sender.email,
        message_id=f"{envelope.message_id}@{sender.email.rpartition('@')[2]}",
        data=sign(composed, keys, at=now) + composed if keys else composed,
    )


def _next_slot(app: App, newsletter: Newsletter, notice: Notice, now: datetime) -> datetime | None:
    """When a welcome promises the next issue of what they chose; None where the calendar does not
    say.
    """
    if notice.kind is not NoticeKind.WELCOME:
        return None
    with app.store.read() as tx:
        about = subscriber_rows.get(tx, notice.subscription)
    theirs = as_chosen(newsletter, about.choices.frequency if about else "")
    coming = upcoming(theirs.schedule, now)
    return coming[0].slot if coming else None


def _later(app: App, notice: Notice, problem: str) -> Settlement:
    """Nothing was tried; it is looked at again in an hour, for three days."""
    now = app.clock()
    if now - notice.created_at >= GIVE_UP_AFTER:
        return Settlement(status=DeliveryStatus.FAILED, reason=problem)
    return Settlement(
        status=DeliveryStatus.PENDING,
        reason=problem,
        next_attempt_at=now + timedelta(hours=1),
    )


def _put_off(app: App, notice: Notice, problem: str) -> bool:
    """It did not come to the final dot: some minutes later again, unless another thread has it."""
    now = app.clock()
    with app.store.begin() as tx:
        rows.put_off(tx, notice.id, problem, until=now + retry_delay(notice.id, 0), now=now)
    return False


def _why_not(app: App, notice: Notice) -> str:
    """Why a notice must not be sent any more; empty if it may."""
    with app.store.read() as tx:
        if suppression_rows.holds(tx, marks(app.keys, parse_address(notice.address))):
            return "suppressed"
        about = subscriber_rows.get(tx, notice.subscription)
    is_open = about and about.status is SubscriptionStatus.PENDING
    if about is None or (notice.kind is NoticeKind.CONFIRM and not is_open):
        return "cancelled"  # removed, expired, or confirmed without the link
    return ""


def _record(app: App, notice: Notice, settlement: Settlement, *, message_id: str) -> bool:
    """Settles a notice; a confirmation mail that is out becomes evidence."""
    now = app.clock()
    taken = settlement.status is DeliveryStatus.SENT
    with app.store.begin() as tx:
        rows.settle(tx, notice.id, settlement, now=now)
        asked = subscriber_rows.get(tx, notice.subscription)
        if taken and asked and notice.kind is NoticeKind.CONFIRM:
            evidence = Evidence(source="confirmation mail", message_id=message_id)
            consent_rows.testify(tx, asked.id, ConsentEvent.MAILED, evidence=evidence, now=now)
    log.info(
        "notice.settled",
        extra={"notice": notice.id, "kind": notice.kind.value, "status": settlement.status.value},
    )
    return taken

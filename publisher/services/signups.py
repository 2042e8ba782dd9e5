"""Signing up: the form puts a request down, somebody else decides it.

Every request that is well formed costs the same and gets the same answer, whoever it is for;
only then, out of the visitor's sight, is it looked at: known, suppressed, over budget, or worth a
confirmation mail.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

from publisher.domain.addresses import parse_address
from publisher.domain.newsletters import Frequency, Newsletter
from publisher.domain.notices import NoticeKind
from publisher.domain.signups import Request, Signup, Verdict, network, over_address_budget
from publisher.domain.subscribers import ConsentEvent, Evidence, Subscription, SubscriptionStatus
from publisher.domain.suppressions import address_hash, marks
from publisher.errors import RelayError
from publisher.services import notices, series
from publisher.services.app import App
from publisher.store import consents as consent_rows
from publisher.store import notices as notice_rows
from publisher.store import signups as rows
from publisher.store import subscribers as subscriber_rows
from publisher.store import suppressions as suppression_rows
from publisher.store.engine import Tx

log = logging.getLogger(__name__)

ROUTE = "/subscribe"
"""Under which requests over the budget are counted: it is one, by form and by interface."""

_DAY = timedelta(days=1)
_BATCH = 50


def offered(app: App) -> tuple[Newsletter, ...]:
    """The newsletters that a visitor may ask for."""
    return tuple(one for one in app.newsletters if one.public) if app.subscribers.signup else ()


def request(app: App, asked: Request, *, consent: str) -> None:
    """Puts a request down, or counts it where its network or the site had enough for this hour.

    `consent` are the words beside the form's button; they are kept by version. Raises
    `InvalidAddress` for what is no address, and for nothing else about it.
    """
    address = parse_address(asked.address)
    now, near = app.clock(), network(asked.ip)
    text = sha256(consent.encode()).hexdigest()
    checked = Request(
        address=address.text,
        newsletter=asked.newsletter,
        language=asked.language,
        source=asked.source,
        text=text,
        ip=asked.ip,
        frequency=asked.frequency if asked.frequency in list(Frequency) else "",
    )
    with app.store.begin() as tx:
        consent_rows.keep_text(tx, text, language=asked.language, body=consent, now=now)
        from_network, from_all = rows.in_last_hour(tx, network=near, now=now)
        if from_network >= app.subscribers.budgets.a_network:
            rows.refuse(tx, "network", now=now)
            app.vitals.limited(ROUTE)
        elif from_all >= app.subscribers.budgets.an_hour:
            app.vitals.limited(ROUTE)
            if rows.refuse(tx, "site", now=now) == 1:  # once an hour: somebody should look
                log.warning("signups.flooded", extra={"taken": from_all})
        else:
            digest = address_hash(app.site_key, address)
            rows.add(tx, checked, address_hash=digest, network=near, now=now)


def work_off(app: App, *, stopping: Callable[[], bool] = lambda: False) -> int:
    """Decides what waits and sends the notices that are due; returns how many were sent.

    Where the relay cannot be used they stay due.
    """
    decide(app)
    try:
        return notices.deliver(app, stopping=stopping)
    except RelayError as error:
        log.warning("notices.delayed", extra={"problem": str(error)})
        return 0


def decide(app: App) -> int:
    """Works off the waiting requests; returns how many there were."""
    done = 0
    while True:
        with app.store.begin() as tx:
            batch = rows.waiting(tx, limit=_BATCH)
            for signup in batch:
                verdict = _decide(app, tx, signup)
                rows.decide(tx, signup.id, verdict)
                log.info("signup.decided", extra={"signup": signup.id, "verdict": verdict.value})
        done += len(batch)
        if len(batch) < _BATCH:
            return done


def _decide(app: App, tx: Tx, signup: Signup) -> Verdict:
    asked = signup.request
    address = parse_address(asked.address)
    if asked.newsletter not in {one.id for one in offered(app)}:
        return Verdict.UNKNOWN_NEWSLETTER
    if address.is_role:
        log.warning("signup.role_address", extra={"signup": signup.id, "domain": address.domain})
    if suppression_rows.holds(tx, marks(app.keys, address)):
        return Verdict.SUPPRESSED
    known = subscriber_rows.of_address(tx, address, asked.newsletter)
    if not may_mail(app, tx, asked.address, known):
        return Verdict.OVER_BUDGET
    if known is not None and known.status is SubscriptionStatus.CONFIRMED:
        notices.queue(app, tx, NoticeKind.MANAGE, known)
        return Verdict.KNOWN
    pending = subscriber_rows.ask(
        tx,
        address,
        asked.newsletter,
        language=asked.language,
        evidence=Evidence(source=asked.source, text=asked.text, ip=asked.ip),
        now=app.clock(),
    )
    if asked.frequency:
        series.change(app, tx, pending, replace(pending.choices, frequency=asked.frequency))
    notices.queue(app, tx, NoticeKind.CONFIRM, pending)
    return Verdict.MAILED


def may_mail(app: App, tx: Tx, address: str, known: Subscription | None) -> bool:
    """Whether strangers may make us write to this address once more."""
    now = app.clock()
    hashes = [address_hash(key, parse_address(address)) for key in app.keys]
    kept = now - timedelta(days=app.subscribers.ip_days)
    confirmed = known and consent_rows.last(tx, known.id, ConsentEvent.CONFIRMED)
    since = confirmed or kept
    return not over_address_budget(
        app.subscribers.budgets,
        today=notice_rows.asked_by_strangers(tx, hashes, since=max(since, now - _DAY)),
        since_confirmed=notice_rows.asked_by_strangers(tx, hashes, since=since),
    )

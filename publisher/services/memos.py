"""Telling the operator of issues that wait, stand still, or are not sent: each matter once.

Does nothing visible without `[operator] address`; what happens meanwhile is no news later.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby

from publisher.domain.deliveries import GIVE_UP_AFTER, DeliveryStatus, Settlement, settle
from publisher.domain.issues import Issue
from publisher.domain.macs import mac
from publisher.domain.memos import FRESH, SHOWN, Matter, Memo, matter_of
from publisher.domain.replies import NotSent, Outcome
from publisher.domain.tokens import derive_key
from publisher.errors import PublisherError
from publisher.mail.dkim import sign
from publisher.render.digest import personal
from publisher.render.memos import Enclosure, render_memo
from publisher.render.messages import NoticeEnvelope, compose_notice
from publisher.services import dkim, instances, notices, relays, series
from publisher.services.app import App
from publisher.store import choices as choice_rows
from publisher.store import issues as issue_rows
from publisher.store import memos as rows

log = logging.getLogger(__name__)

_LATER = timedelta(minutes=15)


def tell(app: App) -> int:
    """Mails what the operator has not been told yet; returns how many mails the relay took.

    A fenced instance tells nobody anything.
    """
    if not app.operator.address or instances.fence(app):
        return 0
    _put_down(app)
    with app.store.read() as tx:
        due = rows.due(tx, now=app.clock())
        pairs = [(memo, issue_rows.get(tx, memo.issue)) for memo in due]
    found = [(memo, issue) for memo, issue in pairs if issue and matter_of(issue) is memo.matter]
    return sum(_send(app, batch) for batch in _batches(found))


def _put_down(app: App) -> None:
    """A row for each matter that has none."""
    now = app.clock()
    with app.store.read() as tx:
        told = rows.known(tx)
        fresh = issue_rows.created_since(tx, now - FRESH)
    owed = [(issue, matter) for issue in fresh if (matter := matter_of(issue))]
    owed = [(issue, matter) for issue, matter in owed if (issue.id, matter.value) not in told]
    if owed:
        with app.store.begin() as tx:
            for issue, matter in owed:
                rows.add(tx, issue, matter, now=now)


Batch = Sequence[tuple[Memo, Issue]]
"""What goes into one mail: one issue, or all that a newsletter has skipped."""


def _batches(found: Batch) -> list[Batch]:
    def key(pair: tuple[Memo, Issue]) -> tuple[str, str, int]:
        memo, issue = pair
        return issue.newsletter, memo.matter, 0 if memo.matter is Matter.SKIPPED else issue.id

    return [list(batch) for _, batch in groupby(sorted(found, key=key), key=key)]


def _send(app: App, batch: Batch) -> bool:
    """One mail; whether the relay took it."""
    told = [memo for memo, _ in batch]
    settlement = _settlement(told[0], _attempt(app, batch), now=app.clock())
    with app.store.begin() as tx:
        rows.settle(tx, told, settlement)
    log.info(
        "memo.settled",
        extra={
            "issue": told[0].issue,
            "matter": told[0].matter.value,
            "status": settlement.status.value,
            "reason": settlement.reason,
        },
    )
    return settlement.status is DeliveryStatus.SENT


def _attempt(app: App, batch: Batch) -> Outcome:
    def intend() -> bool:
        with app.store.begin() as tx:
            return rows.intend(tx, [memo for memo, _ in batch])

    try:
        sender, message = _message(app, batch)
        recipient = app.operator.address
        with relays.at_hand(app) as at_hand:
            relay = relays.for_one(app, batch[0][1].newsletter, at_hand)
            if relay is None:
                return NotSent("no relay may be used now; `publisher smtp test` tells of each")
            return notices.hand_over(
                app, relay, sender=sender, recipient=recipient, message=message, intend=intend
            )
    except PublisherError as error:  # no relay, no key, a broken template
        return NotSent(str(error))


def _settlement(memo: Memo, outcome: Outcome, *, now: datetime) -> Settlement:
    """As for deliveries; what could not even be tried is tried again soon, for three days."""
    if not isinstance(outcome, NotSent):
        return settle(
            outcome,
            delivery=memo.issue,
            deferrals=memo.deferrals,
            first_at=memo.created_at,
            now=now,
        )
    if now - memo.created_at >= GIVE_UP_AFTER:
        return Settlement(status=DeliveryStatus.FAILED, reason=outcome.problem)
    return Settlement(
        status=DeliveryStatus.PENDING, reason=outcome.problem, next_attempt_at=now + _LATER
    )


def _message(app: App, batch: Batch) -> tuple[str, bytes]:
    """Who it is from, and the whole message. Raises what rendering and signing raise."""
    (first, issue), issues = batch[0], [issue for _, issue in batch]
    newsletter, now = app.newsletter(issue.newsletter), app.clock()
    with app.store.read() as tx:
        people = choice_rows.readers(tx, series.of_issue(app, issue.newsletter, issue.series))
    memo = render_memo(
        app.templates,
        first.matter,
        issues,
        site=app.site,
        newsletter=newsletter,
        language=app.operator.language,
        recipients=people,
        shown=_shown(app, issue) if first.matter in SHOWN else None,
    )
    sender = app.subscribers.sender or newsletter.sender
    about = f"{first.issue}/{first.matter}/{first.created_at.isoformat()}"
    digest = mac(derive_key(app.site_key, "memo-id"), about.encode())
    envelope = NoticeEnvelope(
        sender=sender, address=app.operator.address, message_id=f"m{digest[:12].hex()}"
    )
    composed = compose_notice(memo, envelope, date=now)
    keys = dkim.keys(app, sender.email)
    return sender.email, sign(composed, keys, at=now) + composed if keys else composed


def _shown(app: App, issue: Issue) -> Enclosure | None:
    """The issue as the operator would get it; its personal links lead nowhere."""
    with app.store.read() as tx:
        variant = issue_rows.variant(tx, issue.id)
    if variant is None:
        return None
    slots = {
        "name": "",
        "unsubscribe": app.site.link("u/preview"),
        "preferences": app.site.link("p/preview"),
    }
    return Enclosure(
        html=personal(variant.html, variant.nonce, slots, escaped=True),
        text=personal(variant.text, variant.nonce, slots, escaped=False),
    )

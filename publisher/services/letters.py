"""The bytes of one delivery: joined from what is stored with its issue, then signed.

    open_issue (once an issue) ──▶ IssueMail ──▶ message (once a delivery) ──▶ bytes

A message is dated and signed at each attempt, because receivers distrust old dates.
"""

from dataclasses import dataclass
from datetime import datetime

from publisher.domain.deliveries import Delivery
from publisher.domain.issues import Issue
from publisher.domain.tokens import message_key
from publisher.mail.dkim import Key, sign
from publisher.render.messages import Letter, Recipient, compose, load_body
from publisher.services import dkim
from publisher.services.app import App
from publisher.services.subscribers import unsubscribe_url
from publisher.store import issues as rows


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueMail:
    """An issue ready to be sent to anybody. Without `keys` its messages go out unsigned."""

    letter: Letter
    keys: tuple[Key, ...]


def open_issue(app: App, issue: Issue) -> IssueMail:
    """Reads what is stored of an issue. Raises `NotFound` where its newsletter is gone, and
    `ConfigError` where it should be signed and there is no key.
    """
    with app.store.read() as tx:
        variant = rows.variant(tx, issue.id)
    if variant is None:
        raise AssertionError(f"issue {issue.id} is {issue.status} without a rendering")
    newsletter = app.newsletter(issue.newsletter)
    letter = Letter(
        site=app.site,
        newsletter=newsletter,
        issue=issue.period,
        subject=variant.subject,
        body=load_body(variant.body),
    )
    return IssueMail(letter=letter, keys=dkim.keys(app, newsletter.sender.email))


def message(app: App, mail: IssueMail, delivery: Delivery, *, at: datetime) -> bytes:
    """The whole message of a delivery, as it goes over the wire. `at` is the attempt's moment."""
    recipient = Recipient(
        address=delivery.address,
        name=delivery.name,
        message_id=message_key(app.site_key, delivery.issue, delivery.subscriber),
        unsubscribe_url=unsubscribe_url(app, delivery.subscription),
    )
    composed = compose(mail.letter, recipient, date=at)
    return sign(composed, mail.keys, at=at) + composed if mail.keys else composed

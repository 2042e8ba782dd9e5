"""The bytes of one delivery: joined from what is stored with its issue, then signed.

    open_issue (once an issue) ──▶ IssueMail ──▶ message (once a delivery) ──▶ bytes ──▶ job

A message is dated and signed at each attempt, because receivers distrust old dates.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from publisher.domain.issues import Issue
from publisher.domain.tokens import bounce_key, message_key
from publisher.mail.dkim import Key, sign
from publisher.mail.jobs import Job, check_path, transparent
from publisher.render.messages import Letter, Recipient, compose, load_body
from publisher.services import dkim, links
from publisher.services.app import App
from publisher.services.subscribers import unsubscribe_url
from publisher.store import issues as rows
from publisher.store.deliveries import Claim


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueMail:
    """An issue ready to be sent to anybody. Without `keys` its messages go out unsigned.

    `letter` is the whole issue; `variant` gives any of its renderings, read when first wanted.
    """

    letter: Letter
    keys: tuple[Key, ...]
    variant: Callable[[str], Letter]


def open_issue(app: App, issue: Issue) -> IssueMail:
    """Reads what is stored of an issue. Raises `NotFound` where its newsletter is gone, and
    `ConfigError` where it should be signed and there is no key.
    """
    newsletter = app.newsletter(issue.newsletter)

    @cache
    def variant(key: str) -> Letter:
        with app.store.read() as tx:
            stored = rows.variant(tx, issue.id, key)
        if stored is None:
            raise AssertionError(f"issue {issue.id} is {issue.status} without rendering {key}")
        return Letter(
            site=app.site,
            newsletter=newsletter,
            issue=issue.period,
            subject=stored.subject,
            body=load_body(stored.body),
        )

    keys = dkim.keys(app, newsletter.sender.email)
    return IssueMail(letter=variant(rows.DEFAULT), keys=keys, variant=variant)


def message(app: App, mail: IssueMail, delivery: Claim, *, at: datetime) -> bytes:
    """The whole message of a delivery, as it goes over the wire. `at` is the attempt's moment."""
    recipient = Recipient(
        address=delivery.address,
        name=delivery.name,
        message_id=message_key(app.site_key, delivery.issue, delivery.subscriber),
        unsubscribe_url=unsubscribe_url(app, delivery.subscription),
        preferences_url=links.preferences(app, delivery.subscription),
    )
    is_whole = delivery.variant == rows.DEFAULT
    letter = mail.letter if is_whole else mail.variant(delivery.variant)
    composed = compose(letter, recipient, date=at)
    return sign(composed, mail.keys, at=at) + composed if mail.keys else composed


def job(app: App, mail: IssueMail, delivery: Claim, *, at: datetime) -> Job:
    """The message of a delivery with its envelope, ready for the wire.

    Raises `ValueError` for an address that cannot stand in an envelope or a header.
    """
    newsletter, period = mail.letter.newsletter, mail.letter.issue
    check_path(delivery.address)
    about = f"{newsletter.id}/{period}/{delivery.address}"
    key = bounce_key(app.site_key, delivery.id, about=about)
    sender = newsletter.sender.email
    if app.bounces.domain:
        sender = f"bounces{app.bounces.delimiter}{key}@{app.bounces.domain}"
    return Job(
        delivery=delivery.id,
        issue=delivery.issue,
        sender=sender,
        recipient=delivery.address,
        wire=_on_the_line(message(app, mail, delivery, at=at)),
        envelope_id=key,
    )


def _on_the_line(message: bytes) -> bytes:
    """Only the fields need looking at: the body is base64, in lines of our own making."""
    fields, _, body = message.partition(b"\r\n\r\n")
    return b"".join((transparent(fields), b"\r\n", body))

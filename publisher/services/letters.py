"""The bytes of one delivery, from the stored issue: the one place where a message is made."""

from dataclasses import dataclass
from datetime import datetime

from publisher.domain.issues import Issue
from publisher.domain.newsletters import Newsletter
from publisher.domain.tokens import bounce_key, message_key
from publisher.mail.jobs import Job, check_path, transparent
from publisher.render.messages import Letter, Recipient, compose, load_body
from publisher.services.app import App
from publisher.services.subscribers import unsubscribe_url
from publisher.store import issues as issue_rows
from publisher.store.deliveries import Claim


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """An issue as it is sent: its newsletter and what all its messages have in common."""

    issue: Issue
    newsletter: Newsletter
    letter: Letter


def edition(app: App, issue: Issue, *, marked: str = "") -> Edition:
    """The stored rendering of an issue. `marked` goes before the subject of a sample."""
    with app.store.read() as tx:
        variant = issue_rows.variant(tx, issue.id)
    if variant is None:
        raise AssertionError(f"issue {issue.id} is {issue.status} without a rendering")
    newsletter = app.newsletter(issue.newsletter)
    letter = Letter(
        site=app.site,
        newsletter=newsletter,
        issue=issue.period,
        subject=f"{marked}{variant.subject}",
        body=load_body(variant.body),
    )
    return Edition(issue=issue, newsletter=newsletter, letter=letter)


def job(app: App, edition: Edition, claim: Claim, *, now: datetime) -> Job:
    """The message of one delivery, ready for the wire, with its return path.

    Raises `ValueError` for an address that cannot stand in an envelope or a header.
    """
    issue, address = edition.issue, claim.address
    check_path(address)
    key = bounce_key(app.site_key, claim.id, about=f"{issue.newsletter}/{issue.period}/{address}")
    sender = edition.newsletter.sender.email
    if app.bounces.domain:
        sender = f"bounces{app.bounces.delimiter}{key}@{app.bounces.domain}"
    message = compose(edition.letter, recipient(app, claim, issue), date=now)
    return Job(
        delivery=claim.id,
        issue=issue.id,
        sender=sender,
        recipient=address,
        wire=transparent(message),
        envelope_id=key,
    )


def recipient(app: App, claim: Claim, issue: Issue) -> Recipient:
    """What is this subscriber's own in a message."""
    return Recipient(
        address=claim.address,
        name=claim.name,
        message_id=message_key(app.site_key, issue.id, claim.subscriber),
        unsubscribe_url=unsubscribe_url(app, claim.subscription),
    )

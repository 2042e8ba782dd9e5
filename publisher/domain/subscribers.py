"""Subscribers and their subscriptions: who asked for what, and how they leave.

    requested ──▶ pending ──link in the mail──▶ confirmed ──▶ unsubscribed
                     └── unanswered for some days: gone, or unsubscribed again

A request is numbered. Only the link of the newest one confirms, and only once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from publisher.domain.choices import NO_CHOICES, Choices
from publisher.domain.tokens import Confirmation


class SubscriptionStatus(StrEnum):
    """Where one subscription stands. Only confirmed ones are mailed."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    UNSUBSCRIBED = "unsubscribed"


class ConsentEvent(StrEnum):
    """What the evidence of a subscription can say."""

    REQUESTED = "requested"  # a form, with its text, source and the network address
    MAILED = "mailed"  # the confirmation mail went out
    CONFIRMED = "confirmed"  # by the link, or on the operator's word
    IMPORTED = "imported"  # as pending, from a file
    UNSUBSCRIBED = "unsubscribed"
    CHANGED = "changed"  # choices: pause, topics, language, frequency
    MOVED = "moved"  # to another address, proved by a link
    STAYED = "stayed"  # answered a re-confirmation


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """How we know of an event: the words and place of the form, network address, Message-ID.

    `text` is the hash of the form's words, which are kept by version. Empty where it does not
    apply.
    """

    source: str
    text: str = ""
    ip: str = ""
    message_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One row of evidence, never changed but for the end of `ip` after its time."""

    event: ConsentEvent
    newsletter: str
    address: str
    at: datetime
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """A person we may write to: an address and what to call them (`name` may be empty)."""

    id: int
    address: str
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One subscriber on one newsletter.

    `language` is that of their pages and mails, empty for the newsletter's. `request` numbers the
    confirmations asked for. Until `paused_until` no issue is sent. `choices` are as they were
    made, whether or not they are still on offer.
    """

    id: int
    subscriber: int
    address: str
    name: str
    newsletter: str
    status: SubscriptionStatus
    changed_at: datetime
    language: str = ""
    request: int = 0
    paused_until: datetime | None = None
    choices: Choices = NO_CHOICES


class Joined(StrEnum):
    """What an attempt to add somebody led to."""

    ADDED = "added"
    KNOWN = "known"  # already there, whatever its status: an import changes nothing
    REFUSED = "refused"


class Answer(StrEnum):
    """What a confirmation link means at the moment."""

    OPEN = "open"  # it may be confirmed
    DONE = "done"  # it was, by this link or another
    DEAD = "dead"  # expired, replaced by a newer request, or left since


def judge_confirmation(found: Subscription | None, claim: Confirmation, *, now: datetime) -> Answer:
    """Whether a link confirms: the row waits for this very request, and the link is in time.

    So a link works once, and one that was mailed before somebody left brings nobody back.
    """
    if found is None:
        return Answer.DEAD
    if found.status is SubscriptionStatus.CONFIRMED:
        return Answer.DONE if claim.request <= found.request else Answer.DEAD
    is_open = (
        found.status is SubscriptionStatus.PENDING
        and claim.request == found.request
        and now <= claim.expires_at
    )
    return Answer.OPEN if is_open else Answer.DEAD


def is_text(name: str) -> bool:
    """Whether nothing in a name is a control, a mark of direction, or a piece of a broken file."""
    return name.translate(_JOINERS).isprintable()


def name_problem(name: str) -> str:
    """Why nobody can be called so; empty if they can."""
    if not is_text(name):
        return "the name holds characters that are not text"
    return f"the name is longer than {NAME_LIMIT} characters" if len(name) > NAME_LIMIT else ""


NAME_LIMIT = 200
_JOINERS = {0x200C: None, 0x200D: None}
"""Invisible, and part of names in Persian and Hindi, and of emoji."""

PAUSE = timedelta(days=30)
"""How long a pause from the unsubscribe page lasts."""

"""Subscribers and their subscriptions: who asked for what, and how they leave."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class SubscriptionStatus(StrEnum):
    """Where one subscription stands. Only confirmed ones are mailed."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    UNSUBSCRIBED = "unsubscribed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """A person we may write to: an address and what to call them (`name` may be empty)."""

    id: int
    address: str
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One subscriber on one newsletter."""

    id: int
    subscriber: int
    address: str
    name: str
    newsletter: str
    status: SubscriptionStatus
    changed_at: datetime


class Joined(StrEnum):
    """What an attempt to add somebody led to."""

    ADDED = "added"
    KNOWN = "known"  # already there, whatever its status: an import changes nothing
    REFUSED = "refused"

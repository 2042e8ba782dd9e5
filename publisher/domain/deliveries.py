"""Deliveries: one issue to one subscriber, and what a relay's answer makes of it.

    pending ──intent──▶ sending ──reply──▶ sent | failed | pending (later)
                           └──line lost, crash──▶ unknown
    pending ──▶ skipped (unsubscribed, suppressed)

Between handing over the final dot and reading the reply nobody can know who has the message (RFC
1047). So the
*intent* is committed before the dot: a row without intent is certainly unsent, a row with intent
and without reply is `unknown`, by name.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import assert_never


class DeliveryStatus(StrEnum):
    """Where one delivery stands."""

    PENDING = "pending"  # due at next_attempt_at; new or deferred
    SENDING = "sending"  # intent committed; the final dot may be out
    SENT = "sent"  # the relay took it
    FAILED = "failed"  # refused for good, or out of attempts
    SKIPPED = "skipped"  # consent gone between planning and sending
    UNKNOWN = "unknown"  # the relay may have it; never resent unasked


UNSETTLED = (DeliveryStatus.PENDING, DeliveryStatus.SENDING)
"""An issue with a row in one of these is not finished."""


class Stage(StrEnum):
    """Where in the conversation a reply came."""

    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    DOT = "DOT"  # after the whole message


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the relay said: code, enhanced code (RFC 3463; may be empty) and text."""

    code: int
    enhanced: str
    text: str
    stage: Stage


@dataclass(frozen=True, slots=True)
class Accepted:
    """The relay took responsibility for the message (2xx after the dot)."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Deferred:
    """Not now (4xx): about this recipient or message."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Rejected:
    """Never (5xx): about this recipient or message."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """The line was lost after the final dot: the relay may have the message."""

    problem: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """Certainly not accepted, and not because of the recipient: the row goes back uncounted."""

    problem: str


Outcome = Accepted | Deferred | Rejected | Unconfirmed | NotSent

RETRY_MINUTES = (5, 15, 30, 60, 120, 240)
GIVE_UP_AFTER = timedelta(hours=72)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """The row that an outcome leads to. `next_attempt_at` only for pending ones."""

    status: DeliveryStatus
    reason: str
    reply: Reply | None = None
    next_attempt_at: datetime | None = None


def settle(
    outcome: Outcome, *, delivery: int, deferrals: int, first_at: datetime, now: datetime
) -> Settlement:
    """What becomes of a delivery. `deferrals` counts earlier 4xx; `first_at` is the first attempt.

    4xx is delay, not loss: it is tried again on the retry clock and fails after 72 hours
    (RFC 5321, section 4.5.4.1).
    """
    match outcome:
        case Accepted(reply):
            return Settlement(status=DeliveryStatus.SENT, reason="", reply=reply)
        case Rejected(reply):
            return Settlement(
                status=DeliveryStatus.FAILED, reason=f"refused at {reply.stage}", reply=reply
            )
        case Deferred(reply):
            if now - first_at >= GIVE_UP_AFTER:
                reason = f"put off {deferrals + 1} times in 72 hours"
                return Settlement(status=DeliveryStatus.FAILED, reason=reason, reply=reply)
            later = now + retry_delay(delivery, deferrals)
            return Settlement(
                status=DeliveryStatus.PENDING, reason="put off", reply=reply, next_attempt_at=later
            )
        case Unconfirmed(problem):
            return Settlement(status=DeliveryStatus.UNKNOWN, reason=problem)
        case NotSent(problem):
            return Settlement(status=DeliveryStatus.PENDING, reason=problem, next_attempt_at=now)
        case _:
            assert_never(outcome)


def retry_delay(delivery: int, deferrals: int) -> timedelta:
    """The wait after the n-th 4xx: 5 minutes to 4 hours, give or take 20 % by the id."""
    minutes = RETRY_MINUTES[min(deferrals, len(RETRY_MINUTES) - 1)]
    spread = int.from_bytes(sha256(f"{delivery}/{deferrals}".encode()).digest()[:2]) / 0xFFFF
    return timedelta(minutes=minutes * (0.8 + 0.4 * spread))


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One row: an issue and a subscriber."""

    id: int
    issue: int
    subscriber: int
    subscription: int
    address: str
    name: str
    status: DeliveryStatus
    reason: str
    attempts: int
    deferrals: int
    created_at: datetime
    next_attempt_at: datetime | None
    reply: str
    changed_at: datetime

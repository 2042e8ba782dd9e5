"""Deliveries: one issue to one subscriber, and what a relay's answer makes of it.

    pending ──intent──▶ sending ──reply──▶ sent | failed | pending (later)
                           └──line lost, crash──▶ unknown
    pending ──▶ skipped (unsubscribed, suppressed)

Between handing over the final dot and reading the reply nobody can know who has the message (RFC
1047). So the *intent* is committed before the dot: a row without intent is certainly unsent, a
row with intent and without reply is `unknown`, by name.
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

_OUR_FAULT = {
    "4.5.3",  # too many recipients on this connection
    "4.7.28",  # too fast
    "5.1.7",  # the sender's address
    "5.1.8",  # the sender's domain
    "5.3.4",  # the message is too big
    "5.4.5",  # the day's quota
    "5.7.26",  # SPF and DKIM (RFC 7372)
    "5.7.515",  # the same, at Outlook.com
}
"""Enhanced codes that blame the sender or the issue, whoever the recipient is."""

RETRY_MINUTES = (5, 15, 30, 60, 120, 240)
GIVE_UP_AFTER = timedelta(hours=72)


def classify(reply: Reply) -> Outcome:
    """What a reply to an envelope or to a final dot says of the delivery.

    Only RCPT and the dot can speak of the recipient. What is a fault of the relay or of the issue
    never becomes one of a subscriber: 421 (RFC 5321, section 3.8), refusals of the sender, of the
    size or the contents, quotas.
    """
    is_late = reply.stage in (Stage.RCPT, Stage.DOT)
    match reply.code // 100:
        case 2 if reply.stage is Stage.DOT:
            return Accepted(reply)
        case 4 if is_late and not _is_our_fault(reply):
            return Deferred(reply)
        case 5 if is_late and not _is_our_fault(reply):
            return Rejected(reply)
        case _:
            words = (str(reply.code), reply.enhanced, reply.text)
            said = " ".join(word for word in words if word)
            return NotSent(f"the relay answered {reply.stage} with {said}")


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


def _is_our_fault(reply: Reply) -> bool:
    if reply.code in (421, 454):  # 454: a sending rate or quota (Amazon SES), or no AUTH
        return True
    is_contents = reply.stage is Stage.DOT and reply.enhanced.startswith("5.6.")
    return is_contents or reply.enhanced in _OUR_FAULT

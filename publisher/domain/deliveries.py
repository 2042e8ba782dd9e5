"""Deliveries: one issue to one subscriber, and what an outcome makes of it.

    pending ──intent──▶ sending ──reply──▶ sent | failed | pending (later)
                           └──line lost, crash──▶ unknown ──▶ pending (resent), sent, failed
    pending ──▶ skipped (unsubscribed, suppressed, expired, cancelled)

Between handing over the final dot and reading the reply nobody can know who has the message (RFC
1047). So the *intent* is committed before the dot: a row without intent is certainly unsent, a
row with intent and without reply is `unknown`, by name. What the replies mean: `domain.replies`.
"""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import assert_never

from publisher.domain.macs import mac
from publisher.domain.replies import (
    Accepted,
    Deferred,
    NotSent,
    Outcome,
    Rejected,
    Reply,
    Unconfirmed,
)

BATCH_ROWS = 500
"""How many deliveries are leased together, at most."""

RETRY_MINUTES = (5, 15, 30, 60, 120, 240)
GIVE_UP_AFTER = timedelta(hours=72)
"""RFC 5321, section 4.5.4.1: at least half an hour between tries, four to five days in all; the
first tries come sooner, because greylisting wants minutes."""

LONGEST_WAIT = 1.25 * timedelta(minutes=max(RETRY_MINUTES))
"""No delivery is put off for longer: four hours and a fifth, and some minutes more because clocks
differ. What seems to wait for longer was written before the clock was set back, and is due."""


class DeliveryStatus(StrEnum):
    """Where one delivery stands."""

    PENDING = "pending"  # due at next_attempt_at, at once where that is not set
    SENDING = "sending"  # intent committed; the final dot may be out
    SENT = "sent"  # the relay took it
    FAILED = "failed"  # refused for good, or out of attempts
    SKIPPED = "skipped"  # unsubscribed, suppressed, expired, cancelled before it was sent
    UNKNOWN = "unknown"  # the relay may have it; never resent unasked


UNSETTLED = (DeliveryStatus.PENDING, DeliveryStatus.SENDING)
"""An issue with a row in one of these is not finished."""


class OnUnknown(StrEnum):
    """What becomes of a delivery that the relay may or may not have."""

    HOLD = "hold"  # an operator decides
    RESEND = "resend"  # once more, with the same Message-ID; then hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """The row that an outcome leads to. `next_attempt_at` only for those put off."""

    status: DeliveryStatus
    reason: str
    reply: Reply | None = None
    next_attempt_at: datetime | None = None


def settle(
    outcome: Outcome, *, delivery: int, deferrals: int, first_at: datetime, now: datetime
) -> Settlement:
    """What becomes of a delivery. `deferrals` counts earlier 4xx, the first one at `first_at`.

    4xx is delay, not loss: it is tried again on the retry clock and fails after 72 hours.
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
            return Settlement(status=DeliveryStatus.PENDING, reason=problem)
        case _:
            assert_never(outcome)


def retry_delay(delivery: int, deferrals: int) -> timedelta:
    """The wait after the n-th 4xx: 5 minutes to 4 hours, give or take 20 % by the id."""
    minutes = RETRY_MINUTES[min(deferrals, len(RETRY_MINUTES) - 1)]
    spread = int.from_bytes(sha256(f"{delivery}/{deferrals}".encode()).digest()[:2]) / 0xFFFF
    return timedelta(minutes=minutes * (0.8 + 0.4 * spread))


def sending_order(subscribers: Iterable[int], *, issue: int, key: bytes) -> Sequence[int]:
    """The subscribers of an issue in the order of sending: the same each time, no pattern in it.

    So no domain arrives as a block, and nobody is always the last.
    """
    marked = [
        (int.from_bytes(mac(key, b"%d/%d" % (issue, each))[:5]) << 48) | each
        for each in subscribers
    ]
    marked.sort()
    return array("q", (each & 0xFFFF_FFFF_FFFF for each in marked))


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One row: an issue and a subscriber. `relay` and `reply`: who answered last, and what."""

    id: int
    issue: int
    subscriber: int
    subscription: int
    address: str
    status: DeliveryStatus
    reason: str
    attempts: int
    deferrals: int
    next_attempt_at: datetime | None
    relay: str
    reply: str
    changed_at: datetime

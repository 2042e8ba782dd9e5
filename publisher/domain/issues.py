"""Issues: one edition of a newsletter for one period."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from publisher.domain.newsletters import Newsletter, Period, latest


class IssueStatus(StrEnum):
    """Where one issue stands."""

    PLANNED = "planned"  # content frozen, deliveries not all written
    SENDING = "sending"  # deliveries exist; some may still be unsettled
    PAUSED = "paused"  # the rest waits for the operator; the reason says why
    SENT = "sent"  # every delivery is settled
    CANCELLED = "cancelled"  # what was not sent never will be
    SKIPPED = "skipped"  # nothing to send in this period; the reason says why


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One row of the table of issues. `slot` is the instant for which it was planned."""

    id: int
    newsletter: str
    period: str
    slot: datetime
    status: IssueStatus
    reason: str
    subject: str
    content_hash: str
    created_at: datetime
    sent_at: datetime | None


def due(
    newsletter: Newsletter, *, start: datetime, now: datetime, done: Collection[str]
) -> Period | None:
    """The period that wants an issue now, or None.

    At most one, the newest whose slot has passed: downtime leads to one catch-up issue, never to
    a row of them. `done` holds the keys of periods that have an issue; a slot before `start`
    never comes due.
    """
    period = latest(newsletter.schedule, now)
    return None if period.key in done or period.slot < start else period

"""Memos: mails to the operator about issues that wait, stand still, or are not sent.

Each matter of an issue is told once. What the operator did is not news to them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from publisher.domain.issues import Cause, Issue, IssueStatus

FRESH = timedelta(days=14)
"""Issues older than this are no news any more, on the day an address is first set, for example."""


class Matter(StrEnum):
    """What there is to tell."""

    APPROVAL = "approval"  # waits for a word, as its newsletter asks; the mail shows it
    LATE = "late"  # held, because its slot is long past; the mail shows it
    PAUSED = "paused"  # the sending has stopped, and the reason says why
    SKIPPED = "skipped"  # nothing is sent for the period, and the reason says why


SHOWN = (Matter.APPROVAL, Matter.LATE)
"""Matters whose memo holds the issue as a reader would get it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memo:
    """One row: what is to be told of which issue. `deferrals` counts the attempts in vain."""

    issue: int
    matter: Matter
    deferrals: int
    created_at: datetime


def matter_of(issue: Issue) -> Matter | None:
    """What the operator should hear of an issue; a held one once there is something to show."""
    if issue.cause is Cause.OPERATOR:
        return None
    match issue.status:
        case IssueStatus.HELD if issue.is_frozen:
            return Matter.APPROVAL if issue.cause is Cause.APPROVAL else Matter.LATE
        case IssueStatus.PAUSED:
            return Matter.PAUSED
        case IssueStatus.SKIPPED if issue.series and issue.cause is Cause.NO_POSTS:
            return None  # a day without posts is nothing new to readers of the daily
        case IssueStatus.SKIPPED:
            return Matter.SKIPPED
        case _:
            return None

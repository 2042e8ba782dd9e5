"""What an operator may decide about an issue, and where that leads.

held ◀──▶ planned ──▶ sending ◀──▶ paused
  └────▶ skipped         └──▶ cancelled
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from publisher.domain.issues import Issue, IssueStatus


class Verb(StrEnum):
    """One decision, by the name of its command."""

    APPROVE = "approve"  # lets a held issue go out as it is
    HOLD = "hold"  # makes a planned issue wait for a word
    SKIP = "skip"  # sends nothing for the period; its posts may be in a later issue
    PAUSE = "pause"  # stops the sending; what is under way ends well
    RESUME = "resume"  # lets a paused issue go on where it stopped
    CANCEL = "cancel"  # ends the sending for good: what was not sent is skipped


@dataclass(frozen=True, slots=True)
class Move:
    """From which statuses a decision leads to which."""

    before: Collection[IssueStatus]
    after: IssueStatus


MOVES: Mapping[Verb, Move] = {
    Verb.APPROVE: Move((IssueStatus.HELD,), IssueStatus.PLANNED),
    Verb.HOLD: Move((IssueStatus.PLANNED,), IssueStatus.HELD),
    Verb.SKIP: Move((IssueStatus.HELD, IssueStatus.PLANNED), IssueStatus.SKIPPED),
    Verb.PAUSE: Move((IssueStatus.SENDING,), IssueStatus.PAUSED),
    Verb.RESUME: Move((IssueStatus.PAUSED,), IssueStatus.SENDING),
    Verb.CANCEL: Move((IssueStatus.SENDING, IssueStatus.PAUSED), IssueStatus.CANCELLED),
}


def possible(issue: Issue) -> list[Verb]:
    """What may be decided about an issue as it stands."""
    return [verb for verb, move in MOVES.items() if issue.status in move.before]

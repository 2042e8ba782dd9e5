"""Issues: one edition of a newsletter for one period.

    planned ──▶ sending ──▶ sent
       ▲ │
       │ └─▶ skipped (no posts, superseded, by the operator)
     held ──▶ skipped (superseded, by the operator)

`decide` says which rows a newsletter is owed, as values with reasons; whoever writes them relies
on one issue a period being a constraint of the database. Running it twice, at once, or with a
clock that jumps leads to the same rows.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice

from publisher.domain.newsletters import Cadence, Newsletter, Period, Waiting, filled, passed

MOST_ROWS = 60
"""So many periods at most are looked back for ones that were missed."""


class IssueStatus(StrEnum):
    """Where one issue stands."""

    PLANNED = "planned"  # the period is taken; content frozen next, deliveries not all written
    HELD = "held"  # waits for the operator's word; the cause says why
    SENDING = "sending"  # deliveries exist; some may still be unsettled
    PAUSED = "paused"  # the rest waits for the operator; the reason says why
    SENT = "sent"  # every delivery is settled
    CANCELLED = "cancelled"  # what was not sent never will be
    SKIPPED = "skipped"  # nothing is sent for this period; the cause says why


class Cause(StrEnum):
    """Why an issue is held or skipped, in one word."""

    NONE = ""
    DOWN = "down"  # nobody was at work at its slot, and a newer period is due
    MIN_GAP = "min_gap"  # the cadence was changed and the last issue is too near
    LATE = "late"  # found due long after its slot
    APPROVAL = "approval"  # the newsletter asks for approval
    NO_POSTS = "no_posts"  # nothing, or not enough, to send
    SUPERSEDED = "superseded"  # still held, or not written yet, when the next period came
    OPERATOR = "operator"  # somebody said so


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One row of the table of issues. `slot` is the instant for which it was planned.

    `content_hash` is empty until the content is frozen. `series` is the frequency that
    subscribers chose, empty for the newsletter's own schedule.
    """

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
    cause: Cause = Cause.NONE
    series: str = ""

    @property
    def is_frozen(self) -> bool:
        """Whether its posts, subject and bytes are settled."""
        return bool(self.content_hash)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is known of a newsletter besides its settings.

    `seen_at`: when it was first seen. `rule_from`: since when its present schedule holds; no slot
    before is ever due. `taken`: the periods that have a row. `last`: the newest row that was not
    skipped. `waiting`: posts that no issue has carried, for a newsletter that counts them.
    """

    seen_at: datetime
    rule_from: datetime
    taken: Collection[str] = frozenset()
    last: Issue | None = None
    waiting: Sequence[Waiting] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One row to write, and why."""

    period: Period
    status: IssueStatus
    cause: Cause = Cause.NONE
    reason: str = ""


def decide(
    newsletter: Newsletter, record: Record, *, max_late: timedelta, now: datetime
) -> list[Verdict]:
    """The rows that the newsletter is owed as of `now`, newest first; at most one is to be sent.

    A newsletter that has never been seen begins with its `start`: what was due between that and
    its first sight was missed by nobody, and its first issue is not late.
    """
    if newsletter.schedule.cadence is Cadence.POSTS:
        period = filled(newsletter.schedule, record.waiting, taken=record.taken, now=now)
        return [_judge(newsletter, period, record, max_late=max_late, now=now)] if period else []
    recent = [
        period
        for period in islice(passed(newsletter.schedule, now), MOST_ROWS + 1)
        if period.slot >= record.rule_from
    ]
    return [
        _judge(newsletter, period, record, max_late=max_late, now=now)
        if period is recent[0]
        else _missed(period, recent[0])
        for period in recent
        if period.key not in record.taken and (period is recent[0] or period.slot >= record.seen_at)
    ]


def _judge(
    newsletter: Newsletter,
    period: Period,
    record: Record,
    *,
    max_late: timedelta,
    now: datetime,
) -> Verdict:
    """What becomes of the newest period."""
    late = now - max(period.slot, record.seen_at)
    if near := _too_near(period, record.last, newsletter.schedule.cadence):
        return Verdict(period=period, status=IssueStatus.SKIPPED, cause=Cause.MIN_GAP, reason=near)
    if late > max_late:
        return Verdict(
            period=period,
            status=IssueStatus.HELD,
            cause=Cause.LATE,
            reason=f"found {_words(late)} after its slot, more than {_words(max_late)}",
        )
    if newsletter.approval:
        return Verdict(
            period=period,
            status=IssueStatus.HELD,
            cause=Cause.APPROVAL,
            reason="waits for approval",
        )
    return Verdict(period=period, status=IssueStatus.PLANNED)


def _missed(period: Period, newer: Period) -> Verdict:
    return Verdict(
        period=period,
        status=IssueStatus.SKIPPED,
        cause=Cause.DOWN,
        reason=f"nobody was at work at its slot; its posts are in {newer.key}",
    )


_HALF = {
    Cadence.POSTS: timedelta(0),
    Cadence.DAILY: timedelta(hours=12),
    Cadence.WEEKLY: timedelta(days=3, hours=12),
    Cadence.BIWEEKLY: timedelta(days=7),
    Cadence.MONTHLY: timedelta(days=15),
}
"""Half a period: after a change of cadence no issue is nearer to the last one."""


def _too_near(period: Period, last: Issue | None, cadence: Cadence) -> str:
    """Why a period is too near to the last issue of *another* cadence; empty if it is not."""
    if last is None or last.period[:2] == period.key[:2]:
        return ""
    gap = abs(period.slot - last.slot)
    if gap >= _HALF[cadence]:
        return ""
    return f"the cadence was changed, and {last.period} was only {_words(gap)} away"


def _words(span: timedelta) -> str:
    """A span for people: `40 hours`, `5 days`."""
    hours = span / timedelta(hours=1)
    if hours < 1:
        return f"{span / timedelta(minutes=1):.0f} minutes"
    return f"{hours:.0f} hours" if hours < 72 else f"{hours / 24:.0f} days"


def archive_path(newsletter: str) -> str:
    """Where the list of a newsletter's issues stands, below the site."""
    return f"archive/{newsletter}/"


def issue_path(newsletter: str, period: str) -> str:
    """Where the web version of an issue stands, below the site: `archive/weekly/w-2026-w47/`."""
    return f"{archive_path(newsletter)}{period.replace(':', '-').lower()}/"

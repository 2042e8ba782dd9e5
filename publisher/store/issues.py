"""Issues, the posts in them, and their renderings."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update

from publisher.domain.deliveries import UNSETTLED
from publisher.domain.issues import Issue, IssueStatus
from publisher.domain.newsletters import Period
from publisher.store.engine import Tx, insert_ignoring
from publisher.store.tables import deliveries, delivery_batches, issue_posts, issues, variants


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVariant:
    """One rendering of an issue, frozen. `body` is what `render.messages.dump_body` made."""

    key: str
    subject: str
    html: str
    text: str
    nonce: str
    body: bytes


def periods(tx: Tx, newsletter: str) -> frozenset[str]:
    """The keys of the periods that have an issue, whatever became of it."""
    return frozenset(tx.scalars(select(issues.c.period).where(issues.c.newsletter == newsletter)))


def mailed(tx: Tx, newsletter: str) -> frozenset[str]:
    """The ids of the posts that an issue of the newsletter carries."""
    rows = select(issue_posts.c.post).where(issue_posts.c.newsletter == newsletter)
    return frozenset(tx.scalars(rows))


def add(
    tx: Tx,
    *,
    newsletter: str,
    period: Period,
    status: IssueStatus,
    reason: str,
    content_hash: str,
    posts: Sequence[str],
    variant: StoredVariant | None,
    now: datetime,
) -> int | None:
    """Adds an issue with its posts and its rendering; None if the period has one already."""
    statement = insert_ignoring(tx, issues).values(
        newsletter=newsletter,
        period=period.key,
        slot=period.slot,
        status=status.value,
        reason=reason,
        subject=variant.subject if variant else "",
        content_hash=content_hash,
        created_at=now,
    )
    issue: int | None = tx.scalar(statement.returning(issues.c.id))
    if issue is None:
        return None
    for position, post in enumerate(posts):
        tx.execute(
            insert(issue_posts).values(
                newsletter=newsletter, post=post, issue=issue, position=position
            )
        )
    if variant:
        tx.execute(insert(variants).values(issue=issue, **asdict(variant)))
    return issue


def get(tx: Tx, issue: int) -> Issue | None:
    """One issue."""
    row = tx.execute(select(issues).where(issues.c.id == issue)).one_or_none()
    return _issue(row) if row else None


def listing(tx: Tx, newsletter: str | None = None) -> list[Issue]:
    """All issues or those of one newsletter, newest first."""
    statement = select(issues).order_by(issues.c.slot.desc(), issues.c.id.desc())
    if newsletter is not None:
        statement = statement.where(issues.c.newsletter == newsletter)
    return [_issue(row) for row in tx.execute(statement)]


def unfinished(tx: Tx) -> list[Issue]:
    """The issues that still have something to send, oldest first."""
    waiting = (IssueStatus.PLANNED.value, IssueStatus.SENDING.value)
    statement = select(issues).where(issues.c.status.in_(waiting)).order_by(issues.c.id)
    return [_issue(row) for row in tx.execute(statement)]


def posts_of(tx: Tx, issue: int) -> list[str]:
    """The ids of an issue's posts, in their order."""
    statement = select(issue_posts.c.post).where(issue_posts.c.issue == issue)
    return list(tx.scalars(statement.order_by(issue_posts.c.position)))


def variant(tx: Tx, issue: int) -> StoredVariant | None:
    """The rendering of an issue; None for one that was skipped."""
    row = tx.execute(select(variants).where(variants.c.issue == issue)).first()
    if row is None:
        return None
    return StoredVariant(
        key=row.key,
        subject=row.subject,
        html=row.html,
        text=row.text,
        nonce=row.nonce,
        body=row.body,
    )


def mark_sending(tx: Tx, issue: int) -> None:
    """Its deliveries are all written."""
    tx.execute(update(issues).where(issues.c.id == issue).values(status=IssueStatus.SENDING.value))


def pause(tx: Tx, issue: int, reason: str) -> bool:
    """Stops the sending of an issue; False if it is not being sent."""
    return _move(tx, issue, (IssueStatus.SENDING,), IssueStatus.PAUSED, reason)


def resume(tx: Tx, issue: int) -> bool:
    """Lets a paused issue go on; False if it is not paused."""
    return _move(tx, issue, (IssueStatus.PAUSED,), IssueStatus.SENDING, "")


def reopen(tx: Tx, issue: int) -> bool:
    """Lets an issue that was sent go on: some of its deliveries are pending again."""
    return _move(tx, issue, (IssueStatus.SENT, IssueStatus.SENDING), IssueStatus.SENDING, "")


def cancel(tx: Tx, issue: int, reason: str) -> bool:
    """Ends an issue for good; False if it has come to an end already."""
    going = (IssueStatus.PLANNED, IssueStatus.SENDING, IssueStatus.PAUSED)
    return _move(tx, issue, going, IssueStatus.CANCELLED, reason)


def _move(
    tx: Tx, issue: int, before: Sequence[IssueStatus], after: IssueStatus, reason: str
) -> bool:
    done = tx.execute(
        update(issues)
        .where(issues.c.id == issue, issues.c.status.in_([status.value for status in before]))
        .values(status=after.value, reason=reason)
    )
    return done.rowcount == 1


def finish(tx: Tx, issue: int, *, now: datetime) -> bool:
    """Makes the issue `sent` if, and only if, none of its deliveries is unsettled.

    Open batches are asked first: there are few of them, and while there is one nobody needs to
    look at a million rows.
    """
    open_batches = select(delivery_batches.c.id).where(
        delivery_batches.c.issue == issue, delivery_batches.c.is_open
    )
    if tx.scalar(open_batches.limit(1)) is not None:
        return False
    open_rows = select(deliveries.c.id).where(
        deliveries.c.issue == issue,
        deliveries.c.status.in_([status.value for status in UNSETTLED]),
    )
    done = tx.execute(
        update(issues)
        .where(
            issues.c.id == issue,
            issues.c.status == IssueStatus.SENDING.value,
            ~open_rows.exists(),
        )
        .values(status=IssueStatus.SENT.value, sent_at=now)
    )
    return done.rowcount == 1


def _issue(row: Row[Any]) -> Issue:
    return Issue(
        id=row.id,
        newsletter=row.newsletter,
        period=row.period,
        slot=row.slot,
        status=IssueStatus(row.status),
        reason=row.reason,
        subject=row.subject,
        content_hash=row.content_hash,
        created_at=row.created_at,
        sent_at=row.sent_at,
    )

"""Issues, the posts in them, and their renderings."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, delete, insert, select, update

from publisher.domain.deliveries import UNSETTLED
from publisher.domain.issues import Cause, Issue, IssueStatus, Verdict
from publisher.store.engine import Tx, insert_ignoring
from publisher.store.tables import deliveries, delivery_batches, issue_posts, issues, variants

DEFAULT = "default"
"""The variant that holds the whole issue, in its newsletter's language."""

OPEN = (IssueStatus.PLANNED.value, IssueStatus.HELD.value)
"""Not everybody has a row yet; nothing is sent to those who have one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVariant:
    """One rendering of an issue, frozen. `body` is what `render.messages.dump_body` made.

    `posts` are the ids of those in it, in their order.
    """

    key: str
    subject: str
    html: str
    text: str
    nonce: str
    body: bytes
    language: str = ""
    posts: tuple[str, ...] = ()


def periods(tx: Tx, newsletter: str) -> frozenset[str]:
    """The keys of the periods that have an issue, whatever became of it."""
    return frozenset(tx.scalars(select(issues.c.period).where(issues.c.newsletter == newsletter)))


def last(tx: Tx, newsletter: str, series: str = "") -> Issue | None:
    """The newest issue of a series that was not skipped."""
    statement = (
        select(issues)
        .where(_of(newsletter, series), issues.c.status != IssueStatus.SKIPPED.value)
        .order_by(issues.c.slot.desc())
        .limit(1)
    )
    row = tx.execute(statement).one_or_none()
    return _issue(row) if row else None


def mailed(tx: Tx, newsletter: str, series: str = "") -> frozenset[str]:
    """The ids of the posts that an issue of the series carries."""
    rows = select(issue_posts.c.post).where(
        issue_posts.c.newsletter == newsletter, issue_posts.c.series == series
    )
    return frozenset(tx.scalars(rows))


def add(
    tx: Tx, *, newsletter: str, verdict: Verdict, now: datetime, series: str = ""
) -> int | None:
    """Takes a period; None if it has an issue already. Its content follows with `freeze`."""
    statement = insert_ignoring(tx, issues).values(
        newsletter=newsletter,
        series=series,
        period=verdict.period.key,
        slot=verdict.period.slot,
        status=verdict.status.value,
        cause=verdict.cause.value,
        reason=verdict.reason,
        subject="",
        content_hash="",
        created_at=now,
    )
    issue: int | None = tx.scalar(statement.returning(issues.c.id))
    return issue


def freeze(
    tx: Tx, issue: Issue, *, content_hash: str, posts: Sequence[str], variant: StoredVariant
) -> bool:
    """Settles posts, subject and bytes of an issue; False if somebody was first."""
    done = tx.execute(
        update(issues)
        .where(issues.c.id == issue.id, issues.c.status.in_(OPEN), issues.c.content_hash == "")
        .values(subject=variant.subject, content_hash=content_hash)
    )
    if done.rowcount == 0:
        return False
    for position, post in enumerate(posts):
        tx.execute(
            insert(issue_posts).values(
                newsletter=issue.newsletter,
                series=issue.series,
                post=post,
                issue=issue.id,
                position=position,
            )
        )
    add_variant(tx, issue.id, variant)
    return True


def add_variant(tx: Tx, issue: int, variant: StoredVariant) -> None:
    """Keeps a rendering; one that is there already stays as it is."""
    values = asdict(variant) | {"posts": json.dumps(variant.posts)}
    tx.execute(insert_ignoring(tx, variants).values(issue=issue, **values))


def move(
    tx: Tx,
    issue: int,
    *,
    before: Collection[IssueStatus],
    after: IssueStatus,
    cause: Cause = Cause.NONE,
    reason: str = "",
) -> bool:
    """Gives an issue another status if it has one of `before`; False if it has not."""
    done = tx.execute(
        update(issues)
        .where(issues.c.id == issue, issues.c.status.in_([status.value for status in before]))
        .values(status=after.value, cause=cause.value, reason=reason)
    )
    return done.rowcount == 1


def release_posts(tx: Tx, issue: int) -> None:
    """Its posts may be in a later issue."""
    tx.execute(delete(issue_posts).where(issue_posts.c.issue == issue))


def stuck_before(tx: Tx, newsletter: str, issue: int, *, series: str = "") -> list[Issue]:
    """The earlier issues of a series that are held, or whose content is still to be settled."""
    slot = select(issues.c.slot).where(issues.c.id == issue).scalar_subquery()
    statement = select(issues).where(
        _of(newsletter, series),
        issues.c.status.in_(OPEN),
        (issues.c.status == IssueStatus.HELD.value) | (issues.c.content_hash == ""),
        issues.c.id < issue,
        issues.c.slot <= slot,
    )
    return [_issue(row) for row in tx.execute(statement)]


def unfrozen(tx: Tx, newsletter: str, series: str = "") -> list[Issue]:
    """The issues whose period is taken and whose content is still to be settled, oldest first."""
    statement = (
        select(issues)
        .where(
            _of(newsletter, series),
            issues.c.status.in_(OPEN),
            issues.c.content_hash == "",
        )
        .order_by(issues.c.id)
    )
    return [_issue(row) for row in tx.execute(statement)]


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


def created_since(tx: Tx, at: datetime) -> list[Issue]:
    """The issues whose period was taken at an instant or later, oldest first."""
    statement = select(issues).where(issues.c.created_at >= at).order_by(issues.c.id)
    return [_issue(row) for row in tx.execute(statement)]


def unfinished(tx: Tx) -> list[Issue]:
    """The issues that still have something to send and are frozen, oldest first."""
    waiting = (IssueStatus.PLANNED.value, IssueStatus.SENDING.value)
    statement = (
        select(issues)
        .where(issues.c.status.in_(waiting), issues.c.content_hash != "")
        .order_by(issues.c.id)
    )
    return [_issue(row) for row in tx.execute(statement)]


def posts_of(tx: Tx, issue: int) -> list[str]:
    """The ids of an issue's posts, in their order."""
    statement = (
        select(issue_posts.c.post)
        .join(issues, issues.c.id == issue_posts.c.issue)
        .where(issue_posts.c.issue == issue, issue_posts.c.series == issues.c.series)
    )
    return list(tx.scalars(statement.order_by(issue_posts.c.position)))


def variant(tx: Tx, issue: int, key: str = DEFAULT) -> StoredVariant | None:
    """A rendering of an issue, by default the whole of it; None for one that was skipped."""
    row = tx.execute(
        select(variants).where(variants.c.issue == issue, variants.c.key == key)
    ).first()
    return _variant(row) if row else None


def variant_keys(tx: Tx, issue: int) -> frozenset[str]:
    """The keys of the renderings that there are."""
    return frozenset(tx.scalars(select(variants.c.key).where(variants.c.issue == issue)))


def variants_of(tx: Tx, issue: int) -> list[StoredVariant]:
    """The renderings of an issue, by key."""
    rows = tx.execute(select(variants).where(variants.c.issue == issue).order_by(variants.c.key))
    return [_variant(row) for row in rows]


def is_planned(tx: Tx, issue: int) -> bool:
    """Whether an issue is still to be written; the answer holds until the transaction ends."""
    row = select(issues.c.status).where(issues.c.id == issue).with_for_update()
    return tx.scalar(row) == IssueStatus.PLANNED.value


def cancelled(tx: Tx, wanted: Collection[int]) -> set[int]:
    """Those of some issues that are cancelled; none of them is until the transaction ends."""
    rows = select(issues.c.id, issues.c.status).where(issues.c.id.in_(wanted))
    found = tx.execute(rows.with_for_update(read=True))
    return {row.id for row in found if row.status == IssueStatus.CANCELLED.value}


def mark_sending(tx: Tx, issue: int) -> bool:
    """Its deliveries are all written; False if it is not planned any more."""
    return move(tx, issue, before=[IssueStatus.PLANNED], after=IssueStatus.SENDING)


def finish(tx: Tx, issue: int, *, now: datetime) -> bool:
    """Makes the issue `sent` if, and only if, none of its deliveries is unsettled.

    Open batches are asked first: there are few of them, and while there is one nobody needs to
    look at a million rows.
    """
    if tx.scalar(open_batches(issue).limit(1)) is not None:
        return False
    done = tx.execute(
        update(issues)
        .where(
            issues.c.id == issue,
            issues.c.status == IssueStatus.SENDING.value,
            ~unsettled(issue).exists(),
        )
        .values(status=IssueStatus.SENT.value, sent_at=now)
    )
    return done.rowcount == 1


def open_batches(issue: int) -> Select[tuple[int]]:
    """The batches of an issue in which something is still to be done."""
    return select(delivery_batches.c.id).where(
        delivery_batches.c.issue == issue, delivery_batches.c.is_open
    )


def unsettled(issue: int) -> Select[tuple[int]]:
    """The deliveries of an issue that are still to be sent, or being sent."""
    return select(deliveries.c.id).where(
        deliveries.c.issue == issue,
        deliveries.c.status.in_([status.value for status in UNSETTLED]),
    )


def settled(newsletter: str, series: str) -> ColumnElement[bool]:
    """Whether a row of `issue_posts` is of this series, and nobody is still to be given a row for
    its issue."""
    still_open = select(issues.c.id).where(issues.c.status.in_(OPEN))
    return (
        (issue_posts.c.newsletter == newsletter)
        & (issue_posts.c.series == series)
        & issue_posts.c.issue.not_in(still_open)
    )


def carried(tx: Tx, newsletter: str, series: str) -> frozenset[str]:
    """The ids of the posts in issues of a series for which everybody has a row."""
    return frozenset(tx.scalars(select(issue_posts.c.post).where(settled(newsletter, series))))


def _of(newsletter: str, series: str) -> ColumnElement[bool]:
    return (issues.c.newsletter == newsletter) & (issues.c.series == series)


def _variant(row: Row[Any]) -> StoredVariant:
    return StoredVariant(
        key=row.key,
        subject=row.subject,
        html=row.html,
        text=row.text,
        nonce=row.nonce,
        body=row.body,
        language=row.language,
        posts=tuple(json.loads(row.posts or "[]")),
    )


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
        cause=Cause(row.cause),
        series=row.series,
    )

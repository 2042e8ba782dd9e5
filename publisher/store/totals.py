"""Counts over whole tables, for metrics and the operator page."""

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import Table, Text, case, cast, func, select

from publisher.domain.deliveries import DeliveryStatus
from publisher.domain.issues import IssueStatus
from publisher.store.engine import Tx
from publisher.store.tables import consents, deliveries, issues, subscriptions


def subscribers(tx: Tx) -> Mapping[tuple[str, str], int]:
    """(newsletter, status) -> subscriptions."""
    return _by_status(tx, subscriptions)


def consents_given(tx: Tx) -> Mapping[tuple[str, str], int]:
    """(newsletter, what was said) -> how often, ever."""
    rows = tx.execute(
        select(subscriptions.c.newsletter, consents.c.event, func.count())
        .join_from(consents, subscriptions)
        .group_by(subscriptions.c.newsletter, consents.c.event)
    )
    return {(newsletter, status): count for newsletter, status, count in rows}


def changes(tx: Tx, since: datetime) -> list[tuple[datetime, str]]:
    """When somebody's subscription got which status since then, oldest first."""
    rows = tx.execute(
        select(consents.c.at, consents.c.event)
        .where(consents.c.at >= since)
        .order_by(consents.c.at)
    )
    return [(row.at, row.event) for row in rows]


def issue_counts(tx: Tx) -> Mapping[tuple[str, str], int]:
    """(newsletter, status) -> issues."""
    return _by_status(tx, issues)


def delivery_counts(tx: Tx) -> Mapping[tuple[str, str], int]:
    """(newsletter, status) -> deliveries, ever."""
    rows = tx.execute(
        select(issues.c.newsletter, deliveries.c.status, func.count())
        .join_from(deliveries, issues)
        .group_by(issues.c.newsletter, deliveries.c.status)
    )
    return {(newsletter, status): count for newsletter, status, count in rows}


def last_sent(tx: Tx) -> Mapping[str, datetime]:
    """Newsletter -> when its last issue was finished."""
    rows = tx.execute(
        select(issues.c.newsletter, func.max(issues.c.sent_at).label("at"))
        .where(issues.c.status == IssueStatus.SENT.value)
        .group_by(issues.c.newsletter)
    )
    return {row.newsletter: row.at for row in rows}


def oldest_waiting(tx: Tx) -> datetime | None:
    """Since when the issue that waits longest has waited; None if no delivery is to be sent."""
    going = [IssueStatus.PLANNED.value, IssueStatus.SENDING.value, IssueStatus.PAUSED.value]
    found: datetime | None = tx.scalar(
        select(func.min(issues.c.created_at))
        .join_from(issues, deliveries)
        .where(issues.c.status.in_(going), deliveries.c.status == DeliveryStatus.PENDING.value)
    )
    return found


def per_issue(tx: Tx, count: int) -> list[tuple[str, str, datetime, dict[str, int]]]:
    """The newest issues that were sent to somebody, oldest first: newsletter, period, slot, and
    how many deliveries stand where."""
    newest = (
        select(issues.c.id)
        .where(issues.c.status.not_in([IssueStatus.SKIPPED.value, IssueStatus.HELD.value]))
        .order_by(issues.c.slot.desc())
        .limit(count)
    )
    rows = tx.execute(
        select(
            issues.c.id,
            issues.c.newsletter,
            issues.c.period,
            issues.c.slot,
            deliveries.c.status,
            func.count().label("number"),
        )
        .join_from(issues, deliveries)
        .where(issues.c.id.in_(newest))
        .group_by(issues.c.id, deliveries.c.status)
        .order_by(issues.c.slot, issues.c.id)
    )
    found: dict[int, tuple[str, str, datetime, dict[str, int]]] = {}
    for row in rows:
        entry = found.setdefault(row.id, (row.newsletter, row.period, row.slot, {}))
        entry[3][row.status] = row.number
    return list(found.values())


def troubled(tx: Tx, count: int) -> Mapping[int, dict[str, int]]:
    """Issue -> failed and unknown deliveries, for the newest issues that have any."""
    statuses = [DeliveryStatus.FAILED.value, DeliveryStatus.UNKNOWN.value]
    closed = [IssueStatus.CANCELLED.value, IssueStatus.SKIPPED.value]
    rows = tx.execute(
        select(deliveries.c.issue, deliveries.c.status, func.count().label("number"))
        .join_from(deliveries, issues)
        .where(deliveries.c.status.in_(statuses), issues.c.status.not_in(closed))
        .group_by(deliveries.c.issue, deliveries.c.status)
        .order_by(deliveries.c.issue.desc())
    )
    found: dict[int, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row.issue, {})[row.status] = row.number
    return dict(list(found.items())[:count])


def sent_by_minute(tx: Tx, issue: int, most: int) -> list[tuple[datetime, int]]:
    """The first minutes in which an issue was sent to somebody, and to how many in each."""
    minute = func.substr(cast(deliveries.c.changed_at, Text()), 1, 16)  # kept in UTC
    rows = tx.execute(
        select(minute.label("minute"), func.count().label("number"))
        .where(deliveries.c.issue == issue, deliveries.c.status == DeliveryStatus.SENT.value)
        .group_by(minute)
        .order_by(minute)
        .limit(most)
    )
    return [(datetime.fromisoformat(row.minute).replace(tzinfo=UTC), row.number) for row in rows]


def waiting(tx: Tx) -> Mapping[str, int]:
    """Deliveries that are not settled, by status."""
    open_statuses = [DeliveryStatus.PENDING.value, DeliveryStatus.SENDING.value]
    due = case((deliveries.c.deferrals > 0, "deferred"), else_=deliveries.c.status)
    rows = tx.execute(
        select(due.label("state"), func.count().label("number"))
        .where(deliveries.c.status.in_(open_statuses))
        .group_by(due)
    )
    return {row.state: row.number for row in rows}


def _by_status(tx: Tx, table: Table) -> Mapping[tuple[str, str], int]:
    """(newsletter, status) -> rows."""
    columns = (table.c.newsletter, table.c.status)
    rows = tx.execute(select(*columns, func.count()).group_by(*columns))
    return {(newsletter, status): count for newsletter, status, count in rows}

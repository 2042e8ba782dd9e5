"""Rows in bounded pages, by number, for programs that read all of them bit by bit."""

from typing import Any

from sqlalchemy import RowMapping, select

from publisher.domain.addresses import Address
from publisher.domain.choices import split_names
from publisher.domain.deliveries import DeliveryStatus
from publisher.domain.subscribers import SubscriptionStatus
from publisher.store.engine import Tx
from publisher.store.tables import deliveries, issues, subscribers, subscriptions

Page = list[dict[str, Any]]


def subscription_page(
    tx: Tx,
    *,
    address: Address | None,
    newsletter: str | None,
    status: SubscriptionStatus | None,
    after: int,
    limit: int,
) -> Page:
    """Subscriptions with a number above `after`, lowest first."""
    wanted = (
        select(
            subscriptions.c.id,
            subscribers.c.address.label("email"),
            subscribers.c.name,
            subscriptions.c.newsletter,
            subscriptions.c.status,
            subscriptions.c.language,
            subscriptions.c.frequency,
            subscriptions.c.topics,
            subscriptions.c.languages,
            subscriptions.c.paused_until,
            subscriptions.c.changed_at,
        )
        .join_from(subscriptions, subscribers)
        .where(subscriptions.c.id > after)
        .order_by(subscriptions.c.id)
        .limit(limit)
    )
    if address is not None:
        wanted = wanted.where(subscribers.c.address_key == address.key)
    if newsletter is not None:
        wanted = wanted.where(subscriptions.c.newsletter == newsletter)
    if status is not None:
        wanted = wanted.where(subscriptions.c.status == status.value)
    return [
        _plain(row) | {name: sorted(split_names(row[name])) for name in ("topics", "languages")}
        for row in tx.execute(wanted).mappings()
    ]


def issue_page(tx: Tx, *, newsletter: str | None, after: int, limit: int) -> Page:
    """Issues with a number above `after`, lowest first."""
    wanted = (
        select(
            issues.c.id,
            issues.c.newsletter,
            issues.c.series,
            issues.c.period,
            issues.c.slot,
            issues.c.status,
            issues.c.reason,
            issues.c.subject,
            issues.c.created_at,
            issues.c.sent_at,
        )
        .where(issues.c.id > after)
        .order_by(issues.c.id)
        .limit(limit)
    )
    if newsletter is not None:
        wanted = wanted.where(issues.c.newsletter == newsletter)
    return [_plain(row) for row in tx.execute(wanted).mappings()]


def delivery_page(
    tx: Tx, issue: int, *, status: DeliveryStatus | None, after: int, limit: int
) -> Page:
    """Deliveries of an issue with a number above `after`, lowest first."""
    wanted = (
        select(
            deliveries.c.id,
            deliveries.c.subscription,
            deliveries.c.address.label("email"),
            deliveries.c.status,
            deliveries.c.reason,
            deliveries.c.attempts,
            deliveries.c.next_attempt_at,
            deliveries.c.reply,
            deliveries.c.changed_at,
        )
        .where(deliveries.c.issue == issue, deliveries.c.id > after)
        .order_by(deliveries.c.id)
        .limit(limit)
    )
    if status is not None:
        wanted = wanted.where(deliveries.c.status == status.value)
    return [_plain(row) for row in tx.execute(wanted).mappings()]


def _plain(row: RowMapping) -> dict[str, Any]:
    """A row as JSON can hold it."""
    return {
        name: value.isoformat() if hasattr(value, "isoformat") else value
        for name, value in row.items()
    }

"""Subscribers, their subscriptions, and the evidence of what they asked for."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, delete, func, insert, select, update

from publisher.domain.addresses import Address
from publisher.domain.deliveries import DeliveryStatus
from publisher.domain.subscribers import Joined, Subscription, SubscriptionStatus
from publisher.store import suppressions
from publisher.store.engine import Tx, insert_ignoring
from publisher.store.tables import consents, deliveries, subscribers, subscriptions


def add(
    tx: Tx,
    *,
    address: Address,
    name: str,
    newsletter: str,
    status: SubscriptionStatus,
    source: str,
    now: datetime,
) -> Joined:
    """Adds a subscription. One that exists stays as it is; a suppressed address is refused."""
    if suppressions.holds(tx, address):
        return Joined.REFUSED
    added: int | None = tx.scalar(
        insert_ignoring(tx, subscriptions)
        .values(
            subscriber=_subscriber(tx, address, name, now),
            newsletter=newsletter,
            status=status.value,
            changed_at=now,
        )
        .returning(subscriptions.c.id)
    )
    if added is None:
        return Joined.KNOWN
    _testify(tx, added, status, source=source, now=now)
    return Joined.ADDED


def get(tx: Tx, subscription: int) -> Subscription | None:
    """One subscription."""
    row = tx.execute(_joined().where(subscriptions.c.id == subscription)).one_or_none()
    return _subscription(row) if row else None


def listing(
    tx: Tx, *, newsletter: str | None = None, status: SubscriptionStatus | None = None
) -> list[Subscription]:
    """Subscriptions by address."""
    statement = _joined().order_by(subscribers.c.address_key, subscriptions.c.id)
    if newsletter is not None:
        statement = statement.where(subscriptions.c.newsletter == newsletter)
    if status is not None:
        statement = statement.where(subscriptions.c.status == status.value)
    return [_subscription(row) for row in tx.execute(statement)]


def change(
    tx: Tx, subscription: int, status: SubscriptionStatus, *, source: str, now: datetime
) -> bool:
    """Moves a subscription; False if it stands there already.

    Whoever leaves is also taken out of every issue that is not sent to them yet.
    """
    done = tx.execute(
        update(subscriptions)
        .where(subscriptions.c.id == subscription, subscriptions.c.status != status.value)
        .values(status=status.value, changed_at=now)
    )
    if done.rowcount == 0:
        return False
    _testify(tx, subscription, status, source=source, now=now)
    if status is SubscriptionStatus.UNSUBSCRIBED:
        _withdraw(tx, [subscription], now=now)
    return True


def counts(tx: Tx) -> dict[tuple[str, SubscriptionStatus], int]:
    """How many subscriptions each newsletter has in each status."""
    rows = tx.execute(
        select(subscriptions.c.newsletter, subscriptions.c.status, func.count()).group_by(
            subscriptions.c.newsletter, subscriptions.c.status
        )
    )
    return {(newsletter, SubscriptionStatus(status)): count for newsletter, status, count in rows}


def remove(tx: Tx, address: Address, *, now: datetime) -> bool:
    """Removes a subscriber with every subscription; False if there is none."""
    person = select(subscribers.c.id).where(subscribers.c.address_key == address.key)
    leaving = tx.scalars(
        select(subscriptions.c.id).where(subscriptions.c.subscriber.in_(person))
    ).all()
    _withdraw(tx, list(leaving), now=now)
    done = tx.execute(delete(subscribers).where(subscribers.c.address_key == address.key))
    return done.rowcount == 1


def _subscriber(tx: Tx, address: Address, name: str, now: datetime) -> int:
    tx.execute(
        insert_ignoring(tx, subscribers).values(
            address=address.text, address_key=address.key, name=name, created_at=now
        )
    )
    found: int = tx.scalars(
        select(subscribers.c.id).where(subscribers.c.address_key == address.key)
    ).one()
    return found


def _testify(
    tx: Tx, subscription: int, status: SubscriptionStatus, *, source: str, now: datetime
) -> None:
    tx.execute(
        insert(consents).values(
            subscription=subscription, status=status.value, source=source, at=now
        )
    )


def _withdraw(tx: Tx, leaving: list[int], *, now: datetime) -> None:
    tx.execute(
        update(deliveries)
        .where(
            deliveries.c.subscription.in_(leaving),
            deliveries.c.status == DeliveryStatus.PENDING.value,
        )
        .values(
            status=DeliveryStatus.SKIPPED.value,
            reason="unsubscribed",
            next_attempt_at=None,
            changed_at=now,
        )
    )


def _joined() -> Select[Any]:
    return select(subscriptions, subscribers.c.address, subscribers.c.name).join_from(
        subscriptions, subscribers
    )


def _subscription(row: Row[Any]) -> Subscription:
    return Subscription(
        id=row.id,
        subscriber=row.subscriber,
        address=row.address,
        name=row.name,
        newsletter=row.newsletter,
        status=SubscriptionStatus(row.status),
        changed_at=row.changed_at,
    )

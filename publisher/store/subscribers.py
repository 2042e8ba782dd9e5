"""Subscribers, their subscriptions, and the evidence of what they asked for."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, delete, func, select, update

from publisher.domain.addresses import Address
from publisher.domain.choices import NO_CHOICES, Choices, split_names
from publisher.domain.deliveries import DeliveryStatus
from publisher.domain.subscribers import (
    ConsentEvent,
    Evidence,
    Joined,
    Subscriber,
    Subscription,
    SubscriptionStatus,
)
from publisher.store import choices as choice_rows
from publisher.store import consents, suppressions
from publisher.store.engine import Tx, insert_ignoring
from publisher.store.tables import consents as consent_rows
from publisher.store.tables import deliveries, subscribers, subscriptions

_EVENTS = {
    SubscriptionStatus.PENDING: ConsentEvent.IMPORTED,
    SubscriptionStatus.CONFIRMED: ConsentEvent.CONFIRMED,
    SubscriptionStatus.UNSUBSCRIBED: ConsentEvent.UNSUBSCRIBED,
}


def add(
    tx: Tx,
    *,
    address: Address,
    name: str,
    newsletter: str,
    status: SubscriptionStatus,
    source: str,
    now: datetime,
    marks: Sequence[str] = (),
    choices: Choices = NO_CHOICES,
) -> Joined:
    """Adds a subscription. One that exists stays as it is; a suppressed address is refused.

    `marks` are those under which a suppression may stand; the address itself always is one.
    """
    if suppressions.holds(tx, (address.key, *marks)):
        return Joined.REFUSED
    added: int | None = tx.scalar(
        insert_ignoring(tx, subscriptions)
        .values(
            subscriber=_subscriber(tx, address, name, now),
            newsletter=newsletter,
            status=status.value,
            changed_at=now,
            seen_at=now if status is SubscriptionStatus.CONFIRMED else None,
            **choice_rows.columns_of(choices),
        )
        .returning(subscriptions.c.id)
    )
    if added is None:
        return Joined.KNOWN
    consents.testify(tx, added, _EVENTS[status], evidence=Evidence(source=source), now=now)
    return Joined.ADDED


def ask(
    tx: Tx, address: Address, newsletter: str, *, language: str, evidence: Evidence, now: datetime
) -> Subscription:
    """Numbers a new request: the subscription waits for its confirmation, whoever had left too."""
    person = _subscriber(tx, address, "", now)
    tx.execute(
        insert_ignoring(tx, subscriptions).values(
            subscriber=person,
            newsletter=newsletter,
            status=SubscriptionStatus.PENDING.value,
            changed_at=now,
        )
    )
    this = (subscriptions.c.subscriber == person) & (subscriptions.c.newsletter == newsletter)
    tx.execute(
        update(subscriptions)
        .where(this)
        .values(
            status=SubscriptionStatus.PENDING.value,
            request=subscriptions.c.request + 1,
            language=language,
            changed_at=now,
        )
    )
    asked = _subscription(tx.execute(_joined().where(this)).one())
    consents.testify(tx, asked.id, ConsentEvent.REQUESTED, evidence=evidence, now=now)
    return asked


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


def of_subscriber(tx: Tx, subscriber: int) -> list[Subscription]:
    """All subscriptions of a person, by newsletter."""
    rows = tx.execute(
        _joined()
        .where(subscriptions.c.subscriber == subscriber)
        .order_by(subscriptions.c.newsletter)
    )
    return [_subscription(row) for row in rows]


def of_address(tx: Tx, address: Address, newsletter: str) -> Subscription | None:
    """The subscription of an address on a newsletter."""
    row = tx.execute(
        _joined().where(
            subscribers.c.address_key == address.key, subscriptions.c.newsletter == newsletter
        )
    ).one_or_none()
    return _subscription(row) if row else None


def find(tx: Tx, address: Address) -> Subscriber | None:
    """The person at an address."""
    row = tx.execute(
        select(subscribers).where(subscribers.c.address_key == address.key)
    ).one_or_none()
    if row is None:
        return None
    return Subscriber(id=row.id, address=row.address, name=row.name, created_at=row.created_at)


def change(
    tx: Tx,
    subscription: int,
    status: SubscriptionStatus,
    *,
    evidence: Evidence,
    now: datetime,
) -> bool:
    """Moves a subscription; False if it stands there already.

    Whoever leaves is also taken out of every issue that is not sent to them yet.
    """
    elsewhere = subscriptions.c.status != status.value
    return _move_if(tx, subscription, elsewhere, status, evidence=evidence, now=now)


def confirm(tx: Tx, subscription: int, *, request: int, evidence: Evidence, now: datetime) -> bool:
    """Confirms a subscription while it waits for this very request; False if it does not (more)."""
    waits = (subscriptions.c.status == SubscriptionStatus.PENDING.value) & (
        subscriptions.c.request == request
    )
    confirmed = SubscriptionStatus.CONFIRMED
    return _move_if(tx, subscription, waits, confirmed, evidence=evidence, now=now)


def choose(
    tx: Tx,
    subscription: int,
    *,
    language: str,
    paused_until: datetime | None,
    evidence: Evidence,
    now: datetime,
) -> None:
    """Saves what a subscriber chose; a choice is a sign that they still want it."""
    tx.execute(
        update(subscriptions)
        .where(subscriptions.c.id == subscription)
        .values(language=language, paused_until=paused_until, seen_at=now, asked_at=None)
    )
    if paused_until and paused_until > now:
        _withdraw(tx, [subscription], reason="paused", now=now)
    consents.testify(tx, subscription, ConsentEvent.CHANGED, evidence=evidence, now=now)


def silent(
    tx: Tx, newsletters: Sequence[str], *, before: datetime, limit: int
) -> list[Subscription]:
    """Confirmed subscriptions of these newsletters, without a sign since an instant, that were not
    asked about it yet."""
    rows = tx.execute(
        _joined()
        .where(
            subscriptions.c.status == SubscriptionStatus.CONFIRMED.value,
            subscriptions.c.newsletter.in_(newsletters),
            func.coalesce(subscriptions.c.seen_at, subscriptions.c.changed_at) < before,
            subscriptions.c.asked_at.is_(None),
        )
        .order_by(subscriptions.c.id)
        .limit(limit)
    )
    return [_subscription(row) for row in rows]


def unanswered(tx: Tx, *, before: datetime) -> list[Subscription]:
    """Confirmed subscriptions that were asked before an instant and have not answered."""
    rows = tx.execute(
        _joined().where(
            subscriptions.c.status == SubscriptionStatus.CONFIRMED.value,
            subscriptions.c.asked_at < before,
        )
    )
    return [_subscription(row) for row in rows]


def mark_asked(tx: Tx, subscription: int, *, now: datetime) -> None:
    """Notes that somebody was asked whether they still want it."""
    this = subscriptions.c.id == subscription
    tx.execute(update(subscriptions).where(this).values(asked_at=now))


def stay(tx: Tx, subscription: int, *, evidence: Evidence, now: datetime) -> None:
    """Notes that somebody still wants it."""
    tx.execute(
        update(subscriptions)
        .where(subscriptions.c.id == subscription)
        .values(seen_at=now, asked_at=None)
    )
    consents.testify(tx, subscription, ConsentEvent.STAYED, evidence=evidence, now=now)


def move(tx: Tx, subscriber: int, address: Address) -> bool:
    """Gives a person another address; False where somebody else has it already.

    What waits for them follows when it is claimed (`store.deliveries`).
    """
    taken = find(tx, address)
    if taken is not None and taken.id != subscriber:
        return False
    tx.execute(
        update(subscribers)
        .where(subscribers.c.id == subscriber)
        .values(address=address.text, address_key=address.key)
    )
    return True


def expire_unconfirmed(tx: Tx, *, before: datetime) -> int:
    """Ends requests that nobody confirmed. Returns how many.

    Who had once left stays known as unsubscribed, so that no import brings them back; the others
    go, and people without any subscription with them.
    """
    stale = (
        (subscriptions.c.status == SubscriptionStatus.PENDING.value)
        & (subscriptions.c.changed_at < before)
        & (subscriptions.c.request > 0)  # what an operator imported waits for the operator
    )
    has_left = (
        select(consent_rows.c.id)
        .where(
            consent_rows.c.subscription == subscriptions.c.id,
            consent_rows.c.event == ConsentEvent.UNSUBSCRIBED.value,
        )
        .exists()
    )
    kept = tx.execute(
        update(subscriptions)
        .where(stale, has_left)
        .values(status=SubscriptionStatus.UNSUBSCRIBED.value)
    ).rowcount
    gone = tx.execute(delete(subscriptions).where(stale)).rowcount
    without = (
        ~select(subscriptions.c.id).where(subscriptions.c.subscriber == subscribers.c.id).exists()
    )
    if gone:
        tx.execute(delete(subscribers).where(without))
    return kept + gone


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


def _move_if(
    tx: Tx,
    subscription: int,
    condition: ColumnElement[bool],
    status: SubscriptionStatus,
    *,
    evidence: Evidence,
    now: datetime,
) -> bool:
    """Moves a subscription where it stands so at the very write; what follows, follows with it."""
    done = tx.execute(
        update(subscriptions)
        .where(subscriptions.c.id == subscription, condition)
        .values(status=status.value, changed_at=now, seen_at=now, paused_until=None, asked_at=None)
    )
    if done.rowcount == 0:
        return False
    consents.testify(tx, subscription, _EVENTS[status], evidence=evidence, now=now)
    if status is SubscriptionStatus.CONFIRMED:
        choice_rows.forgive(tx, subscription)
    if status is SubscriptionStatus.UNSUBSCRIBED:
        _withdraw(tx, [subscription], now=now)
    return True


def _withdraw(tx: Tx, leaving: list[int], *, reason: str = "unsubscribed", now: datetime) -> None:
    tx.execute(
        update(deliveries)
        .where(
            deliveries.c.subscription.in_(leaving),
            deliveries.c.status == DeliveryStatus.PENDING.value,
        )
        .values(
            status=DeliveryStatus.SKIPPED.value,
            reason=reason,
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
        language=row.language,
        request=row.request,
        paused_until=row.paused_until,
        choices=Choices(
            frequency=row.frequency,
            topics=split_names(row.topics),
            languages=split_names(row.languages),
        ),
    )

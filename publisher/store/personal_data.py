"""Every row about one person, to be shown to them or to be erased."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, delete, select, update

from publisher.domain.addresses import Address
from publisher.domain.deliveries import DeliveryStatus
from publisher.store import notices as notice_rows
from publisher.store import signups as signup_rows
from publisher.store.engine import Tx
from publisher.store.tables import (
    balances,
    consent_texts,
    consents,
    deliveries,
    delivery_attempts,
    notices,
    sent_before,
    signups,
    subscribers,
    subscriptions,
    suppressions,
)

Rows = dict[str, list[dict[str, Any]]]


def everything(tx: Tx, address: Address, *, hashes: Sequence[str], marks: Sequence[str]) -> Rows:
    """Table -> rows as they are, all that concerns this address."""
    person = select(subscribers.c.id).where(subscribers.c.address_key == address.key)
    theirs = select(subscriptions.c.id).where(subscriptions.c.subscriber.in_(person))
    texts = select(consents.c.text).where(consents.c.subscription.in_(theirs))
    mailed = _deliveries_of(person, address)
    wanted: tuple[tuple[Table, ColumnElement[bool]], ...] = (
        (subscribers, subscribers.c.address_key == address.key),
        (subscriptions, subscriptions.c.subscriber.in_(person)),
        (balances, balances.c.subscription.in_(theirs)),
        (consents, consents.c.subscription.in_(theirs)),
        (consent_texts, consent_texts.c.hash.in_(texts)),
        (signups, signups.c.address_hash.in_(hashes)),
        (notices, notices.c.address_hash.in_(hashes)),
        (deliveries, mailed),
        (delivery_attempts, delivery_attempts.c.delivery.in_(_ids(mailed))),
        (sent_before, sent_before.c.address_hash.in_(hashes)),
        (suppressions, suppressions.c.address_key.in_(marks)),
    )
    return {
        table.name: [dict(row) for row in tx.execute(select(table).where(which)).mappings()]
        for table, which in wanted
    }


def erase(tx: Tx, address: Address, *, hashes: Sequence[str], now: datetime) -> bool:
    """Removes every row about an address; deliveries stay, without saying whose they were.

    False where nobody was known. A suppression is not touched.
    """
    person = select(subscribers.c.id).where(subscribers.c.address_key == address.key)
    known = tx.scalar(person) is not None
    mailed = _deliveries_of(person, address)
    tx.execute(
        update(delivery_attempts)
        .where(delivery_attempts.c.delivery.in_(_ids(mailed)))
        .values(reply="", reason="")
    )
    waiting = deliveries.c.status == DeliveryStatus.PENDING.value
    tx.execute(
        update(deliveries)
        .where(mailed, waiting)
        .values(
            status=DeliveryStatus.SKIPPED.value,
            reason="erased",
            next_attempt_at=None,
            changed_at=now,
        )
    )
    tx.execute(update(deliveries).where(mailed).values(address="", reply=""))
    notice_rows.forget(tx, hashes)
    signup_rows.forget(tx, hashes)
    tx.execute(delete(sent_before).where(sent_before.c.address_hash.in_(hashes)))
    tx.execute(delete(subscribers).where(subscribers.c.address_key == address.key))
    return known


def _deliveries_of(person: Select[Any], address: Address) -> ColumnElement[bool]:
    """Those of the person, and those to the address from before somebody removed them."""
    return deliveries.c.subscriber.in_(person) | (deliveries.c.address == address.text)


def _ids(which: ColumnElement[bool]) -> Select[Any]:
    return select(deliveries.c.id).where(which)

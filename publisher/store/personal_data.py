"""Every row about one person, to be shown to them or to be erased."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, delete, func, select, update

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


def earlier_addresses(tx: Tx, address: Address) -> list[str]:
    """The addresses that the person at this one had before; none that is somebody's now."""
    once = func.lower(consents.c.address)
    is_taken = select(subscribers.c.id).where(subscribers.c.address_key == once).exists()
    found = tx.scalars(
        select(consents.c.address)
        .where(
            consents.c.subscription.in_(_subscriptions_of(_person(address))),
            consents.c.address != "",
            ~is_taken,
        )
        .distinct()
        .order_by(consents.c.address)
    )
    return list(found)


def everything(
    tx: Tx,
    address: Address,
    *,
    hashes: Sequence[str],
    marks: Sequence[str],
    earlier: Sequence[Address] = (),
) -> Rows:
    """Table -> rows as they are, all that concerns this address and the person's `earlier` ones.

    `hashes` and `marks` are of them all.
    """
    person = _person(address)
    theirs = _subscriptions_of(person)
    evidence = consents.c.subscription.in_(theirs) | _evidence_of_former(person, address)
    texts = select(consents.c.text).where(evidence)
    mailed = _deliveries_of(person, (address, *earlier))
    wanted: tuple[tuple[Table, ColumnElement[bool]], ...] = (
        (subscribers, subscribers.c.address_key == address.key),
        (subscriptions, subscriptions.c.subscriber.in_(person)),
        (balances, balances.c.subscription.in_(theirs)),
        (consents, evidence),
        (consent_texts, consent_texts.c.hash.in_(texts)),
        (signups, signups.c.address_hash.in_(hashes)),
        (notices, notices.c.address_hash.in_(hashes) | notices.c.subscription.in_(theirs)),
        (deliveries, mailed),
        (delivery_attempts, delivery_attempts.c.delivery.in_(_ids(mailed))),
        (sent_before, sent_before.c.address_hash.in_(hashes)),
        (suppressions, suppressions.c.address_key.in_(marks)),
    )
    return {
        table.name: [dict(row) for row in tx.execute(select(table).where(which)).mappings()]
        for table, which in wanted
    }


def erase(
    tx: Tx,
    address: Address,
    *,
    hashes: Sequence[str],
    now: datetime,
    earlier: Sequence[Address] = (),
) -> bool:
    """Removes every row about an address, and about the person's `earlier` ones.

    Deliveries stay, without saying whose they were. False where nobody is known and nothing was
    sent there. A suppression is not touched. `hashes` are of all the addresses.
    """
    person = _person(address)
    known = tx.scalar(person) is not None
    mailed = _deliveries_of(person, (address, *earlier))
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
    sent = tx.execute(update(deliveries).where(mailed).values(address="", reply="")).rowcount
    theirs = tx.scalars(_subscriptions_of(person)).all()
    notice_rows.forget(tx, hashes)
    notice_rows.cancel(tx, theirs, now=now)
    # What is left of theirs went to somebody whose address they gave. It counts there: if it were
    # deleted, that address could be written to without end by asking and erasing in turn.
    tx.execute(
        update(notices).where(notices.c.subscription.in_(theirs)).values(address="", reply="")
    )
    signup_rows.forget(tx, hashes)
    tx.execute(delete(sent_before).where(sent_before.c.address_hash.in_(hashes)))
    tx.execute(delete(subscribers).where(subscribers.c.address_key == address.key))
    return known or sent > 0


def _person(address: Address) -> Select[Any]:
    return select(subscribers.c.id).where(subscribers.c.address_key == address.key)


def _subscriptions_of(person: Select[Any]) -> Select[Any]:
    return select(subscriptions.c.id).where(subscriptions.c.subscriber.in_(person))


def _evidence_of_former(person: Select[Any], address: Address) -> ColumnElement[bool]:
    """What stands there of an address that its person has moved from.

    Not where somebody has it now: whose mailbox it is today has no right to that.
    """
    return (func.lower(consents.c.address) == address.key) & ~person.exists()


def _deliveries_of(person: Select[Any], addresses: Sequence[Address]) -> ColumnElement[bool]:
    """Those of the person, and those to the addresses from before somebody removed them."""
    keys = [address.key for address in addresses]
    return deliveries.c.subscriber.in_(person) | func.lower(deliveries.c.address).in_(keys)


def _ids(which: ColumnElement[bool]) -> Select[Any]:
    return select(deliveries.c.id).where(which)

"""Addresses that are never mailed again."""

from datetime import datetime

from sqlalchemy import select

from publisher.domain.addresses import Address
from publisher.domain.suppressions import SuppressionReason
from publisher.store.engine import Tx, insert_ignoring
from publisher.store.tables import suppressions


def add(tx: Tx, address: Address, reason: SuppressionReason, *, now: datetime) -> bool:
    """Suppresses an address; False if it was already (the first reason stays)."""
    done = tx.execute(
        insert_ignoring(tx, suppressions).values(
            address_key=address.key, reason=reason.value, at=now
        )
    )
    return done.rowcount == 1


def holds(tx: Tx, address: Address) -> bool:
    """Whether the address is suppressed."""
    found = select(suppressions.c.at).where(suppressions.c.address_key == address.key)
    return tx.scalar(found) is not None

"""Addresses that are never mailed again."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, select

from publisher.domain.addresses import Address
from publisher.domain.suppressions import HASHED, Suppression, SuppressionReason
from publisher.store.engine import Tx, among, insert_ignoring
from publisher.store.tables import suppressions


def add(tx: Tx, address: Address, reason: SuppressionReason, *, now: datetime) -> bool:
    """Suppresses an address; False if it was already (the first reason stays)."""
    return _add(tx, address.key, reason, now=now)


def add_hashed(tx: Tx, digest: str, reason: SuppressionReason, *, now: datetime) -> bool:
    """Suppresses an address of which only the keyed hash is kept; False if it was already."""
    return _add(tx, HASHED + digest, reason, now=now)


def holds(tx: Tx, marks: Collection[str]) -> bool:
    """Whether an address is suppressed under any of its marks (`domain.suppressions.marks`)."""
    return bool(held(tx, marks))


def held(tx: Tx, marks: Collection[str]) -> dict[str, SuppressionReason]:
    """Those of the marks that are suppressed, with the reason."""
    wanted = select(suppressions.c.address_key, suppressions.c.reason).where(
        among(tx, suppressions.c.address_key, marks)
    )
    return {row.address_key: SuppressionReason(row.reason) for row in tx.execute(wanted)}


def remove(tx: Tx, marks: Collection[str]) -> bool:
    """Lifts the suppression of an address, whichever mark it stands under; False if none."""
    done = tx.execute(delete(suppressions).where(suppressions.c.address_key.in_(marks)))
    return done.rowcount > 0


def listing(tx: Tx) -> list[Suppression]:
    """All suppressions, by address; those of erased addresses show no address."""
    rows = tx.execute(select(suppressions).order_by(suppressions.c.address_key))
    return [
        Suppression(
            address="" if row.address_key.startswith(HASHED) else row.address_key,
            reason=SuppressionReason(row.reason),
            at=row.at,
        )
        for row in rows
    ]


def _add(tx: Tx, mark: str, reason: SuppressionReason, *, now: datetime) -> bool:
    done = tx.execute(
        insert_ignoring(tx, suppressions).values(address_key=mark, reason=reason.value, at=now)
    )
    return done.rowcount == 1

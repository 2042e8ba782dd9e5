"""Addresses that are never mailed again: looking at them, adding, lifting."""

from collections.abc import Iterable

from publisher.domain.addresses import parse_address
from publisher.domain.suppressions import Suppression, SuppressionReason, marks
from publisher.services.app import App
from publisher.store import suppressions as rows


def listing(app: App) -> list[Suppression]:
    """All suppressions, by address."""
    with app.store.read() as tx:
        return rows.listing(tx)


def among(app: App, emails: Iterable[str]) -> dict[str, SuppressionReason]:
    """Those of the addresses that are suppressed, as they are written there, with the reason.

    Raises `InvalidAddress`.
    """
    owners = {mark: email for email in emails for mark in marks(app.keys, parse_address(email))}
    with app.store.read() as tx:
        return {owners[mark]: reason for mark, reason in rows.held(tx, owners).items()}


def add(app: App, email: str) -> bool:
    """Suppresses an address on the operator's word; False if it was. Raises `InvalidAddress`."""
    address = parse_address(email.strip())
    with app.store.begin() as tx:
        if rows.holds(tx, marks(app.keys, address)):
            return False
        return rows.add(tx, address, SuppressionReason.OPERATOR, now=app.clock())


def remove(app: App, email: str) -> bool:
    """Lifts a suppression, of an erased address too; False if there was none.

    Nobody becomes subscribed by it. Raises `InvalidAddress`.
    """
    address = parse_address(email.strip())
    with app.store.begin() as tx:
        return rows.remove(tx, marks(app.keys, address))

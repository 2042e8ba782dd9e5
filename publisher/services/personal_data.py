"""What we keep about one person: shown to them (GDPR, article 15), and erased (article 17)."""

import json
from collections.abc import Iterable
from typing import Any

from publisher.domain import sent_log
from publisher.domain.addresses import Address, parse_address
from publisher.domain.notices import NoticeKind
from publisher.domain.suppressions import SuppressionReason, address_hash, marks
from publisher.errors import InvalidToken
from publisher.services import preferences
from publisher.services.app import App
from publisher.store import personal_data as rows
from publisher.store import suppressions as suppression_rows
from publisher.store.engine import Tx

SCHEMA = "publisher.personal-data/1"


def export(app: App, email: str) -> bytes:
    """A JSON document with every row about an address; empty lists where nobody is known.

    With those about the addresses that the person had before. Raises `InvalidAddress`.
    """
    address = parse_address(email.strip())
    with app.store.read() as tx:
        earlier = _earlier(tx, address)
        found = rows.everything(
            tx,
            address,
            hashes=_hashes(app, (address, *earlier)),
            marks=[mark for one in (address, *earlier) for mark in marks(app.keys, one)],
            earlier=earlier,
        )
    document: dict[str, Any] = {"schema": SCHEMA, "address": address.text, **found}
    return json.dumps(document, ensure_ascii=False, indent=2, default=_plain).encode()


def erase(app: App, email: str) -> bool:
    """Erases an address; unless the settings say otherwise, a keyed hash keeps it away for good.

    With it what is kept of the addresses that the person had before. A suppression stays in force,
    as a hash. False where nobody was known. Raises `InvalidAddress`.
    """
    address = parse_address(email.strip())
    with app.store.begin() as tx:
        earlier = _earlier(tx, address)
        hashes = _hashes(app, (address, *earlier))
        known = rows.erase(tx, address, hashes=hashes, now=app.clock(), earlier=earlier)
        _keep_away(app, tx, address, always=known and app.subscribers.remember_erased)
        for one in earlier:
            _keep_away(app, tx, one, always=False)
    return known


def export_by_link(app: App, token: str) -> bytes:
    """The export that a fresh link opens, once. Raises `InvalidToken`."""
    notice, about = preferences.open_link(app, NoticeKind.EXPORT, token)
    document = export(app, about.address)
    preferences.use_link(app, notice)
    return document


def erase_by_link(app: App, token: str) -> None:
    """The erasure that a fresh link opens, once. Raises `InvalidToken`."""
    _, about = preferences.open_link(app, NoticeKind.ERASE, token)
    if not erase(app, about.address):
        raise InvalidToken


def _keep_away(app: App, tx: Tx, address: Address, *, always: bool) -> None:
    """Leaves a keyed hash of a suppression; `always` also where there was none."""
    theirs = marks(app.keys, address)
    held = next(iter(suppression_rows.held(tx, theirs).values()), None)
    suppression_rows.remove(tx, theirs)
    if held or always:
        digest = address_hash(app.site_key, address)
        suppression_rows.add_hashed(tx, digest, held or SuppressionReason.ERASURE, now=app.clock())


def _earlier(tx: Tx, address: Address) -> list[Address]:
    return [parse_address(text) for text in rows.earlier_addresses(tx, address)]


def _hashes(app: App, addresses: Iterable[Address]) -> list[str]:
    """Everything that stands for addresses where they are not kept themselves."""
    return [
        hashed
        for address in addresses
        for key in app.keys
        for hashed in (address_hash(key, address), sent_log.address_hash(key, address.key))
    ]


def _plain(value: object) -> object:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)

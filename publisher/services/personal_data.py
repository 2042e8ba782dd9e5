"""What we keep about one person: shown to them (GDPR, article 15), and erased (article 17)."""

import json
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

SCHEMA = "publisher.personal-data/1"


def export(app: App, email: str) -> bytes:
    """A JSON document with every row about an address; empty lists where nobody is known.

    Raises `InvalidAddress`.
    """
    address = parse_address(email.strip())
    with app.store.read() as tx:
        found = rows.everything(
            tx, address, hashes=_hashes(app, address), marks=marks(app.keys, address)
        )
    document: dict[str, Any] = {"schema": SCHEMA, "address": address.text, **found}
    return json.dumps(document, ensure_ascii=False, indent=2, default=_plain).encode()


def erase(app: App, email: str) -> bool:
    """Erases an address; unless the settings say otherwise, a keyed hash keeps it away for good.

    An earlier suppression stays in force, as a hash. False where nobody was known. Raises
    `InvalidAddress`.
    """
    address = parse_address(email.strip())
    now, theirs = app.clock(), marks(app.keys, address)
    with app.store.begin() as tx:
        earlier = next(iter(suppression_rows.held(tx, theirs).values()), None)
        known = rows.erase(tx, address, hashes=_hashes(app, address), now=now)
        suppression_rows.remove(tx, theirs)
        if earlier or (known and app.subscribers.remember_erased):
            reason = earlier or SuppressionReason.ERASURE
            digest = address_hash(app.site_key, address)
            suppression_rows.add_hashed(tx, digest, reason, now=now)
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


def _hashes(app: App, address: Address) -> list[str]:
    """Everything that stands for an address where it is not kept itself."""
    hashed = [address_hash(key, address) for key in app.keys]
    return hashed + [sent_log.address_hash(key, address.key) for key in app.keys]


def _plain(value: object) -> object:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)

"""Many subscribers at once, and how far an import has come."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select

from publisher.domain.addresses import Address
from publisher.domain.choices import pack
from publisher.domain.exchange import Candidate
from publisher.domain.subscribers import ConsentEvent, Joined, SubscriptionStatus
from publisher.domain.suppressions import HASHED
from publisher.store.engine import Tx, insert_ignoring
from publisher.store.tables import consents, imports, subscribers, subscriptions, suppressions

_EVENTS = {
    SubscriptionStatus.PENDING: ConsentEvent.IMPORTED,
    SubscriptionStatus.CONFIRMED: ConsentEvent.CONFIRMED,
    SubscriptionStatus.UNSUBSCRIBED: ConsentEvent.UNSUBSCRIBED,
}
_CHUNK = 500

Row = tuple[Address, Sequence[str], Candidate]
"""A checked address, the hashes under which it may be suppressed, and what the file says of it."""


def add_many(
    tx: Tx, rows: Sequence[Row], *, newsletter: str, source: str, now: datetime
) -> list[Joined]:
    """Adds many subscriptions by few statements; what became of each, in the same order.

    Nobody who is known is changed. A suppressed address is refused; where the file itself says
    that an address must not be mailed, it becomes suppressed and is refused too.
    """
    _suppress(tx, rows, now=now)
    blocked = _blocked(tx, rows)
    fresh: dict[str, Row] = {}
    results: list[Joined] = []
    known = _known(tx, [address.key for address, _, _ in rows], newsletter)
    for row in rows:
        address = row[0]
        if address.key in blocked:
            results.append(Joined.REFUSED)
        elif address.key in known or address.key in fresh:
            results.append(Joined.KNOWN)
        else:
            fresh[address.key] = row
            results.append(Joined.ADDED)
    if fresh:
        _insert(tx, list(fresh.values()), newsletter=newsletter, source=source, now=now)
    return results


def position(tx: Tx, key: str) -> int:
    """The last line of a file that is in already; 0 at its beginning."""
    return tx.scalar(select(imports.c.line).where(imports.c.key == key)) or 0


def advance(tx: Tx, key: str, *, line: int, now: datetime) -> None:
    """Notes how far an import has come, in the transaction of its rows."""
    tx.execute(delete(imports).where(imports.c.key == key))
    tx.execute(insert(imports).values(key=key, line=line, changed_at=now))


def finish(tx: Tx, key: str) -> None:
    """The file is in; importing it again starts at its beginning."""
    tx.execute(delete(imports).where(imports.c.key == key))


def _suppress(tx: Tx, rows: Sequence[Row], *, now: datetime) -> None:
    wanted = [
        {"address_key": address.key, "reason": candidate.suppress.value, "at": now}
        for address, _, candidate in rows
        if candidate.suppress
    ]
    if wanted:
        tx.execute(insert_ignoring(tx, suppressions), wanted)


def _blocked(tx: Tx, rows: Sequence[Row]) -> set[str]:
    """The keys of the addresses that are suppressed, under whichever mark."""
    owner = {address.key: address.key for address, _, _ in rows}
    owner |= {HASHED + digest: address.key for address, hashes, _ in rows for digest in hashes}
    found: set[str] = set()
    for chunk in _chunks(list(owner)):
        held = select(suppressions.c.address_key).where(suppressions.c.address_key.in_(chunk))
        found |= {owner[mark] for mark in tx.scalars(held)}
    return found


def _known(tx: Tx, keys: Sequence[str], newsletter: str) -> set[str]:
    found: set[str] = set()
    for chunk in _chunks(keys):
        found |= set(
            tx.scalars(
                select(subscribers.c.address_key)
                .join_from(subscribers, subscriptions)
                .where(
                    subscribers.c.address_key.in_(chunk), subscriptions.c.newsletter == newsletter
                )
            )
        )
    return found


def _insert(tx: Tx, rows: list[Row], *, newsletter: str, source: str, now: datetime) -> None:
    tx.execute(
        insert_ignoring(tx, subscribers),
        [
            {
                "address": address.text,
                "address_key": address.key,
                "name": candidate.name,
                "created_at": now,
            }
            for address, _, candidate in rows
        ],
    )
    people = _ids(tx, subscribers.c.address_key, [row[0].key for row in rows])
    statuses = {people[address.key]: candidate for address, _, candidate in rows}
    tx.execute(
        insert(subscriptions),
        [
            {
                "subscriber": person,
                "newsletter": newsletter,
                "status": candidate.status.value,
                "changed_at": now,
                "language": candidate.language,
                "frequency": candidate.choices.frequency,
                "topics": pack(candidate.choices.topics),
                "languages": pack(candidate.choices.languages),
                "seen_at": now,
            }
            for person, candidate in statuses.items()
        ],
    )
    addresses = {people[address.key]: address.text for address, _, _ in rows}
    _testify(tx, statuses, addresses, newsletter=newsletter, source=source, now=now)


def _testify(
    tx: Tx,
    statuses: dict[int, Candidate],
    addresses: dict[int, str],
    *,
    newsletter: str,
    source: str,
    now: datetime,
) -> None:
    evidence: list[dict[str, Any]] = []
    for chunk in _chunks(list(statuses)):
        added = select(subscriptions.c.id, subscriptions.c.subscriber).where(
            subscriptions.c.subscriber.in_(chunk), subscriptions.c.newsletter == newsletter
        )
        for row in tx.execute(added):
            candidate = statuses[row.subscriber]
            evidence.append(
                {
                    "subscription": row.id,
                    "event": _EVENTS[candidate.status].value,
                    "source": source,
                    "at": now,
                    "address": addresses[row.subscriber],
                }
            )
    tx.execute(insert(consents), evidence)


def _ids(tx: Tx, column: Any, keys: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for chunk in _chunks(keys):
        rows = tx.execute(select(column, subscribers.c.id).where(column.in_(chunk)))
        found |= {row[0]: row[1] for row in rows}
    return found


def _chunks(values: Sequence[Any]) -> list[Sequence[Any]]:
    return [values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK)]

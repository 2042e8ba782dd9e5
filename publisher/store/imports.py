"""Many subscribers at once, and how far an import has come."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, literal, select, true, update

from publisher.domain.addresses import Address
from publisher.domain.exchange import Candidate
from publisher.domain.subscribers import ConsentEvent, Joined, SubscriptionStatus
from publisher.domain.suppressions import HASHED
from publisher.store.choices import CHOSEN, columns_of
from publisher.store.engine import Tx, among, insert_ignoring, table_of
from publisher.store.tables import consents, imports, subscribers, subscriptions, suppressions
from publisher.store.types import UtcDateTime

_EVENTS = {
    SubscriptionStatus.PENDING: ConsentEvent.IMPORTED,
    SubscriptionStatus.CONFIRMED: ConsentEvent.CONFIRMED,
    SubscriptionStatus.UNSUBSCRIBED: ConsentEvent.UNSUBSCRIBED,
}

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
        _insert(tx, fresh.values(), newsletter=newsletter, source=source, now=now)
        _pause(tx, fresh.values(), newsletter)
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
    mark = suppressions.c.address_key
    return {owner[held] for held in tx.scalars(select(mark).where(among(tx, mark, owner)))}


def _known(tx: Tx, keys: Sequence[str], newsletter: str) -> set[str]:
    key = subscribers.c.address_key
    return set(
        tx.scalars(
            select(key)
            .join_from(subscribers, subscriptions)
            .where(among(tx, key, keys), subscriptions.c.newsletter == newsletter)
        )
    )


def _insert(tx: Tx, rows: Iterable[Row], *, newsletter: str, source: str, now: datetime) -> None:
    """Three statements: people, what they receive, and how we know."""
    given = table_of(
        tx,
        ("key", "address", "name", "language", "status", "event", *CHOSEN),
        [
            (
                address.key,
                address.text,
                one.name,
                one.language,
                one.status.value,
                _EVENTS[one.status].value,
                *columns_of(one.choices).values(),
            )
            for address, _, one in rows
        ],
    )
    at, person = literal(now, UtcDateTime()), subscribers.c.address_key == given.c.key
    people = select(given.c.address, given.c.key, given.c.name, at).where(true())
    tx.execute(
        insert_ignoring(tx, subscribers).from_select(
            ["address", "address_key", "name", "created_at"], people
        )
    )
    chosen = [given.c[name] for name in CHOSEN]
    received = select(
        subscribers.c.id, literal(newsletter), given.c.status, at, given.c.language, at, *chosen
    ).join_from(given, subscribers, person)
    names = ["subscriber", "newsletter", "status", "changed_at", "language", "seen_at", *CHOSEN]
    tx.execute(insert(subscriptions).from_select(names, received))
    # Asked for row by row: a planner without statistics would walk the whole newsletter instead.
    theirs = (
        select(subscriptions.c.id)
        .join_from(subscribers, subscriptions)
        .where(person, subscriptions.c.newsletter == newsletter)
        .correlate(given)
        .scalar_subquery()
    )
    known_by = select(theirs, given.c.event, literal(source), at, given.c.address)
    tx.execute(
        insert(consents).from_select(["subscription", "event", "source", "at", "address"], known_by)
    )


def _pause(tx: Tx, rows: Iterable[Row], newsletter: str) -> None:
    """Notes until when who is new wants nothing; they are few, so that they go one by one."""
    paused = [
        {"key": address.key, "until": candidate.paused_until}
        for address, _, candidate in rows
        if candidate.paused_until
    ]
    if not paused:
        return
    person = select(subscribers.c.id).where(subscribers.c.address_key == bindparam("key"))
    theirs = subscriptions.c.subscriber == person.scalar_subquery()
    tx.execute(
        update(subscriptions)
        .where(theirs, subscriptions.c.newsletter == newsletter)
        .values(paused_until=bindparam("until")),
        paused,
    )

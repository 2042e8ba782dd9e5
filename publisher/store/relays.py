"""What is known of each relay from one run to the next: rest, pause, lessons, use."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update

from publisher.domain.relays import RelayState
from publisher.store.engine import Tx, insert_ignoring
from publisher.store.prepared import Prepared
from publisher.store.tables import relay_usage, relays


def states(tx: Tx) -> dict[str, RelayState]:
    """All relays that we know something about, by name."""
    return {row.name: RelayState(**row._mapping) for row in tx.execute(select(relays))}


def change(tx: Tx, name: str, **values: Any) -> None:
    """Notes something about a relay; the values are fields of `RelayState`."""
    blank = {"problem": "", "is_paused": False, "setbacks": 0}
    tx.execute(insert_ignoring(tx, relays).values(name=name, **blank))
    tx.execute(update(relays).where(relays.c.name == name).values(values))


def fail(
    tx: Tx, name: str, problem: str, *, is_paused: bool, until: datetime, now: datetime
) -> None:
    """A relay could not be used: it rests, or waits for an operator."""
    before = states(tx).get(name)
    change(
        tx,
        name,
        problem=problem[:500],
        is_paused=is_paused,
        resting_until=until,
        setbacks=(before.setbacks if before else 0) + 1,
        failing_since=(before.failing_since if before else None) or now,
    )


def heal(tx: Tx, name: str) -> None:
    """A relay works: nothing of its troubles is remembered, only what it has taught us."""
    change(
        tx,
        name,
        problem="",
        is_paused=False,
        resting_until=None,
        setbacks=0,
        failing_since=None,
    )


def count(
    tx: Tx,
    used: Mapping[tuple[str, str], int],
    refused: Mapping[tuple[str, str], int],
    *,
    now: datetime,
) -> None:
    """Adds final dots and refusals for good, by relay and domain of the sender, to this hour."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    for relay, domain in {*used, *refused}:
        key = (relay, domain)
        more = {"more": used.get(key, 0), "more_refused": refused.get(key, 0)}
        if not _COUNT.change(tx, by=relay, domain=domain, full=hour, **more):
            tx.execute(
                insert(relay_usage).values(
                    relay=relay,
                    sender_domain=domain,
                    hour=hour,
                    messages=more["more"],
                    refused=more["more_refused"],
                )
            )


def usage(tx: Tx, relay: str, *, since: datetime) -> list[tuple[datetime, int]]:
    """Messages by hour since some instant, oldest first."""
    rows = tx.execute(
        select(relay_usage.c.hour, func.sum(relay_usage.c.messages))
        .where(relay_usage.c.relay == relay, relay_usage.c.hour > since)
        .group_by(relay_usage.c.hour)
        .order_by(relay_usage.c.hour)
    )
    return [(hour, messages) for hour, messages in rows]


def hours_used(tx: Tx, relay: str, sender_domain: str) -> list[tuple[datetime, int, int]]:
    """All hours in which a relay was given mail of a domain, with what it was given and what was
    refused, oldest first: how warm it is."""
    rows = tx.execute(
        select(relay_usage.c.hour, relay_usage.c.messages, relay_usage.c.refused)
        .where(relay_usage.c.relay == relay, relay_usage.c.sender_domain == sender_domain)
        .order_by(relay_usage.c.hour)
    )
    return [(hour, messages, refused) for hour, messages, refused in rows]


_COUNT = Prepared(
    lambda _: (
        update(relay_usage)
        .where(
            relay_usage.c.relay == bindparam("by"),
            relay_usage.c.sender_domain == bindparam("domain"),
            relay_usage.c.hour == bindparam("full"),
        )
        .values(
            messages=relay_usage.c.messages + bindparam("more"),
            refused=relay_usage.c.refused + bindparam("more_refused"),
        )
    )
)

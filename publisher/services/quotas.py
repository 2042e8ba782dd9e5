"""What the relays may still be given, by what the database says they had.

Hours and days are a relay's; it warms up for each sender's domain apart.
"""

from collections import Counter
from datetime import datetime, timedelta

from publisher.domain.quotas import UNLIMITED, Room, room, warm_up_room
from publisher.mail.relays import Relay
from publisher.store import relays as relay_rows
from publisher.store.engine import Tx


def room_of(tx: Tx, relay: Relay, *, now: datetime) -> Room:
    """What the hour and the day of a relay leave."""
    if not (relay.per_hour or relay.per_day):
        return UNLIMITED
    used = relay_rows.usage(tx, relay.label, since=now - timedelta(hours=25))
    return room(used, per_hour=relay.per_hour, per_day=relay.per_day, now=now)


def warm_up_of(tx: Tx, relay: Relay, sender_domain: str, *, now: datetime) -> Room:
    """What the day's step leaves to one sender's domain."""
    if not relay.warm_up:
        return UNLIMITED
    return warm_up_room(relay_rows.hours_used(tx, relay.label, sender_domain), now=now)


class Quotas:
    """Counts down, within one transaction, what may still go."""

    def __init__(self, tx: Tx, *, now: datetime) -> None:
        self._tx = tx
        self._now = now
        self._rooms: dict[str, Room] = {}
        self._warm_ups: dict[tuple[str, str], Room] = {}
        self._taken: Counter[str] = Counter()
        self._warmed: Counter[tuple[str, str]] = Counter()

    def full(self, relay: Relay) -> Room | None:
        """The quota of a relay, if nothing is left of it."""
        if relay.label not in self._rooms:
            self._rooms[relay.label] = room_of(self._tx, relay, now=self._now)
        found = self._rooms[relay.label]
        return found if _is_full(found, self._taken[relay.label]) else None

    def is_warm_enough(self, relay: Relay, sender_domain: str) -> bool:
        """Whether the day's step of a sender's domain leaves anything."""
        key = (relay.label, sender_domain)
        if key not in self._warm_ups:
            self._warm_ups[key] = warm_up_of(self._tx, relay, sender_domain, now=self._now)
        return not _is_full(self._warm_ups[key], self._warmed[key])

    def take(self, relay: Relay, sender_domain: str) -> None:
        """One more message goes."""
        self._taken[relay.label] += 1
        self._warmed[relay.label, sender_domain] += 1


def _is_full(found: Room, taken: int) -> bool:
    return found.messages is not None and taken >= found.messages

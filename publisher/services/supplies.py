"""What one relay is to carry in this run, and how far it has come."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from publisher.domain.quotas import Room
from publisher.mail.jobs import Job
from publisher.mail.relays import Relay
from publisher.services.book_entries import Claimed

FEW = 96
"""So many messages lie ready at least, while there are some to be composed."""


@dataclass(slots=True, eq=False)
class Supply:
    """One relay's share of the work. `issues`: those whose deliveries may go over it."""

    relay: Relay
    issues: tuple[int, ...]
    setbacks: int = 0
    claims: deque[Claimed] = field(default_factory=deque)
    ready: deque[Job] = field(default_factory=deque)
    leased: int = 0  # batches so far
    outstanding: int = 0  # jobs that have not come to an end
    flying: int = 0  # of them, those that are with the engine
    room: int | None = None  # what the quotas leave, as far as we know
    room_until: datetime | None = None
    warm_ups: dict[str, Room] = field(default_factory=dict)  # the same, by sender's domain
    is_asking: bool = False  # a lease is on its way
    is_dry: bool = False  # there was nothing to lease
    is_hungry: bool = True  # the engine found nothing ready
    problem: str = ""  # why nothing goes over it any more in this run

    @property
    def few(self) -> int:
        """With fewer ready messages, more are composed: each waking of a thread costs."""
        return max(self.relay.max_connections, FEW)

    @property
    def cold(self) -> str:
        """Which senders' domains have had what the relay's warm-up grants them; mostly empty."""
        return "; ".join(
            f"its warm-up grants {domain} no more until {room.until:%Y-%m-%d %H:%M} UTC"
            for domain, room in sorted(self.warm_ups.items())
            if room.messages == 0
        )

    @property
    def is_over(self) -> bool:
        return (bool(self.problem) or self.is_dry) and not self.outstanding and not self.is_asking

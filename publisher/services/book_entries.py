"""What goes into the books in one transaction, and what comes out of it."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from msgspec import Struct

from publisher.domain.deliveries import DeliveryStatus, OnUnknown
from publisher.domain.replies import Verdict
from publisher.mail.jobs import Granted, Job
from publisher.mail.relays import Relay
from publisher.store.batches import Lease
from publisher.store.deliveries import Claim
from publisher.store.engine import Tx


@dataclass(slots=True, kw_only=True)
class Claimed:
    """A job's row: what was claimed, under which lease. `attempt` counts intents so far."""

    claim: Claim
    lease: Lease
    relay: str
    newsletter: str
    period: str
    sender_domain: str
    on_unknown: OnUnknown
    attempt: int
    is_intended: bool = False


class Fate(StrEnum):
    """What became of a job, as far as its row is concerned."""

    SETTLED = "settled"
    RETURNED = "returned"  # still pending: to be tried again in this run
    WITHDRAWN = "withdrawn"  # not ours any more, or not to be sent now


class Listener(Protocol):
    """Who hears what a commit has done. Called on the engine's loop."""

    def finished(self, job: Job, claimed: Claimed, fate: Fate) -> None:
        """A job has come to its end, for now."""

    def lost(self, batches: Iterable[int]) -> None:
        """These batches are no longer ours, or their issue has been stopped."""

    def exhausted(self, relay: Relay, until: datetime | None) -> None:
        """A relay's quota is used up."""


class Intent(Struct, frozen=True):
    """The final dot of a job may go out, once this is committed."""

    job: Job
    relay: Relay
    granted: Granted


class Outcome(Struct, frozen=True):
    """What became of a job."""

    job: Job
    relay: Relay
    verdict: Verdict


class Task(Struct, frozen=True):
    """Something to be done in the transaction, and after its commit."""

    work: Callable[[Tx], Any]
    then: Callable[[Any], None]


Entry = Intent | Outcome | Task


@dataclass(slots=True)
class Group:
    """One transaction's worth, folded: an outcome cancels an intent that was never committed."""

    intents: dict[Job, Intent] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)

    def add(self, entry: Entry) -> None:
        match entry:
            case Intent():
                self.intents[entry.job] = entry
            case Outcome():
                self.intents.pop(entry.job, None)
                self.outcomes.append(entry)
            case Task():
                self.tasks.append(entry)

    @property
    def is_empty(self) -> bool:
        return not (self.intents or self.outcomes or self.tasks)


@dataclass(slots=True)
class Done:
    """What a transaction did, to be told once it is committed."""

    at: datetime
    granted: list[tuple[Granted, Job, bool]] = field(default_factory=list)
    finished: list[tuple[Job, Claimed, Fate]] = field(default_factory=list)
    counts: Counter[tuple[int, DeliveryStatus]] = field(default_factory=Counter)  # by issue
    tasks: list[tuple[Task, Any]] = field(default_factory=list)
    used: Counter[tuple[str, str]] = field(default_factory=Counter)  # by relay, sender's domain
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    healed: set[str] = field(default_factory=set)  # relays that work again
    lost: set[int] = field(default_factory=set)  # batches
    full: list[tuple[Relay, datetime | None]] = field(default_factory=list)
    going: list[Claimed] = field(default_factory=list)  # whose final dots go out

"""The batches that a run holds: asked for, extended, given back.

    few claims left ──▶ lease a batch, claim its rows (books) ──▶ claims of a supply
    the last of them has come to its end ──▶ release (books)

Three threads meet here: the books tell on the engine's loop, the outbox asks on its own, and the
one that waits for both gives back what is left.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock
from time import monotonic

from publisher.domain.deliveries import OnUnknown
from publisher.services.app import App
from publisher.services.book_entries import Claimed
from publisher.services.books import Books
from publisher.services.letters import IssueMail
from publisher.services.quotas import room_of, warm_up_of
from publisher.services.supplies import Supply
from publisher.store import batches, instances
from publisher.store import deliveries as rows
from publisher.store import outcomes as outcome_rows
from publisher.store.batches import Lease
from publisher.store.deliveries import Claim
from publisher.store.engine import Tx

LEASE = timedelta(minutes=5)
EXTEND_SECONDS = 60.0
LOW_CLAIMS = 100


@dataclass(slots=True, eq=False)
class _Held:
    lease: Lease
    left: int  # claims that have not come to their end
    is_lost: bool = False


class Leases:
    """The leases of one run under the name of `owner`.

    `on_claims`: there are more claims, or it is certain that there are none. `on_released`: a batch
    is back in the database.
    """

    def __init__(
        self,
        app: App,
        books: Books,
        *,
        mails: Mapping[int, IssueMail],
        supplies: Mapping[str, Supply],
        owner: str,
        on_claims: Callable[[], None],
        on_released: Callable[[], None],
    ) -> None:
        self._app = app
        self._books = books
        self._mails = mails
        self._supplies = supplies
        self._owner = owner
        self._on_claims = on_claims
        self._on_released = on_released
        self._held: dict[int, _Held] = {}
        self._lock = Lock()  # around counts that several threads change
        self._releasing = 0  # batches on their way back to the database
        self._extended = monotonic()

    @property
    def is_releasing(self) -> bool:
        return self._releasing > 0

    def is_ours(self, claimed: Claimed) -> bool:
        """Whether the batch of a claim is still held."""
        held = self._held.get(claimed.lease.batch)
        return held is not None and not held.is_lost

    def ask(self, supply: Supply) -> None:
        """Asks for another batch, if few claims are left and the supply is not ahead of others."""
        if not self._wants(supply):
            return
        supply.is_asking = True
        self._books.do(
            lambda tx: self._lease(tx, supply), lambda found: self._leased(supply, found)
        )

    def ask_again(self) -> None:
        """What went back may go over another relay."""
        for supply in self._supplies.values():
            supply.is_dry = False

    def extend(self) -> None:
        """Holds all of them longer, if that is due."""
        if monotonic() - self._extended <= EXTEND_SECONDS:
            return
        self._extended = monotonic()
        leases = [held.lease for held in list(self._held.values())]
        until = self._app.clock() + LEASE
        self._books.do(lambda tx: batches.extend(tx, leases, until=until))

    def lose(self, lost: Iterable[int]) -> None:
        """These batches are worth nothing any more."""
        for batch in lost:
            if batch in self._held:
                self._held[batch].is_lost = True

    def end(self, claimed: Claimed) -> None:
        """A claim has come to its end; after the last one its batch goes back."""
        held = self._held.get(claimed.lease.batch)
        with self._lock:
            self._supplies[claimed.relay].outstanding -= 1
            if held is not None:
                held.left -= 1
            is_last = held is not None and not held.left
        if is_last:
            del self._held[claimed.lease.batch]
            self._release(claimed.lease)

    def close(self) -> None:
        """Gives back everything; the books write it."""
        for held in list(self._held.values()):
            self._release(held.lease)

    def _wants(self, supply: Supply) -> bool:
        if supply.is_asking or supply.is_dry or len(supply.claims) >= LOW_CLAIMS:
            return False
        others = [
            each
            for each in self._supplies.values()
            if each is not supply and not each.problem and not each.is_dry
        ]
        share = supply.leased / supply.relay.weight
        return all(share <= (each.leased + 1) / each.relay.weight for each in others)

    def _lease(self, tx: Tx, supply: Supply) -> tuple[Lease, list[Claim]] | None:
        now = self._app.clock()
        instance = instances.get(tx)
        if instance is not None and instance.fence:
            return None  # whoever is fenced in the middle of a run gets no more work
        if supply.room is None:
            left = room_of(tx, supply.relay, now=now)
            supply.room, supply.room_until = left.messages, left.until
        allowed = [each for each in supply.issues if self._warmth(tx, supply, each, now) != 0]
        lease = batches.lease(tx, allowed, owner=self._owner, now=now, until=now + LEASE)
        if lease is None:
            return None
        policy = self._mails[lease.issue].letter.newsletter.on_unknown
        resend = {lease.issue} if policy is OnUnknown.RESEND else set()
        outcome_rows.recover(tx, resend=resend, batch=lease.batch, now=now)
        claims = rows.claim(tx, lease.batch, now=now)
        claims = claims[: self._warmth(tx, supply, lease.issue, now)]  # the others keep waiting
        if not claims:
            batches.release(tx, lease, now=now)
        return lease, claims

    def _warmth(self, tx: Tx, supply: Supply, issue: int, now: datetime) -> int | None:
        """How many messages of an issue's sender the relay's warm-up lets us lease, None = all."""
        domain = self._mails[issue].letter.newsletter.sender.domain
        if domain not in supply.warm_ups:
            supply.warm_ups[domain] = warm_up_of(tx, supply.relay, domain, now=now)
        return supply.warm_ups[domain].messages

    def _leased(self, supply: Supply, found: tuple[Lease, list[Claim]] | None) -> None:
        supply.is_asking = False
        if found is None:
            supply.is_dry = True
        elif found[1]:
            lease, claims = found
            letter = self._mails[lease.issue].letter
            supply.leased += 1
            self._warm(supply, letter.newsletter.sender.domain, len(claims))
            self._held[lease.batch] = _Held(lease, len(claims))
            with self._lock:
                supply.outstanding += len(claims)
            supply.claims.extend(
                Claimed(
                    claim=claim,
                    lease=lease,
                    relay=supply.relay.label,
                    newsletter=letter.newsletter.id,
                    period=letter.issue,
                    sender_domain=letter.newsletter.sender.domain,
                    on_unknown=letter.newsletter.on_unknown,
                    attempt=claim.attempts,
                )
                for claim in claims
            )
        self._on_claims()

    def _warm(self, supply: Supply, domain: str, leased: int) -> None:
        step = supply.warm_ups[domain]
        if step.messages is not None:
            supply.warm_ups[domain] = replace(step, messages=step.messages - leased)

    def _release(self, lease: Lease) -> None:
        now = self._app.clock()
        with self._lock:
            self._releasing += 1
        self._books.do(lambda tx: batches.release(tx, lease, now=now), self._released)

    def _released(self, _: None) -> None:
        with self._lock:
            self._releasing -= 1
        if any(supply.problem for supply in self._supplies.values()):
            self.ask_again()
        self._on_released()

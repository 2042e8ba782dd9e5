"""One message at once, outside the engine: tests of a relay, samples, mail of the system.

The same session as in bulk, with one job. The caller decides what becomes of the verdict.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from publisher.domain.replies import NotSent, Outcome, Reaction, Verdict
from publisher.mail.client import Connection
from publisher.mail.jobs import Job, check_path, transparent
from publisher.mail.opening import Offers, Refused
from publisher.mail.relays import Pipelining, Relay


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a session has shown: what the relay offers, and what became of the message, if any."""

    offers: Offers
    outcome: Outcome | None


def send_one(
    relay: Relay,
    *,
    sender: str,
    recipient: str,
    message: bytes,
    intend: Callable[[], bool] = lambda: True,
) -> Outcome:
    """Hands over one message, a whole one with its lines ended by CRLF.

    `intend` is asked when nothing but the final dot is missing; False hangs up instead. Raises
    `RelayError` if the relay cannot be reached, trusted or logged in to, and `ValueError` for
    what must never be sent.
    """
    check_path(sender)
    check_path(recipient)
    job = Job(delivery=0, issue=0, sender=sender, recipient=recipient, wire=transparent(message))
    trial = asyncio.run(_Single(relay, job, intend).run())
    return trial.outcome or NotSent("the relay closed the connection before it began")


def try_relay(relay: Relay) -> Trial:
    """Connects, encrypts, logs in, and says good-bye. Raises `RelayError`."""
    return asyncio.run(_Single(relay, None, lambda: True).run())


class _Single:
    """The owner of one connection with one job."""

    def __init__(self, relay: Relay, job: Job | None, intend: Callable[[], bool]) -> None:
        self.relay = relay
        self._job = job
        self._intend = intend
        self._outcome: Outcome | None = None

    async def run(self) -> Trial:
        self._over = asyncio.Event()
        connection = Connection(self)
        try:
            await connection.open()
        except Refused as refused:
            is_lasting = refused.verdict.reaction is Reaction.PAUSE_RELAY
            raise self.relay.error(refused.problem, is_lasting=is_lasting) from None
        connection.start()
        connection.retire()
        if self._job is None and connection.is_idle:
            connection.leave()
        while not self._over.is_set():
            try:
                async with asyncio.timeout(min(0.5, self.relay.timeout_seconds / 4)):
                    await self._over.wait()
            except TimeoutError:
                connection.check(asyncio.get_running_loop().time())
        return Trial(offers=connection.offers, outcome=self._outcome)

    def next_job(self, connection: Connection) -> Job | None:
        job, self._job = self._job, None
        if job is None:
            connection.retire()
        return job

    def intend(self, connection: Connection, job: Job) -> None:
        connection.granted(job, self._intend())

    def settle(self, connection: Connection, job: Job, verdict: Verdict) -> None:
        self._outcome = verdict.outcome

    def withdrawn(self, job: Job) -> None:
        """Its outcome stays None."""

    def closed(self, connection: Connection, problem: str) -> None:
        self._over.set()

    def may_write_ahead(self, level: Pipelining) -> bool:
        return level is Pipelining.ENVELOPE and self.relay.pipelining is not Pipelining.OFF

    def is_proven(self, level: Pipelining) -> bool:
        return False

    def wrote_ahead(self, level: Pipelining, *, works: bool) -> None:
        """Nothing follows that could learn from it."""

"""One connection and a few messages, with all that the connection tells its owner."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from publisher.domain.replies import Verdict
from publisher.mail.client import Connection
from publisher.mail.jobs import Job, transparent
from publisher.mail.opening import Refused
from publisher.mail.relays import Pipelining, Relay

MESSAGE = b"Message-ID: <1@news.test>\r\nSubject: x\r\n\r\nHello.\r\n.. and dots\r\n.\r\n"


@dataclass
class Told:
    """What the owner has heard, in order."""

    verdicts: dict[str, Verdict] = field(default_factory=dict)
    intents: list[str] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)
    end: str = ""
    ahead: list[tuple[Pipelining, bool]] = field(default_factory=list)
    refused: Refused | None = None


class Conversation:
    """Gives a connection its jobs, one after the other."""

    def __init__(
        self,
        relay: Relay,
        jobs: Sequence[Job],
        *,
        level: Pipelining = Pipelining.DOT,
        grant: Callable[[Job], bool] = lambda _job: True,
        proven: bool = False,
    ) -> None:
        self.relay = relay
        self.told = Told()
        self._jobs = list(jobs)
        self._level = level
        self._grant = grant
        self._proven = proven

    async def run(self) -> Told:
        self._over = asyncio.Event()
        connection = Connection(self)
        try:
            await connection.open()
        except Refused as refused:
            self.told.refused = refused
            return self.told
        connection.start()
        while not self._over.is_set():
            try:
                async with asyncio.timeout(0.02):
                    await self._over.wait()
            except TimeoutError:
                connection.check(asyncio.get_running_loop().time())
        return self.told

    def next_job(self, connection: Connection) -> Job | None:
        if self._jobs:
            return self._jobs.pop(0)
        connection.retire()
        return None

    def intend(self, connection: Connection, job: Job) -> None:
        self.told.intents.append(job.recipient)
        # Later, as in earnest: the books are written by another thread.
        asyncio.get_running_loop().call_soon(self._answer, connection, job)

    def _answer(self, connection: Connection, job: Job) -> None:
        connection.granted(job, self._grant(job))

    def settle(self, connection: Connection, job: Job, verdict: Verdict) -> None:
        assert job.recipient not in self.told.verdicts, "settled twice"
        self.told.verdicts[job.recipient] = verdict

    def withdrawn(self, job: Job) -> None:
        self.told.withdrawn.append(job.recipient)

    def closed(self, connection: Connection, problem: str) -> None:
        self.told.end = problem
        self._over.set()

    def may_write_ahead(self, level: Pipelining) -> bool:
        levels = list(Pipelining)
        return levels.index(level) >= levels.index(self._level)

    def is_proven(self, level: Pipelining) -> bool:
        return self._proven

    def wrote_ahead(self, level: Pipelining, *, works: bool) -> None:
        self.told.ahead.append((level, works))


def make_job(recipient: str = "ann@rcpt.test", **changes: object) -> Job:
    values = {"delivery": 1, "issue": 1, "sender": "news@news.test", "wire": transparent(MESSAGE)}
    return Job(**{**values, "recipient": recipient, **changes})  # type: ignore[arg-type]


def converse(
    relay: Relay,
    jobs: Sequence[Job],
    *,
    level: Pipelining = Pipelining.DOT,
    grant: Callable[[Job], bool] = lambda _job: True,
    proven: bool = False,
) -> Told:
    return asyncio.run(Conversation(relay, jobs, level=level, grant=grant, proven=proven).run())

"""The connections of one relay: how many there are, when they rest, when the relay is given up.

Begins with two connections and adds one for each message taken, up to the most that is allowed.
Trouble that blames the relay makes it wait, twice as long each time; the third setback in a row,
or a relay that cannot even be reached, ends its work for this run. What it had in hand goes back.
"""

import asyncio
import logging
from contextlib import suppress

from publisher.domain.replies import Accepted, Reaction, Stage, Verdict, lost
from publisher.mail.client import Connection
from publisher.mail.jobs import Desk, Job
from publisher.mail.opening import Refused
from publisher.mail.relays import Pipelining, Relay
from publisher.mail.throttle import Domains, Rate

FIRST_CONNECTIONS = 2
SETBACKS = 3
IDLE_SECONDS = 30.0
TICK_SECONDS = 1.0
BACKOFF_MOST_SECONDS = 300.0
MOST_HELD = 100
CLOSING_SECONDS = 5.0
QUOTA_SECONDS = 3600.0
"""How long a relay rests that says its quota is used up. When its day ends it does not say; some
let it end hour by hour, and one question an hour offends nobody."""

_LEVELS = (Pipelining.OFF, Pipelining.ENVELOPE, Pipelining.DOT)

log = logging.getLogger(__name__)


class Lane:
    """One relay at work, for one run. Everything happens on the engine's loop."""

    def __init__(self, relay: Relay, desk: Desk) -> None:
        self.relay = relay
        self._desk = desk
        self._loop = asyncio.get_running_loop()
        self._connections: set[Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._target = float(min(FIRST_CONNECTIONS, relay.max_connections))
        self._setbacks = 0
        self._blocked_until = 0.0
        self._is_leaving = False
        self._over = asyncio.Event()
        self._rate = Rate(relay.rate)
        self._domains = Domains(relay.per_domain)
        self._held: list[Job] = []  # their domain has enough under way
        self._taken: dict[Connection, int] = {}
        self._per_connection = relay.per_connection
        self._level = relay.pipelining
        self._proven: set[Pipelining] = set()  # what has worked in this run
        self._trial_until = 0.0
        self._wakes_at = 0.0
        self._has_opened = False

    async def run(self) -> None:
        """Works until the desk has nothing more for this relay, or it is given up.

        Cancelled, it hangs up on every line: not one dot more.
        """
        ticker = self._loop.create_task(self._tick())
        try:
            self.pump()
            await self._over.wait()
        finally:
            ticker.cancel()
            await self._hang_up()
            with suppress(asyncio.CancelledError):
                await ticker

    def pump(self) -> None:
        """Looks for work: called whenever there may be some, or none any more."""
        if self._over.is_set():
            return
        if self._is_leaving or (self._desk.is_done(self.relay) and not self._is_busy):
            self._leave()
            return
        if self._loop.time() < self._blocked_until:
            return
        for connection in [each for each in self._connections if each.is_idle]:
            connection.start()
        self._open_more()

    def leave(self) -> None:
        """Takes no more jobs, waits for the answers to final dots, and ends."""
        self._is_leaving = True
        self._leave()

    # What connections ask and tell.

    def next_job(self, connection: Connection) -> Job | None:
        """Another job, as far as limits allow."""
        now = self._loop.time()
        if self._is_leaving or now < self._blocked_until:
            return None
        taken = self._taken[connection]
        if self._per_connection and taken >= self._per_connection:
            connection.retire()
            return None
        if wait := self._rate.delay(now):
            self._wake_after(wait)
            return None
        job = self._next_allowed()
        if job is not None:
            self._rate.take(now)
            self._domains.start(job.recipient)
            self._taken[connection] = taken + 1
        return job

    def intend(self, connection: Connection, job: Job) -> None:
        self._desk.intend(job, self.relay, connection.granted)

    def settle(self, connection: Connection, job: Job, verdict: Verdict) -> None:
        accepted = isinstance(verdict.outcome, Accepted)
        self._domains.end(job.recipient, accepted=accepted)
        self._desk.settle(job, self.relay, verdict)
        if accepted:
            self._setbacks = 0
            if self._target < self.relay.max_connections:
                self._target += 1
                self._open_more()
            self._rate.speed_up()
        else:
            self._react(connection, job, verdict)

    def withdrawn(self, job: Job) -> None:
        self._domains.end(job.recipient, accepted=False)

    def closed(self, connection: Connection, problem: str) -> None:
        self._connections.discard(connection)
        self._taken.pop(connection, None)
        if problem and not connection.accepted and not self._is_leaving:
            self._setback(problem, waits=False)
        # Not at once: the connection is still at work in its last call.
        self._loop.call_soon(self.pump)

    def may_write_ahead(self, level: Pipelining) -> bool:
        """Whether so much may be tried now; the untried dot by one connection at a time."""
        if level is not self._level and _LEVELS.index(level) > _LEVELS.index(self._level):
            return False
        if level is Pipelining.DOT and level not in self._proven:
            now = self._loop.time()
            if now < self._trial_until:
                return False
            self._trial_until = now + TICK_SECONDS
        return True

    def is_proven(self, level: Pipelining) -> bool:
        return level in self._proven

    def wrote_ahead(self, level: Pipelining, *, works: bool) -> None:
        """What a try has shown: where it fails, less is tried from now on."""
        if works:
            self._proven.add(level)
            return
        lower = _LEVELS[max(_LEVELS.index(level) - 1, 0)]
        if _LEVELS.index(self._level) > _LEVELS.index(lower):
            self._level = lower
            name = self.relay.label
            log.warning("relay.stepped_down", extra={"relay": name, "pipelining": lower.value})
            self._desk.learn(self.relay, pipelining=lower)

    # Inside.

    @property
    def _is_busy(self) -> bool:
        return bool(self._opening) or any(not each.is_idle for each in self._connections)

    def _next_allowed(self) -> Job | None:
        for place, job in enumerate(self._held):
            if self._domains.has_room(job.recipient):
                return self._held.pop(place)
        while len(self._held) < MOST_HELD and (more := self._desk.take(self.relay)) is not None:
            if self._domains.has_room(more.recipient):
                return more
            self._held.append(more)
        return None

    def _open_more(self) -> None:
        room = int(self._target) - len(self._connections) - len(self._opening)
        if not self._has_opened:  # a login that is refused is tried once, not in parallel
            room = min(room, 1 - len(self._opening))
        wanted = self._desk.ready(self.relay) + len(self._held) - len(self._opening)
        for _ in range(min(room, wanted)):
            task = self._loop.create_task(self._open())
            self._opening.add(task)
            task.add_done_callback(self._opened)

    async def _open(self) -> None:
        connection = Connection(self)
        self._taken[connection] = 0
        try:
            await connection.open()
        except Refused as refused:
            self._taken.pop(connection, None)
            if not self._is_leaving:
                self._refused(refused)
            return
        self._connections.add(connection)
        self._has_opened = True
        self._loop.call_soon(self._open_more)
        if self._is_leaving:
            connection.leave()
        else:
            connection.start()

    def _opened(self, task: asyncio.Task[None]) -> None:
        self._opening.discard(task)
        self.pump()

    def _refused(self, refused: Refused) -> None:
        reaction = refused.verdict.reaction
        if reaction is Reaction.PAUSE_RELAY:
            self._give_up(refused.problem, pause=True)
            return
        if reaction is Reaction.HALVE:
            self._target = max(self._target / 2, 1.0)
            if self._connections:  # it wants fewer of them, no more
                self._block(self.relay.backoff_seconds)
                return
        if not self._has_opened:
            self._give_up(refused.problem, pause=False)
        else:
            self._setback(refused.problem)

    def _react(self, connection: Connection, job: Job, verdict: Verdict) -> None:
        problem = getattr(verdict.outcome, "problem", "")
        match verdict.reaction:
            case Reaction.BACK_OFF | Reaction.HALVE:
                self._setback(problem)
            case Reaction.PAUSE_RELAY:
                self._give_up(problem, pause=True)
            case Reaction.QUOTA:
                self._give_up(problem, pause=False, rest_seconds=QUOTA_SECONDS)
            case Reaction.SLOW_RELAY:
                self._rate.slow_down(self._loop.time(), wait=self.relay.backoff_seconds)
            case Reaction.SLOW_DOMAIN:
                self._domains.slow_down(job.recipient)
            case Reaction.LEARN_LIMIT if connection.accepted > 1:
                if not self._per_connection or connection.accepted < self._per_connection:
                    self._per_connection = connection.accepted
                    self._desk.learn(self.relay, per_connection=connection.accepted)
            case _:
                pass

    def _setback(self, problem: str, *, waits: bool = True) -> None:
        """Trouble of the relay. A line that breaks once is simply opened again."""
        if self._loop.time() < self._blocked_until:
            return  # the same trouble on another connection
        self._setbacks += 1
        if self._setbacks >= SETBACKS:
            self._give_up(problem, pause=False)
        elif waits or self._setbacks > 1:
            self._block(min(self.relay.backoff_seconds * self._setbacks, BACKOFF_MOST_SECONDS))

    def _block(self, seconds: float) -> None:
        self._blocked_until = self._loop.time() + seconds
        self._wake_after(seconds)

    def _wake_after(self, seconds: float) -> None:
        """One timer for all connections that wait."""
        at = self._loop.time() + seconds
        if not self._wakes_at or at < self._wakes_at:
            self._wakes_at = at
            self._loop.call_later(seconds + 0.0005, self._awake)

    def _awake(self) -> None:
        self._wakes_at = 0.0
        self.pump()

    def _give_up(self, problem: str, *, pause: bool, rest_seconds: float = 0.0) -> None:
        if self._is_leaving:
            return
        self._is_leaving = True
        self._desk.give_up(self.relay, problem, pause=pause, rest_seconds=rest_seconds)
        self._loop.call_soon(self._leave)

    def _leave(self) -> None:
        for task in list(self._opening):
            task.cancel()
        for connection in list(self._connections):
            connection.leave()
        for job in self._held:
            self._desk.settle(job, self.relay, lost(Stage.RCPT, "the relay is left alone"))
        self._held.clear()
        if not self._connections and not self._opening:
            self._over.set()

    async def _hang_up(self) -> None:
        """Breaks off what is still there, if anything is."""
        self._is_leaving = True
        self._over.set()
        ends = [*self._opening]
        for task in ends:
            task.cancel()
        for connection in [*self._connections]:
            connection.hang_up()
            ends.append(self._loop.create_task(connection.wait_closed()))
        if ends:
            await asyncio.wait(ends, timeout=CLOSING_SECONDS)

    async def _tick(self) -> None:
        seconds = min(TICK_SECONDS, self.relay.timeout_seconds / 4)
        while True:
            await asyncio.sleep(seconds)
            now = self._loop.time()
            for connection in list(self._connections):
                connection.check(now)
                if connection.is_idle and now - connection.idle_since > IDLE_SECONDS:
                    connection.leave()
            self.pump()

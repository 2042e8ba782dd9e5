"""What the running process knows of itself, for health checks and metrics.

The only thing here that changes while the process runs. Threads share it.
"""

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from itertools import accumulate
from threading import Lock
from time import monotonic


@dataclass(frozen=True, slots=True)
class Poll:
    """Who asked for a feed: the network address and the User-Agent, as it came."""

    feed: str
    client: str
    agent: bytes


MOST_POLLS = 50_000
"""So many different polls are remembered until they are written down; more are only counted."""


BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Upper bounds, in seconds, between which transactions with relays are counted."""


class Vitals:
    """Signs of life by lane, answers by route, and what the operator's signals led to."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._beats: dict[str, float] = {}
        self._requests: Counter[tuple[str, ...]] = Counter()
        self._limited: Counter[tuple[str, ...]] = Counter()
        self._answers: Counter[tuple[str, int]] = Counter()
        self._polls: set[Poll] = set()
        self._replies: Counter[tuple[str, ...]] = Counter()
        self._buckets = [0] * (len(BUCKETS) + 1)
        self._seconds = 0.0
        self.is_draining = False
        self.last_reload_succeeded = True

    def beat(self, lane: str) -> None:
        """The lane is in the middle of something, and has just got on with it."""
        with self._lock:
            self._beats[lane] = monotonic()

    def rest(self, lane: str) -> None:
        """The lane has done what there was to do, and waits."""
        with self._lock:
            self._beats.pop(lane, None)

    def stuck(self, *, after: float) -> list[str]:
        """The lanes that have not got on with what they do for so many seconds."""
        with self._lock:
            now = monotonic()
            return sorted(lane for lane, at in self._beats.items() if now - at > after)

    def answered(self, route: str, method: str, status: int) -> None:
        """A request was answered. `route` is the template, never the path."""
        with self._lock:
            self._requests[route, method, str(status)] += 1

    def fed(self, poll: Poll, status: int) -> None:
        """A feed was asked for."""
        with self._lock:
            self._answers[poll.feed, status] += 1
            if len(self._polls) < MOST_POLLS:
                self._polls.add(poll)

    def replied(self, kind: str, seconds: float) -> None:
        """A relay has said what becomes of a message, so long after it was handed the envelope."""
        with self._lock:
            self._replies[kind,] += 1
            self._seconds += seconds
            self._buckets[bisect_left(BUCKETS, seconds)] += 1

    def replies(self) -> dict[tuple[str, ...], float]:
        """(class) -> what relays said."""
        with self._lock:
            return {key: float(count) for key, count in self._replies.items()}

    def transactions(self) -> tuple[list[int], float]:
        """How many took at most so long, by `BUCKETS` and without limit; the seconds in all."""
        with self._lock:
            return list(accumulate(self._buckets)), self._seconds

    def limited(self, route: str) -> None:
        """A budget was used up, whether or not the answer says so."""
        with self._lock:
            self._limited[route,] += 1

    def requests(self) -> dict[tuple[str, ...], float]:
        """(route, method, code) -> answers."""
        with self._lock:
            return {key: float(count) for key, count in self._requests.items()}

    def take_polls(self) -> tuple[Counter[tuple[str, int]], set[Poll]]:
        """(feed, status) -> answers, and who asked, since the last call."""
        with self._lock:
            taken = self._answers, self._polls
            self._answers, self._polls = Counter(), set()
            return taken

    def limits(self) -> dict[tuple[str, ...], float]:
        """(route) -> requests over a budget."""
        with self._lock:
            return {key: float(count) for key, count in self._limited.items()}

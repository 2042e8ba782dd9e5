"""What the running process knows of itself, for health checks and metrics.

The only thing here that changes while the process runs. Threads share it.
"""

from collections import Counter
from dataclasses import dataclass
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


class Vitals:
    """Signs of life by lane, answers by route, and what the operator's signals led to."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._beats: dict[str, float] = {}
        self._requests: Counter[tuple[str, ...]] = Counter()
        self._limited: Counter[tuple[str, ...]] = Counter()
        self._answers: Counter[tuple[str, int]] = Counter()
        self._polls: set[Poll] = set()
        self.is_draining = False
        self.last_reload_succeeded = True

    def beat(self, lane: str) -> None:
        """The lane has just got something done."""
        self._beats[lane] = monotonic()

    def age(self, lane: str) -> float | None:
        """Seconds since the lane last got something done; None if it never did."""
        at = self._beats.get(lane)
        return None if at is None else monotonic() - at

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

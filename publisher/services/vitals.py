"""What the running process knows of itself, for health checks and metrics.

The only thing here that changes while the process runs. Threads share it.
"""

from collections import Counter
from threading import Lock
from time import monotonic


class Vitals:
    """Signs of life by lane, answers by route, and what the operator's signals led to."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._beats: dict[str, float] = {}
        self._requests: Counter[tuple[str, ...]] = Counter()
        self._feeds: Counter[tuple[str, ...]] = Counter()
        self._limited: Counter[tuple[str, ...]] = Counter()
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

    def fed(self, feed: str, status: int) -> None:
        """A feed was asked for."""
        with self._lock:
            self._feeds[feed, str(status)] += 1

    def limited(self, route: str) -> None:
        """A budget was used up, whether or not the answer says so."""
        with self._lock:
            self._limited[route,] += 1

    def requests(self) -> dict[tuple[str, ...], float]:
        """(route, method, code) -> answers."""
        with self._lock:
            return {key: float(count) for key, count in self._requests.items()}

    def feed_requests(self) -> dict[tuple[str, ...], float]:
        """(feed, status) -> answers."""
        with self._lock:
            return {key: float(count) for key, count in self._feeds.items()}

    def limits(self) -> dict[tuple[str, ...], float]:
        """(route) -> requests over a budget."""
        with self._lock:
            return {key: float(count) for key, count in self._limited.items()}

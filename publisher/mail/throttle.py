"""How fast a relay may be fed: a rate that heeds complaints, and caps for each domain.

Rates are the generic cell rate algorithm: one number a limit, and the exact wait. Hours, days and
warming up are counted in the database, because a restart must not grant them anew; see
`domain.quotas`. Times are monotonic seconds.
"""

from collections import Counter

SLOWER = 0.7
FASTER = 1.02
"""What a complaint about our speed, and each message taken after it, make of the rate."""

SLACK_SECONDS = 0.05
"""So much lateness is made good: timers wake late, and at 300 a second half a millisecond each
time would cost a seventh of the rate."""

FIRST_IN_FLIGHT = 3
MOST_IN_FLIGHT = 20


class Rate:
    """At most so many messages a second, evenly; `rate` 0 means no limit until one is learnt."""

    def __init__(self, rate: float) -> None:
        self._wanted = rate
        self._rate = rate
        self._tat = 0.0  # the theoretical arrival time of the next message
        self._not_before = 0.0
        self._taken = 0
        self._since = 0.0

    @property
    def per_second(self) -> float:
        """The rate in force, 0 = no limit."""
        return self._rate

    def delay(self, now: float) -> float:
        """Seconds until the next message may go."""
        return max(0.0, self._tat - SLACK_SECONDS - now, self._not_before - now)

    def take(self, now: float) -> None:
        """One message goes."""
        self._taken += 1
        if not self._since:
            self._since = now
        if self._rate:
            self._tat = max(self._tat, now) + 1 / self._rate

    def slow_down(self, now: float, *, wait: float) -> None:
        """The relay says that we are too fast: wait, go on slower, and speed up by and by."""
        seen = self._taken / max(now - self._since, 1.0) if self._since else 1.0
        self._rate = max((self._rate or seen) * SLOWER, 0.1)
        self._not_before = now + wait
        self._taken, self._since = 0, now

    def speed_up(self) -> None:
        """A message was taken: back towards what was asked for."""
        if self._rate and self._rate != self._wanted:
            self._rate *= FASTER
            if self._wanted and self._rate > self._wanted:
                self._rate = self._wanted


class Domains:
    """How many messages may be under way to one domain at once; `limit` 0 = no cap.

    Starts low, gains one after each cohort that went well, and halves when the domain asks for
    patience (Postfix's scheme).
    """

    def __init__(self, limit: int) -> None:
        self._most = min(limit, MOST_IN_FLIGHT) if limit else 0
        self._allowed: dict[str, float] = {}
        self._flying: Counter[str] = Counter()

    def has_room(self, recipient: str) -> bool:
        """Whether another message to the recipient's domain may start now."""
        if not self._most:
            return True
        domain = _home(recipient)
        return self._flying[domain] < int(self._cap(domain))

    def start(self, recipient: str) -> None:
        """A message is under way."""
        if self._most:
            self._flying[_home(recipient)] += 1

    def end(self, recipient: str, *, accepted: bool) -> None:
        """It is settled."""
        if not self._most:
            return
        domain = _home(recipient)
        self._flying[domain] -= 1
        if not self._flying[domain]:
            del self._flying[domain]
        if accepted:
            cap = self._cap(domain)
            self._allowed[domain] = min(cap + 1 / cap, self._most)

    def slow_down(self, recipient: str) -> None:
        """The recipient's domain answered 4.7.x."""
        if self._most:
            domain = _home(recipient)
            self._allowed[domain] = max(self._cap(domain) / 2, 1.0)

    def _cap(self, domain: str) -> float:
        return self._allowed.get(domain, float(min(FIRST_IN_FLIGHT, self._most)))


def _home(recipient: str) -> str:
    """Where a recipient is at home, in small letters."""
    return recipient.rpartition("@")[2].lower()

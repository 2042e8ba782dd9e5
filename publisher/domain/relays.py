"""Which relays may be used now, and which take over when others cannot."""

from dataclasses import dataclass
from datetime import datetime, timedelta

TAKE_OVER_AFTER = timedelta(minutes=15)
"""So long a relay may be in trouble before one that stands by takes its work."""

LONGEST_REST = timedelta(minutes=70)
"""No relay rests for longer: five minutes, an hour where its quota is used up, and some more
because clocks differ. What seems to rest for longer was written before the clock was set back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayState:
    """How a relay stands. `problem` is empty while all is well.

    `is_paused`: until an operator has looked. `resting_until`: it is not tried before.
    `setbacks` counts those in a row, since `failing_since`. `per_connection` and `pipelining`
    are what it has taught us.
    """

    name: str
    problem: str = ""
    is_paused: bool = False
    resting_until: datetime | None = None
    setbacks: int = 0
    failing_since: datetime | None = None
    per_connection: int | None = None
    pipelining: str | None = None

    def why_not(self, now: datetime) -> str:
        """Why the relay is not to be used now; empty if it may be."""
        if self.is_paused:
            return f"{self.problem}; paused: `publisher smtp test` lifts it once that works"
        if self.resting_until and now < self.resting_until <= now + LONGEST_REST:
            return f"{self.problem}; next try at {self.resting_until:%Y-%m-%d %H:%M:%S} UTC"
        return ""

    def is_out(self, now: datetime) -> bool:
        """Whether a relay that stands by may take its work."""
        if self.is_paused:
            return True
        if self.failing_since is None:
            return False
        return abs(now - self.failing_since) >= TAKE_OVER_AFTER  # ahead: the clock was set back

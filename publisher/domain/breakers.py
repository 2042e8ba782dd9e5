"""When an issue is stopped because the world refuses it, not its readers.

Three refusals in a row of its contents or size, twenty in a row on policy, or more than a
twentieth of the last two hundred: then the rest waits for somebody to look.
"""

from collections import deque

from publisher.domain.replies import Accepted, Reaction, Rejected, Verdict

STRIKES = 3
IN_A_ROW = 20
WINDOW = 200
MOST_OF_WINDOW = WINDOW // 20


class Breaker:
    """Watches the verdicts on one issue."""

    def __init__(self) -> None:
        self._strikes = 0
        self._row = 0
        self._window: deque[bool] = deque(maxlen=WINDOW)
        self._refused = 0  # in the window

    def heed(self, verdict: Verdict) -> str:
        """Why the issue must be paused now; empty while it may go on."""
        if verdict.reaction is Reaction.PAUSE_ISSUE:
            return _problem(verdict)
        if verdict.reaction is Reaction.STRIKE_ISSUE:
            self._strikes += 1
            is_out = self._strikes >= STRIKES
            return f"refused {STRIKES} times in a row: {_problem(verdict)}" if is_out else ""
        if isinstance(verdict.outcome, Accepted):
            self._strikes = self._row = 0
            self._note(is_policy=False)
        elif isinstance(verdict.outcome, Rejected):
            is_policy = verdict.reaction is Reaction.BREAKER
            self._row = self._row + 1 if is_policy else 0
            self._note(is_policy=is_policy)
        return self._judge(verdict)

    def _note(self, *, is_policy: bool) -> None:
        if len(self._window) == WINDOW:
            self._refused -= self._window[0]
        self._window.append(is_policy)
        self._refused += is_policy

    def _judge(self, verdict: Verdict) -> str:
        if self._row >= IN_A_ROW:
            told = f"{IN_A_ROW} refusals on policy in a row"
        elif self._refused > MOST_OF_WINDOW and len(self._window) == WINDOW:
            told = f"{self._refused} refusals on policy in the last {WINDOW}"
        else:
            return ""
        return f"{told}, the last one: {_problem(verdict)}"


def _problem(verdict: Verdict) -> str:
    return str(getattr(verdict.outcome, "reply", getattr(verdict.outcome, "problem", "")))

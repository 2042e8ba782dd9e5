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

    def heed(self, verdict: Verdict) -> str:
        """Why the issue must be paused now; empty while it may go on."""
        problem = str(getattr(verdict.outcome, "reply", getattr(verdict.outcome, "problem", "")))
        if verdict.reaction is Reaction.PAUSE_ISSUE:
            return problem
        if verdict.reaction is Reaction.STRIKE_ISSUE:
            self._strikes += 1
            is_out = self._strikes >= STRIKES
            return f"refused {STRIKES} times in a row: {problem}" if is_out else ""
        if isinstance(verdict.outcome, Accepted):
            self._strikes = self._row = 0
            self._window.append(False)
        elif isinstance(verdict.outcome, Rejected):
            is_policy = verdict.reaction is Reaction.BREAKER
            self._row = self._row + 1 if is_policy else 0
            self._window.append(is_policy)
        return self._judge(problem)

    def _judge(self, problem: str) -> str:
        refused = sum(self._window) if len(self._window) == WINDOW else 0
        if self._row >= IN_A_ROW:
            return f"{IN_A_ROW} refusals on policy in a row, the last one: {problem}"
        if refused > MOST_OF_WINDOW:
            return f"{refused} refusals on policy in the last {WINDOW}, the last one: {problem}"
        return ""

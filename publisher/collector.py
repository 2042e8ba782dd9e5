"""The garbage collector's pace where many values are made and all of them stay.

It looks through everything young at every 700th value, and at times through everything: among ten
thousand posts that is a third of all the time, and finds nothing.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_YOUNG = 500_000
"""How many more values than before are made until it looks."""


class _Pace:
    """How often it looks, for all threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._usual = gc.get_threshold()
        self._blocks = 0  # that are under way

    def count(self, step: int) -> None:
        """A block begins (1) or ends (-1)."""
        with self._lock:
            self._blocks += step
            gc.set_threshold(_YOUNG if self._blocks else self._usual[0], *self._usual[1:])


_pace = _Pace()


@contextmanager
def seldom() -> Iterator[None]:
    """Lets the collector look less often until the end of the last such block."""
    _pace.count(1)
    try:
        yield
    finally:
        _pace.count(-1)


def seldom_from_now_on() -> None:
    """The same for a process that only works off jobs; what it has loaded is never looked at."""
    gc.freeze()
    gc.set_threshold(_YOUNG)

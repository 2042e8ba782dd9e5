"""The garbage collector's pace where many values are made and all of them stay.

It looks through everything young at every 700th value, and at times through everything: among ten
thousand posts that is a third of all the time, and finds nothing.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_YOUNG = 500_000
"""How many more values than before are made until it looks."""


@contextmanager
def seldom() -> Iterator[None]:
    """Lets the collector look less often until the end of the block."""
    before = gc.get_threshold()
    gc.set_threshold(_YOUNG, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def seldom_from_now_on() -> None:
    """The same for a process that only works off jobs; what it has loaded is never looked at."""
    gc.freeze()
    gc.set_threshold(_YOUNG)

"""A worker for the chaos test: the real services, a wall clock that is read from a file, and a
process that kills itself now and then.

    python -m tests.faults.worker SITE CLOCK SEED ROUNDS

It waits for the lock of the state folder, works through some rounds of beat, plan and deliver,
and ends. SEED 0 never dies.
"""

import os
import signal
import sys
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from time import sleep

from publisher.bootstrap import open_app
from publisher.errors import Locked, StoreError
from publisher.services import deliveries, instances, issues, publishing
from publisher.services.lock import exclusive

DEATHS = 0.02
"""The chance of dying at each place where that is possible."""


class Fate:
    """Decides, the same for the same seed, whether this process dies here."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._count = 0

    def maybe_die(self, *_: object) -> None:
        self._count += 1
        drawn = sha256(f"{self._seed}/{self._count}".encode()).digest()
        if self._seed != "0" and int.from_bytes(drawn[:4]) / 2**32 < DEATHS:
            os.kill(os.getpid(), signal.SIGKILL)


def dying_after(function: object, fate: Fate) -> object:
    def call(*arguments: object, **named: object) -> object:
        fate.maybe_die()
        result = function(*arguments, **named)  # type: ignore[operator]
        fate.maybe_die()
        return result

    return call


def main(site: Path, clock_file: Path, seed: str, rounds: int) -> None:
    def clock() -> datetime:
        return datetime.fromisoformat(clock_file.read_text(encoding="ascii").strip())

    fate = Fate(seed)
    for module, name in ((issues, "reconcile"), (issues, "assemble"), (deliveries, "deliver")):
        setattr(module, name, dying_after(getattr(module, name), fate))
    with open_app(site / "config.toml", clock=clock) as app:
        for _ in range(200):
            with suppress(Locked), exclusive(app.folders.state):
                instances.start(app)
                for _ in range(rounds):
                    instances.beat(app, now=clock())
                    publishing.send(app)
                return
            sleep(0.02)


if __name__ == "__main__":
    with suppress(StoreError):
        main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))

"""Counting what a relay took against what the books say."""

import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from publisher.domain.deliveries import UNSETTLED, DeliveryStatus
from tests.faults.world import accepted, make_relay, open_world, statuses

HERE = Path(__file__).parent
PATIENCE_SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What a run has come to. `doubts`: how often an attempt ended in doubt."""

    recipients: int
    kills: int
    lost: list[str]  # not unknown, not refused, and the relay never took it
    doubled: int  # copies beyond the first
    sent_but_not_accepted: list[str]
    unknown: int
    unknown_that_arrived: int
    unsettled: int
    doubts: int
    statuses: dict[DeliveryStatus, int]

    def __str__(self) -> str:
        return (
            f"recipients {self.recipients}, kills {self.kills}, lost {len(self.lost)}, "
            f"duplicated {self.doubled}, unknown {self.unknown} "
            f"({self.unknown_that_arrived} of them arrived, {self.doubts} doubts in all), "
            f"marked sent but not accepted {len(self.sent_but_not_accepted)}"
        )


@contextmanager
def relay_process(log: Path, *options: str) -> Iterator[int]:
    """The fault relay in a process of its own; gives its port."""
    with port_of("relay.py", "--log", str(log), *options) as port:
        yield port


@contextmanager
def port_of(script: str, *arguments: str) -> Iterator[int]:
    """The port that a script beside this file prints; the script ends with the block."""
    command = [sys.executable, str(HERE / script), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield int(process.stdout.readline())
        finally:
            process.kill()


def worker(folder: Path, port: int, *options: str) -> list[str]:
    """The command of a process that recovers and delivers."""
    return [sys.executable, str(HERE / "world.py"), str(folder), "--port", str(port), *options]


def kill_at_random(command: list[str], log: Path, *, kills: int, seconds: float) -> int:
    """Runs a worker again and again, and kills each one at some instant of its sending.

    The last one runs to the end. Returns how many were killed.
    """
    chance, done = random.Random(1), 0
    for _ in range(kills):
        size = log.stat().st_size if log.exists() else 0
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            until = time.monotonic() + PATIENCE_SECONDS
            while process.poll() is None and (not log.exists() or log.stat().st_size == size):
                assert time.monotonic() < until
                time.sleep(0.002)
            time.sleep(chance.random() * seconds)
            if process.poll() is not None:
                break  # all was sent already
            process.kill()
            done += 1
    subprocess.run(command, check=True, timeout=PATIENCE_SECONDS, stdout=subprocess.DEVNULL)
    return done


def prove(folder: Path, *, kills: int) -> Proof:
    """Compares the relay's log with the rows."""
    taken = accepted(folder / "accepted.jsonl")
    with open_world(folder, [make_relay(1)]) as app:
        found = statuses(app)
        with app.store.read() as tx:
            doubts = tx.exec_driver_sql(
                "SELECT count(*) FROM delivery_attempts WHERE status = 'unknown'"
            ).scalar_one()
    counts = Counter(found.values())
    explained = (DeliveryStatus.UNKNOWN, DeliveryStatus.FAILED, DeliveryStatus.SKIPPED)
    return Proof(
        recipients=len(found),
        kills=kills,
        lost=[a for a, status in found.items() if not taken[a] and status not in explained],
        doubled=sum(copies - 1 for copies in taken.values() if copies > 1),
        sent_but_not_accepted=[
            a for a, status in found.items() if status is DeliveryStatus.SENT and not taken[a]
        ],
        unknown=counts[DeliveryStatus.UNKNOWN],
        unknown_that_arrived=sum(
            bool(taken[a]) for a, status in found.items() if status is DeliveryStatus.UNKNOWN
        ),
        unsettled=sum(counts[status] for status in UNSETTLED),
        doubts=doubts,
        statuses=dict(counts),
    )

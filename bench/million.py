"""A million subscribers in SQLite: time to plan an issue, memory and disk to send it.

    python bench/million.py [--people 1000000] [--messages 300000] [--folder FOLDER]

Fills the database, plans an issue for everybody, and sends so many messages of it, composed one by
one, to Postfix's smtp-sink. With a FOLDER that is kept, each further call goes on with the sending;
the whole takes several. Prints seconds, resident memory (the most, and through the sending), and
what the database has grown by for each recipient.
"""

import argparse
import os
import sys
import tempfile
import time
from contextlib import nullcontext
from multiprocessing import Process
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.delivery import sink
from publisher.domain.issues import IssueStatus
from publisher.services import deliveries
from publisher.services.app import App
from publisher.services.sending import Standing
from publisher.store import issues
from publisher.store.engine import open_store
from tests.faults.world import join, make_relay, open_world, plan

BODY_BYTES = 5_000


def main(people: int, messages: int, folder: Path) -> None:
    """Measures and prints."""
    database = folder / "publisher.db"
    if not database.exists():
        filling = Process(target=fill, args=(database, people))  # its memory is not ours
        filling.start()
        filling.join()
    with sink() as (_, port), open_world(folder, [make_relay(port, max_connections=32)]) as app:
        plan_all(app, database, people)
        send(app, messages)
    told("the database has", database_bytes(database) / people, "bytes a recipient, with people")


def fill(database: Path, people: int) -> None:
    """So many confirmed subscriptions, and an issue."""
    store = open_store(database)
    join(store, [f"reader{n}@d{n % 9_973}.example.org" for n in range(people)])
    plan(store, body_bytes=BODY_BYTES)
    store.close()


def plan_all(app: App, database: Path, people: int) -> None:
    """Writes a row for everybody, if that is still to be done."""
    with app.store.read() as tx:
        (issue,) = issues.unfinished(tx)
    if issue.status is not IssueStatus.PLANNED:
        return
    before, started = database_bytes(database), time.perf_counter()
    deliveries._expand(app, issue, lambda: False)
    told("planned in", time.perf_counter() - started, "seconds")
    told("grown by", (database_bytes(database) - before) / people, "bytes a recipient")
    told("most memory so far", memory("VmHWM"), "MiB")


def send(app: App, messages: int) -> None:
    """Some of it, with a look at the memory now and then."""
    seen: list[tuple[int, float]] = []

    def look(standing: Standing) -> None:
        seen.append((standing.done, memory("VmRSS")))

    started = time.perf_counter()
    (report,) = deliveries.deliver(app, progress=look, limit=messages)
    seconds, count = time.perf_counter() - started, seen[-1][0] - seen[0][0]
    told("sent", count, f"messages, {count / seconds:,.0f} a second")
    step = max(len(seen) // 10, 1)
    tenths = [median(rss for _, rss in seen[n : n + step]) for n in range(0, len(seen), step)]
    print("memory through it, MiB:", " ".join(f"{each:.0f}" for each in tenths), flush=True)
    told("most memory", memory("VmHWM"), "MiB")
    print({status.value: number for status, number in report.counts.items()}, flush=True)


def told(what: str, number: float, unit: str) -> None:
    """Prints one figure."""
    print(f"{what} {number:,.0f} {unit}", flush=True)


def memory(what: str) -> float:
    """MiB that this process has in memory: VmRSS now, VmHWM at most so far."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1_024 for line in lines if line.startswith(what))


def database_bytes(database: Path) -> int:
    """What the database takes on disk, with what waits to be written into it."""
    wal = database.with_name(database.name + "-wal")
    return os.path.getsize(database) + (os.path.getsize(wal) if wal.exists() else 0)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description="a million subscribers")
    options.add_argument("--people", type=int, default=1_000_000)
    options.add_argument("--messages", type=int, default=300_000)
    options.add_argument("--folder", type=Path, help="kept, for a further call")
    given = options.parse_args()
    place = nullcontext(given.folder) if given.folder else tempfile.TemporaryDirectory()
    with place as chosen:
        main(given.people, given.messages, Path(chosen))

"""How fast mail goes out: the engine beside smtp-source (C), smtplib, aiosmtplib and nodemailer.

    python bench/delivery.py [--runs 5] [--messages 6000] [--sizes 50000,5000] [--rows engine]
                             [--no-distance]

Everything goes to Postfix's smtp-sink on this machine (`make tools` installs what is needed), a
fresh one and a fresh database for each run; the rows take turns, and the median of the runs
counts. Each message is another one but smtp-source's, which sends one body. The engine commits an
intent before every final dot; its rows say how durable, over how many connections, and whether
the messages lay ready (as for the others) or were composed, each from its issue.

Prints messages a second, seconds of processor for 1,000 messages, and the ratio to smtp-source. A
run in which others took more than an eighth of the machine is repeated. At the end the engine is
measured 20 ms away: without pipelining, with envelopes, and with everything written ahead.
"""

import argparse
import asyncio
import os
import resource
import shutil
import smtplib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from statistics import median
from unittest import mock

import aiosmtplib

sys.path.insert(0, str(Path(__file__).parents[1]))

from publisher.mail.jobs import Job
from publisher.mail.relays import Pipelining
from publisher.services import audiences, deliveries, letters
from publisher.store import issues
from tests.faults.proof import port_of
from tests.faults.world import found, make_relay, open_world

HERE = Path(__file__).parent
CONNECTIONS = 16
A_CONNECTION = 100  # messages, as the engine's default
MOST_FOREIGN = 0.12
TRIES = 3
LIBRARIES_SEND = 4  # a fourth of the messages: they are slow, and their rates steady
TOOLS = HERE.parent / ".tools"

Way = Callable[[int, int, int], AbstractContextManager[Callable[[], None]]]
"""Makes ready to send (messages, bytes, port); what it gives sends them."""


@dataclass(frozen=True)
class Measured:
    """Messages a second, seconds of processor for 1,000, the share of the machine others took."""

    rate: float
    cpu: float
    foreign: float


def message(number: int, size: int) -> bytes:
    """A message that no other one equals."""
    return b"Message-ID: <%d@news.test>\r\n" % number + _body(size)


@cache
def _body(size: int) -> bytes:
    return b"Subject: x\r\n\r\n" + (b"x" * 70 + b"\r\n") * (size // 72)


# The ways to send.


@contextmanager
def smtp_source(count: int, size: int, port: int) -> Iterator[Callable[[], None]]:
    """Postfix's own, in C: the mark."""
    command = ["smtp-source", "-d", "-s", str(CONNECTIONS), "-l", str(size), "-m", str(count)]
    yield lambda: subprocess.run([*command, f"127.0.0.1:{port}"], check=True) and None


@contextmanager
def engine(
    count: int,
    size: int,
    port: int,
    *,
    connections: int = CONNECTIONS,
    durable: bool = True,
    composes: bool = False,
    pipelining: Pipelining = Pipelining.DOT,
) -> Iterator[Callable[[], None]]:
    """The sending alone, from due rows to recorded outcomes."""
    relay = make_relay(port, max_connections=connections, pipelining=pipelining)
    made = letters.job if composes else partial(_ready, size)
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(letters, "job", made):
        people = [f"reader{n}@d{n % 97}.example.org" for n in range(count)]
        found(Path(folder), people, body_bytes=size)
        with open_world(Path(folder), [relay], durable=durable) as app:
            with app.store.read() as tx:
                (issue,) = issues.unfinished(tx)
            assert audiences.write_rows(app, issue, stopping=lambda: False)

            def send() -> None:
                (report,) = deliveries.deliver(app)
                assert report.finished, report

            yield send


def _ready(size: int, _app: object, _mail: object, claim: object, *, at: object) -> Job:
    number: int = claim.id  # type: ignore[attr-defined]
    return Job(
        delivery=number,
        issue=claim.issue,  # type: ignore[attr-defined]
        sender="news@news.test",
        recipient=claim.address,  # type: ignore[attr-defined]
        wire=message(number, size),
    )


@contextmanager
def smtplib_threads(count: int, size: int, port: int) -> Iterator[Callable[[], None]]:
    """The standard library, a thread a connection."""

    def work(numbers: range) -> None:
        for start in range(0, len(numbers), A_CONNECTION):
            with smtplib.SMTP("127.0.0.1", port) as connection:
                for number in numbers[start : start + A_CONNECTION]:
                    connection.sendmail("news@news.test", ["r@d.test"], message(number, size))

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        yield lambda: list(pool.map(work, _shares(count))) and None


@contextmanager
def aiosmtplib_tasks(count: int, size: int, port: int) -> Iterator[Callable[[], None]]:
    """A task a connection."""

    async def work(numbers: range) -> None:
        for start in range(0, len(numbers), A_CONNECTION):
            async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as line:
                for number in numbers[start : start + A_CONNECTION]:
                    await line.sendmail("news@news.test", ["r@d.test"], message(number, size))

    async def everybody() -> None:
        await asyncio.gather(*map(work, _shares(count)))

    yield lambda: asyncio.run(everybody())


@contextmanager
def nodemailer_pool(count: int, size: int, port: int) -> Iterator[Callable[[], None]]:
    """Node's usual one, with its own pool."""
    command = ["node", str(HERE / "nodemailer.cjs"), *map(str, (port, count, size, CONNECTIONS))]
    environment = {**os.environ, "NODE_PATH": str(TOOLS / "node_modules")}
    yield lambda: subprocess.run(command, check=True, env=environment) and None


def _shares(count: int) -> list[range]:
    return [range(each, count, CONNECTIONS) for each in range(CONNECTIONS)]


ROWS: dict[str, tuple[Way, int]] = {
    "smtp-source (C)": (smtp_source, 1),
    "engine, NORMAL, 16": (partial(engine, durable=False), 1),
    "engine, FULL, 16": (engine, 1),
    "engine, FULL, 64": (partial(engine, connections=64), 1),
    "engine, FULL, 16, composing": (partial(engine, composes=True), 1),
    "smtplib, 16 threads": (smtplib_threads, LIBRARIES_SEND),
    "aiosmtplib, 16 tasks": (aiosmtplib_tasks, LIBRARIES_SEND),
    "nodemailer, pool of 16": (nodemailer_pool, LIBRARIES_SEND),
}


# Measuring.


def measure(way: Way, count: int, size: int, *, delay_ms: float = 0) -> Measured:
    """One run with a fresh sink. `delay_ms`: the way there and back."""
    with sink() as (sinking, port), distance(port, delay_ms) as near, way(count, size, near) as go:
        busy, taken, used, started = _busy(), _cpu_of(sinking), _own(), time.perf_counter()
        go()
        seconds, own = time.perf_counter() - started, _own() - used
        others = _busy() - busy - own - (_cpu_of(sinking) - taken)
    share = others / (seconds * (os.cpu_count() or 1))
    return Measured(count / seconds, own / count * 1_000, share)


def measure_quiet(way: Way, count: int, size: int) -> Measured:
    """The first run that had the machine to itself, else the one least disturbed."""
    runs: list[Measured] = []
    while len(runs) < TRIES:
        runs.append(measure(way, count, size))
        if runs[-1].foreign <= MOST_FOREIGN:
            return runs[-1]
    return min(runs, key=lambda run: run.foreign)


def compare(rows: list[str], count: int, size: int, runs: int) -> None:
    """Measures the rows by turns; the first is what the others are compared with."""
    results: dict[str, list[Measured]] = {name: [] for name in rows}
    for _ in range(runs):
        for name, measured in results.items():
            way, part = ROWS[name]
            measured.append(measure_quiet(way, count // part, size))
    print(f"\n{size:,} bytes, {count:,} messages, median of {runs}")
    base = median(run.rate for run in results[rows[0]])
    for name, measured in results.items():
        rate, cpu = (median(getattr(run, what) for run in measured) for what in ("rate", "cpu"))
        disturbed = sum(run.foreign > MOST_FOREIGN for run in measured)
        note = f"  ({disturbed} of {runs} runs disturbed)" if disturbed else ""
        print(f"{name:<30}{rate:>8,.0f}/s  {cpu:6.3f} s CPU  x {rate / base:.2f}{note}", flush=True)


def compare_distance(count: int, size: int = 5_000) -> None:
    """The engine at each level of writing ahead; the first, without, is the base."""
    print(f"\n20 ms away, {size:,} bytes, {count:,} messages, FULL, {CONNECTIONS} connections")
    base = 0.0
    for level in reversed(Pipelining):
        run = measure(partial(engine, pipelining=level), count, size, delay_ms=20)
        base = base or run.rate
        print(
            f"pipelining {level.value:<19}{run.rate:>8,.0f}/s  x {run.rate / base:.2f}", flush=True
        )


@contextmanager
def sink() -> Iterator[tuple[int, int]]:
    """Postfix's smtp-sink: its process and its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    with subprocess.Popen(["smtp-sink", *user, "-m", "512", f"127.0.0.1:{port}", "512"]) as process:
        try:
            _wait_for(port)
            yield process.pid, port
        finally:
            process.kill()


@contextmanager
def distance(port: int, delay_ms: float) -> Iterator[int]:
    """A port from which it takes `delay_ms` to `port` and back."""
    if not delay_ms:
        yield port
        return
    with port_of("distance.py", str(port), str(delay_ms)) as far:
        yield far


def _wait_for(port: int) -> None:
    for _ in range(500):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise TimeoutError("smtp-sink does not answer")


def _own() -> float:
    """Seconds of processor that this process and those it has waited for have used."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


def _cpu_of(process: int) -> float:
    words = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _busy() -> float:
    """Seconds of processor that all of the machine has used."""
    words = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    idle, waiting = words[3:5]
    return (sum(words[:8]) - idle - waiting) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measures and prints."""
    options = argparse.ArgumentParser(description="how fast mail goes out")
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--messages", type=int, default=6_000)
    options.add_argument("--sizes", default="50000,5000", help="in bytes; empty for none")
    options.add_argument("--rows", default="", help="only those whose names contain one of these")
    options.add_argument("--distance", action=argparse.BooleanOptionalAction, default=True)
    given = options.parse_args()
    for tool in ("smtp-source", "smtp-sink", "node"):
        if not shutil.which(tool):
            sys.exit(f"{tool} is missing: make tools")
    base, *others = ROWS
    wanted = [name for name in others if any(each in name for each in given.rows.split(","))]
    for size in filter(None, given.sizes.split(",")):
        compare([base, *wanted], given.messages, int(size), given.runs)
    if given.distance:
        compare_distance(min(given.messages, 3_000))


if __name__ == "__main__":
    main()

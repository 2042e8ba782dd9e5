"""How fast mail goes out: the engine beside Postfix's smtp-source, smtplib and itself unpipelined.

    python bench/delivery.py [COUNT [RUNS]]

Everything goes to Postfix's smtp-sink on this machine (`make tools` installs it), a fresh one and
a fresh database for each run, interleaved; the median counts. The engine sends distinct messages
to COUNT recipients, with intents committed before every final dot; smtp-source sends one body.
Prints messages a second, seconds of CPU for 1,000 messages, and the ratio to smtp-source. At a
distance of 20 ms (the fault relay waits before it answers) the engine is measured without
pipelining, with envelopes written ahead, and with everything written ahead.
"""

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
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

from publisher.mail.jobs import Job, transparent
from publisher.mail.relays import Pipelining, Relay
from publisher.services import deliveries, letters
from tests.faults.relay import Behaviour, FaultRelay
from tests.faults.world import found, make_relay, open_world

SIZES = (50_000, 5_000)
CONNECTIONS = 16
Measured = tuple[float, float]
"""Messages a second, seconds of CPU for 1,000 messages."""


def main(count: int, runs: int) -> None:
    """Measures and prints."""
    for tool in ("smtp-source", "smtp-sink"):
        if not shutil.which(tool):
            sys.exit(f"{tool} is missing: make tools")
    for size in SIZES:
        ways: dict[str, Callable[[], Measured]] = {
            "smtp-source (Postfix), 16": partial(_source, count, size),
            "engine, NORMAL, 16": partial(_engine, count, size, durable=False),
            "engine, FULL, 16": partial(_engine, count, size),
            "engine, FULL, 64": partial(_engine, count, size, connections=64),
            "engine, FULL, 16, composed": partial(_engine, count, size, composed=True),
            "smtplib, 16 threads": partial(_smtplib, count // 4, size),
        }
        results: dict[str, list[Measured]] = {name: [] for name in ways}
        for _ in range(runs):
            for name, way in ways.items():
                results[name].append(way())
        base = median(rate for rate, _ in results["smtp-source (Postfix), 16"])
        print(f"\n{size:,} bytes, {count:,} messages, median of {runs}")
        for name, measured in results.items():
            rate = median(one for one, _ in measured)
            cpu = median(one for _, one in measured)
            print(f"{name:<30} {rate:>9,.0f} messages/s  {cpu:>6.3f} s CPU  x {rate / base:.2f}")
    _distance(min(count, 400))


def _source(count: int, size: int) -> Measured:
    with _sink() as port:
        command = ["smtp-source", "-d", "-s", str(CONNECTIONS), "-l", str(size), "-m", str(count)]
        started, before = time.perf_counter(), _children()
        subprocess.run([*command, f"127.0.0.1:{port}"], check=True)
        return _figures(count, started, _children() - before)


def _engine(
    count: int,
    size: int,
    *,
    connections: int = CONNECTIONS,
    durable: bool = True,
    composed: bool = False,
) -> Measured:
    with tempfile.TemporaryDirectory() as folder, _sink() as port:
        _found(Path(folder), count, size)
        relay = make_relay(port, max_connections=connections)
        return _deliver(Path(folder), relay, count, size, durable=durable, composed=composed)


def _deliver(
    folder: Path, relay: Relay, count: int, size: int, *, durable: bool, composed: bool
) -> Measured:
    """The sending alone: planning is over. Messages are ready, or composed one by one."""
    ready = transparent(b"Subject: x\r\n\r\n" + (b"x" * 70 + b"\r\n") * (size // 72))
    made = letters.job

    def distinct(app: object, mail: object, claim: object, *, at: object) -> Job:
        number = claim.id  # type: ignore[attr-defined]
        wire = b"Message-ID: <%d@news.test>\r\n" % number + ready
        return Job(
            delivery=number,
            issue=claim.issue,  # type: ignore[attr-defined]
            sender="news@news.test",
            recipient=claim.address,  # type: ignore[attr-defined]
            wire=wire,
        )

    if not composed:
        letters.job = distinct  # type: ignore[assignment]
    try:
        with open_world(folder, [relay], durable=durable) as app:
            started, before = time.perf_counter(), time.process_time()
            report = deliveries.deliver(app)[0]
            figures = _figures(count, started, time.process_time() - before)
            assert report.finished, report
            return figures
    finally:
        letters.job = made


def _smtplib(count: int, size: int) -> Measured:
    body = b"Subject: x\r\n\r\n" + (b"x" * 70 + b"\r\n") * (size // 72)

    def send(numbers: range) -> None:
        with smtplib.SMTP("127.0.0.1", port) as connection:
            for number in numbers:
                message = b"Message-ID: <%d@news.test>\r\n" % number + body
                connection.sendmail("news@news.test", [f"r{number}@d.test"], message)

    with _sink() as port, ThreadPoolExecutor(CONNECTIONS) as pool:
        started, before = time.perf_counter(), time.process_time()
        list(pool.map(send, [range(each, count, CONNECTIONS) for each in range(CONNECTIONS)]))
        return _figures(count, started, time.process_time() - before)


def _distance(count: int) -> None:
    """Twenty milliseconds there and back, four connections."""
    print(f"\n20 ms away, {count} messages, 4 connections")
    base = 0.0
    for level in reversed(Pipelining):
        with tempfile.TemporaryDirectory() as folder, FaultRelay(Behaviour(delay_ms=20)) as relay:
            _found(Path(folder), count, 5_000)
            way = make_relay(relay.port, pipelining=level, max_connections=4)
            rate, _ = _deliver(Path(folder), way, count, 5_000, durable=True, composed=False)
            base = base or rate
            print(f"{level.value:<30} {rate:>9,.0f} messages/s  x {rate / base:.2f}")


def _found(folder: Path, count: int, size: int) -> None:
    found(folder, [f"reader{n}@d{n % 97}.example.org" for n in range(count)], body_bytes=size)


@contextmanager
def _sink() -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = ["smtp-sink", "-m", "512", f"127.0.0.1:{port}", "512"]
    if os.geteuid() == 0:
        command[1:1] = ["-u", "nobody"]
    with subprocess.Popen(command) as process:
        try:
            _wait_for(port)
            yield port
        finally:
            process.kill()


def _wait_for(port: int) -> None:
    for _ in range(500):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise TimeoutError("smtp-sink does not answer")


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _figures(count: int, started: float, cpu: float) -> Measured:
    return count / (time.perf_counter() - started), cpu / count * 1_000


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    main(*(given + [6_000, 5][len(given) :]))

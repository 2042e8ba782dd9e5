"""The daemon at rest and its backup: seconds to the first answer, processor and memory when idle,
and how long a copy of the database takes beside a busy writer.

    python bench/daemon.py [--seconds 30] [--megabytes 45]
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

sys.path.insert(0, str(Path(__file__).parents[1]))

from publisher.bootstrap import open_app
from publisher.services import backups
from publisher.services.app import App
from tests.faults.world import join


def main() -> None:
    """One sample site for both."""
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=float, default=30)
    options.add_argument("--megabytes", type=float, default=45)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder) / "site"
        subprocess.run([*COMMAND, "init", str(site)], check=True, capture_output=True)
        at_rest(site, given.seconds)
        with open_app(site / "config.toml") as app:
            beside_a_writer(app, given.megabytes)


COMMAND = (sys.executable, "-m", "publisher")


def at_rest(site: Path, seconds: float) -> None:
    """The sample site, served; its first issue goes out before anything is measured."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "PUBLISHER_WEB__PORT": str(port)}
    begun = time.monotonic()
    process = subprocess.Popen(
        [*COMMAND, "-C", str(site), "serve"], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        while not answers(f"http://127.0.0.1:{port}/healthz"):
            time.sleep(0.01)
        print(f"start to first answer: {time.monotonic() - begun:.2f} s")
        while len(list((site / "var").glob("inbox/new/*"))) < 3:
            time.sleep(0.2)
        time.sleep(5)
        before = processor_seconds(process.pid)
        time.sleep(seconds)
        share = (processor_seconds(process.pid) - before) / seconds
        print(f"idle for {seconds:.0f} s: {100 * share:.2f} % of a core")
        print(f"memory: {resident(process.pid) / 2**20:.0f} MiB")
    finally:
        process.terminate()
        process.wait()


def beside_a_writer(app: App, megabytes: float) -> None:
    """A copy of the database while another thread writes as fast as it can."""
    count = int(megabytes * 3_300)
    join(app.store, [f"reader{number}@example.net" for number in range(10, count)])
    stop, longest = Event(), [0.0]

    def write() -> None:
        while not stop.is_set():
            begun = time.monotonic()
            with app.store.begin() as tx:
                tx.exec_driver_sql("UPDATE instance SET starts = starts + 1")
            longest[0] = max(longest[0], time.monotonic() - begun)

    writer = Thread(target=write)
    writer.start()
    time.sleep(0.5)
    begun = time.monotonic()
    taken = backups.take(app)
    seconds = time.monotonic() - begun
    stop.set()
    writer.join()
    print(
        f"backup of {taken.size / 1e6:.0f} MB beside a busy writer, checked: {seconds:.2f} s; "
        f"the writer waited {1000 * longest[0]:.0f} ms at most"
    )


def answers(url: str) -> bool:
    """Whether the server is there."""
    with suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:
        return bool(answer.status == 200)
    return False


def processor_seconds(pid: int) -> float:
    """User and system time of a process so far (proc(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> int:
    """Bytes of memory that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()

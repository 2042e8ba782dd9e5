"""A process killed at any moment: nobody is lost, nobody is mailed twice, doubt is named."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import (
    PATIENCE_SECONDS,
    REPOSITORY,
    configure,
    eventually,
    publisher,
)

READERS = 60
KILLS_AFTER = (1, 7, 8, 20, 21, 40)
"""How many messages the relay has taken in all when the process is killed."""


@pytest.fixture
def relay_log(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A relay in a process of its own that takes ten milliseconds for each answer."""
    log = tmp_path / "accepted.jsonl"
    script = REPOSITORY / "tests" / "faults" / "relay.py"
    with subprocess.Popen(
        [sys.executable, str(script), "--log", str(log), "--delay", "10"],
        stdout=subprocess.PIPE,
        text=True,
    ) as relay:
        assert relay.stdout is not None
        yield log, int(relay.stdout.readline())
        relay.kill()


@pytest.fixture
def big_site(tmp_path: Path, relay_log: tuple[Path, int]) -> Path:
    """The sample site with sixty readers and that relay."""
    site = tmp_path / "site"
    publisher(tmp_path, "init", str(site))
    _, port = relay_log
    configure(
        site,
        ('host = ""  # the relay', 'host = "127.0.0.1"  # the relay'),
        ("port = 587", f"port = {port}"),
        ('security = "starttls"', 'security = "none"'),
    )
    people = tmp_path / "people.csv"
    rows = "".join(f"reader{number}@example.org\n" for number in range(READERS - 3))
    people.write_text("email\n" + rows, encoding="utf-8")
    publisher(site, "subscribers", "import", str(people), "--newsletter", "weekly", "--confirmed")
    return site


def test_six_kills_lose_nobody_and_double_nobody(
    big_site: Path, relay_log: tuple[Path, int]
) -> None:
    log, _ = relay_log
    kills = sum(kill_after(big_site, log, count) for count in KILLS_AFTER)
    assert kills == len(KILLS_AFTER)

    last = subprocess.run(
        command(big_site), env=environment(), capture_output=True, text=True, check=False
    )

    rows = json.loads(publisher(big_site, "deliveries", "list", "--json"))["deliveries"]
    status = {row["address"]: row["status"] for row in rows}
    copies = Counter(line["rcpt"] for line in accepted(log))
    unknown = {address for address, value in status.items() if value == "unknown"}
    assert last.returncode == (4 if unknown else 0), last.stdout + last.stderr
    assert len(status) == READERS
    assert set(status.values()) <= {"sent", "unknown"}
    assert len(unknown) <= kills
    assert max(copies.values()) == 1  # nobody twice
    assert all(copies[a] == 1 for a, value in status.items() if value == "sent")  # nobody lost
    listed = publisher(big_site, "deliveries", "list", "--status", "unknown")
    assert all(address in listed for address in unknown)
    (issue,) = json.loads(publisher(big_site, "issues", "list", "--json"))["issues"]
    assert issue["status"] == "sent"


def test_sigterm_in_the_middle_leaves_no_doubt(big_site: Path, relay_log: tuple[Path, int]) -> None:
    log, _ = relay_log
    with subprocess.Popen(
        command(big_site), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        eventually(lambda: len(accepted(log)) >= 5)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 130

    publisher(big_site, "publish")

    rows = json.loads(publisher(big_site, "deliveries", "list", "--json"))["deliveries"]
    assert {row["status"] for row in rows} == {"sent"}
    assert Counter(line["rcpt"] for line in accepted(log)) == {row["address"]: 1 for row in rows}


def kill_after(site: Path, log: Path, count: int) -> bool:
    """Starts a cycle and kills it once the relay has taken `count` messages in all."""
    with subprocess.Popen(
        command(site), env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        eventually(lambda: len(accepted(log)) >= count)
        process.kill()
        process.wait(timeout=PATIENCE_SECONDS)
        return process.returncode == -signal.SIGKILL


def accepted(log: Path) -> list[dict[str, str]]:
    if not log.exists():
        return []
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def command(site: Path) -> list[str]:
    return [sys.executable, "-m", "publisher", "-C", str(site), "publish"]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY)}

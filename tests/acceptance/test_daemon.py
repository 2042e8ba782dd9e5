"""The daemon as systemd and its operator know it."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from tests.acceptance.conftest import (
    PATIENCE_SECONDS,
    REPOSITORY,
    configure,
    eventually,
    free_port,
    publisher,
)
from tests.faults.relay import Behaviour, FaultRelay
from tests.faults.world import accepted


@pytest.fixture
def ports(site: Path) -> tuple[int, int]:
    web, metrics = free_port(), free_port()
    configure(
        site,
        ("port = 8080", f"port = {web}"),
        ("http://localhost:8080", f"http://localhost:{web}"),
        ("metrics_port = 0", f"metrics_port = {metrics}"),
        ("tick_seconds = 30.0", "tick_seconds = 0.2"),
    )
    return web, metrics


@contextmanager
def serving(site: Path, notify: socket.socket, name: str) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "NOTIFY_SOCKET": name}
    process = subprocess.Popen(
        [sys.executable, "-m", "publisher", "-C", str(site), "serve", "--log-format", "json"],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()
        notify.close()


def states(line: socket.socket) -> list[str]:
    """What was told since the last call."""
    found = []
    while True:
        try:
            found.append(line.recv(1000).decode().splitlines()[0])
        except BlockingIOError:
            return found


def fetch(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def test_systemd_is_told_and_a_bad_reload_changes_nothing(
    site: Path, ports: tuple[int, int], tmp_path: Path
) -> None:
    web, metrics = ports
    line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    line.bind(str(tmp_path / "notify"))
    line.setblocking(False)
    told: list[str] = []

    def has_told(*wanted: str) -> bool:
        told.extend(states(line))
        rest = iter(told)
        return all(any(state == each for state in rest) for each in wanted)

    with serving(site, line, str(tmp_path / "notify")) as process:
        eventually(lambda: has_told("READY=1", "WATCHDOG=1", "WATCHDOG=1"))
        eventually(lambda: fetch(f"http://127.0.0.1:{web}/readyz")[0] == 200)
        assert publisher(site, "healthcheck", "--timeout", "60") == ""

        config = site / "config.toml"
        good = config.read_text(encoding="utf-8")
        config.write_text(good.replace("entries = 30", 'entires = "x"'), encoding="utf-8")
        states(line)
        told.clear()
        process.send_signal(signal.SIGHUP)
        eventually(lambda: has_told("RELOADING=1", "READY=1"))
        eventually(lambda: fetch(f"http://127.0.0.1:{web}/")[0] == 200)
        eventually(
            lambda: "reload_successful 0.0" in fetch(f"http://127.0.0.1:{metrics}/metrics")[1]
        )

        config.write_text(
            good.replace('title = "灯塔来信', 'title = "Anew 灯塔来信'), encoding="utf-8"
        )
        states(line)
        told.clear()
        process.send_signal(signal.SIGHUP)
        eventually(lambda: has_told("RELOADING=1", "READY=1"))
        eventually(lambda: "Anew" in fetch(f"http://127.0.0.1:{web}/admin/login")[1])

        states(line)
        told.clear()
        process.send_signal(signal.SIGTERM)
        eventually(lambda: has_told("STOPPING=1"))
        _, words = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0, words
    refused = [json.loads(text) for text in words.splitlines() if "config.refused" in text]
    assert "config.toml:" in refused[0]["problem"]
    assert "Did you mean 'entries'?" in refused[0]["problem"]


def test_a_second_daemon_exits_75_and_names_the_first(
    daemon: tuple[subprocess.Popen[str], str], site: Path
) -> None:
    process, _ = daemon
    begun = time.monotonic()
    words = publisher(site, "serve", expect=75)
    assert f"held by process {process.pid}" in words
    print(f"a second daemon was refused after {time.monotonic() - begun:.1f} s")


def test_an_issue_that_sigterm_interrupts_goes_on_after_the_next_start(
    site: Path, tmp_path: Path
) -> None:
    log, people = tmp_path / "taken.log", tmp_path / "people.csv"
    people.write_text("email\n" + "".join(f"reader{n}@example.net\n" for n in range(300)))
    publisher(site, "subscribers", "import", str(people), "--newsletter", "weekly", "--confirmed")
    with FaultRelay(Behaviour(log=log, delay_ms=15)) as relay:
        configure(
            site,
            ("port = 8080", f"port = {free_port()}"),
            ('[smtp]\nhost = ""', '[smtp]\nhost = "127.0.0.1"'),
            ("port = 587", f"port = {relay.port}"),
            ('security = "starttls"', 'security = "none"'),
            ("max_connections = 16", "max_connections = 2"),
            ("tick_seconds = 30.0", "tick_seconds = 0.2"),
        )
        frozen = ""
        for is_last in (False, True):
            with serving(site, socket.socket(socket.AF_UNIX), "") as process:
                wanted = 303 if is_last else 20
                eventually(lambda wanted=wanted: accepted(log).total() >= wanted)
                process.send_signal(signal.SIGTERM)
                _, words = process.communicate(timeout=PATIENCE_SECONDS)
                assert process.returncode == 0, words
            (issue,) = json.loads(publisher(site, "issues", "list", "--json"))["issues"]
            unknown = publisher(site, "deliveries", "list", "--state", "unknown", "--json")
            assert json.loads(unknown)["deliveries"] == []
            if not is_last:
                assert accepted(log).total() < 303
                assert issue["status"] == "sending"
                frozen = variant(site)
    assert issue["status"] == "sent"
    assert set(accepted(log).values()) == {1}
    assert len(accepted(log)) == 303
    assert variant(site) == frozen


def variant(site: Path) -> str:
    """The bytes of the issue, by their digest."""
    with sqlite3.connect(site / "var" / "publisher.db") as raw:
        ((body,),) = raw.execute("SELECT body FROM variants").fetchall()
    raw.close()
    return sha256(body).hexdigest()

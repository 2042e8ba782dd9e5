"""The real command in real processes, on a site in an empty folder."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PATIENCE_SECONDS = 60


def publisher(
    folder: Path, *arguments: str, environment: dict[str, str] | None = None, expect: int = 0
) -> str:
    """Runs one command in a process of its own; returns what it printed.

    That is stdout where it succeeds, and stderr behind it where failure is expected.
    """
    done = subprocess.run(
        [sys.executable, "-m", "publisher", "-C", str(folder), *arguments],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **(environment or {})},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout if expect == 0 else done.stdout + done.stderr


def inbox(folder: Path) -> list[EmailMessage]:
    """The messages in the built-in inbox, by recipient."""
    paths = (folder / "var" / "inbox" / "new").glob("*")
    parsed = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in paths]
    messages = [message for message in parsed if isinstance(message, EmailMessage)]
    return sorted(messages, key=lambda message: message["To"].addresses[0].addr_spec)


def configure(folder: Path, *changes: tuple[str, str]) -> None:
    """Changes lines of the site's config; each must be there."""
    path = folder / "config.toml"
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def eventually(condition: Callable[[], object]) -> None:
    """Waits until the condition holds; fails after a minute."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The sample site, founded in an empty folder."""
    folder = tmp_path / "site"
    publisher(tmp_path, "init", str(folder))
    return folder


@pytest.fixture
def daemon(site: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`publisher serve` on the sample site, and its address; ends with SIGTERM and exit code 0."""
    port = free_port()
    configure(
        site,
        ("port = 8080", f"port = {port}"),
        ("http://localhost:8080", f"http://localhost:{port}"),
        ("tick_seconds = 30.0", "tick_seconds = 0.2"),
    )
    log = site.with_suffix(".log")  # a pipe that nobody reads would stop the daemon
    with log.open("w") as words:
        process = subprocess.Popen(
            [sys.executable, "-m", "publisher", "-C", str(site), "serve"],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            stderr=words,
            text=True,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: process.poll() is None and _answers(f"{address}/healthz"))
        yield process, address
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=PATIENCE_SECONDS) == 0, log.read_text()
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False

"""What the daemon does with new settings, without a daemon."""

import asyncio
import os
import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from publisher.cli import serve
from publisher.cli.main import run
from publisher.cli.serve import _Daemon, _Opened, _Sockets
from publisher.errors import PublisherError
from publisher.net import http
from publisher.services.app import App, Listen
from publisher.web.security import trusted_names
from publisher.web.server import listen


@pytest.fixture
def config(tmp_path: Path) -> Path:
    assert run(["init", str(tmp_path / "site")]) == 0
    return tmp_path / "site" / "config.toml"


@pytest.fixture
def daemon(config: Path) -> Iterator[_Daemon]:
    daemon = _Daemon(config, role="all", log_format=None)
    with closing(_Opened(config, daemon._vitals)) as daemon._now:
        yield daemon


class Told:
    """What systemd would have heard."""

    def __init__(self) -> None:
        self.states: list[str] = []

    def reloading(self) -> None:
        self.states.append("reloading")

    def ready(self) -> None:
        self.states.append("ready")


def change(config: Path, old: str, new: str) -> None:
    text = config.read_text(encoding="utf-8")
    assert old in text
    config.write_text(text.replace(old, new), encoding="utf-8")


def replace_port(app: App, port: int) -> App:
    return replace(app, listen=replace(app.listen, port=port))


def test_another_state_folder_is_refused_in_the_middle(
    daemon: _Daemon, config: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = daemon._now
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace('folder = "var"', 'folder = "elsewhere"'), encoding="utf-8")
    (config.parent / "elsewhere").mkdir()
    shutil.copy(config.parent / "var" / "secret-key", config.parent / "elsewhere")

    daemon._reload()

    (refused,) = [each for each in caplog.records if each.message == "config.refused"]
    assert "[state] folder needs a restart" in vars(refused)["problem"]
    assert not daemon._vitals.last_reload_succeeded
    assert not daemon._stop.is_set()
    assert (daemon._now, daemon._next) == (before, None)


def test_other_changes_are_taken(daemon: _Daemon, config: Path) -> None:
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("entries = 30", "entries = 20"), encoding="utf-8")

    daemon._reload()

    assert daemon._stop.is_set()
    assert daemon._next
    daemon._next.close()
    assert daemon._next.app.feeds.entries == 20


def test_an_address_that_somebody_else_has_is_refused_and_the_old_one_kept(
    daemon: _Daemon, config: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = daemon._now
    assert before
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        _Sockets(replace_port(before.app, 0), "all") as sockets,
    ):
        change(config, "port = 8080", f"port = {taken.getsockname()[1]}")
        daemon._reload()
        assert daemon._next
        assert daemon._turn(before, daemon._next, sockets) is before
        assert sockets.web.getsockname()[1]
    assert not daemon._vitals.last_reload_succeeded
    assert [each.message for each in caplog.records] == ["config.refused"]
    assert before.app.store.read()  # open


def test_what_nobody_thought_of_is_no_end_of_the_daemon(
    daemon: _Daemon, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise OverflowError("date value out of range")

    monkeypatch.setattr(daemon, "_open_anew", fail)
    monkeypatch.setattr(daemon, "_notifier", told := Told())

    daemon._reload()

    assert told.states == ["reloading", "ready"]
    assert not daemon._vitals.last_reload_succeeded
    assert [each.message for each in caplog.records] == ["config.refused"]


@pytest.mark.parametrize("host", ["a..b", "x" * 64])
def test_a_host_that_is_no_name_is_told(host: str) -> None:
    with pytest.raises(PublisherError, match="cannot listen on"):
        listen(Listen(host=host, port=0))


@pytest.mark.parametrize("host", ["127.0.0.2", "0.0.0.0", "127.0.0.1"])
def test_health_is_asked_for_under_a_name_that_the_daemon_knows(
    config: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    change(config, 'host = "127.0.0.1"', f'host = "{host}"')
    asked: list[http.Request] = []

    def send(request: http.Request, **_: object) -> http.Answer:
        asked.append(request)
        return http.Answer(status=200, headers={}, body=b"ready\n")

    monkeypatch.setattr(http, "send", send)

    assert run(["-C", str(config.parent), "healthcheck"]) == 0
    assert asked[0].headers["Host"].partition(":")[0] in trusted_names("https://example.org")


def test_pages_are_served_until_the_worker_has_ended(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generations: list[str] = []

    class Slow:
        """Ends some time after it was told to."""

        def __init__(self, app: App, stop: asyncio.Event, _: object) -> None:
            self._app, self._stop = app, stop

        async def run(self) -> None:
            generations.append("begins")
            await self._stop.wait()
            if len(generations) == 1:
                address = f"http://127.0.0.1:{port}/healthz"
                request = http.Request(method="GET", url=address)
                answer = await asyncio.to_thread(http.send, request, allow_private=True)
                generations.append(answer.body.decode().strip())

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    change(config, "port = 8080", f"port = {port}")
    change(config, "http://localhost:8080", f"http://localhost:{port}")
    monkeypatch.setattr(serve, "Worker", Slow)

    async def reload_and_end() -> None:
        daemon = _Daemon(config, role="all", log_format=None)
        running = asyncio.create_task(daemon.run())
        while len(generations) < 1:  # noqa: ASYNC110  # nothing tells us
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)
        daemon._reload()
        while len(generations) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)
        await running

    asyncio.run(asyncio.wait_for(reload_and_end(), 30))
    assert generations == ["begins", "ok", "begins"]


def test_a_folder_that_cannot_be_made_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert run(["init", str(tmp_path / "file" / "site")]) == 1
    assert "choose another folder" in capsys.readouterr().err

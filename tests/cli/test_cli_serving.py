"""What the daemon does with new settings, without a daemon."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from publisher.cli.main import run
from publisher.cli.serve import _Daemon, _Opened


@pytest.fixture
def config(tmp_path: Path) -> Path:
    assert run(["init", str(tmp_path / "site")]) == 0
    return tmp_path / "site" / "config.toml"


@pytest.fixture
def daemon(config: Path) -> Iterator[_Daemon]:
    daemon = _Daemon(config, role="all", log_format=None)
    with closing(_Opened(config, daemon._vitals)) as daemon._now:
        yield daemon


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

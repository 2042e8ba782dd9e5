from collections.abc import Callable
from pathlib import Path

import pytest

from publisher.cli.main import run

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The sample site."""
    folder = tmp_path / "site"
    assert run(["init", str(folder)]) == 0
    return folder


@pytest.fixture
def command(site: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command on the site: its exit code, and what it said on stdout and stderr."""
    capsys.readouterr()

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(["-C", str(site), *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site where there is something to read: feeds, an issue, keys, an operator."""
    folder = tmp_path_factory.mktemp("prepared")
    assert run(["init", str(folder)]) == 0
    hello = "---\ntitle: Hello\ndate: 2025-10-03 10:00:00\n---\n\nHi.\n"
    (folder / "content" / "hello.md").write_text(hello)
    for arguments in (("dkim", "keygen"), ("publish",), ("backup",)):
        assert run(["-C", str(folder), *arguments]) == 0
    return folder

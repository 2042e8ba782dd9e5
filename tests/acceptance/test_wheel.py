"""The wheel works where there is no repository."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.acceptance.conftest import PATIENCE_SECONDS, REPOSITORY, inbox


def test_a_wheel_founds_and_publishes_a_site_outside_the_repository(tmp_path: Path) -> None:
    run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)], REPOSITORY
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "lib")
        names = archive.namelist()

    run([sys.executable, "-m", "publisher", "init", "x"], tmp_path)
    words = run([sys.executable, "-m", "publisher", "publish"], tmp_path / "x")

    assert not [name for name in names if "tests/" in name or name.endswith(".db")]
    assert "publisher/_templates/email/digest/body.html" in names
    assert "3 sent" in words
    assert len(inbox(tmp_path / "x")) == 3


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder.parent / "lib") + ":" + str(folder / "lib")},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout

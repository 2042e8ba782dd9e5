"""What lies in deploy/ agrees with the program; its own tools are asked where they are there."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from publisher.cli.main import run
from publisher.services import metrics

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"


def metric_names() -> set[str]:
    """Every name that the program can tell, with the endings that Prometheus sees."""
    source = Path(metrics.__file__).read_text(encoding="utf-8")
    gauges = re.findall(r'_one\(\s*"([a-z_]+)"', source)
    families = re.findall(r'name="([a-z_]+)",\s*kind="([a-z]+)"', source)
    named = {f"{name}_total" if kind == "counter" else name for name, kind in families}
    return {f"publisher_{name}" for name in named | set(gauges)}


@pytest.mark.parametrize("file", ["alerts.yml", "grafana.json"])
def test_alerts_and_board_ask_for_metrics_that_there_are(file: str) -> None:
    text = (DEPLOY / file).read_text(encoding="utf-8")
    asked = set(re.findall(r"publisher_[a-z_]+", text))
    assert len(asked) >= 6
    assert asked <= metric_names()


def test_every_alert_is_explained() -> None:
    names = re.findall(r"alert: (\w+)", (DEPLOY / "alerts.yml").read_text(encoding="utf-8"))
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    assert len(names) >= 6
    for name in names:
        assert f"| `{name}` |" in text, name


def test_every_metric_is_explained() -> None:
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    for name in metric_names():
        assert f"`{name.removeprefix('publisher_')}" in text, name


def test_the_board_is_one_that_grafana_reads() -> None:
    board = json.loads((DEPLOY / "grafana.json").read_text(encoding="utf-8"))
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert all(panel["targets"] for panel in board["panels"])


def test_the_unit_that_is_printed_runs_this_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["systemd-unit"]) == 0
    unit = capsys.readouterr().out
    (start,) = re.findall(r"^ExecStart=(\S+) .*serve$", unit, re.MULTILINE)
    assert Path(start).name == "publisher"
    assert "RestartPreventExitStatus=2 78" in unit


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_the_unit_is_hardened(tmp_path: Path) -> None:
    unit = tmp_path / "publisher.service"
    text = (DEPLOY / "publisher.service").read_text(encoding="utf-8")
    unit.write_text(text.replace("/usr/bin/publisher", "/bin/true"), encoding="utf-8")
    verified = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False
    )
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=15", unit],
        capture_output=True,
        text=True,
        check=False,
    )
    assert judged.returncode == 0, judged.stdout[-300:]


@pytest.mark.skipif(not shutil.which("promtool"), reason="no Prometheus here")
@pytest.mark.parametrize(
    "arguments", [("check", "rules", "alerts.yml"), ("test", "rules", "alerts_test.yml")]
)
def test_prometheus_accepts_the_alerts(arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        ["promtool", *arguments], cwd=DEPLOY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr

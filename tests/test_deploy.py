"""What lies in deploy/ agrees with the program; its own tools are asked where they are there."""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from publisher.cli.main import cli, run
from publisher.services import metrics
from publisher.services.sending import DRAIN_SECONDS
from publisher.settings import Settings
from publisher.web.security import client_ip

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"


def metric_names() -> set[str]:
    """Every name that the program can tell, with the endings that Prometheus sees."""
    source = Path(metrics.__file__).read_text(encoding="utf-8")
    gauges = re.findall(r'_one\(\s*"([a-z_]+)"', source)
    families = re.findall(r'name="([a-z_]+)",\s*kind="([a-z]+)"', source)
    spreads = re.findall(r'Spread\(\s*name="([a-z_]+)"', source)
    named = {f"{name}_total" if kind == "counter" else name for name, kind in families}
    return {f"publisher_{name}" for name in named | set(gauges) | set(spreads)}


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


@pytest.mark.parametrize("file", ["nginx.conf", "nginx-static.conf", "Caddyfile"])
def test_a_proxy_hides_the_built_in_inbox_and_no_post(file: str) -> None:
    text = (DEPLOY / file).read_text(encoding="utf-8")
    if file == "Caddyfile":
        globs = re.findall(r"/inbox\S*", text)
        rule = "|".join(re.escape(glob).replace(r"\*", ".*") + "$" for glob in globs)
    else:
        (rule,) = re.findall(r"location ~ (\S*inbox\S*) { return 404; }", text)
    for path in ("/inbox", "/inbox/", "/inbox/1", "/inbox/1/html"):
        assert re.match(rule, path), path
    for path in ("/inbox-zero/", "/inboxes", "/2026/inbox/"):
        assert not re.match(rule, path), path


def test_the_image_gives_the_site_s_folder_to_its_user_before_it_is_a_volume() -> None:
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    assert text.index("install -d -o publisher") < text.index("VOLUME /site")


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
    assert re.search(r"^ExecStartPre=-\S+ .* check$", unit, re.MULTILINE)  # it may find a bad post


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


def instructions(name: str) -> list[tuple[str, str]]:
    """(instruction, argument) of the Containerfile that are so called, its long lines joined."""
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    found = re.findall(r"^([A-Z]+) +(.+)$", text, re.MULTILINE)
    return [(word, rest) for word, rest in found if word == name]


def test_the_image_is_made_of_files_that_there_are_by_a_python_that_we_support() -> None:
    sources = [
        source
        for _, rest in instructions("COPY")
        if not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]
    assert {"publisher", "templates", "requirements.lock"} <= set(sources)
    assert [source for source in sources if not (ROOT / source).exists()] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    supported = [line.rpartition(" :: ")[2] for line in project["classifiers"]]
    for _, image in instructions("FROM"):
        found = re.match(r"python:(\d+\.\d+)-slim\b", image)
        assert found
        assert found[1] in supported


def test_the_image_runs_and_asks_this_program_as_nobody_special() -> None:
    ((_, user),) = instructions("USER")
    assert user == "10001"
    (_, command), (_, health) = instructions("CMD")[-1], instructions("HEALTHCHECK")[0]
    for arguments in (json.loads(command), json.loads(health[health.index("[") :])):
        assert arguments[0] == "publisher"
        assert arguments[1] in cli.commands
    ((_, volume),) = instructions("VOLUME")
    assert ("WORKDIR", volume) in instructions("WORKDIR")


def test_the_composition_gives_the_container_what_it_needs_and_no_more() -> None:
    whole = yaml.safe_load((DEPLOY / "compose.yml").read_text(encoding="utf-8"))
    ((_, service),) = whole["services"].items()
    assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
    assert service["user"] == instructions("USER")[0][1]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    (mounted,) = service["volumes"]
    name, _, place = mounted.partition(":")
    assert name in whole["volumes"]
    assert place == instructions("VOLUME")[0][1]
    assert set(service["secrets"]) == set(whole["secrets"])
    assert int(service["stop_grace_period"].removesuffix("s")) >= DRAIN_SECONDS + 10
    for variable, value in service["environment"].items():
        section, key = variable.removeprefix("PUBLISHER_").lower().split("__")
        fields = Settings.model_fields[section].annotation
        assert key.removesuffix("_file") in getattr(fields, "model_fields", {}), variable
        if key.endswith("_file"):
            assert value.removeprefix("/run/secrets/") in whole["secrets"]


def test_in_a_container_visitors_are_told_apart() -> None:
    whole = yaml.safe_load((DEPLOY / "compose.yml").read_text(encoding="utf-8"))
    given = whole["services"]["publisher"]["environment"]["PUBLISHER_WEB__TRUSTED_PROXIES"]
    forwarded = [(b"x-forwarded-for", b"198.51.100.7")]
    for gateway in ("172.17.0.1", "192.168.0.1", "10.88.0.1"):  # of Docker, and of Podman
        scope = {"client": (gateway, 5), "headers": forwarded}
        assert client_ip(scope, json.loads(given)) == "198.51.100.7"

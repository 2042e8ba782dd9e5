import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import pytest
from starlette.testclient import TestClient

from publisher.domain.checkups import Checkup, Diagnosis, Grade
from publisher.services import doctor, instances
from publisher.services.app import App, MonitorOptions
from publisher.web.monitor import build_monitor
from tests.web.conftest import NOW


@pytest.fixture
def live(app: App) -> App:
    """An app whose worker is at work."""
    instances.start(app)
    instances.beat(app, now=NOW)
    return app


def test_a_daemon_at_work_is_ready(live: App, make_client: Callable[..., TestClient]) -> None:
    answer = make_client(live).get("/readyz")
    assert answer.status_code == 200
    assert set(answer.json()["checks"].values()) == {"ok"}
    assert answer.headers["cache-control"] == "no-store"


def test_what_is_wrong_is_told_to_this_machine(
    live: App, make_client: Callable[..., TestClient]
) -> None:
    late = replace(live, clock=lambda: NOW + timedelta(seconds=31))
    assert make_client(late).get("/readyz").json()["reason"] == "worker"
    live.vitals.is_draining = True
    assert make_client(live).get("/readyz").json()["reason"] == "draining"
    instances.beat(live, now=NOW + timedelta(days=9))
    answer = make_client(live).get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["reason"] == "fenced"


def test_strangers_get_one_word_and_trusted_networks_everything(
    live: App, make_client: Callable[..., TestClient]
) -> None:
    assert make_client(live, peer="203.0.113.9").get("/readyz").text == "ready\n"
    trusting = replace(live, monitor=MonitorOptions(trusted=(ip_network("203.0.113.0/24"),)))
    assert make_client(trusting, peer="203.0.113.9").get("/readyz").json()["ready"] is True


@pytest.mark.parametrize(
    ("proxies", "visitor", "is_told"),
    [
        (("203.0.113.9/32",), "198.51.100.7", False),
        (("203.0.113.9/32",), "203.0.113.8", True),
        ((), "198.51.100.7", False),
        ((), "203.0.113.8", False),  # who knows whether that is true
    ],
)
def test_a_proxy_of_a_trusted_network_does_not_hand_its_trust_on(
    live: App,
    make_client: Callable[..., TestClient],
    proxies: tuple[str, ...],
    visitor: str,
    is_told: bool,
) -> None:
    app = replace(
        live,
        monitor=MonitorOptions(trusted=(ip_network("203.0.113.0/24"),)),
        listen=replace(live.listen, trusted_proxies=proxies),
    )
    client = make_client(app, peer="203.0.113.9")
    answer = client.get("/readyz", headers={"X-Forwarded-For": visitor})
    assert (answer.headers["content-type"] == "application/json") is is_told


def test_metrics_are_not_on_the_public_address(
    live: App, make_client: Callable[..., TestClient]
) -> None:
    assert make_client(live).get("/metrics").status_code == 404


def test_ten_thousand_paths_add_no_label(live: App, make_client: Callable[..., TestClient]) -> None:
    client = make_client(live)
    client.get("/atom.xml")
    client.get("/nothing")
    before = set(live.vitals.requests())
    for number in range(10_000):
        live.vitals.answered("/{path:path}", "GET", 404)
        if number % 500 == 0:
            client.get(f"/random/{number}")
            client.get(f"/u/{number}")
            client.request("BREW", f"/{number}")
    new = set(live.vitals.requests()) - before
    assert new <= {("/u/{token:path}", "GET", "404"), ("none", "other", "405")} | {
        ("/{path:path}", "other", "405")
    }
    answers, _ = live.vitals.take_polls()
    assert answers == {("atom.xml", 200): 1}


def test_the_metrics_tell_what_is_in_the_database(live: App) -> None:
    text = TestClient(build_monitor(live)).get("/metrics").text
    assert "publisher_config_last_reload_successful 1.0" in text
    assert 'publisher_next_issue_timestamp_seconds{newsletter="weekly"}' in text
    assert "_created" not in text
    assert all(
        line.startswith(("publisher_", "# HELP publisher_", "# TYPE publisher_"))
        for line in text.splitlines()
    )


def test_the_metrics_tell_what_the_doctor_last_found(live: App) -> None:
    monitor = TestClient(build_monitor(live))
    assert "doctor_problems" not in monitor.get("/metrics").text  # nobody has looked yet
    ill = Diagnosis(id="SPF002", grade=Grade.FAIL, about="a.net", seen="2", remedy="mend it")
    doctor.keep(live, Checkup(at=NOW, diagnoses=(ill, replace(ill, grade=Grade.WARN), ill)))
    text = TestClient(build_monitor(live)).get("/metrics").text
    assert 'publisher_doctor_problems{severity="fail"} 2.0' in text
    assert 'publisher_doctor_problems{severity="warn"} 1.0' in text
    doctor.keep(live, Checkup(at=NOW + timedelta(days=1), diagnoses=()))
    text = TestClient(build_monitor(live)).get("/metrics").text
    assert 'publisher_doctor_problems{severity="fail"} 0.0' in text


@pytest.mark.skipif(not shutil.which("promtool"), reason="no Prometheus here")
def test_prometheus_finds_nothing_to_say_about_the_metrics(live: App) -> None:
    live.vitals.answered("/subscribe", "POST", 200)
    for kind, seconds in (("2xx", 0.003), ("4xx", 0.7), ("lost", 90.0)):
        live.vitals.replied(kind, seconds)
    text = TestClient(build_monitor(live)).get("/metrics").text
    judged = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (judged.returncode, judged.stdout + judged.stderr) == (0, "")

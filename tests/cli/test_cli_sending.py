"""The commands that put sending in an operator's hands, on a real site and a real relay."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from publisher.bootstrap import open_app
from publisher.cli.main import run
from publisher.errors import RelayError
from publisher.services import relays
from tests.faults.relay import Behaviour, FaultRelay


@pytest.fixture
def relay() -> Iterator[FaultRelay]:
    with FaultRelay(Behaviour()) as running:
        yield running


@pytest.fixture
def site(tmp_path: Path, relay: FaultRelay, capsys: pytest.CaptureFixture[str]) -> Path:
    """The sample site with that relay and one issue, planned and sent to its three readers."""
    folder = tmp_path / "site"
    assert run(["init", str(folder)]) == 0
    config = folder / "config.toml"
    text = config.read_text(encoding="utf-8")
    text = text.replace('host = ""  # the relay', 'host = "127.0.0.1"  # the relay')
    text = text.replace("port = 587", f"port = {relay.port}")
    text = text.replace('security = "starttls"', 'security = "none"')
    config.write_text(text, encoding="utf-8")
    run(["-C", str(folder), "publish"])
    capsys.readouterr()
    return folder


def test_the_relay_is_tried_and_explained(
    site: Path, relay: FaultRelay, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["-C", str(site), "smtp", "test", "me@example.org", "--json"]) == 0
    (trial,) = json.loads(capsys.readouterr().out)["relays"]
    assert "PIPELINING" in trial["offers"]
    assert trial["message"].startswith("taken: 250")
    assert relay.accepted[-1]["rcpt"] == "me@example.org"
    assert run(["-C", str(site), "smtp", "test", " ich@bücher.example "]) == 0
    assert relay.accepted[-1]["rcpt"] == "ich@xn--bcher-kva.example"  # as a subscriber's would be
    assert run(["-C", str(site), "smtp", "test"]) == 0
    assert "plain text" in capsys.readouterr().out


def test_a_relay_that_is_left_alone_stands_in_the_status(
    site: Path, relay: FaultRelay, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["-C", str(site), "status", "--json"]) == 0
    assert [*json.loads(capsys.readouterr().out)["relays"].values()] == ["ok"]
    with open_app(site / "config.toml") as app:
        relays.fail(app, app.relays[0], RelayError("smtp", "it is away", is_lasting=True))
    assert run(["-C", str(site), "status"]) == 0
    assert ": it is away; paused: `publisher smtp test` lifts it" in capsys.readouterr().out
    assert run(["-C", str(site), "smtp", "test"]) == 0
    capsys.readouterr()
    assert run(["-C", str(site), "status"]) == 0
    assert "it is away" not in capsys.readouterr().out


def test_a_sample_goes_anywhere_and_a_rehearsal_nowhere(
    site: Path, relay: FaultRelay, capsys: pytest.CaptureFixture[str]
) -> None:
    before = len(relay.accepted)
    assert run(["-C", str(site), "send", "1", "--dry-run"]) == 0
    assert "nothing was sent" in capsys.readouterr().out
    assert len(relay.accepted) == before
    assert run(["-C", str(site), "send", "1", "--test", "me@example.org"]) == 0
    assert relay.accepted[-1]["rcpt"] == "me@example.org"


def test_an_issue_that_was_sent_is_not_sent_again(
    site: Path, relay: FaultRelay, capsys: pytest.CaptureFixture[str]
) -> None:
    sent = len(relay.accepted)
    run(["-C", str(site), "issues", "approve", "1"])
    run(["-C", str(site), "send", "1", "--json"])
    now = len(relay.accepted)
    assert run(["-C", str(site), "send", "1"]) == 1
    assert "it is sent" in capsys.readouterr().err
    assert len(relay.accepted) == now
    assert now in (sent, 3)


def test_a_retry_says_which_and_how_many(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", str(site), "deliveries", "retry", "1"]) == 2
    assert run(["-C", str(site), "deliveries", "retry", "1", "--unknown"]) == 0
    assert "0 unknown deliveries" in capsys.readouterr().err
    assert run(["-C", str(site), "deliveries", "list", "--state", "sent", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["schema"] == "publisher.deliveries/1"


def test_the_mail_of_a_public_site_never_stays_in_the_built_in_inbox(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["init", str(tmp_path)])
    run(["-C", str(tmp_path), "publish"])
    config = tmp_path / "config.toml"
    text = config.read_text(encoding="utf-8")
    public = text.replace("http://localhost:8080", "https://letters.example.org")
    assert public != text
    config.write_text(public, encoding="utf-8")
    mails = sorted((tmp_path / "var" / "inbox").rglob("*"))
    for more in ([], ["--test", "me@example.org"]):
        assert run(["-C", str(tmp_path), "send", "1", *more]) == 78
        assert "smtp.host is empty" in capsys.readouterr().err
    assert run(["-C", str(tmp_path), "send", "1", "--dry-run"]) == 0
    assert sorted((tmp_path / "var" / "inbox").rglob("*")) == mails

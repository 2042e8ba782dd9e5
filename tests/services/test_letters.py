"""The bytes of one delivery."""

from dataclasses import replace
from pathlib import Path

import dkim
import pytest

from publisher.domain.issues import Issue
from publisher.errors import ConfigError
from publisher.services import deliveries, inbox, issues, letters, posts, publishing, subscribers
from publisher.services import dkim as keys
from publisher.services.app import App, DkimOptions
from publisher.store.deliveries import Claim
from tests.services.conftest import write_post


@pytest.fixture
def signing(app: App, tmp_path: Path) -> App:
    """An app with a planned issue for one reader, that signs with keys of its own."""
    write_post(app, "one.md", title="One", date="2025-10-02 10:00:00")
    subscribers.add(app, "weekly", email="ann@example.org", name="Ann", source="test")
    return replace(app, dkim=DkimOptions(selector="s1", folder=tmp_path / "dkim"))


def planned(app: App) -> Issue:
    now = app.clock()
    issues.reconcile(app, app.newsletters[0], now=now)
    plan = issues.plan(app, app.newsletters[0], posts.load(app, now=now), now=now)
    assembled = issues.assemble(app, plan)
    assert assembled is not None
    return issues.get(app, assembled.issue)


def verified(app: App, data: bytes) -> list[bool]:
    dns = {f"{r.name}.".encode(): r.value.encode() for r in keys.records(app, "s1")}
    return [
        dkim.DKIM(data).verify(number, dnsfunc=lambda name, **_: dns[name]) for number in (0, 1)
    ]


def test_a_sent_message_carries_both_signatures(signing: App) -> None:
    keys.keygen(signing, "s1")
    publishing.publish(signing)

    (mail,) = inbox.listing(signing)
    data = inbox.read(signing, mail.key)
    signed = data[data.index(b"DKIM-Signature") :].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    assert verified(signing, signed) == [True, True]


def test_a_missing_key_keeps_the_issue_from_going_out_unsigned(signing: App) -> None:
    report = publishing.publish(signing)

    assert "publisher dkim keygen" in report.issues[0].problem
    assert inbox.listing(signing) == []
    with pytest.raises(ConfigError, match=r"s1\.pem"):
        letters.open_issue(signing, report.issues[0].issue)
    keys.keygen(signing, "s1")
    assert publishing.publish(signing).issues[0].finished


def test_every_attempt_has_its_date_and_the_same_message_id(app: App, signing: App) -> None:
    keys.keygen(signing, "s1")
    publishing.publish(signing)
    (made,) = deliveries.listing(signing)
    mail = letters.open_issue(app, issues.get(app, made.issue))
    row = Claim(
        id=made.id,
        issue=made.issue,
        subscriber=made.subscriber,
        subscription=made.subscription,
        address=made.address,
        address_key=made.address,
        name="",
        attempts=0,
        deferrals=0,
    )

    first = letters.message(app, mail, row, at=app.clock())
    later = letters.message(app, mail, row, at=app.clock().replace(hour=13))

    different = [
        line for line in later.split(b"\r\n") if line not in set(first.split(b"\r\n"))
    ]  # fmt: skip
    assert different == [b"Date: Tue, 24 Nov 2026 13:00:00 +0000"]


def test_an_issue_without_keys_goes_out_as_the_relay_will_sign_it(app: App, signing: App) -> None:
    assert letters.open_issue(app, planned(app)).keys == ()

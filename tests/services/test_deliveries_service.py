"""What becomes of deliveries when a relay misbehaves."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from publisher.domain.deliveries import DeliveryStatus
from publisher.domain.issues import IssueStatus
from publisher.services import deliveries, issues, publishing, subscribers
from publisher.services.app import App
from tests.faults.relay import Behaviour, FaultRelay
from tests.faults.world import make_relay
from tests.services.conftest import FakeClock, write_post


@pytest.fixture
def relay() -> Iterator[FaultRelay]:
    with FaultRelay(Behaviour()) as relay:
        yield relay


@pytest.fixture
def site(app: App, relay: FaultRelay) -> App:
    write_post(app, "one.md", title="One", date="2025-10-02 10:00:00")
    return replace(
        app,
        relays=(make_relay(relay.port),),
    )


def subscribe(app: App, *emails: str) -> None:
    for email in emails:
        subscribers.add(app, "weekly", email=email, name="", source="test")


def states(app: App) -> dict[str, DeliveryStatus]:
    return {row.address: row.status for row in deliveries.listing(app)}


def test_a_4xx_is_delay_and_not_loss(site: App, relay: FaultRelay, clock: FakeClock) -> None:
    subscribe(site, "rcpt450x2.1@example.org", "good@example.org")

    first = publishing.publish(site)
    assert first.issues[0].counts == {DeliveryStatus.SENT: 1, DeliveryStatus.PENDING: 1}
    assert first.issues[0].next_attempt_at is not None
    assert first.issues[0].next_attempt_at > clock.now

    assert publishing.publish(site).issues[0].counts[DeliveryStatus.PENDING] == 1
    assert len(relay.accepted) == 1  # not tried before its time
    for _ in range(2):
        clock.now += timedelta(minutes=30)
        last = publishing.publish(site)

    assert last.issues[0].finished
    assert sorted(row["rcpt"] for row in relay.accepted) == [
        "good@example.org",
        "rcpt450x2.1@example.org",
    ]
    assert next(r for r in deliveries.listing(site) if r.deferrals).deferrals == 2


def test_a_5xx_is_recorded_with_the_relay_s_words(site: App) -> None:
    subscribe(site, "rcpt550_5.1.1.1@example.org", "good@example.org")

    report = publishing.publish(site)

    assert report.issues[0].finished
    assert report.issues[0].counts == {DeliveryStatus.SENT: 1, DeliveryStatus.FAILED: 1}
    failed = next(r for r in deliveries.listing(site) if r.status is DeliveryStatus.FAILED)
    assert failed.reply.startswith("550 5.1.1")


def test_a_line_lost_after_the_dot_is_unknown_and_never_sent_again(
    site: App, relay: FaultRelay, clock: FakeClock
) -> None:
    subscribe(site, "dotacceptreset.1@example.org", "zoe@example.org")

    report = publishing.publish(site)
    clock.now += timedelta(days=7)
    publishing.publish(site)

    assert report.issues[0].finished
    assert states(site) == {
        "dotacceptreset.1@example.org": DeliveryStatus.UNKNOWN,
        "zoe@example.org": DeliveryStatus.SENT,
    }
    assert len(relay.accepted) == 2


def test_a_line_lost_before_the_dot_is_tried_again(site: App, relay: FaultRelay) -> None:
    subscribe(site, "bodyclosex1.1@example.org")

    report = publishing.publish(site)

    assert report.issues[0].counts == {DeliveryStatus.SENT: 1}
    assert len(relay.accepted) == 1


def test_a_relay_that_refuses_every_sender_marks_nobody_and_goes_on_later(
    site: App, relay: FaultRelay, clock: FakeClock
) -> None:
    subscribe(site, "ann@example.org", "bob@example.org")
    refused = replace(
        site,
        newsletters=tuple(
            replace(n, sender=replace(n.sender, email="mail451.1@example.org"))
            for n in site.newsletters
        ),
    )

    stopped = publishing.publish(refused)
    clock.now += timedelta(minutes=1)
    report = publishing.publish(site)

    assert stopped.issues[0].counts == {DeliveryStatus.PENDING: 2}
    assert "451" in stopped.issues[0].problem
    assert report.issues[0].finished
    assert len(relay.accepted) == 2


def test_an_issue_is_never_finished_with_rows_unsettled(site: App) -> None:
    subscribe(site, "rcpt450x1.1@example.org")

    publishing.publish(site)

    assert [issue.status for issue in issues.listing(site)] == [IssueStatus.SENDING]


def test_a_relay_that_hangs_up_after_each_message_gets_them_all(app: App) -> None:
    write_post(app, "one.md", title="One", date="2025-10-02 10:00:00")
    subscribe(app, *(f"reader{number}@example.org" for number in range(7)))
    with FaultRelay(Behaviour(per_connection=1)) as relay:
        site = replace(
            app,
            relays=(make_relay(relay.port),),
        )
        report = publishing.publish(site)

    assert report.issues[0].counts == {DeliveryStatus.SENT: 7}
    assert len(relay.accepted) == 7

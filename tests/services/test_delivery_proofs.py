"""Relays that are dead, slow, full or wrong; commits that hang; people who leave meanwhile."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from publisher.domain.controls import MOVES, Verb
from publisher.domain.deliveries import DeliveryStatus
from publisher.domain.issues import IssueStatus
from publisher.domain.relays import LONGEST_REST
from publisher.errors import Conflict
from publisher.mail.pool import QUOTA_SECONDS
from publisher.mail.relays import Relay, Security
from publisher.services import audiences, controls, deliveries, issues, relays, subscribers
from publisher.services.app import App
from publisher.services.quotas import warm_up_of
from publisher.services.relays import REST_MOST
from publisher.store import relays as relay_rows
from tests.factories import NOW
from tests.faults.relay import Behaviour, FaultRelay
from tests.faults.world import found, make_relay, open_world
from tests.services.conftest import FakeClock

SENT, PENDING = DeliveryStatus.SENT, DeliveryStatus.PENDING


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def people(tmp_path: Path) -> Path:
    found(tmp_path, [f"reader{number}.{number}@d{number % 7}.test" for number in range(40)])
    return tmp_path


@pytest.fixture
def relay() -> Iterator[FaultRelay]:
    with FaultRelay() as running:
        yield running


def counts(app: App) -> dict[DeliveryStatus, int]:
    return deliveries.counts(app, 1)


def test_everybody_put_off_twice_is_reached_without_a_hand(
    tmp_path: Path, clock: FakeClock, relay: FaultRelay
) -> None:
    found(tmp_path, [f"rcpt450x2.{number}@d.test" for number in range(30)])
    with open_world(tmp_path, [make_relay(relay.port)], clock=clock) as app:
        for _ in range(3):
            report = deliveries.deliver(app)[0]
            clock.now += timedelta(hours=1)
        assert report.finished
        assert counts(app) == {SENT: 30}
    assert len(relay.accepted) == 30


@pytest.mark.parametrize("fault", ["rcpt450x3", "dot451x3", "rcpt450x2-dot451x1"])
def test_every_attempt_at_a_delivery_is_kept(
    tmp_path: Path, clock: FakeClock, relay: FaultRelay, fault: str
) -> None:
    found(tmp_path, [f"{fault}.1@d.test"])
    with open_world(tmp_path, [make_relay(relay.port)], clock=clock) as app:
        for _ in range(4):
            report = deliveries.deliver(app)[0]
            clock.now += timedelta(hours=1)
        assert report.finished
        (row,) = deliveries.listing(app)
        with app.store.read() as tx:
            kept = tx.exec_driver_sql("SELECT number, status FROM delivery_attempts ORDER BY id")
            attempts = [tuple(each) for each in kept]
    assert (row.attempts, row.deferrals) == (4, 3)
    assert attempts == [(1, "pending"), (2, "pending"), (3, "pending"), (4, "sent")]


def test_a_relay_that_is_dead_for_an_hour_loses_nobody(people: Path, clock: FakeClock) -> None:
    with FaultRelay() as gone:
        port = gone.port
    with open_world(people, [make_relay(port)], clock=clock) as app:
        for _ in range(6):
            report = deliveries.deliver(app)[0]
            assert "no connection" in report.problem
            assert counts(app) == {PENDING: 40}
            clock.now += timedelta(minutes=10)
        assert {row.attempts for row in deliveries.listing(app)} == {0}
        with FaultRelay(port=port) as back:
            assert deliveries.deliver(app)[0].finished
        assert len(back.accepted) == 40


def test_a_resting_relay_is_not_tried_before_its_time(people: Path, clock: FakeClock) -> None:
    with FaultRelay() as gone:
        port = gone.port
    with open_world(people, [make_relay(port, backoff_seconds=60.0)], clock=clock) as app:
        deliveries.deliver(app)
        with FaultRelay(port=port) as back:
            assert "next try" in deliveries.deliver(app)[0].problem
            assert back.connections == 0
            clock.now += timedelta(minutes=2)
            assert deliveries.deliver(app)[0].finished


def test_a_clock_that_is_set_back_keeps_nobody_waiting(tmp_path: Path, clock: FakeClock) -> None:
    found(tmp_path, ["rcpt450x1.1@d.test", "rcpt450x1.2@d.test"])
    true = clock.now
    clock.now += timedelta(hours=30)
    with FaultRelay() as first, open_world(tmp_path, [make_relay(first.port)], clock=clock) as app:
        assert deliveries.deliver(app)[0].counts == {PENDING: 2}
        port = first.port
    with open_world(tmp_path, [make_relay(port)], clock=clock) as app:
        clock.now += timedelta(hours=1)
        assert "no connection" in deliveries.deliver(app)[0].problem
    clock.now = true
    with FaultRelay() as back, open_world(tmp_path, [make_relay(back.port)], clock=clock) as app:
        assert deliveries.deliver(app)[0].counts == {PENDING: 2}  # this relay puts them off too
        assert back.connections > 0
        clock.now += timedelta(minutes=30)
        assert deliveries.deliver(app)[0].finished
        assert counts(app) == {SENT: 2}


def test_no_relay_rests_for_as_long_as_one_whose_rest_a_wrong_clock_wrote() -> None:
    assert max(REST_MOST, timedelta(seconds=QUOTA_SECONDS)) < LONGEST_REST


def test_a_relay_that_stands_by_takes_over(
    people: Path, clock: FakeClock, relay: FaultRelay
) -> None:
    with FaultRelay() as gone:
        dead = make_relay(gone.port, name="first")
    second = make_relay(relay.port, name="second", weight=0)
    with open_world(people, [dead, second], clock=clock) as app:
        deliveries.deliver(app)
        assert relay.accepted == []
        clock.now += timedelta(minutes=20)
        assert deliveries.deliver(app)[0].finished
        assert {row.relay for row in deliveries.listing(app)} == {"second"}


def test_two_relays_share_the_work_and_one_is_enough(people: Path, relay: FaultRelay) -> None:
    with FaultRelay() as gone:
        dead = make_relay(gone.port, name="first")
    with open_world(people, [dead, make_relay(relay.port, name="second")]) as app:
        assert deliveries.deliver(app)[0].finished
    assert len(relay.accepted) == 40


def test_a_refused_login_is_tried_once_and_pauses_the_relay(people: Path) -> None:
    with FaultRelay(Behaviour(login=("ann", "right"))) as relay:
        wrong = make_relay(relay.port, username="ann", password="hunter2")
        with open_world(people, [wrong]) as app:
            for _ in range(3):
                report = deliveries.deliver(app)[0]
            assert "paused" in report.problem
            assert "hunter2" not in report.problem
            assert counts(app) == {PENDING: 40}
        assert sum(line.startswith("AUTH") for line in relay.commands) == 1
        right = make_relay(relay.port, username="ann", password="right")
        with open_world(people, [right]) as app:
            assert "paused" in deliveries.deliver(app)[0].problem
            assert relays.try_out(app, None)[0].problem == ""
            assert deliveries.deliver(app)[0].finished


def test_a_quota_holds_over_restarts(people: Path, clock: FakeClock, relay: FaultRelay) -> None:
    for limit in (10, 25):  # the second run is a restart in the middle
        with open_world(people, [make_relay(relay.port, per_day=limit)], clock=clock) as app:
            report = deliveries.deliver(app)[0]
            assert "quota" in report.problem
        assert len(relay.accepted) == limit
    clock.now += timedelta(hours=25)
    with open_world(people, [make_relay(relay.port, per_day=25)], clock=clock) as app:
        assert deliveries.deliver(app)[0].finished
    assert len(relay.accepted) == 40


def test_a_restart_grants_nothing_of_a_day_s_quota_and_says_when_there_is_more(
    tmp_path: Path, clock: FakeClock, relay: FaultRelay
) -> None:
    found(tmp_path, [f"reader{number}@d{number % 7}.test" for number in range(150)])
    for_now, limited = (make_relay(relay.port, per_day=count) for count in (60, 100))
    with open_world(tmp_path, [for_now], clock=clock) as app:
        deliveries.deliver(app)
        assert len(relay.accepted) == 60
    clock.now += timedelta(hours=2)
    with open_world(tmp_path, [limited], clock=clock) as app:
        report = deliveries.deliver(app)[0]
    assert len(relay.accepted) == 100
    more = NOW.replace(minute=0) + timedelta(hours=24)
    assert f"quota is used up until {more:%Y-%m-%d %H:%M} UTC" in report.problem


def test_two_workers_share_one_quota(people: Path, clock: FakeClock, relay: FaultRelay) -> None:
    limited = make_relay(relay.port, per_day=15)
    with (
        open_world(people, [limited], clock=clock) as one,
        open_world(people, [limited], clock=clock) as other,
        ThreadPoolExecutor(2) as both,
    ):
        list(both.map(deliveries.deliver, (one, other)))
        assert deliveries.deliver(one)[0].counts[PENDING] == 25
    assert len(relay.accepted) == len({entry["rcpt"] for entry in relay.accepted}) == 15


def test_what_was_not_taken_after_all_costs_no_quota(tmp_path: Path, relay: FaultRelay) -> None:
    found(tmp_path, ["dot450_4.7.28x1.1@d.test"])  # too fast, it says, and takes it later
    with open_world(tmp_path, [make_relay(relay.port)]) as app:
        assert deliveries.deliver(app)[0].finished
        with app.store.read() as tx:
            assert [row[1:] for row in relay_rows.hours_used(tx, "main", "example.org")] == [(1, 0)]
    assert relay.dots == 2


def test_while_it_warms_up_refusals_are_counted(
    tmp_path: Path, clock: FakeClock, relay: FaultRelay
) -> None:
    bad = [f"rcpt550_5.1.1.{number}@d.test" for number in range(6)]
    found(tmp_path, [*bad, *(f"reader{number}@d.test" for number in range(44))])
    with open_world(tmp_path, [make_relay(relay.port, warm_up=True)], clock=clock) as app:
        assert deliveries.deliver(app)[0].finished
        with app.store.read() as tx:
            assert relay_rows.hours_used(tx, "main", "example.org")[0][1:] == (44, 6)
        clock.now += timedelta(days=1)
        with app.store.read() as tx:
            assert warm_up_of(tx, app.relays[0], "example.org", now=clock.now).messages == 50


@pytest.mark.parametrize("frozen", [0.3, pytest.param(5.0, marks=pytest.mark.acceptance)])
def test_a_frozen_commit_lets_no_dot_out_and_who_leaves_meanwhile_is_not_mailed(
    people: Path, relay: FaultRelay, frozen: float
) -> None:
    with open_world(people, [make_relay(relay.port)]) as app:
        sender = Thread(target=deliveries.deliver, args=(app,))
        with app.store.begin() as tx:  # holds the lock of the database
            sender.start()
            time.sleep(frozen)
            assert relay.dots == 0
            gone = tx.exec_driver_sql("SELECT id FROM subscriptions LIMIT 1").scalar_one()
            tx.exec_driver_sql(
                "UPDATE subscriptions SET status = 'unsubscribed' WHERE id = ?", (gone,)
            )
        sender.join()
        rows = {row.subscription: row for row in deliveries.listing(app)}
    assert gone not in rows or rows[gone].status is DeliveryStatus.SKIPPED
    assert len(relay.accepted) == 39


def test_a_sender_refused_everywhere_pauses_the_issue_and_blames_nobody(people: Path) -> None:
    with (
        FaultRelay(Behaviour(faults={"mail": "550_5.7.1"})) as relay,
        open_world(people, [make_relay(relay.port)]) as app,
    ):
        report = deliveries.deliver(app)[0]
        assert report.problem.startswith("paused: ")
        assert issues.get(app, 1).status is IssueStatus.PAUSED
        assert counts(app) == {PENDING: 40}


def test_an_issue_is_paused_resumed_and_cancelled(people: Path, relay: FaultRelay) -> None:
    with open_world(people, [make_relay(relay.port, max_connections=1)]) as app:
        deliveries.deliver(app, limit=1)
        assert counts(app) == {SENT: 1, PENDING: 39}
        controls.decide(app, Verb.PAUSE, 1)
        assert deliveries.deliver(app) == []
        controls.decide(app, Verb.RESUME, 1)
        controls.decide(app, Verb.CANCEL, 1)
        assert PENDING not in counts(app)
        with pytest.raises(Conflict):
            controls.decide(app, Verb.PAUSE, 1)


def decide_after_rows(app: App, count: int, verb: Verb) -> Callable[[], bool]:
    """Asked between two parts of the writing, the operator decides once so many rows are there."""

    def stopping() -> bool:
        found = issues.get(app, 1)
        if found.status is IssueStatus.PLANNED and len(deliveries.listing(app)) == count:
            controls.decide(app, verb, 1)
        return False

    return stopping


@pytest.fixture
def by_tens(monkeypatch: pytest.MonkeyPatch) -> None:
    """An issue is written in parts of ten rows."""
    monkeypatch.setattr(audiences, "FAN_OUT", 10)


def open_batches(app: App) -> int:
    with app.store.read() as tx:
        found: int = tx.exec_driver_sql(
            "SELECT count(*) FROM delivery_batches WHERE is_open"
        ).scalar_one()
    return found


@pytest.mark.usefixtures("by_tens")
@pytest.mark.parametrize("count", [0, 20])
def test_an_issue_held_while_it_is_written_waits_and_reaches_each_once_when_it_is_approved(
    people: Path, relay: FaultRelay, count: int
) -> None:
    with open_world(people, [make_relay(relay.port)]) as app:
        report = deliveries.deliver(app, stopping=decide_after_rows(app, count, Verb.HOLD))[0]
        assert (report.issue.status, report.problem) == (IssueStatus.HELD, "")
        assert len(deliveries.listing(app)) == count
        assert deliveries.deliver(app) == []
        assert relay.accepted == []
        controls.decide(app, Verb.APPROVE, 1)
        assert deliveries.deliver(app)[0].finished
    assert len(relay.accepted) == len({entry["rcpt"] for entry in relay.accepted}) == 40


@pytest.mark.usefixtures("by_tens")
def test_an_issue_held_and_approved_while_it_is_written_lacks_nobody(
    people: Path, relay: FaultRelay
) -> None:
    with open_world(people, [make_relay(relay.port)]) as app:

        def stopping() -> bool:
            if issues.get(app, 1).status is IssueStatus.PLANNED:
                controls.decide(app, Verb.HOLD, 1)
                controls.decide(app, Verb.APPROVE, 1)
            return False

        assert deliveries.deliver(app, stopping=stopping)[0].finished
    assert len(relay.accepted) == len({entry["rcpt"] for entry in relay.accepted}) == 40


@pytest.mark.usefixtures("by_tens")
def test_an_issue_skipped_while_it_is_written_leaves_nothing_waiting(
    people: Path, relay: FaultRelay
) -> None:
    with open_world(people, [make_relay(relay.port)]) as app:
        report = deliveries.deliver(app, stopping=decide_after_rows(app, 20, Verb.SKIP))[0]
        assert (report.issue.status, report.problem) == (IssueStatus.SKIPPED, "")
        assert counts(app) == {DeliveryStatus.SKIPPED: 20}
        assert open_batches(app) == 0
        assert deliveries.deliver(app) == []
    assert relay.accepted == []


@pytest.mark.parametrize("verb", [Verb.HOLD, Verb.SKIP])
def test_what_is_decided_once_the_last_row_is_written_still_counts(
    people: Path, relay: FaultRelay, monkeypatch: pytest.MonkeyPatch, verb: Verb
) -> None:
    write = audiences._write
    with open_world(people, [make_relay(relay.port)]) as app:

        def write_and_decide(*given: Any, **named: Any) -> bool:
            is_written = write(*given, **named)
            controls.decide(app, verb, 1)
            return is_written

        monkeypatch.setattr(audiences, "_write", write_and_decide)
        assert deliveries.deliver(app)[0].issue.status is MOVES[verb].after
    assert relay.accepted == []


@pytest.mark.usefixtures("by_tens")
def test_an_issue_that_expires_while_it_is_written_leaves_nothing_waiting(
    people: Path, relay: FaultRelay
) -> None:
    with open_world(people, [make_relay(relay.port)]) as app:
        deliveries.deliver(app, stopping=lambda: len(deliveries.listing(app)) == 20)
        assert counts(app) == {PENDING: 20}
        late = FakeClock(issues.get(app, 1).slot + timedelta(hours=49))
        old = replace(app, clock=late, expires_after=timedelta(hours=48))
        assert deliveries.deliver(old)[0].issue.status is IssueStatus.CANCELLED
        assert {row.reason for row in deliveries.listing(old)} == {"expired"}
        assert open_batches(app) == 0


def test_who_was_refused_gets_it_at_a_retry_and_they_alone(
    tmp_path: Path, relay: FaultRelay
) -> None:
    found(tmp_path, ["rcpt550x1.1@d.test", "good@d.test"])
    with open_world(tmp_path, [make_relay(relay.port)]) as app:
        deliveries.deliver(app)
        assert deliveries.retry(app, 1, DeliveryStatus.FAILED) == 1
        assert deliveries.deliver(app)[0].finished
        assert counts(app) == {SENT: 2}
    assert sorted(entry["rcpt"] for entry in relay.accepted) == [
        "good@d.test",
        "rcpt550x1.1@d.test",
    ]


def test_an_address_that_is_gone_is_suppressed(tmp_path: Path, relay: FaultRelay) -> None:
    found(tmp_path, ["rcpt550_5.1.1.1@d.test"])
    with open_world(tmp_path, [make_relay(relay.port)]) as app:
        deliveries.deliver(app)
        with app.store.read() as tx:
            assert tx.exec_driver_sql("SELECT reason FROM suppressions").scalar() == "hard_bounce"


def test_a_relay_that_cannot_be_written_ahead_to_is_stepped_down_for_good(people: Path) -> None:
    with (
        FaultRelay(Behaviour(ahead_is_503=True)) as relay,
        open_world(people, [make_relay(relay.port)]) as app,
    ):
        assert deliveries.deliver(app)[0].finished
        with app.store.read() as tx:
            assert relay_rows.states(tx)["main"].pipelining == "envelope"
    assert len(relay.accepted) == len({entry["rcpt"] for entry in relay.accepted}) == 40


def test_messages_a_connection_are_learnt(people: Path) -> None:
    with (
        FaultRelay(Behaviour(per_connection=5)) as relay,
        open_world(people, [make_relay(relay.port, max_connections=2)]) as app,
    ):
        assert deliveries.deliver(app)[0].finished
        with app.store.read() as tx:
            assert relay_rows.states(tx)["main"].per_connection == 5
    assert len(relay.accepted) == 40


def test_every_final_dot_is_in_the_log_beside_the_database(people: Path, relay: FaultRelay) -> None:
    with open_world(people, [make_relay(relay.port)]) as app:
        deliveries.deliver(app)
    lines = (people / "sent.log").read_text().splitlines()
    assert len(lines) == 40
    assert all(line.split()[1:3] == ["weekly", "W:2026-W47"] for line in lines)
    assert "@" not in "".join(lines)


def test_a_sample_leaves_no_trace(people: Path, relay: FaultRelay) -> None:
    with open_world(people, [make_relay(relay.port)]) as app:
        before = deliveries.rehearse(app, 1)
        deliveries.send_sample(app, 1, "me@example.org")
        assert deliveries.rehearse(app, 1) == before
        assert (before.recipients, before.relays) == (40, ("main",))
        assert deliveries.listing(app) == []
    assert [entry["rcpt"] for entry in relay.accepted] == ["me@example.org"]


def test_what_is_not_sent_in_time_expires(people: Path, clock: FakeClock) -> None:
    with FaultRelay() as gone:
        dead = make_relay(gone.port)
    with open_world(people, [dead]) as app:
        deliveries.deliver(app)
        slot = issues.get(app, 1).slot
        late = FakeClock(slot + timedelta(hours=49))
        old = replace(app, clock=late, expires_after=timedelta(hours=48))
        assert deliveries.deliver(old)[0].finished
        assert {row.reason for row in deliveries.listing(old)} == {"expired"}


def test_a_bounce_domain_gives_each_delivery_its_own_return_path(
    tmp_path: Path, relay: FaultRelay
) -> None:
    from publisher.services.app import ReturnPath

    found(tmp_path, ["ann+x=y@d.test"])
    with open_world(tmp_path, [make_relay(relay.port)]) as app:
        deliveries.deliver(replace(app, bounces=ReturnPath(domain="bounces.example.org")))
    (mail,) = [line for line in relay.commands if line.startswith("MAIL")]
    local = mail.split("<")[1].split("@")[0]
    assert mail.split("@")[1].startswith("bounces.example.org>")
    assert local.startswith("bounces+ae.")  # delivery 1
    assert f"ENVID={local.removeprefix('bounces+')}" in mail


def test_a_public_relay_value_shows_no_password() -> None:
    assert "hunter2" not in repr(
        Relay(host="h", port=1, security=Security.NONE, password="hunter2")
    )


def test_the_unsubscribe_link_ends_what_is_not_sent_yet(
    people: Path, clock: FakeClock, relay: FaultRelay
) -> None:
    with FaultRelay() as gone:
        dead = make_relay(gone.port)
    with open_world(people, [dead], clock=clock) as app:
        deliveries.deliver(app)
        leaving = deliveries.listing(app)[0]
        link = subscribers.unsubscribe_url(app, leaving.subscription)
        subscribers.unsubscribe(app, link.rpartition("/")[2])
        clock.now += timedelta(minutes=5)
    with open_world(people, [make_relay(relay.port)], clock=clock) as app:
        assert deliveries.deliver(app)[0].finished
    assert len(relay.accepted) == 39
    assert leaving.address not in {entry["rcpt"] for entry in relay.accepted}

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from publisher.domain.addresses import parse_address
from publisher.domain.controls import Verb
from publisher.domain.deliveries import DeliveryStatus
from publisher.domain.newsletters import Cadence, Schedule
from publisher.domain.sent_log import Mailed, address_hash, parse
from publisher.errors import StoreError
from publisher.services import (
    controls,
    deliveries,
    inbox,
    instances,
    issues,
    publishing,
    subscribers,
)
from publisher.services.app import App, ScheduleOptions
from publisher.store import audit
from publisher.store.engine import open_store
from tests.factories import SHANGHAI, make_newsletter
from tests.faults.relay import FaultRelay
from tests.faults.world import make_relay
from tests.services.conftest import FakeClock, write_post
from tests.services.test_publishing import add_readers

SLOT = datetime(2026, 11, 27, 0, 0, tzinfo=UTC)  # a Friday, 08:00 in Shanghai


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "machine-id"
    file.write_text("m1\n")
    monkeypatch.setattr(instances, "MACHINE_ID", file)
    return file


def marks(app: App) -> dict[str, object]:
    found: dict[str, object] = json.loads((app.folders.state / "instance").read_bytes())
    return found


def reopened(app: App) -> App:
    return replace(app, store=open_store(app.folders.state / "publisher.db"))


def copy_database(app: App, to: Path) -> None:
    with sqlite3.connect(app.folders.state / "publisher.db") as source:
        source.execute("VACUUM INTO ?", (str(to),))
    source.close()


def put_back(app: App, copy: Path) -> App:
    app.store.close()
    for path in app.folders.state.glob("publisher.db*"):
        path.unlink()
    shutil.copy(copy, app.folders.state / "publisher.db")
    return reopened(app)


@contextmanager
def mailing_to(app: App, reader: str) -> Iterator[tuple[App, FaultRelay]]:
    """A started site with one post and one reader, and a relay that does as the address says."""
    write_post(app, "one.md", title="One", date="2025-10-02 10:00:00")
    with FaultRelay() as relay:
        site = replace(app, relays=(make_relay(relay.port),))
        add_readers(site, reader)
        instances.start(site)
        yield site, relay


def statuses(app: App) -> list[tuple[str, str, str]]:
    return [(row.period, row.status.value, row.cause.value) for row in issues.listing(app)]


def test_start_after_start_nothing_is_fenced(app: App) -> None:
    assert [instances.start(app) for _ in range(3)] == ["", "", ""]
    assert marks(app)["starts"] == 3


def test_starts_that_are_cut_between_database_and_file_fence_nothing(app: App) -> None:
    instances.start(app)
    for _ in range(3):
        before = (app.folders.state / "instance").read_bytes()
        assert instances.start(app) == ""
        (app.folders.state / "instance").write_bytes(before)
    assert instances.start(app) == ""


def test_a_cloned_machine_is_fenced(app: App, machine: Path) -> None:
    instances.start(app)
    machine.write_text("m2\n")
    assert "a clone" in instances.start(app)
    assert instances.fence(app)  # and stays so
    machine.write_text("m1\n")
    assert instances.start(app)


def test_a_database_put_back_sends_nothing_until_resumed(app: App, tmp_path: Path) -> None:
    instances.start(app)
    copy_database(app, tmp_path / "copy.db")
    instances.start(app)
    restored = put_back(app, tmp_path / "copy.db")
    write_post(app, "one.md", title="One", date="2025-10-02 10:00:00")
    add_readers(restored, "ann")

    assert "a backup was put back" in instances.start(restored)
    report = publishing.publish(restored)

    assert report.fence
    assert (app.folders.output / "rss.xml").exists()  # readers of feeds are not kept waiting
    assert issues.listing(restored) == []
    assert inbox.listing(restored) == []
    instances.resume(restored, who="test")
    assert publishing.publish(restored).issues[0].counts == {DeliveryStatus.SENT: 1}
    assert instances.start(restored) == ""
    restored.store.close()


def test_after_resume_nobody_gets_an_issue_that_was_sent_after_the_backup(
    app: App, tmp_path: Path
) -> None:
    write_post(app, "one.md", title="One", date="2025-10-02 10:00:00")
    add_readers(app, "ann", "bob")
    instances.start(app)
    copy_database(app, tmp_path / "copy.db")
    publishing.publish(app)
    hashes = [address_hash(app.site_key, f"{name}@example.org") for name in ("ann", "bob")]
    with (app.folders.state / "sent.log").open() as log:
        assert {one.address_hash for one in parse(log)} == set(hashes)
    assert instances.start(app) == ""  # the database knows them
    assert len(inbox.listing(app)) == 2
    restored = put_back(app, tmp_path / "copy.db")
    # even where nothing else tells: the file is as old as the database
    (app.folders.state / "instance").write_text(
        json.dumps({**marks(app), "starts": 1}), encoding="ascii"
    )

    assert "sent.log knows of 2 messages" in instances.start(restored)
    assert instances.preview_resume(restored).mailed == 2
    instances.resume(restored, who="ann")
    report = publishing.publish(restored)

    assert report.issues[0].counts == {DeliveryStatus.SENT: 2}
    assert len(inbox.listing(restored)) == 2
    assert instances.start(restored) == ""
    with restored.store.read() as tx:
        (entry,) = audit.newest(tx, 5)
    assert (entry.who, entry.action) == ("ann", "resume")
    restored.store.close()


def put_off(app: App) -> int:
    return publishing.publish(app).issues[0].issue.id


def put_off_and_unsubscribed(app: App) -> int:
    issue = put_off(app)
    link = subscribers.unsubscribe_url(app, deliveries.listing(app)[0].subscription)
    subscribers.unsubscribe(app, link.rpartition("/")[2])
    return issue


def put_off_and_cancelled(app: App) -> int:
    issue = put_off(app)
    controls.decide(app, Verb.CANCEL, issue)
    return issue


def refused_and_retried(app: App) -> int:
    issue = publishing.publish(app).issues[0].issue.id
    assert deliveries.retry(app, issue, DeliveryStatus.FAILED) == 1
    return issue


@pytest.mark.parametrize(
    ("fault", "trouble", "status"),
    [
        ("dot451x1", put_off, DeliveryStatus.PENDING),
        ("dot550_5.7.1x1", refused_and_retried, DeliveryStatus.PENDING),
        ("dot451x1", put_off_and_unsubscribed, DeliveryStatus.SKIPPED),
        ("dot451x1", put_off_and_cancelled, DeliveryStatus.SKIPPED),
    ],
)
def test_a_message_that_was_not_taken_fences_nothing_and_is_not_called_sent(
    app: App, clock: FakeClock, fault: str, trouble: Callable[[App], int], status: DeliveryStatus
) -> None:
    with mailing_to(app, f"{fault}.1") as (site, relay):
        issue = trouble(site)

        assert instances.start(site) == ""
        assert instances.preview_resume(site).mailed == 0
        instances.resume(site, who="test")
        assert deliveries.counts(site, issue) == {status: 1}
        clock.now += timedelta(minutes=30)
        publishing.publish(site)
    assert len(relay.accepted) == (status is DeliveryStatus.PENDING)


@pytest.mark.parametrize("fault", ["rcpt450x1", "dot451x1"])
def test_who_was_put_off_before_the_backup_and_served_after_it_is_not_served_again(
    app: App, clock: FakeClock, tmp_path: Path, fault: str
) -> None:
    with mailing_to(app, f"{fault}.1") as (site, relay):
        publishing.publish(site)
        copy_database(site, tmp_path / "copy.db")
        clock.now += timedelta(minutes=30)
        publishing.publish(site)
        assert len(relay.accepted) == 1
        restored = put_back(site, tmp_path / "copy.db")

        assert "sent.log knows of 1 messages" in instances.start(restored)
        instances.resume(restored, who="test")
        clock.now += timedelta(minutes=30)
        report = publishing.publish(restored)

    assert report.issues[0].counts == {DeliveryStatus.SENT: 1}
    assert len(relay.accepted) == 1
    restored.store.close()


def test_a_long_downtime_of_a_weekly_newsletter_fences_and_resuming_sends_once(
    app: App, clock: FakeClock
) -> None:
    write_post(app, "one.md", title="One", date="2025-10-02 10:00:00")
    add_readers(app, "ann")
    instances.start(app)
    instances.beat(app, now=clock.now)
    publishing.send(app)
    write_post(app, "two.md", title="Two", date="2026-11-26 10:00:00")
    before = statuses(app)
    clock.now = SLOT + timedelta(weeks=2, hours=1)

    instances.start(app)
    assert "hours old" in instances.beat(app, now=clock.now)
    assert publishing.send(app).fence
    assert statuses(app) == before
    assert len(inbox.listing(app)) == 1

    instances.resume(app, who="test")
    publishing.send(app)
    publishing.send(app)
    assert statuses(app)[:3] == [
        ("W:2026-W50", "sent", ""),
        ("W:2026-W49", "skipped", "down"),
        ("W:2026-W48", "skipped", "down"),
    ]
    assert len(inbox.listing(app)) == 2


def test_resumed_forty_hours_after_the_slot_the_issue_is_held(app: App, clock: FakeClock) -> None:
    write_post(app, "one.md", title="One", date="2025-10-02 10:00:00")
    add_readers(app, "ann")
    instances.start(app)
    instances.beat(app, now=clock.now)
    publishing.send(app)
    write_post(app, "two.md", title="Two", date="2026-11-26 10:00:00")
    clock.now = SLOT + timedelta(weeks=2, hours=40)
    instances.beat(app, now=clock.now)

    instances.resume(app, who="test")
    publishing.send(app)

    assert statuses(app)[0] == ("W:2026-W50", "held", "late")
    assert len(inbox.listing(app)) == 1
    controls.decide(app, Verb.APPROVE, issues.listing(app)[0].id)
    publishing.send(app)
    assert statuses(app)[0] == ("W:2026-W50", "sent", "")
    assert len(inbox.listing(app)) == 2


def test_down_over_three_slots_a_daily_newsletter_catches_up_once(
    app: App, clock: FakeClock
) -> None:
    daily = Schedule(cadence=Cadence.DAILY, zone=SHANGHAI, at=SLOT.astimezone(SHANGHAI).time())
    app = replace(
        app,
        newsletters=(make_newsletter(schedule=daily),),
        schedule=ScheduleOptions(max_late=timedelta(days=5)),
    )
    write_post(app, "one.md", title="One", date="2025-10-02 10:00:00")
    add_readers(app, "ann")
    instances.start(app)
    instances.beat(app, now=clock.now)
    publishing.send(app)
    write_post(app, "two.md", title="Two", date="2026-11-26 10:00:00")
    clock.now = SLOT + timedelta(hours=1)

    assert instances.beat(app, now=clock.now) == ""
    publishing.send(app)

    assert statuses(app) == [
        ("D:2026-11-27", "sent", ""),
        ("D:2026-11-26", "skipped", "down"),
        ("D:2026-11-25", "skipped", "down"),
        ("D:2026-11-24", "sent", ""),
    ]
    assert len(inbox.listing(app)) == 2


def test_a_clock_far_ahead_writes_nothing_and_the_true_slot_is_on_time(
    app: App, clock: FakeClock
) -> None:
    write_post(app, "one.md", title="One", date="2025-10-02 10:00:00")
    add_readers(app, "ann")
    instances.start(app)
    instances.beat(app, now=clock.now)
    publishing.send(app)
    write_post(app, "two.md", title="Two", date="2026-11-26 10:00:00")
    before, true = statuses(app), clock.now

    clock.now = true + timedelta(days=400)
    instances.start(app)
    instances.beat(app, now=clock.now)
    publishing.send(app)
    clock.now = true + timedelta(minutes=5)
    instances.beat(app, now=clock.now)
    publishing.send(app)
    assert statuses(app) == before
    instances.resume(app, who="test")
    for clock.now in (SLOT - timedelta(hours=30), SLOT):
        assert instances.beat(app, now=clock.now) == ""
        publishing.send(app)

    assert statuses(app)[0] == ("W:2026-W48", "sent", "")
    assert len(inbox.listing(app)) == 2


def test_a_clock_one_day_ahead_sends_early_and_never_twice(app: App, clock: FakeClock) -> None:
    write_post(app, "one.md", title="One", date="2025-10-02 10:00:00")
    add_readers(app, "ann")
    clock.now = SLOT - timedelta(hours=23)
    instances.start(app)
    instances.beat(app, now=clock.now)
    publishing.send(app)
    for number, now in enumerate(
        (SLOT + timedelta(hours=1), SLOT - timedelta(hours=22), SLOT, SLOT + timedelta(weeks=1))
    ):
        write_post(app, f"{number}.md", title=f"N{number}", date=f"2026-11-2{number} 10:00:00")
        while clock.now < now - timedelta(hours=30):
            clock.now += timedelta(hours=30)
            instances.beat(app, now=clock.now)
        clock.now = now
        assert instances.beat(app, now=now) == ""
        publishing.send(app)

    assert statuses(app) == [
        ("W:2026-W49", "sent", ""),
        ("W:2026-W48", "sent", ""),
        ("W:2026-W47", "sent", ""),
    ]
    assert len(inbox.listing(app)) == 3


def test_a_log_line_that_was_cut_says_nothing() -> None:
    good = "2026-11-20T07:00:04Z weekly W:2026-W47 0123456789abcdef\n"
    assert list(parse([good, good[:-5], good[:30], "\n", good[:-1]])) == [
        Mailed("weekly", "W:2026-W47", "0123456789abcdef")
    ]


def test_a_hash_tells_nothing_without_the_key_and_folds_case() -> None:
    one = address_hash(b"k" * 32, parse_address("Ann@Example.org").key)
    assert one == address_hash(b"k" * 32, parse_address("ann@example.org").key)
    assert one != address_hash(b"x" * 32, "ann@example.org")
    assert len(one) == 16


@pytest.mark.parametrize(
    "text", ["{}", "[]", "nonsense", '{"instance": 1, "starts": "x", "machine": []}']
)
def test_damaged_marks_are_asked_about(app: App, text: str) -> None:
    assert instances.start(app) == ""
    (app.folders.state / "instance").write_text(text)
    assert "`instance` in the state folder is missing" in instances.start(app)


def test_marks_of_another_user_are_an_error_and_no_fence(app: App) -> None:
    assert instances.start(app) == ""
    marks = app.folders.state / "instance"
    marks.unlink()
    marks.mkdir()  # what nobody may read, for root too
    with pytest.raises(StoreError, match="give it to the user of the daemon"):
        instances.start(app)
    assert instances.fence(app) == ""

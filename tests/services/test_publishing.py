from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from publisher.domain.controls import Verb
from publisher.domain.deliveries import DeliveryStatus
from publisher.domain.issues import Cause, IssueStatus
from publisher.domain.newsletters import Cadence, Schedule
from publisher.domain.subscribers import Joined
from publisher.errors import ConfigError, Conflict, PublisherError
from publisher.mail.relays import Relay, Security
from publisher.render.templates import Templates
from publisher.services import (
    audiences,
    controls,
    deliveries,
    inbox,
    issues,
    publishing,
    subscribers,
)
from publisher.services.app import App
from tests.factories import SHANGHAI, make_newsletter
from tests.faults.relay import Behaviour, FaultRelay
from tests.services.conftest import FakeClock, write_post


def add_readers(app: App, *names: str) -> None:
    for name in names:
        joined = subscribers.add(
            app, "weekly", email=f"{name}@example.org", name=name.title(), source="test"
        )
        assert joined is Joined.ADDED


def test_what_is_due_is_sent_once(app: App) -> None:
    write_post(app, "one.md", title="One", date="2025-10-02 10:00:00")
    add_readers(app, "ann", "bob")

    first = publishing.publish(app)
    second = publishing.publish(app)

    assert [report.counts for report in first.issues] == [{DeliveryStatus.SENT: 2}]
    assert second.issues == ()
    assert second.newsletters[0].assembled is None
    assert sorted(message.recipient for message in inbox.listing(app)) == [
        "Ann <ann@example.org>",
        "Bob <bob@example.org>",
    ]


def test_a_post_is_mailed_once_even_when_it_is_renamed(app: App, clock: FakeClock) -> None:
    path = write_post(app, "one.md", title="One", date="2025-10-02 10:00:00")
    add_readers(app, "ann")
    publishing.publish(app)

    path.rename(path.with_name("renamed.md"))
    clock.now += timedelta(weeks=1)
    report = publishing.publish(app)

    assert report.newsletters[0].assembled is not None
    assert report.newsletters[0].assembled.status is IssueStatus.SKIPPED
    assert report.newsletters[0].assembled.reason == "0 of 1 posts: 1 was in an earlier issue"
    assert len(inbox.listing(app)) == 1


def test_a_back_dated_post_is_in_the_next_issue(app: App, clock: FakeClock) -> None:
    write_post(app, "one.md", title="One", date="2025-10-02 10:00:00")
    add_readers(app, "ann")
    publishing.publish(app)
    write_post(app, "late.md", title="Found late", date="2025-10-01 10:00:00")

    clock.now += timedelta(weeks=1)
    report = publishing.publish(app)

    assert [post.title for post in report.newsletters[0].plan.posts] == ["Found late"]


def test_after_three_missed_slots_there_is_one_issue(app: App, clock: FakeClock) -> None:
    write_post(app, "one.md", title="One", date="2025-10-02 10:00:00")
    add_readers(app, "ann")
    publishing.publish(app)
    write_post(app, "two.md", title="Two", date="2026-11-26 10:00:00")

    clock.now = datetime(2026, 12, 11, 0, 0, tzinfo=UTC)  # 08:00 in Shanghai
    publishing.publish(app)
    publishing.publish(app)

    found = [(issue.period, issue.status.value, issue.cause.value) for issue in issues.listing(app)]
    assert found == [
        ("W:2026-W50", "sent", ""),
        ("W:2026-W49", "skipped", "down"),
        ("W:2026-W48", "skipped", "down"),
        ("W:2026-W47", "sent", ""),
    ]
    assert len(inbox.listing(app)) == 2


def test_an_issue_held_while_it_was_written_gives_way_with_its_rows(
    app: App, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audiences, "FAN_OUT", 1)
    write_post(app, "one.md", title="One", date="2025-10-02 10:00:00")
    add_readers(app, "ann", "bob")

    def stopping() -> bool:
        if deliveries.listing(app) and issues.listing(app)[0].status is IssueStatus.PLANNED:
            controls.decide(app, Verb.HOLD, issues.listing(app)[0].id)
        return False

    publishing.publish(app, stopping=stopping)
    clock.now = datetime(2026, 11, 27, 0, 0, tzinfo=UTC)
    report = publishing.publish(app)

    old = issues.listing(app)[1]
    assert (old.status, old.cause) == (IssueStatus.SKIPPED, Cause.SUPERSEDED)
    assert deliveries.counts(app, old.id) == {DeliveryStatus.SKIPPED: 1}
    assert [post.title for post in report.newsletters[0].plan.posts] == ["One"]
    assert len(inbox.listing(app)) == 2


def test_of_an_issue_that_never_had_content_nothing_can_be_shown(app: App) -> None:
    add_readers(app, "ann")
    publishing.publish(app)
    (issue,) = issues.listing(app)
    assert issue.status is IssueStatus.SKIPPED

    with pytest.raises(Conflict, match="it is skipped and has no content"):
        deliveries.rehearse(app, issue.id)
    with pytest.raises(Conflict, match="it is skipped and has no content"):
        deliveries.send_sample(app, issue.id, "me@example.org")
    assert inbox.listing(app) == []


def test_without_a_start_an_imported_archive_is_not_mailed(app: App, clock: FakeClock) -> None:
    app = replace(app, newsletters=(make_newsletter(start=None),))
    write_post(app, "old.md", title="Old", date="2025-10-02 10:00:00")
    add_readers(app, "ann")

    publishing.publish(app)
    clock.now += timedelta(days=1)
    write_post(app, "new.md", title="New", date="2026-11-25 10:00:00")
    clock.now = datetime(2026, 11, 27, 0, 0, tzinfo=UTC)
    report = publishing.publish(app)

    assert [post.title for post in report.newsletters[0].plan.posts] == ["New"]
    assert len(inbox.listing(app)) == 1


def test_who_left_between_planning_and_sending_gets_nothing(app: App) -> None:
    write_post(app, "one.md", title="One", date="2025-10-02 10:00:00")
    add_readers(app, "ann", "bob")
    dead = Relay(host="127.0.0.1", port=9, security=Security.NONE, backoff_seconds=0.01)
    stopped = publishing.publish(replace(app, relays=(dead,)))
    ann = subscribers.listing(app)[0]
    subscribers.unsubscribe(app, subscribers.unsubscribe_url(app, ann.id).rpartition("/")[2])

    report = publishing.publish(app)

    assert stopped.issues[0].counts == {DeliveryStatus.PENDING: 2}
    assert "127.0.0.1:9" in stopped.issues[0].problem
    assert report.issues[0].finished
    assert report.issues[0].counts == {DeliveryStatus.SENT: 1, DeliveryStatus.SKIPPED: 1}
    assert [message.recipient for message in inbox.listing(app)] == ["Bob <bob@example.org>"]
    assert [row.reason for row in deliveries.listing(app)] == ["unsubscribed", ""]


def test_an_issue_keeps_its_bytes_when_the_post_changes_before_it_is_sent(app: App) -> None:
    write_post(app, "one.md", title="First words", date="2025-10-02 10:00:00")
    add_readers(app, "ann")
    dead = Relay(host="127.0.0.1", port=9, security=Security.NONE, backoff_seconds=0.01)
    publishing.publish(replace(app, relays=(dead,)))
    write_post(app, "one.md", title="Second thoughts", date="2025-10-02 10:00:00")

    publishing.publish(app)

    assert "First words" in inbox.listing(app)[0].subject


def test_stopping_leaves_the_rest_for_the_next_run(app: App) -> None:
    write_post(app, "one.md", title="One", date="2025-10-02 10:00:00")
    add_readers(app, *(f"reader{number}" for number in range(40)))
    with FaultRelay(Behaviour(delay_ms=10)) as relay:
        slow = Relay(host="127.0.0.1", port=relay.port, security=Security.NONE, max_connections=1)
        site = replace(app, relays=(slow,))
        stopped = publishing.publish(site, stopping=lambda: bool(relay.accepted))
        report = publishing.publish(site)

    assert not stopped.issues[0].finished
    assert stopped.issues[0].counts[DeliveryStatus.PENDING] > 0
    assert report.issues[0].counts == {DeliveryStatus.SENT: 40}
    assert len(relay.accepted) == 40


def test_a_broken_template_leaves_the_newsletter_waiting_and_the_feeds_standing(
    app: App, tmp_path: object
) -> None:
    from publisher.render.templates import Templates

    write_post(app, "one.md", title="One", date="2025-10-02 10:00:00")
    add_readers(app, "ann")
    own = app.folders.root / "own" / "email" / "digest"
    own.mkdir(parents=True)
    (own / "body.html").write_text("<p>\n{{ nobody.knows }}</p>", encoding="utf-8")

    report = publishing.publish(replace(app, templates=Templates(app.folders.root / "own")))

    assert "body.html:2" in report.newsletters[0].problem
    assert "nobody" in report.newsletters[0].problem
    (waiting,) = issues.listing(app)  # its period is taken, its content is not settled
    assert (waiting.status, waiting.is_frozen) == (IssueStatus.PLANNED, False)
    assert (app.folders.output / "rss.xml").exists()
    assert publishing.publish(app).issues[0].finished


def test_a_public_site_without_a_relay_is_refused_before_anything_is_done(app: App) -> None:
    public = replace(app, site=replace(app.site, base_url="https://letters.example.org"))

    with pytest.raises(ConfigError, match=r"smtp\.host"):
        publishing.publish(public)

    assert not app.folders.output.exists()


def test_an_issue_of_a_newsletter_that_is_no_longer_configured_stops_only_itself(
    app: App,
) -> None:
    write_post(app, "one.md", title="One", date="2025-10-02 10:00:00")
    add_readers(app, "ann")
    dead = Relay(host="127.0.0.1", port=9, security=Security.NONE, backoff_seconds=0.01)
    publishing.publish(replace(app, relays=(dead,)))

    report = publishing.publish(replace(app, newsletters=(make_newsletter(id="daily"),)))

    assert "weekly" in report.issues[0].problem
    assert not report.issues[0].finished


def test_a_full_disk_leaves_the_old_output_in_place(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    from publisher.services import feeds, output

    write_post(app, "one.md", title="One", date="2025-10-02 10:00:00")
    feeds.build(app, now=app.clock())
    before = {path: path.read_bytes() for path in app.folders.output.rglob("*.xml")}
    write_post(app, "two.md", title="Two", date="2025-10-03 10:00:00")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(output.os, "fsync", full)
    with pytest.raises(PublisherError, match="No space left on device"):
        feeds.build(app, now=app.clock())

    assert {path: path.read_bytes() for path in app.folders.output.rglob("*.xml")} == before
    assert not [path for path in app.folders.output.rglob(".*") if path.is_file()]


BROKEN_TEMPLATES = {
    "extends itself": ("body.html", b'{% extends "email/own/body.html" %}'),
    "calls itself": ("body.txt", b"{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}"),
    "in another encoding": ("inline.css", "/* 颜色 */".encode("gbk")),
    "a selector that the inliner dies of": ("inline.css", b'a[href="x,y"] { color: red }'),
    "no document": ("body.html", b"<!--head-css-->"),
    "a slot in the subject": ("subject.txt", b"{{ slots.name }}, {{ first }}"),
}


@pytest.mark.parametrize("name", BROKEN_TEMPLATES)
def test_a_template_broken_in_any_way_stops_its_own_newsletter_only(
    app: App, tmp_path: Path, name: str
) -> None:
    own = tmp_path / "own" / "email" / "own"
    own.mkdir(parents=True)
    for file in ("subject.txt", "body.html", "body.txt"):
        (own / file).write_text(f'{{% include "email/digest/{file}" %}}', encoding="utf-8")
    file, data = BROKEN_TEMPLATES[name]
    (own / file).write_bytes(data)
    newsletters = (make_newsletter(id="other", template="own"), make_newsletter())
    site = replace(app, newsletters=newsletters, templates=Templates(tmp_path / "own"))
    write_post(site, "one.md", title="One", date="2025-10-02 10:00:00")
    add_readers(site, "ann")

    report = publishing.publish(site)

    assert report.newsletters[0].problem.startswith("email/own/")
    assert report.newsletters[1].assembled is not None
    assert len(inbox.listing(site)) == 1


def test_after_days_of_a_broken_template_there_is_one_issue(
    app: App, clock: FakeClock, tmp_path: Path
) -> None:
    broken = tmp_path / "own" / "email" / "digest" / "body.txt"
    broken.parent.mkdir(parents=True)
    broken.write_text("{{ nobody }}", encoding="utf-8")
    daily = Schedule(cadence=Cadence.DAILY, zone=SHANGHAI, at=time(8))
    site = replace(
        app,
        newsletters=(make_newsletter(schedule=daily),),
        templates=Templates(tmp_path / "own"),
    )
    add_readers(site, "ann")
    for day in (25, 26, 27):
        write_post(site, f"{day}.md", title=f"Day {day}", date=f"2026-11-{day} 07:00:00")
        clock.now = datetime(2026, 11, day, 0, 5, tzinfo=UTC)
        publishing.publish(site)
    broken.unlink()
    publishing.publish(site)
    publishing.publish(site)

    last, *others = issues.listing(site)
    assert (last.period, last.status) == ("D:2026-11-27", IssueStatus.SENT)
    assert len(issues.posts_of(site, last.id)) == 3
    assert {(old.status, old.cause) for old in others} == {(IssueStatus.SKIPPED, Cause.SUPERSEDED)}
    assert others[0].reason == (
        "was still to be written when D:2026-11-27 came; its posts are in that one"
    )
    assert len(inbox.listing(site)) == 1

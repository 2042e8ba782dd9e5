from dataclasses import replace
from datetime import timedelta

import pytest

from publisher.domain.controls import Verb
from publisher.domain.issues import Cause, IssueStatus, Verdict
from publisher.domain.newsletters import Period
from publisher.mail.relays import Relay, Security
from publisher.services import controls, inbox, instances, issues, memos, publishing, relays
from publisher.services.app import App, OperatorOptions
from publisher.store import issues as issue_rows
from tests.factories import NOW, make_newsletter
from tests.faults.relay import Behaviour, FaultRelay
from tests.services.conftest import FakeClock, write_post
from tests.services.test_publishing import add_readers

ADDRESS = "operator@example.org"


@pytest.fixture
def told(app: App) -> App:
    """The app of an operator who wants to hear, with a newsletter that asks for approval."""
    return replace(
        app,
        newsletters=(make_newsletter(approval=True),),
        operator=OperatorOptions(address=ADDRESS),
    )


def add_issue(app: App, period: str, status: IssueStatus, cause: Cause, reason: str) -> int:
    verdict = Verdict(
        period=Period(key=period, slot=NOW), status=status, cause=cause, reason=reason
    )
    with app.store.begin() as tx:
        number = issue_rows.add(tx, newsletter="weekly", verdict=verdict, now=app.clock())
    assert number is not None
    return number


def mails(app: App) -> list[tuple[str, str]]:
    """Recipient and subject of everything in the inbox, oldest first."""
    return [(mail.recipient, mail.subject) for mail in reversed(inbox.listing(app))]


def the_mail(app: App) -> tuple[str, str]:
    """Text and HTML of the only mail."""
    (mail,) = inbox.listing(app)
    parts = inbox.parts(inbox.read(app, mail.key))
    return parts.text, parts.html


def test_an_issue_that_waits_for_approval_is_mailed_as_readers_would_get_it(told: App) -> None:
    write_post(told, "one.md", title="One lamp", date="2025-10-02 10:00:00")
    add_readers(told, "ann", "bob")
    publishing.publish(told)
    assert memos.tell(told) == 1
    assert mails(told) == [(ADDRESS, "To approve: Lighthouse Weekly: One lamp")]
    text, html = the_mail(told)
    (issue,) = issues.listing(told)
    for words in (
        f"publisher issues approve {issue.id}",
        f"http://localhost:8080/admin#issue-{issue.id}",
        "2 subscribers",
        "The body of One lamp.",
    ):
        assert words in text
        assert words in html
    assert html.count("<body") == 1
    assert "_unsubscribe" not in html + text  # no slot is left open


def test_each_matter_is_told_once(told: App, clock: FakeClock) -> None:
    write_post(told, "one.md", title="One", date="2025-10-02 10:00:00")
    publishing.publish(told)
    for _ in range(3):
        memos.tell(told)
        clock.now += timedelta(hours=1)
    assert len(mails(told)) == 1
    (issue,) = issues.listing(told)
    controls.decide(told, Verb.APPROVE, issue.id)
    assert memos.tell(told) == 0


def test_skipped_issues_share_one_mail(told: App) -> None:
    for week in (45, 46):
        add_issue(told, f"W:2026-W{week}", IssueStatus.SKIPPED, Cause.DOWN, f"reason {week}")
    assert memos.tell(told) == 1
    text, _ = the_mail(told)
    assert "W:2026-W45: reason 45" in text
    assert "W:2026-W46: reason 46" in text
    assert memos.tell(told) == 0


def test_what_the_operator_did_is_no_news(told: App) -> None:
    issue = add_issue(told, "W:2026-W47", IssueStatus.PLANNED, Cause.NONE, "")
    controls.decide(told, Verb.SKIP, issue)
    assert memos.tell(told) == 0


def test_an_issue_that_stops_again_is_told_again(told: App) -> None:
    issue = add_issue(told, "W:2026-W47", IssueStatus.PAUSED, Cause.NONE, "too many failures")
    assert memos.tell(told) == 1
    controls.decide(told, Verb.RESUME, issue)
    assert memos.tell(told) == 0
    with told.store.begin() as tx:
        issue_rows.move(
            tx, issue, before=[IssueStatus.SENDING], after=IssueStatus.PAUSED, reason="again"
        )
    assert memos.tell(told) == 1


def test_old_issues_are_no_news_when_an_address_is_first_set(told: App, clock: FakeClock) -> None:
    add_issue(told, "W:2026-W47", IssueStatus.SKIPPED, Cause.DOWN, "old")
    silent = replace(told, operator=OperatorOptions())
    assert memos.tell(silent) == 0
    clock.now += timedelta(days=15)
    assert memos.tell(told) == 0


def test_a_fenced_instance_tells_nobody_anything(told: App) -> None:
    add_issue(told, "W:2026-W47", IssueStatus.SKIPPED, Cause.DOWN, "reason")
    instances.fence_restored(told.store, now=NOW)
    assert memos.tell(told) == 0
    instances.resume(told, who="test")
    assert memos.tell(told) == 1


def test_a_relay_that_is_away_is_tried_again_later(told: App, clock: FakeClock) -> None:
    from tests.faults.world import make_relay

    add_issue(told, "W:2026-W47", IssueStatus.SKIPPED, Cause.DOWN, "reason")
    away = replace(told, relays=(make_relay(1),))
    assert memos.tell(away) == 0
    assert memos.tell(told) == 0
    clock.now += timedelta(minutes=15)
    assert memos.tell(told) == 1


def test_a_login_that_is_refused_is_not_tried_again_and_again(told: App, clock: FakeClock) -> None:
    with FaultRelay(Behaviour(login=("ann", "right"))) as server:
        relay = Relay(
            host="127.0.0.1",
            port=server.port,
            security=Security.NONE,
            username="ann",
            password="wrong",
        )
        locked = replace(told, relays=(relay,))
        add_issue(locked, "W:2026-W47", IssueStatus.SKIPPED, Cause.DOWN, "reason")
        for _ in range(5):
            assert memos.tell(locked) == 0
            clock.now += timedelta(minutes=16)
        assert relays.state(locked, relay).is_paused
        assert sum(line.startswith("AUTH") for line in server.commands) == 1


def test_what_has_been_decided_while_the_relay_was_away_is_no_news(
    told: App, clock: FakeClock
) -> None:
    from tests.faults.world import make_relay

    write_post(told, "one.md", title="One", date="2025-10-02 10:00:00")
    publishing.publish(told)
    assert memos.tell(replace(told, relays=(make_relay(1),))) == 0
    (issue,) = issues.listing(told)
    controls.decide(told, Verb.APPROVE, issue.id)
    clock.now += timedelta(hours=1)
    assert memos.tell(told) == 0


def test_the_operator_reads_their_own_language(told: App) -> None:
    chinese = replace(told, operator=OperatorOptions(address=ADDRESS, language="zh-CN"))
    write_post(told, "one.md", title="One", date="2025-10-02 10:00:00")
    publishing.publish(chinese)
    assert memos.tell(chinese) == 1
    assert mails(told)[0][1].startswith("待批准：")

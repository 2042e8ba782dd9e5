import pytest

from publisher.domain.deliveries import DeliveryStatus
from publisher.domain.issues import IssueStatus
from publisher.errors import StoreError
from publisher.store import batches, deliveries, issues, totals
from publisher.store.engine import Store
from tests.factories import NOW
from tests.store.conftest import VARIANT, add_issue, ready_issue


def test_a_period_has_one_issue(store: Store) -> None:
    with store.begin() as tx:
        first = add_issue(tx, posts=("a",))
        assert first is not None
        assert add_issue(tx, posts=("b",)) is None
        assert issues.posts_of(tx, first) == ["a"]
        assert issues.mailed(tx, "weekly") == {"a"}
        assert issues.periods(tx, "weekly") == {"W:2026-W47"}


def test_the_database_itself_refuses_to_mail_a_post_twice(store: Store) -> None:
    with store.begin() as tx:
        add_issue(tx, "W:2026-W47", posts=("a", "b"))

    with pytest.raises(StoreError, match="UNIQUE"), store.begin() as tx:
        add_issue(tx, "W:2026-W48", posts=("b", "c"))

    with store.read() as tx:
        assert issues.mailed(tx, "weekly") == {"a", "b"}
        assert issues.periods(tx, "weekly") == {"W:2026-W47"}


def test_what_was_frozen_comes_back(store: Store) -> None:
    with store.begin() as tx:
        issue = add_issue(tx, posts=("b", "a"))
        assert issue is not None
        assert issues.variant(tx, issue) == VARIANT
        assert issues.posts_of(tx, issue) == ["b", "a"]
        found = issues.get(tx, issue)
        assert found is not None
        assert (found.subject, found.slot, found.status) == ("Hello", NOW, IssueStatus.PLANNED)
        assert issues.get(tx, issue + 1) is None


def test_an_issue_is_sent_only_when_every_delivery_is_settled(store: Store) -> None:
    issue = ready_issue(store, 2)
    with store.begin() as tx:
        assert not issues.finish(tx, issue, now=NOW)
        tx.exec_driver_sql("UPDATE deliveries SET status = 'sent' WHERE id = 1")
        assert not issues.finish(tx, issue, now=NOW)
        assert [i.id for i in issues.unfinished(tx)] == [issue]
        tx.exec_driver_sql("UPDATE deliveries SET status = 'unknown' WHERE id = 2")
        assert not issues.finish(tx, issue, now=NOW)  # its batch is still open
        batches.close_settled(tx, issue)
        assert issues.finish(tx, issue, now=NOW)
        assert issues.unfinished(tx) == []
        found = issues.get(tx, issue)
        assert found is not None
        assert (found.status, found.sent_at) == (IssueStatus.SENT, NOW)
        assert deliveries.counts(tx, issue) == {DeliveryStatus.SENT: 1, DeliveryStatus.UNKNOWN: 1}


def test_an_issue_whose_deliveries_are_not_written_is_not_sent(store: Store) -> None:
    with store.begin() as tx:
        issue = add_issue(tx)
        assert issue is not None
        assert not issues.finish(tx, issue, now=NOW)


@pytest.mark.parametrize(
    ("status", "waits"),
    [
        (IssueStatus.PLANNED, True),
        (IssueStatus.SENDING, True),
        (IssueStatus.PAUSED, True),
        (IssueStatus.HELD, False),
        (IssueStatus.CANCELLED, False),
        (IssueStatus.SKIPPED, False),
    ],
)
def test_only_what_is_to_be_sent_waits(store: Store, status: IssueStatus, waits: bool) -> None:
    issue = ready_issue(store, 1)
    with store.begin() as tx:
        assert issues.move(tx, issue, before=[IssueStatus.SENDING], after=status)
        assert totals.oldest_waiting(tx) == (NOW if waits else None)


@pytest.mark.parametrize("status", [IssueStatus.HELD, IssueStatus.SKIPPED, IssueStatus.CANCELLED])
def test_only_a_planned_issue_is_called_written(store: Store, status: IssueStatus) -> None:
    with store.begin() as tx:
        issue = add_issue(tx)
        assert issue is not None
        assert issues.move(tx, issue, before=[IssueStatus.PLANNED], after=status)
        assert not issues.mark_sending(tx, issue)
        found = issues.get(tx, issue)
        assert found is not None
        assert found.status is status

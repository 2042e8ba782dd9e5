from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.domain.addresses import parse_address
from publisher.domain.deliveries import Delivery, DeliveryStatus, settle
from publisher.domain.issues import IssueStatus
from publisher.domain.replies import (
    Accepted,
    Deferred,
    NotSent,
    Outcome,
    Rejected,
    Reply,
    Stage,
    Unconfirmed,
)
from publisher.domain.subscribers import Evidence, SubscriptionStatus
from publisher.domain.suppressions import SuppressionReason
from publisher.store import (
    batches,
    deliveries,
    issues,
    outcomes,
    subscribers,
    suppressions,
    totals,
)
from publisher.store.engine import Store, Tx
from publisher.store.outcomes import Record, Sent
from tests.factories import NOW
from tests.store.conftest import due, expand, ready_issue, subscribe

MINUTE = timedelta(minutes=1)


def reply(code: int, text: str = "words") -> Reply:
    return Reply(code=code, enhanced="", text=text, stage=Stage.DOT)


def record(tx: Tx, delivery: int, outcome: Outcome, attempt: int = 1, now: datetime = NOW) -> None:
    settlement = settle(outcome, delivery=delivery, deferrals=0, first_at=NOW, now=now)
    found = Record(
        delivery=delivery, attempt=attempt, intended=True, relay="main", settlement=settlement
    )
    if isinstance(outcome, Accepted):
        outcomes.record_sent(tx, [Sent(delivery, attempt, "main", outcome.reply)], now=now)
    elif isinstance(outcome, NotSent):
        outcomes.put_back(tx, found, now=now)
    else:
        outcomes.record(tx, found, now=now)


def row(tx: Tx, delivery: int) -> Delivery:
    return deliveries.named(tx, [delivery])[0]


def intend(tx: Tx, delivery: int) -> bool:
    return deliveries.intend(tx, [delivery], now=NOW) == {delivery}


def test_eight_threads_claim_each_row_once(store: Store) -> None:
    issue = ready_issue(store, 2000)

    def claim(_thread: int) -> list[int]:
        claimed: list[int] = []
        while True:
            with store.begin() as tx:
                until = NOW + 5 * MINUTE
                lease = batches.lease(tx, [issue], owner="test", now=NOW, until=until)
                if lease is None:
                    return claimed
                found = [each.id for each in deliveries.claim(tx, lease.batch, now=NOW)]
            with store.begin() as tx:
                assert batches.held(tx, {lease.batch: lease.epoch}, now=NOW) == {lease.batch}
                claimed += deliveries.intend(tx, found, now=NOW)

    with ThreadPoolExecutor(8) as pool:
        counts = Counter(number for ids in pool.map(claim, range(8)) for number in ids)

    assert len(counts) == 2000
    assert set(counts.values()) == {1}


def test_writing_the_rows_twice_adds_only_what_is_missing(store: Store) -> None:
    issue = ready_issue(store, 3)
    with store.begin() as tx:
        subscribe(tx, "late@example.org")
        subscribe(tx, "elsewhere@example.org", newsletter="monthly")
        assert expand(tx, issue) == 1
        assert expand(tx, issue) == 0


def test_a_lease_that_ran_out_is_taken_over_and_fences_off_its_first_holder(store: Store) -> None:
    issue = ready_issue(store, 2)
    later = NOW + 6 * MINUTE
    with store.begin() as tx:
        first = batches.lease(tx, [issue], owner="one", now=NOW, until=NOW + 5 * MINUTE)
        assert first is not None
        assert batches.lease(tx, [issue], owner="two", now=NOW, until=later) is None
        assert intend(tx, 1)
    with store.begin() as tx:
        second = batches.lease(tx, [issue], owner="two", now=later, until=later + MINUTE)
        assert second is not None
        assert second.epoch == first.epoch + 1
        assert outcomes.recover(tx, resend=[], batch=second.batch, now=later) == [1]
        assert batches.held(tx, {first.batch: first.epoch}, now=later) == set()
        assert batches.held(tx, {second.batch: second.epoch}, now=later) == {second.batch}
        batches.extend(tx, [first], until=later + 9 * MINUTE)
        batches.release(tx, first, now=later)  # comes back too late: changes nothing
        assert batches.held(tx, {second.batch: second.epoch}, now=later) == {second.batch}
        assert batches.held(tx, {second.batch: second.epoch}, now=later + 2 * MINUTE) == set()


def test_a_late_outcome_settles_a_doubt_and_nothing_else(store: Store) -> None:
    ready_issue(store, 2)
    with store.begin() as tx:
        assert deliveries.intend(tx, [1, 2], now=NOW) == {1, 2}
        assert outcomes.recover(tx, resend=[], now=NOW) == [1, 2]
        record(tx, 1, Accepted(reply(250)))
        assert row(tx, 1).status is DeliveryStatus.SENT
        outcomes.resend_unknown(tx, [2], now=NOW)
        record(tx, 2, Accepted(reply(250)))
        assert row(tx, 2).status is DeliveryStatus.PENDING


def test_a_doubt_is_sent_again_once_where_that_is_wanted(store: Store) -> None:
    issue = ready_issue(store, 1)
    with store.begin() as tx:
        assert intend(tx, 1)
        outcomes.recover(tx, resend=[issue], now=NOW)
        assert row(tx, 1).status is DeliveryStatus.PENDING
        assert intend(tx, 1)
        outcomes.recover(tx, resend=[issue], now=NOW)
        assert row(tx, 1).status is DeliveryStatus.UNKNOWN


def test_a_paused_issue_holds_no_lease(store: Store) -> None:
    issue = ready_issue(store, 1)
    with store.begin() as tx:
        lease = batches.lease(tx, [issue], owner="one", now=NOW, until=NOW + MINUTE)
        assert lease is not None
        assert issues.move(tx, issue, before=[IssueStatus.SENDING], after=IssueStatus.PAUSED)
        assert batches.held(tx, {lease.batch: lease.epoch}, now=NOW) == set()
        batches.release(tx, lease, now=NOW)
        assert batches.lease(tx, [issue], owner="one", now=NOW, until=NOW + MINUTE) is None
        assert issues.move(tx, issue, before=[IssueStatus.PAUSED], after=IssueStatus.SENDING)
        assert batches.lease(tx, [issue], owner="one", now=NOW, until=NOW + MINUTE) is not None


@pytest.mark.parametrize("status", [DeliveryStatus.FAILED, DeliveryStatus.UNKNOWN])
def test_a_retry_opens_them_alone(store: Store, status: DeliveryStatus) -> None:
    issue = ready_issue(store, 3)
    with store.begin() as tx:
        lease = batches.lease(tx, [issue], owner="one", now=NOW, until=NOW + MINUTE)
        assert lease is not None
        tx.exec_driver_sql("UPDATE deliveries SET status = 'sent', attempts = 1")
        tx.exec_driver_sql(f"UPDATE deliveries SET status = '{status}' WHERE id = 2")
        batches.release(tx, lease, now=NOW)
        assert issues.finish(tx, issue, now=NOW)
        assert deliveries.retry(tx, issue, status, now=NOW) == 1
        assert issues.move(tx, issue, before=[IssueStatus.SENT], after=IssueStatus.SENDING)
        assert due(tx, issue) == [2]
        assert not issues.finish(tx, issue, now=NOW)


@pytest.mark.parametrize("status", [SubscriptionStatus.PENDING, SubscriptionStatus.UNSUBSCRIBED])
def test_only_confirmed_subscriptions_get_a_row(store: Store, status: SubscriptionStatus) -> None:
    issue = ready_issue(store, 0)
    with store.begin() as tx:
        subscribe(tx, "ann@example.org")
        subscribers.change(tx, 1, status, evidence=Evidence(source="test"), now=NOW)
        assert expand(tx, issue) == 0


def test_who_leaves_between_planning_and_sending_is_not_mailed(store: Store) -> None:
    issue = ready_issue(store, 2)
    with store.begin() as tx:
        left = row(tx, 1)
        gone = SubscriptionStatus.UNSUBSCRIBED
        assert subscribers.change(
            tx, left.subscription, gone, evidence=Evidence(source="test"), now=NOW
        )
        assert not subscribers.change(
            tx, left.subscription, gone, evidence=Evidence(source="test"), now=NOW
        )
        assert row(tx, left.id).status is DeliveryStatus.SKIPPED
        assert row(tx, left.id).reason == "unsubscribed"
        assert not intend(tx, left.id)
        assert due(tx, issue) == [left.id + 1]


def move(tx: Tx, subscriber: int, address: str) -> None:
    assert subscribers.move(tx, subscriber, parse_address(address))


def claimed_addresses(tx: Tx, issue: int) -> list[str]:
    return [row(tx, number).address for number in due(tx, issue)]


def test_what_waits_goes_to_the_address_that_a_reader_moved_to(store: Store) -> None:
    issue = ready_issue(store, 2)
    with store.begin() as tx:
        (first, second) = due(tx, issue)
        move(tx, row(tx, first).subscriber, "new@example.org")
        assert deliveries.intend(tx, [first, second], now=NOW) == {second}  # composed before
        assert claimed_addresses(tx, issue) == ["new@example.org"]
        assert intend(tx, first)


def test_who_moved_after_a_failure_is_tried_again_at_the_new_address(store: Store) -> None:
    issue = ready_issue(store, 1)
    with store.begin() as tx:
        assert intend(tx, 1)
        record(tx, 1, Rejected(reply(550)))
        move(tx, row(tx, 1).subscriber, "new@example.org")
        assert row(tx, 1).address == "reader00000@example.org"  # where it was tried
        assert deliveries.retry(tx, issue, DeliveryStatus.FAILED, now=NOW) == 1
        assert claimed_addresses(tx, issue) == ["new@example.org"]


def test_a_suppressed_address_is_not_mailed_even_at_the_last_moment(store: Store) -> None:
    issue = ready_issue(store, 1)
    with store.begin() as tx:
        (number,) = due(tx, issue)
        waiting = row(tx, number)
        address = parse_address(waiting.address)
        assert suppressions.add(tx, address, SuppressionReason.COMPLAINT, now=NOW)
        assert not suppressions.add(tx, address, SuppressionReason.OPERATOR, now=NOW)
        assert not intend(tx, waiting.id)
        assert due(tx, issue) == []
        assert row(tx, waiting.id).reason == "suppressed"
        assert subscribe(tx, waiting.address).value == "refused"


def test_a_removed_subscriber_s_delivery_is_skipped_and_its_number_never_given_again(
    store: Store,
) -> None:
    issue = ready_issue(store, 1)
    with store.begin() as tx:
        before = row(tx, 1)
        assert subscribers.remove(tx, parse_address(before.address), now=NOW)
        assert not subscribers.remove(tx, parse_address(before.address), now=NOW)
        assert row(tx, before.id).status is DeliveryStatus.SKIPPED
        subscribe(tx, before.address)
        expand(tx, issue)
        after = row(tx, 2)
        assert (after.subscriber, after.subscription) == (2, 2)


@pytest.mark.parametrize("status", ["skipped", "sent", "failed", "unknown"])
def test_a_settled_row_is_never_settled_again(store: Store, status: str) -> None:
    ready_issue(store, 1)
    with store.begin() as tx:
        tx.exec_driver_sql(f"UPDATE deliveries SET status = '{status}'")
        record(tx, 1, NotSent("line lost"))
        record(tx, 1, Deferred(reply(451)))
        assert row(tx, 1).status == status


def test_a_row_that_was_put_off_waits_for_its_time(store: Store) -> None:
    issue = ready_issue(store, 1)
    with store.begin() as tx:
        assert intend(tx, 1)
        record(tx, 1, Deferred(reply(451, "later please")))
        waiting = row(tx, 1)
        assert (waiting.attempts, waiting.deferrals) == (1, 1)
        assert waiting.reply == "451 later please"
        assert due(tx, issue) == []
        assert due(tx, issue, NOW + timedelta(hours=1)) == [1]
        assert outcomes.first_deferral(tx, 1, 1) == NOW


def test_what_was_put_off_by_a_clock_that_was_ahead_is_due(store: Store) -> None:
    issue = ready_issue(store, 2)
    ahead = NOW + timedelta(hours=30)
    with store.begin() as tx:
        assert intend(tx, 1)
        lease = batches.lease(tx, [issue], owner="one", now=ahead, until=ahead + MINUTE)
        assert lease is not None
        record(tx, 1, Deferred(reply(451)), now=ahead)
        tx.exec_driver_sql("UPDATE deliveries SET status = 'sent' WHERE id = 2")
        batches.release(tx, lease, now=ahead)
        assert batches.lease(tx, [issue], owner="one", now=ahead, until=ahead) is None
        assert due(tx, issue, ahead) == []
        assert batches.lease(tx, [issue], owner="one", now=NOW, until=NOW + MINUTE) is not None
        assert due(tx, issue, NOW) == [1]


def test_what_was_interrupted_is_named_unknown_once(store: Store) -> None:
    ready_issue(store, 2)
    with store.begin() as tx:
        assert intend(tx, 2)
    with store.begin() as tx:
        assert outcomes.recover(tx, resend=[], now=NOW) == [2]
        assert row(tx, 2).status is DeliveryStatus.UNKNOWN
        assert "interrupted" in row(tx, 2).reason
        assert outcomes.recover(tx, resend=[], now=NOW) == []
        assert not intend(tx, 2)


OUTCOMES = st.sampled_from(
    [
        Accepted(reply(250)),
        Deferred(reply(451)),
        Rejected(reply(550)),
        Unconfirmed("line lost"),
        NotSent("line lost"),
        None,  # killed between intent and outcome
    ]
)


@settings(max_examples=25)
@given(story=st.lists(st.tuples(st.integers(1, 4), OUTCOMES), max_size=25))
def test_whatever_happens_the_books_agree_with_the_relay(
    tmp_path_factory: pytest.TempPathFactory, story: list[tuple[int, Outcome | None]]
) -> None:
    from publisher.store.engine import open_store

    store = open_store(tmp_path_factory.mktemp("books") / "publisher.db")
    issue = ready_issue(store, 4)
    taken: Counter[int] = Counter()
    now = NOW
    for delivery, outcome in story:
        now += timedelta(hours=5)
        with store.begin() as tx:
            until = now + MINUTE
            lease = batches.lease(tx, [issue], owner="test", now=now, until=until)
            is_due = lease and delivery in {
                d.id for d in deliveries.claim(tx, lease.batch, now=now)
            }
            intended = is_due and deliveries.intend(tx, [delivery], now=now)
            attempt = row(tx, delivery).attempts
        with store.begin() as tx:
            if intended and outcome is None:
                outcomes.recover(tx, resend=[], now=now)
            elif intended:
                taken[delivery] += isinstance(outcome, Accepted)
                record(tx, delivery, outcome, attempt, now=now)
            if lease:
                batches.release(tx, lease, now=now)

    with store.begin() as tx:
        for each in deliveries.listing(tx):
            assert taken[each.id] == (each.status is DeliveryStatus.SENT)
        pending = deliveries.counts(tx, issue).get(DeliveryStatus.PENDING, 0)
        assert issues.finish(tx, issue, now=now) == (pending == 0)
    store.close()


def test_what_was_sent_is_counted_by_the_minute(store: Store) -> None:
    issue = ready_issue(store, 3)
    with store.begin() as tx:
        moments = (NOW, NOW + timedelta(seconds=59), NOW + timedelta(days=1))
        for delivery, at in zip(due(tx, issue), moments, strict=True):
            intend(tx, delivery)
            record(tx, delivery, Accepted(reply(250)), now=at)
        minute = NOW.replace(second=0, microsecond=0)
        assert totals.sent_by_minute(tx, issue, 9) == [(minute, 2), (minute + timedelta(days=1), 1)]
        assert totals.sent_by_minute(tx, issue, 1) == [(minute, 2)]

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.domain.addresses import parse_address
from publisher.domain.deliveries import (
    Accepted,
    Deferred,
    Delivery,
    DeliveryStatus,
    NotSent,
    Outcome,
    Rejected,
    Reply,
    Stage,
    Unconfirmed,
    settle,
)
from publisher.domain.subscribers import Evidence, SubscriptionStatus
from publisher.domain.suppressions import SuppressionReason
from publisher.store import deliveries, issues, subscribers, suppressions
from publisher.store.engine import Store, Tx
from tests.factories import NOW
from tests.store.conftest import ready_issue, subscribe


def reply(code: int, text: str = "words") -> Reply:
    return Reply(code=code, enhanced="", text=text, stage=Stage.DOT)


def record(tx: Tx, delivery: int, outcome: Outcome) -> None:
    settlement = settle(outcome, delivery=delivery, deferrals=0, first_at=NOW, now=NOW)
    deliveries.settle(tx, delivery, settlement, now=NOW)


def row(tx: Tx, delivery: int) -> Delivery:
    return next(each for each in deliveries.listing(tx) if each.id == delivery)


def test_eight_threads_claim_each_row_once(store: Store) -> None:
    issue = ready_issue(store, 2000)

    def claim(_thread: int) -> list[int]:
        claimed = []
        while True:
            with store.begin() as tx:
                found = deliveries.due(tx, issue, now=NOW, limit=50)
                claimed += [d.id for d in found if deliveries.intend(tx, d.id, now=NOW)]
            if not found:
                return claimed

    with ThreadPoolExecutor(8) as pool:
        counts = Counter(number for ids in pool.map(claim, range(8)) for number in ids)

    assert len(counts) == 2000
    assert set(counts.values()) == {1}


def test_writing_the_rows_twice_adds_only_what_is_missing(store: Store) -> None:
    issue = ready_issue(store, 3)
    with store.begin() as tx:
        subscribe(tx, "late@example.org")
        subscribe(tx, "elsewhere@example.org", newsletter="monthly")
        assert deliveries.expand(tx, issue, "weekly", now=NOW) == 1
        assert deliveries.expand(tx, issue, "weekly", now=NOW) == 0


@pytest.mark.parametrize("status", [SubscriptionStatus.PENDING, SubscriptionStatus.UNSUBSCRIBED])
def test_only_confirmed_subscriptions_get_a_row(store: Store, status: SubscriptionStatus) -> None:
    issue = ready_issue(store, 0)
    with store.begin() as tx:
        subscribe(tx, "ann@example.org")
        subscribers.change(tx, 1, status, evidence=Evidence(source="test"), now=NOW)
        assert deliveries.expand(tx, issue, "weekly", now=NOW) == 0


def test_who_leaves_between_planning_and_sending_is_not_mailed(store: Store) -> None:
    issue = ready_issue(store, 2)
    with store.begin() as tx:
        left = deliveries.listing(tx)[0]
        gone = SubscriptionStatus.UNSUBSCRIBED
        assert subscribers.change(
            tx, left.subscription, gone, evidence=Evidence(source="test"), now=NOW
        )
        assert not subscribers.change(
            tx, left.subscription, gone, evidence=Evidence(source="test"), now=NOW
        )
        assert row(tx, left.id).status is DeliveryStatus.SKIPPED
        assert row(tx, left.id).reason == "unsubscribed"
        assert not deliveries.intend(tx, left.id, now=NOW)
        assert [d.id for d in deliveries.due(tx, issue, now=NOW, limit=9)] == [left.id + 1]


def test_a_suppressed_address_is_not_mailed_even_at_the_last_moment(store: Store) -> None:
    issue = ready_issue(store, 1)
    with store.begin() as tx:
        (waiting,) = deliveries.due(tx, issue, now=NOW, limit=9)
        address = parse_address(waiting.address)
        assert suppressions.add(tx, address, SuppressionReason.COMPLAINT, now=NOW)
        assert not suppressions.add(tx, address, SuppressionReason.OPERATOR, now=NOW)
        assert not deliveries.intend(tx, waiting.id, now=NOW)
        assert deliveries.due(tx, issue, now=NOW, limit=9) == []
        assert deliveries.drop_without_consent(tx, issue, now=NOW) == 1
        assert row(tx, waiting.id).reason == "suppressed"
        assert subscribe(tx, waiting.address).value == "refused"


def test_a_removed_subscriber_s_delivery_is_skipped_and_its_number_never_given_again(
    store: Store,
) -> None:
    issue = ready_issue(store, 1)
    with store.begin() as tx:
        before = deliveries.listing(tx)[0]
        assert subscribers.remove(tx, parse_address(before.address), now=NOW)
        assert not subscribers.remove(tx, parse_address(before.address), now=NOW)
        assert row(tx, before.id).status is DeliveryStatus.SKIPPED
        subscribe(tx, before.address)
        deliveries.expand(tx, issue, "weekly", now=NOW)
        after = deliveries.listing(tx)[-1]
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
        assert deliveries.intend(tx, 1, now=NOW)
        record(tx, 1, Deferred(reply(451, "later\r\nplease")))
        waiting = row(tx, 1)
        assert (waiting.attempts, waiting.deferrals) == (1, 1)
        assert waiting.reply == "451 later\\r\\nplease"
        assert deliveries.due(tx, issue, now=NOW, limit=9) == []
        assert deliveries.next_attempt(tx, issue) == waiting.next_attempt_at
        assert len(deliveries.due(tx, issue, now=NOW + timedelta(hours=1), limit=9)) == 1


def test_what_was_interrupted_is_named_unknown_once(store: Store) -> None:
    ready_issue(store, 2)
    with store.begin() as tx:
        assert deliveries.intend(tx, 2, now=NOW)
    with store.begin() as tx:
        assert [d.id for d in deliveries.recover(tx, now=NOW)] == [2]
        assert row(tx, 2).status is DeliveryStatus.UNKNOWN
        assert "interrupted" in row(tx, 2).reason
        assert deliveries.recover(tx, now=NOW) == []
        assert not deliveries.intend(tx, 2, now=NOW)


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
            is_due = delivery in {d.id for d in deliveries.due(tx, issue, now=now, limit=9)}
            intended = is_due and deliveries.intend(tx, delivery, now=now)
        if not intended:
            continue
        with store.begin() as tx:
            if outcome is None:
                deliveries.recover(tx, now=now)
            else:
                taken[delivery] += isinstance(outcome, Accepted)
                settled = settle(outcome, delivery=delivery, deferrals=0, first_at=NOW, now=now)
                deliveries.settle(tx, delivery, settled, now=now)

    with store.begin() as tx:
        for each in deliveries.listing(tx):
            assert taken[each.id] == (each.status is DeliveryStatus.SENT)
        pending = deliveries.counts(tx, issue).get(DeliveryStatus.PENDING, 0)
        assert issues.finish(tx, issue, now=now) == (pending == 0)
    store.close()

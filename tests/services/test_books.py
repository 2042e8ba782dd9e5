"""The books, entry by entry, on a real database."""

import asyncio
import errno
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from publisher.domain.controls import Verb
from publisher.domain.deliveries import DeliveryStatus, OnUnknown
from publisher.domain.replies import (
    After,
    Deferred,
    NotSent,
    Reply,
    Scope,
    Stage,
    Unconfirmed,
    Verdict,
)
from publisher.errors import StoreError
from publisher.mail.jobs import Job
from publisher.mail.relays import Relay
from publisher.services import audiences, controls, deliveries
from publisher.services import books as books_module
from publisher.services.app import App
from publisher.services.book_entries import Claimed, Fate
from publisher.services.books import Books
from publisher.services.ledger import Ledger
from publisher.services.sent_log import SentLog
from publisher.store import batches, engine, issues
from publisher.store import deliveries as rows
from publisher.store.engine import Store
from tests.factories import NOW
from tests.faults.relay import Behaviour, FaultRelay
from tests.faults.world import found, make_relay, open_world

LINE_LOST = Verdict(outcome=NotSent("the line broke"), scope=Scope.CONNECTION, after=After.CLOSE)
SECONDS = 30.0
RELAY = make_relay(1)
PUT_OFF = Verdict(
    outcome=Deferred(Reply(code=451, enhanced="", text="later", stage=Stage.DOT)),
    scope=Scope.MESSAGE,
    after=After.KEEP,
)
LOST_AFTER_DOT = Verdict(
    outcome=Unconfirmed("the line broke"), scope=Scope.CONNECTION, after=After.CLOSE
)


class Ear:
    """What the outbox would hear."""

    def __init__(self) -> None:
        self.fates: list[Fate] = []

    def finished(self, job: Job, claimed: Claimed, fate: Fate) -> None:
        self.fates.append(fate)

    def lost(self, batches: Iterable[int]) -> None: ...

    def exhausted(self, relay: Relay, until: object) -> None: ...


@dataclass
class Desk:
    """One delivery, leased, and what is needed to write of it."""

    app: App
    log: SentLog
    job: Job
    mine: Claimed
    ear: Ear

    def open_books(self) -> Books:
        """On the running loop."""
        ledger = Ledger()
        ledger.claimed[self.job] = self.mine
        books = Books(
            self.app.store,
            self.app.clock,
            ledger,
            call=asyncio.get_running_loop().call_soon_threadsafe,
            sent_log=self.log,
            on_failure=lambda: None,
            on_unlogged=lambda: None,
        )
        books.start(self.ear)
        return books

    def counts(self) -> dict[DeliveryStatus, int]:
        with self.app.store.read() as tx:
            return rows.counts(tx, self.mine.lease.issue)


@contextmanager
def one_delivery(folder: Path) -> Iterator[Desk]:
    found(folder, ["ann@example.org"])
    with (
        open_world(folder, [RELAY], clock=lambda: NOW) as app,
        closing(SentLog(folder / "sent.log", str)) as log,
    ):
        with app.store.read() as tx:
            (issue,) = issues.unfinished(tx)
        assert audiences.write_rows(app, issue, stopping=lambda: False)
        mine = claim_one(app.store, owner="slow")
        job = Job(delivery=mine.claim.id, issue=mine.lease.issue, sender="", recipient="", wire=b"")
        yield Desk(app, log, job, mine, Ear())


def claim_one(store: Store, *, owner: str, late: timedelta = timedelta()) -> Claimed:
    """The only delivery, leased for five minutes."""
    now = NOW + late
    with store.begin() as tx:
        (issue,) = issues.unfinished(tx)
        lease = batches.lease(
            tx, [issue.id], owner=owner, now=now, until=now + timedelta(minutes=5)
        )
        assert lease
        (claim,) = rows.claim(tx, lease.batch, now=now)
    return Claimed(
        claim=claim, lease=lease, relay="main", newsletter="weekly", period="p",
        sender_domain="example.org", on_unknown=OnUnknown.HOLD, attempt=0,
    )  # fmt: skip


def test_the_line_of_a_withdrawn_message_may_break_before_it_is_told(tmp_path: Path) -> None:
    with one_delivery(tmp_path) as desk:
        theirs = claim_one(desk.app.store, owner="quick", late=timedelta(hours=1))

        async def withdrawn_then_broken() -> None:
            books, told = desk.open_books(), asyncio.get_running_loop().create_future()
            books.intend(desk.job, RELAY, lambda _job, granted: told.set_result(granted))
            assert not await asyncio.wait_for(told, SECONDS)
            books.settle(desk.job, RELAY, LINE_LOST)
            books.close()

        asyncio.run(withdrawn_then_broken())
        assert desk.ear.fates == [Fate.WITHDRAWN]
        assert desk.counts() == {DeliveryStatus.PENDING: 1}
        with desk.app.store.read() as tx:
            assert batches.held(tx, {theirs.lease.batch: theirs.lease.epoch}, now=NOW)


def test_a_locked_database_is_tried_again_while_no_dot_goes_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pragmas = [each for each in engine._PRAGMAS if not each.startswith("busy_timeout")]
    monkeypatch.setattr(engine, "_PRAGMAS", (*pragmas, "busy_timeout=20"))
    monkeypatch.setattr(books_module, "AGAIN_SECONDS", 0.01)
    with one_delivery(tmp_path) as desk:

        async def granted_in_the_end() -> None:
            books, told = desk.open_books(), asyncio.get_running_loop().create_future()
            with closing(sqlite3.connect(tmp_path / "publisher.db")) as other:
                other.execute("BEGIN IMMEDIATE")
                books.intend(desk.job, RELAY, lambda _job, granted: told.set_result(granted))
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(told), 0.2)
                other.rollback()
            assert await asyncio.wait_for(told, SECONDS)
            books.close()

        asyncio.run(granted_in_the_end())
        assert desk.counts() == {DeliveryStatus.SENDING: 1}


def test_what_is_not_written_when_the_loop_has_ended_is_certainly_unsent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(books_module, "COMPANY_SECONDS", SECONDS)
    with one_delivery(tmp_path) as desk:
        granted: list[bool] = []

        async def cut_short() -> Books:
            books = desk.open_books()
            books.taken(Job(delivery=0, issue=0, sender="", recipient="", wire=b""))  # may come yet
            books.intend(desk.job, RELAY, lambda _job, may_go: granted.append(may_go))
            return books

        asyncio.run(cut_short()).close()
        assert granted == []
        assert desk.counts() == {DeliveryStatus.PENDING: 1}


@pytest.mark.parametrize("verdict", [PUT_OFF, LINE_LOST, LOST_AFTER_DOT])
def test_what_was_at_its_final_dot_when_the_issue_was_cancelled_is_not_left_waiting(
    tmp_path: Path, verdict: Verdict
) -> None:
    with one_delivery(tmp_path) as desk:
        desk.mine.on_unknown = OnUnknown.RESEND

        async def cancelled_meanwhile() -> None:
            books, told = desk.open_books(), asyncio.get_running_loop().create_future()
            books.intend(desk.job, RELAY, lambda _job, granted: told.set_result(granted))
            assert await asyncio.wait_for(told, SECONDS)
            controls.decide(desk.app, Verb.CANCEL, desk.mine.lease.issue)
            books.settle(desk.job, RELAY, verdict)
            books.close()

        asyncio.run(cancelled_meanwhile())
        assert desk.counts() == {DeliveryStatus.SKIPPED: 1}
        assert [row.reason for row in deliveries.listing(desk.app)] == ["cancelled"]


@pytest.mark.parametrize("groups", [0, 3])
def test_where_the_log_cannot_grow_the_run_ends_and_every_answer_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, groups: int
) -> None:
    found(tmp_path, [f"reader{number}@d.test" for number in range(200)])
    really, calls = SentLog.append, [0]

    def full_after(log: SentLog, going: Iterable[Claimed], *, at: datetime) -> None:
        calls[0] += 1
        if calls[0] > groups:
            raise OSError(errno.ENOSPC, "No space left on device")
        really(log, going, at=at)

    monkeypatch.setattr(SentLog, "append", full_after)
    with (
        FaultRelay(Behaviour(delay_ms=20)) as relay,
        open_world(tmp_path, [make_relay(relay.port)]) as app,
    ):
        with pytest.raises(StoreError, match=r"sent\.log .*No space left"):
            deliveries.deliver(app)
        assert 0 < len(relay.accepted) < 200
        monkeypatch.undo()
        assert deliveries.recover(app) == []
        assert deliveries.counts(app, 1)[DeliveryStatus.SENT] == len(relay.accepted)
        assert deliveries.deliver(app)[0].finished
        assert len({each["rcpt"] for each in relay.accepted}) == len(relay.accepted) == 200


def test_what_stops_the_run_dead_leaves_no_line_open_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(tmp_path, [f"reader{number}@d.test" for number in range(200)])
    really, calls = SentLog.append, [0]

    def broken_after_three(log: SentLog, going: Iterable[Claimed], *, at: datetime) -> None:
        calls[0] += 1
        if calls[0] > 3:
            raise RuntimeError("nobody has thought of this")
        really(log, going, at=at)

    monkeypatch.setattr(SentLog, "append", broken_after_three)
    with (
        FaultRelay(Behaviour(delay_ms=20)) as relay,
        open_world(tmp_path, [make_relay(relay.port)]) as app,
    ):
        with pytest.raises(RuntimeError, match="nobody has thought of this"):
            deliveries.deliver(app)
        monkeypatch.undo()
        doubtful = len(deliveries.recover(app))
        assert doubtful > 0
        assert deliveries.deliver(app)[0].finished
        counts = deliveries.counts(app, 1)
        assert counts[DeliveryStatus.SENT] + counts[DeliveryStatus.UNKNOWN] == 200
        assert len({each["rcpt"] for each in relay.accepted}) == len(relay.accepted)

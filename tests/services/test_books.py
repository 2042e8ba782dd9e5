"""The writer, entry by entry, on a real database."""

import asyncio
from collections.abc import Iterable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from publisher.domain.deliveries import DeliveryStatus, OnUnknown
from publisher.domain.replies import After, NotSent, Scope, Verdict
from publisher.mail.jobs import Job
from publisher.mail.relays import Relay
from publisher.services import audiences
from publisher.services.book_entries import Claimed, Fate
from publisher.services.books import Books
from publisher.services.sent_log import SentLog
from publisher.store import batches, issues
from publisher.store import deliveries as rows
from publisher.store.engine import Store
from tests.factories import NOW
from tests.faults.world import found, make_relay, open_world

LINE_LOST = Verdict(outcome=NotSent("the line broke"), scope=Scope.CONNECTION, after=After.CLOSE)


class Ear:
    """What the outbox would hear."""

    def __init__(self) -> None:
        self.fates: list[Fate] = []

    def finished(self, job: Job, claimed: Claimed, fate: Fate) -> None:
        self.fates.append(fate)

    def lost(self, batches: Iterable[int]) -> None: ...

    def exhausted(self, relay: Relay, until: object) -> None: ...


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
    found(tmp_path, ["ann@example.org"])
    relay, ear = make_relay(1), Ear()
    with (
        open_world(tmp_path, [relay], clock=lambda: NOW) as app,
        closing(SentLog(tmp_path / "sent.log", str)) as log,
    ):
        with app.store.read() as tx:
            (issue,) = issues.unfinished(tx)
        assert audiences.write_rows(app, issue, stopping=lambda: False)
        mine = claim_one(app.store, owner="slow")
        theirs = claim_one(app.store, owner="quick", late=timedelta(hours=1))
        job = Job(delivery=mine.claim.id, issue=mine.lease.issue, sender="", recipient="", wire=b"")

        async def withdrawn_then_broken() -> None:
            told = asyncio.Event()
            books = Books(
                app.store, app.clock, call=asyncio.get_running_loop().call_soon_threadsafe,
                sent_log=log, on_failure=told.set,
            )  # fmt: skip
            books.claimed(job, mine)
            books.start(ear)
            books.intend(job, relay, lambda _job, granted: told.set() if not granted else None)
            await asyncio.wait_for(told.wait(), 30)
            books.settle(job, relay, LINE_LOST)
            books.close()

        asyncio.run(withdrawn_then_broken())
        assert ear.fates == [Fate.WITHDRAWN]
        with app.store.read() as tx:
            assert batches.held(tx, {theirs.lease.batch: theirs.lease.epoch}, now=NOW)
            assert rows.counts(tx, mine.lease.issue) == {DeliveryStatus.PENDING: 1}

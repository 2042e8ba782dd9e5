"""How far a relay is used, by two newsletters of different senders."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from publisher.domain.deliveries import DeliveryStatus
from publisher.domain.sites import Person
from publisher.services import deliveries
from publisher.services.app import App
from publisher.services.deliveries import IssueReport
from publisher.services.quotas import Quotas, warm_up_of
from publisher.store import relays as relay_rows
from publisher.store.engine import open_store
from publisher.store.tables import issues, relay_usage, subscriptions
from tests.factories import NOW, make_newsletter
from tests.faults.relay import FaultRelay
from tests.faults.world import found, make_relay, open_world, plan
from tests.services.conftest import FakeClock

OLD, NEW = "example.org", "new.example"
SENT = DeliveryStatus.SENT


@dataclass
class World:
    app: App
    relay: FaultRelay
    clock: FakeClock

    def deliver(self) -> dict[str, IssueReport]:
        return {report.issue.newsletter: report for report in deliveries.deliver(self.app)}

    def used(self, domain: str, messages: int, *, ago: timedelta) -> None:
        hour = (self.clock.now - ago).replace(minute=0, second=0, microsecond=0)
        with self.app.store.begin() as tx:
            values = {"relay": "main", "sender_domain": domain, "refused": 0}
            tx.execute(insert(relay_usage).values(hour=hour, messages=messages, **values))


@contextmanager
def two_senders(folder: Path, *, old: int, new: int, **limits: object) -> Iterator[World]:
    """A warm newsletter and one that has just begun, with so many readers each."""
    found(folder, [f"reader{number}@d.test" for number in range(old)])
    clock = FakeClock(NOW)
    with FaultRelay() as relay, open_world(folder, [make_relay(relay.port, **limits)]) as app:
        sender = Person(name="New", email=f"news@{NEW}")
        both = (*app.newsletters, make_newsletter(id="new", sender=sender))
        world = World(replace(app, newsletters=both, clock=clock), relay, clock)
        for days in range(2, 11):
            world.used(OLD, 1_000, ago=timedelta(days=days))
        number = plan(app.store, key="W:2026-W47b")
        with app.store.begin() as tx:
            tx.execute(update(issues).where(issues.c.id == number).values(newsletter="new"))
            readers = [
                {"id": 1_000 + each, "subscriber": each, "newsletter": "new"}
                | {"status": "confirmed", "changed_at": NOW}
                for each in range(1, new + 1)
            ]
            tx.execute(insert(subscriptions), readers)
        yield world


def test_a_warm_newsletter_goes_on_beside_one_that_has_had_its_step(tmp_path: Path) -> None:
    with two_senders(tmp_path, old=120, new=60, warm_up=True) as world:
        world.used(NEW, 50, ago=timedelta(hours=1))

        first = world.deliver()

        assert first["weekly"].finished
        assert first["new"].counts == {DeliveryStatus.PENDING: 60}
        assert f"its warm-up grants {NEW} no more until" in first["new"].problem
        assert len(world.relay.accepted) == 120
        with world.app.store.read() as tx:
            assert "main" not in relay_rows.states(tx)


def test_a_step_is_kept_to_the_message_and_the_next_day_grants_more(tmp_path: Path) -> None:
    with two_senders(tmp_path, old=120, new=110, warm_up=True) as world:
        first = world.deliver()
        assert first["weekly"].finished
        assert first["new"].counts == {SENT: 50, DeliveryStatus.PENDING: 60}
        assert world.relay.bodies_begun == 170  # not one that had to be taken back
        assert world.deliver()["new"].counts[SENT] == 50
        world.clock.now += timedelta(hours=25)
        assert world.deliver()["new"].finished


def test_a_used_up_day_stops_both(tmp_path: Path) -> None:
    with two_senders(tmp_path, old=60, new=60, warm_up=True, per_day=80) as world:
        reports = world.deliver()
        assert len(world.relay.accepted) == 80
        assert "quota is used up" in reports["new"].problem


@pytest.mark.parametrize("domains", [(OLD, NEW), (NEW, OLD)])
def test_within_one_transaction_each_sender_has_its_own_step(
    tmp_path: Path, domains: tuple[str, str]
) -> None:
    with two_senders(tmp_path, old=1, new=1, warm_up=True, per_hour=60) as world:
        world.used(NEW, 48, ago=timedelta(hours=1))
        relay = world.app.relays[0]
        taken = {OLD: 0, NEW: 0}
        with world.app.store.read() as tx:
            assert warm_up_of(tx, relay, NEW, now=NOW).messages == 2
            quotas = Quotas(tx, now=NOW)
            for domain in domains * 40:
                if not quotas.full(relay) and quotas.is_warm_enough(relay, domain):
                    quotas.take(relay, domain)
                    taken[domain] += 1
        assert taken == {OLD: 40, NEW: 2}


def test_two_workers_share_one_step(tmp_path: Path) -> None:
    with (
        two_senders(tmp_path, old=120, new=120, warm_up=True) as world,
        closing(open_store(tmp_path / "publisher.db")) as store,
        ThreadPoolExecutor(2) as both,
    ):
        list(both.map(deliveries.deliver, (world.app, replace(world.app, store=store))))
        assert world.deliver()["new"].counts[SENT] == 50
        assert deliveries.counts(world.app, 1) == {SENT: 120}
        assert len(world.relay.accepted) == 170

"""What the engine is handed when work is taken back, or cannot be made, in the middle of a run."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from publisher.clock import system_clock
from publisher.domain.controls import Verb
from publisher.domain.deliveries import DeliveryStatus
from publisher.domain.issues import IssueStatus
from publisher.errors import StoreError
from publisher.mail.jobs import Job
from publisher.services import controls, deliveries, letters
from publisher.services.app import App
from publisher.store import relays as relay_rows
from tests.faults.relay import Behaviour, FaultRelay
from tests.faults.world import found, make_relay, open_world, plan
from tests.services.conftest import FakeClock

SENT = DeliveryStatus.SENT


def once(condition: Callable[[], bool], act: Callable[[], object]) -> Callable[[], bool]:
    """Acts as soon as the condition holds; wants to stop only where a run seems to hang."""
    done: list[object] = []
    deadline = monotonic() + 30

    def stopping() -> bool:
        if not done and condition():
            done.append(act())
        return monotonic() > deadline

    return stopping


def by_issue(app: App, status: DeliveryStatus) -> Counter[int]:
    return Counter(row.issue for row in deliveries.listing(app, status=status))


@pytest.mark.parametrize("per_domain", [0, 2])
@pytest.mark.parametrize("after", [0, 60])
def test_one_issue_is_paused_and_the_other_goes_on(
    tmp_path: Path, after: int, per_domain: int
) -> None:
    found(tmp_path, [f"reader{number}@d.test" for number in range(150)])
    with (
        FaultRelay(Behaviour(delay_ms=2)) as relay,
        open_world(tmp_path, [make_relay(relay.port, per_domain=per_domain)]) as app,
    ):
        other = plan(app.store, key="W:2026-W48")
        pause = once(
            lambda: relay.bodies_begun > after, lambda: controls.decide(app, Verb.PAUSE, 1)
        )
        one, two = deliveries.deliver(app, stopping=pause)

        assert one.issue.status is IssueStatus.PAUSED
        assert two.finished
        assert by_issue(app, SENT)[other] == 150
        with app.store.read() as tx:
            assert "main" not in relay_rows.states(tx)  # it never was in trouble
        assert by_issue(app, DeliveryStatus.UNKNOWN) == Counter()


def test_what_composing_dies_of_ends_the_run_and_loses_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(tmp_path, [f"reader{number}@d.test" for number in range(300)])
    really, calls = letters.job, Counter[str]()

    def broken_once(*arguments: Any, **named: Any) -> Job:
        calls["job"] += 1
        if calls["job"] == 200:
            raise StoreError("publisher.db: disk I/O error")
        return really(*arguments, **named)

    monkeypatch.setattr(letters, "job", broken_once)
    with FaultRelay() as relay, open_world(tmp_path, [make_relay(relay.port)]) as app:
        in_time = once(lambda: False, lambda: None)
        with pytest.raises(StoreError, match="disk I/O error"):
            deliveries.deliver(app, stopping=in_time)
        assert not in_time()
        assert by_issue(app, DeliveryStatus.UNKNOWN) == Counter()
        assert by_issue(app, SENT)[1] == len(relay.accepted)
        assert deliveries.deliver(app)[0].finished  # at once: nothing is left leased
        assert len({each["rcpt"] for each in relay.accepted}) == len(relay.accepted) == 300


def test_a_relay_that_calls_its_quota_used_up_is_asked_once_an_hour(tmp_path: Path) -> None:
    found(tmp_path, [f"reader{number}@d.test" for number in range(20)])
    clock = FakeClock(system_clock())
    with (
        FaultRelay(Behaviour(quota=5)) as relay,
        open_world(tmp_path, [make_relay(relay.port, max_connections=1)], clock=clock) as app,
    ):
        assert "5.4.5" in deliveries.deliver(app)[0].problem
        for _ in range(119):
            clock.now += timedelta(seconds=30)
            assert "next try at" in deliveries.deliver(app)[0].problem
        assert relay.connections == 1
        relay.behaviour.quota = 0
        clock.now += timedelta(seconds=30)
        assert deliveries.deliver(app)[0].finished

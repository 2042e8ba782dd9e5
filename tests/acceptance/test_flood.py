"""Ten thousand requests at the form: what leaves, and who still gets through."""

from datetime import timedelta

import pytest

from publisher.domain.signups import Verdict
from publisher.services import signups
from publisher.services.app import App
from tests.people import ask, mails, mails_to, verdicts
from tests.services.conftest import FakeClock, app, clock

__all__ = ["app", "clock"]  # fixtures

pytestmark = pytest.mark.acceptance

REQUESTS, ADDRESSES, NETWORKS = 10_000, 200, 50


def test_a_flood_writes_few_mails_and_keeps_nobody_out(app: App, clock: FakeClock) -> None:
    for number in range(REQUESTS):
        if number == REQUESTS // 2:
            ask(app, "honest@example.org", ip="203.0.113.200")
        network = number % NETWORKS
        victim = (number * 7) % ADDRESSES
        ask(app, f"victim{victim}@example.org", ip=f"10.{network}.0.1")
        clock.now += timedelta(milliseconds=100)
    signups.decide(app)
    while signups.work_off(app):
        pass

    taken = sum(verdicts(app).values())
    assert taken <= NETWORKS * app.subscribers.budgets.a_network + 1
    assert len(mails(app)) == verdicts(app)[Verdict.MAILED] <= ADDRESSES + 1
    assert all(len(mails_to(app, mail["To"])) == 1 for mail in mails(app))
    assert len(mails_to(app, "honest@example.org")) == 1

"""Notices that have to wait, over relays that fail."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from publisher.domain.addresses import parse_address
from publisher.domain.deliveries import DeliveryStatus
from publisher.domain.newsletters import Frequency
from publisher.domain.notices import LINK_LIFE, Notice, NoticeKind
from publisher.domain.subscribers import Subscription
from publisher.domain.suppressions import address_hash
from publisher.errors import NotFound
from publisher.mail.relays import Relay, Security
from publisher.services import links, notices, preferences, relays, retention, signups, subscribers
from publisher.services.app import App
from publisher.store import notices as rows
from tests.faults.relay import Behaviour, FaultRelay
from tests.people import ask, join, link_in, mails_to, status_of, words_of
from tests.services.conftest import FakeClock

ANN = "ann@example.org"


@pytest.fixture
def relay() -> Iterator[FaultRelay]:
    with FaultRelay(Behaviour()) as running:
        yield running


@pytest.fixture
def sending(app: App, relay: FaultRelay) -> App:
    """The app with that relay."""
    given = Relay(host="127.0.0.1", port=relay.port, security=Security.NONE, timeout_seconds=20.0)
    return replace(app, relays=(given,))


def queue(app: App, kind: NoticeKind, about: Subscription) -> None:
    with app.store.begin() as tx:
        notices.queue(app, tx, kind, about)


def newest(app: App, email: str = ANN) -> Notice:
    digest = address_hash(app.site_key, parse_address(email))
    with app.store.read() as tx:
        return rows.of_address(tx, [digest])[-1]


def test_a_login_that_is_refused_is_not_tried_again_and_again(sending: App) -> None:
    ask(sending, ANN)
    with FaultRelay(Behaviour(login=("ann", "right"))) as server:
        wrong = replace(sending.relays[0], port=server.port, username="ann", password="wrong")
        locked = replace(sending, relays=(wrong,))
        for _ in range(5):
            signups.work_off(locked)
        assert sum(line.startswith("AUTH") for line in server.commands) == 1
        assert relays.state(locked, wrong).is_paused

        mended = replace(locked, relays=(replace(wrong, password="right"),))
        assert not relays.try_out(mended, None)[0].problem
        assert signups.work_off(mended) == 1


def test_another_relay_takes_what_the_first_may_not(sending: App, relay: FaultRelay) -> None:
    ask(sending, ANN)
    with FaultRelay(Behaviour(login=("ann", "right"))) as server:
        wrong = replace(
            sending.relays[0], name="first", port=server.port, username="ann", password="wrong"
        )
        spare = replace(sending.relays[0], name="spare", weight=0)
        both = replace(sending, relays=(wrong, spare))
        signups.work_off(both)
        assert relays.state(both, wrong).is_paused
        assert signups.work_off(both) == 1
    assert len(relay.accepted) == 1


def test_a_relay_that_is_away_is_asked_after_a_rest(
    sending: App, relay: FaultRelay, clock: FakeClock
) -> None:
    ask(sending, ANN)
    relay.behaviour.faults["greeting"] = "421"
    for _ in range(5):
        signups.work_off(sending)
    assert relay.connections == 1
    relay.behaviour.faults.clear()
    clock.now += timedelta(seconds=6)
    assert signups.work_off(sending) == 1
    assert relays.state(sending, sending.relays[0]).failing_since is None


def test_what_did_not_come_to_its_dot_waits_some_minutes(
    sending: App, relay: FaultRelay, clock: FakeClock
) -> None:
    ask(sending, ANN)
    relay.behaviour.faults["mail"] = "550_5.1.8"
    for _ in range(5):
        signups.work_off(sending)
    assert relay.connections == 1
    relay.behaviour.faults.clear()
    clock.now += timedelta(minutes=6)
    assert signups.work_off(sending) == 1


def test_a_link_lives_from_when_it_is_mailed(app: App, clock: FakeClock) -> None:
    joined = join(app, ANN)
    queue(app, NoticeKind.EXPORT, joined)
    clock.now += 2 * LINK_LIFE  # the relay was away
    signups.work_off(app)
    token = link_in(mails_to(app, ANN)[-1], "links/export")
    clock.now += LINK_LIFE
    assert preferences.open_link(app, NoticeKind.EXPORT, token)


@pytest.mark.parametrize(
    ("frequency", "promised"),
    [("", "November 27"), ("daily", "November 25"), ("monthly", "December 1"), ("instant", "")],
)
def test_a_welcome_names_the_next_issue_of_what_was_chosen(
    app: App, frequency: str, promised: str
) -> None:
    offering = tuple(replace(each, frequencies=tuple(Frequency)) for each in app.newsletters)
    app = replace(app, newsletters=offering)
    ask(app, ANN, frequency=frequency)
    signups.work_off(app)
    subscribers.confirm(app, link_in(mails_to(app, ANN)[-1], "c"), ip="192.0.2.1")
    signups.work_off(app)

    words = words_of(mails_to(app, ANN)[-1])

    named = re.findall(r"(?:November|December) \d+", words)
    assert named == ([promised] if promised else [])


def test_who_was_removed_is_written_to_no_more(app: App) -> None:
    joined = join(app, ANN)
    signups.work_off(app)
    before = len(mails_to(app, ANN))
    queue(app, NoticeKind.WELCOME, joined)
    subscribers.remove(app, ANN)
    assert signups.work_off(app) == 0
    assert len(mails_to(app, ANN)) == before
    assert newest(app).status is DeliveryStatus.SKIPPED


def test_a_request_that_is_over_asks_for_no_confirmation(app: App, clock: FakeClock) -> None:
    ask(app, ANN)
    signups.decide(app)
    clock.now += timedelta(days=8)
    retention.tidy(app)
    assert signups.work_off(app) == 0
    assert newest(app).status is DeliveryStatus.SKIPPED


def test_what_the_operator_has_confirmed_needs_no_link(app: App) -> None:
    ask(app, ANN)
    signups.decide(app)
    subscribers.confirm_by_operator(app, ANN)
    assert signups.work_off(app) == 0
    assert mails_to(app, ANN) == []
    assert status_of(app, ANN)


def test_a_notice_of_a_newsletter_that_is_gone_is_given_up(app: App, clock: FakeClock) -> None:
    queue(app, NoticeKind.WELCOME, join(app, ANN))
    without = replace(app, newsletters=())
    for _ in range(80):
        signups.work_off(without)
        clock.now += timedelta(hours=1)
    assert newest(app).status is DeliveryStatus.FAILED


def test_no_confirmation_is_written_for_a_request_that_is_gone(app: App) -> None:
    ask(app, ANN)
    signups.decide(app)
    notice = newest(app)
    subscribers.remove(app, ANN)
    with pytest.raises(NotFound):
        links.of_notice(app, notice)


def test_what_is_refused_behind_its_dot_waits_an_hour(
    sending: App, relay: FaultRelay, clock: FakeClock
) -> None:
    ask(sending, ANN)
    relay.behaviour.faults["dot"] = "550_5.7.26"
    assert signups.work_off(sending) == 0
    assert newest(sending).status is DeliveryStatus.PENDING
    relay.behaviour.faults.clear()
    clock.now += timedelta(minutes=61)
    assert signups.work_off(sending) == 1

from dataclasses import replace
from datetime import timedelta

import pytest

from publisher.domain.addresses import parse_address
from publisher.domain.notices import Notice, NoticeKind
from publisher.domain.signups import truncated
from publisher.domain.subscribers import ConsentEvent, Evidence, SubscriptionStatus
from publisher.domain.suppressions import address_hash
from publisher.services import notices, preferences, retention, signups, statistics, subscribers
from publisher.services.app import App
from publisher.store import consents as consent_rows
from publisher.store import notices as notice_rows
from tests.people import ask, join, link_in, mails_to, status_of
from tests.services.conftest import FakeClock

ANN = "ann@example.org"


def with_options(app: App, **changes: object) -> App:
    return replace(app, subscribers=replace(app.subscribers, **changes))


def notices_about(app: App, email: str) -> list[Notice]:
    with app.store.read() as tx:
        return notice_rows.of_address(tx, [address_hash(app.site_key, parse_address(email))])


def test_an_unconfirmed_request_goes_after_seven_days(app: App, clock: FakeClock) -> None:
    ask(app, ANN)
    signups.work_off(app)
    subscribers.add(app, "weekly", email="stays@example.org", name="", source="test")
    clock.now += timedelta(days=7)
    assert retention.tidy(app).unconfirmed == 0
    clock.now += timedelta(seconds=1)
    assert retention.tidy(app).unconfirmed == 1
    assert [row.address for row in subscribers.listing(app)] == ["stays@example.org"]


def test_who_had_left_is_unsubscribed_again_and_not_forgotten(app: App, clock: FakeClock) -> None:
    joined = join(app, ANN)
    token = subscribers.unsubscribe_url(app, joined.id).rpartition("/")[2]
    subscribers.unsubscribe(app, token)
    subscribers.ask_again(app, token, ip="")
    assert status_of(app, ANN) is SubscriptionStatus.PENDING
    clock.now += timedelta(days=8)
    retention.tidy(app)
    assert status_of(app, ANN) is SubscriptionStatus.UNSUBSCRIBED


def test_network_addresses_are_shortened_after_a_year(app: App, clock: FakeClock) -> None:
    join(app, ANN)
    clock.now += timedelta(days=364)
    assert retention.tidy(app).shortened == 0
    clock.now += timedelta(days=2)
    assert retention.tidy(app).shortened == 2
    assert {one.evidence.ip for one in subscribers.evidence(app, ANN)} == {"192.0.2.0", ""}
    assert retention.tidy(app).shortened == 0


def test_addresses_are_shortened_some_at_a_time_and_read_once(
    app: App, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_SHORTENED", 3)
    whole = ["192.0.2.1", "198.51.100.0", "2001:db8:1:2::", "2001:db8::5", "::1", "10.1.2.3", "?"]
    joined = join(app, ANN)
    with app.store.begin() as tx:
        for ip in whole:
            evidence = Evidence(source="test", ip=ip)
            event = ConsentEvent.CHANGED
            consent_rows.testify(tx, joined.id, event, evidence=evidence, now=clock.now)
    clock.now += timedelta(days=366)

    retention.tidy(app)

    shown = [one.evidence.ip for one in subscribers.evidence(app, ANN)][-len(whole) :]
    assert shown == [
        "192.0.2.0",
        "198.51.100.0",
        "2001:db8:1::",
        "2001:db8::",
        "::",
        "10.1.2.0",
        "",
    ]
    assert shown == [truncated(ip) for ip in whole]
    with app.store.begin() as tx:
        assert consent_rows.truncate_ips(tx, before=clock.now, after=0, limit=99) == []


def test_whom_a_notice_went_to_is_forgotten_after_a_month(app: App, clock: FakeClock) -> None:
    join(app, ANN)
    signups.work_off(app)
    assert retention.tidy(app).forgotten == 0
    clock.now += timedelta(days=31)
    assert retention.tidy(app).forgotten == 2  # confirm and welcome


def test_nobody_is_asked_unless_the_settings_want_it(app: App, clock: FakeClock) -> None:
    join(app, ANN)
    clock.now += timedelta(days=4000)
    assert retention.tidy(app).asked == 0


def test_silence_is_asked_about_once_and_an_answer_counts(app: App, clock: FakeClock) -> None:
    asking = with_options(app, reconfirm_days=400, sunset=True)
    join(asking, ANN)
    join(asking, "bob@example.org")
    clock.now += timedelta(days=401)
    assert retention.tidy(asking).asked == 2
    assert retention.tidy(asking).asked == 0
    signups.work_off(asking)
    token = link_in(mails_to(asking, ANN)[-1], "links/stay")
    clock.now += timedelta(days=29)
    preferences.stay(asking, token, ip="192.0.2.1")
    clock.now += timedelta(days=2)

    assert retention.tidy(asking).sunset == 1

    assert status_of(asking, ANN) is SubscriptionStatus.CONFIRMED
    assert status_of(asking, "bob@example.org") is SubscriptionStatus.UNSUBSCRIBED
    assert subscribers.evidence(asking, "bob@example.org")[-1].evidence.source == "no answer"


def test_who_could_not_be_asked_is_not_unsubscribed_for_silence(app: App, clock: FakeClock) -> None:
    asking = with_options(app, reconfirm_days=400, sunset=True)
    join(asking, ANN)
    clock.now += timedelta(days=401)
    without = replace(asking, newsletters=())  # out of the settings for a season
    assert retention.tidy(without).asked == 0
    clock.now += timedelta(days=31)
    assert retention.tidy(without).sunset == 0
    assert status_of(app, ANN) is SubscriptionStatus.CONFIRMED
    assert retention.tidy(asking).asked == 1


def test_an_answer_counts_for_a_month_however_soon_addresses_are_shortened(
    app: App, clock: FakeClock
) -> None:
    asking = with_options(app, reconfirm_days=400, sunset=True, ip_days=7)
    join(asking, ANN)
    clock.now += timedelta(days=401)
    retention.tidy(asking)
    signups.work_off(asking)
    token = link_in(mails_to(asking, ANN)[-1], "links/stay")
    clock.now += timedelta(days=29)
    retention.tidy(asking)

    preferences.stay(asking, token, ip="192.0.2.1")

    clock.now += timedelta(days=2)
    assert retention.tidy(asking).sunset == 0
    assert status_of(asking, ANN) is SubscriptionStatus.CONFIRMED
    assert notices_about(asking, ANN) == []


def test_a_notice_that_waits_is_not_forgotten(app: App, clock: FakeClock) -> None:
    hasty = with_options(app, ip_days=1)
    joined = join(hasty, ANN)
    signups.work_off(hasty)
    with hasty.store.begin() as tx:
        notices.queue(hasty, tx, NoticeKind.GOODBYE, joined)
    clock.now += timedelta(days=2)
    retention.tidy(hasty)
    assert [one.kind for one in notices_about(hasty, ANN)] == [NoticeKind.GOODBYE]


def test_without_the_sunset_rule_silence_ends_nothing(app: App, clock: FakeClock) -> None:
    asking = with_options(app, reconfirm_days=400)
    join(asking, ANN)
    for _ in range(5):
        clock.now += timedelta(days=401)
        retention.tidy(asking)
    assert status_of(asking, ANN) is SubscriptionStatus.CONFIRMED


def test_the_numbers_add_up(app: App, clock: FakeClock) -> None:
    start = clock.now
    joined = join(app, ANN)
    ask(app, "never@example.org")
    signups.work_off(app)
    subscribers.add(app, "weekly", email="added@example.org", name="", source="operator")
    clock.now += timedelta(days=7)
    token = subscribers.unsubscribe_url(app, joined.id).rpartition("/")[2]
    subscribers.pause(app, token)
    assert statistics.paused(app, "weekly") == 1
    assert statistics.by_language(app, "weekly") == {"en": 2}
    subscribers.unsubscribe(app, token)

    assert statistics.by_language(app, "weekly") == {"en": 1}
    assert [week.growth for week in statistics.weeks(app, "weekly", since=start)] == [2, -1]
    funnel = statistics.funnel(app, "weekly", since=start)
    assert (funnel.asked, funnel.requested, funnel.mailed, funnel.confirmed) == (2, 2, 2, 1)

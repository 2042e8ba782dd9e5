from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from publisher.domain.addresses import parse_address
from publisher.domain.deliveries import DeliveryStatus
from publisher.domain.notices import NoticeKind
from publisher.domain.signups import Budgets, Verdict
from publisher.domain.sites import Person
from publisher.domain.subscribers import SubscriptionStatus
from publisher.domain.suppressions import SuppressionReason
from publisher.errors import InvalidAddress, InvalidToken
from publisher.services import imports, notices, personal_data, signups, subscribers
from publisher.services.app import App
from publisher.services.imports import ImportPlan
from publisher.store import notices as notice_rows
from publisher.store import suppressions
from tests.factories import make_newsletter
from tests.people import ask, join, link_in, mails, mails_to, status_of, verdicts, words_of
from tests.services.conftest import FakeClock

ANN = "ann@example.org"


def test_only_the_link_in_the_mail_confirms(app: App) -> None:
    ask(app, ANN)
    signups.work_off(app)
    assert status_of(app, ANN) is SubscriptionStatus.PENDING

    (mail,) = mails_to(app, ANN)
    subscribers.confirm(app, link_in(mail, "c"), ip="192.0.2.1")

    assert status_of(app, ANN) is SubscriptionStatus.CONFIRMED
    signups.work_off(app)
    assert "Welcome" in str(mails_to(app, ANN)[-1]["Subject"])


def test_the_confirmation_mail_holds_nothing_of_the_form_but_the_address(app: App) -> None:
    ask(app, "zanzibar.quux@example.org", language="en", ip="198.51.100.77")
    signups.work_off(app)
    (mail,) = mails(app)
    for part in mail.walk():
        if not part.is_multipart():
            assert "zanzibar" not in part.get_content()
            assert "198.51.100" not in part.get_content()
    others = {name: value for name, value in mail.items() if name != "To"}
    assert "zanzibar" not in str(others)


def test_a_link_works_once_and_brings_nobody_back(app: App, clock: FakeClock) -> None:
    join(app, ANN)
    token = link_in(mails_to(app, ANN)[0], "c")
    assert subscribers.confirm(app, token, ip="").status is SubscriptionStatus.CONFIRMED

    with app.store.begin() as tx:
        left = subscribers.listing(app)[0]
        subscribers.leave(app, tx, left, evidence=subscribers.Evidence(source="test"))

    with pytest.raises(InvalidToken):
        subscribers.confirm(app, token, ip="")
    assert status_of(app, ANN) is SubscriptionStatus.UNSUBSCRIBED


def test_only_the_newest_link_confirms_and_only_in_time(app: App, clock: FakeClock) -> None:
    ask(app, ANN)
    signups.work_off(app)
    old = link_in(mails_to(app, ANN)[0], "c")
    clock.now += timedelta(days=2)
    ask(app, ANN)
    signups.work_off(app)
    new = link_in(mails_to(app, ANN)[1], "c")

    with pytest.raises(InvalidToken):
        subscribers.find_confirmation(app, old)
    clock.now += timedelta(days=7, seconds=1)
    with pytest.raises(InvalidToken):
        subscribers.find_confirmation(app, new)


def test_a_thousand_requests_for_one_address_write_one_mail_a_day_and_three_in_all(
    app: App, clock: FakeClock
) -> None:
    for day in range(6):
        for number in range(170):
            ask(app, ANN, ip=f"10.{day}.{number}.1")
            clock.now += timedelta(seconds=100)
        signups.work_off(app)
        assert len(mails_to(app, ANN)) == min(day + 1, 3)
        clock.now += timedelta(hours=20)
    assert verdicts(app)[Verdict.OVER_BUDGET] > 900


def test_who_confirmed_may_come_back_on_the_same_day(app: App) -> None:
    joined = join(app, ANN)
    subscribers.unsubscribe(app, subscribers.unsubscribe_url(app, joined.id).rpartition("/")[2])
    token = subscribers.unsubscribe_url(app, joined.id).rpartition("/")[2]

    subscribers.ask_again(app, token, ip="192.0.2.1")
    signups.work_off(app)

    assert status_of(app, ANN) is SubscriptionStatus.PENDING
    subscribers.confirm(app, link_in(mails_to(app, ANN)[-1], "c"), ip="")
    assert status_of(app, ANN) is SubscriptionStatus.CONFIRMED


def test_a_known_address_gets_its_preferences_link_and_keeps_its_status(app: App) -> None:
    join(app, ANN)
    ask(app, ANN)
    signups.work_off(app)
    mail = mails_to(app, ANN)[-1]
    assert "already" in str(mail["Subject"])
    assert link_in(mail, "p")
    assert status_of(app, ANN) is SubscriptionStatus.CONFIRMED


def test_a_suppressed_address_gets_no_mail_and_stays_suppressed(app: App) -> None:
    with app.store.begin() as tx:
        suppressions.add(tx, parse_address(ANN), SuppressionReason.COMPLAINT, now=app.clock())
    ask(app, ANN)
    signups.work_off(app)
    assert mails(app) == []
    assert status_of(app, ANN) is None
    assert verdicts(app) == {Verdict.SUPPRESSED: 1}


def test_a_private_newsletter_cannot_be_asked_for(app: App) -> None:
    hidden = replace(app, newsletters=(replace(app.newsletters[0], public=False),))
    ask(hidden, ANN)
    signups.work_off(hidden)
    assert mails(hidden) == []
    assert verdicts(hidden) == {Verdict.UNKNOWN_NEWSLETTER: 1}


def test_a_network_gets_five_requests_an_hour(app: App, clock: FakeClock) -> None:
    for number in range(9):
        ask(app, f"reader{number}@example.org", ip="2001:db8::1")
    ask(app, "honest@example.org", ip="2001:db8:0:1::1")
    signups.work_off(app)
    assert len(mails(app)) == 6
    assert app.vitals.limits() == {("/subscribe",): 4}
    clock.now += timedelta(hours=1)
    ask(app, "reader8@example.org", ip="2001:db8::ffff")
    signups.work_off(app)
    assert len(mails(app)) == 7


def test_the_site_takes_so_many_requests_an_hour_and_says_once_that_it_had_enough(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    options = replace(app.subscribers, budgets=Budgets(an_hour=10))
    small = replace(app, subscribers=options)
    for number in range(30):
        ask(small, f"reader{number}@example.org", ip=f"10.0.{number}.1")
    signups.work_off(small)
    assert len(mails(small)) == 10
    assert [record.message for record in caplog.records].count("signups.flooded") == 1


def test_what_was_asked_is_forgotten_once_it_is_decided(app: App) -> None:
    ask(app, ANN)
    signups.work_off(app)
    with app.store.read() as tx:
        (row,) = tx.execute(text("SELECT address, ip, source FROM signups"))
    assert tuple(row) == ("", "", "")


def test_only_bad_syntax_is_told(app: App) -> None:
    for bad in (
        "",
        "ann",
        "ann@",
        "a@b",
        "ann@example.org)bob@evil.com",
        "ann@example.org\r\nBcc:",
    ):
        with pytest.raises(InvalidAddress):
            ask(app, bad)


def test_the_evidence_tells_the_whole_story(app: App) -> None:
    joined = join(app, ANN)
    subscribers.unsubscribe(app, subscribers.unsubscribe_url(app, joined.id).rpartition("/")[2])
    kept = subscribers.evidence(app, ANN)
    assert [one.event.value for one in kept] == ["requested", "mailed", "confirmed", "unsubscribed"]
    requested, mailed, confirmed, _ = (one.evidence for one in kept)
    assert requested.ip == confirmed.ip == "192.0.2.1"
    assert requested.source == "http://localhost:8080/subscribe"
    assert len(requested.text) == 64
    assert mailed.message_id == str(mails_to(app, ANN)[0]["Message-ID"]).strip("<>")
    assert {one.address for one in kept} == {ANN}


def test_an_erased_address_stays_away_from_imports_and_forms(app: App) -> None:
    join(app, ANN)
    before = personal_data.export(app, "Ann@example.org").decode()
    for table in ("subscribers", "subscriptions", "consents", "consent_texts", "notices"):
        assert f'"{table}": [\n' in before, table

    assert personal_data.erase(app, ANN)

    plan = ImportPlan(newsletter="weekly", status=SubscriptionStatus.CONFIRMED, source="x.csv")
    ((row,),) = imports.import_csv(app, ["email\n", "ANN@example.org\n"], plan)
    assert row.problem == "the address is suppressed"
    sent = len(mails(app))
    ask(app, ANN)
    signups.work_off(app)
    assert len(mails(app)) == sent
    assert subscribers.listing(app) == []
    with app.store.read() as tx:
        dump = "\n".join(tx.connection.driver_connection.iterdump())  # type: ignore[union-attr]
    assert "ann@example.org" not in dump.lower()


def test_a_rotated_key_still_knows_old_links_and_erased_addresses(app: App) -> None:
    joined = join(app, ANN)
    token = subscribers.unsubscribe_url(app, joined.id).rpartition("/")[2]
    personal_data.erase(app, "bob@example.org")
    join(app, "carol@example.org")
    personal_data.erase(app, "carol@example.org")

    rotated = replace(app, site_key=b"n" * 32, old_keys=(app.site_key,))

    assert subscribers.find_by_token(rotated, token).id == joined.id
    ask(rotated, "carol@example.org", ip="192.0.2.9")
    signups.work_off(rotated)
    assert verdicts(rotated)[Verdict.SUPPRESSED] == 1
    with pytest.raises(InvalidToken):
        subscribers.find_by_token(replace(rotated, old_keys=()), token)


def test_a_notice_is_sent_once_even_by_two_workers(app: App) -> None:
    ask(app, ANN)
    signups.decide(app)
    with app.store.begin() as tx:
        (notice,) = notice_rows.due(tx, now=app.clock(), limit=9)
        assert notice.kind is NoticeKind.CONFIRM
        assert notice_rows.intend(tx, notice.id, expires_at=None, now=app.clock())
        assert not notice_rows.intend(tx, notice.id, expires_at=None, now=app.clock())
    assert signups.work_off(app) == 0


def test_a_notice_that_cannot_be_composed_fails_and_the_others_go_on(app: App) -> None:
    sender = Person(name="Letters", email="let ters@example.org")
    broken = replace(app, newsletters=(*app.newsletters, make_newsletter(id="bad", sender=sender)))
    joined = join(app, ANN)
    signups.work_off(app)
    with app.store.begin() as tx:
        failing = notices.queue(broken, tx, NoticeKind.GOODBYE, replace(joined, newsletter="bad"))
        notices.queue(broken, tx, NoticeKind.WELCOME, joined)
    assert notices.deliver(broken) == 1
    with app.store.read() as tx:
        found = notice_rows.get(tx, failing)
    assert found is not None
    assert found.status is DeliveryStatus.FAILED
    assert notices.deliver(broken) == 0


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("kind", NoticeKind)
def test_every_notice_is_a_whole_message_in_both_languages(
    app: App, kind: NoticeKind, language: str
) -> None:
    if kind is NoticeKind.CONFIRM:
        ask(app, ANN, language=language)
    else:
        joined = replace(join(app, ANN), language=language)
        with app.store.begin() as tx:
            notices.queue(app, tx, kind, joined)
    signups.work_off(app)
    mail = mails_to(app, ANN)[-1]
    assert mail.defects == []
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "http://localhost:8080/" in words_of(mail)
    assert "{" not in words_of(mail)
    assert ("。" in words_of(mail)) is (language == "zh-CN")


def test_an_office_at_the_form_is_told_to_the_operator_without_its_address(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    ask(app, "postmaster@example.org")
    ask(app, ANN)
    signups.work_off(app)
    (told,) = [one for one in caplog.records if one.message == "signup.role_address"]
    assert told.levelname == "WARNING"
    assert vars(told)["domain"] == "example.org"
    assert "postmaster@" not in caplog.text
    assert len(mails(app)) == 2

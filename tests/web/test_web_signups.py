import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from publisher.domain.addresses import parse_address
from publisher.domain.signups import Verdict
from publisher.domain.subscribers import SubscriptionStatus
from publisher.domain.suppressions import SuppressionReason
from publisher.services import signups, subscribers
from publisher.services.app import App
from publisher.store import suppressions
from publisher.store.engine import Store
from publisher.web.app import build_app
from publisher.web.security import SameOrigin, client_ip
from tests.people import join, link_in, mails, mails_to, status_of, verdicts
from tests.services.conftest import FakeClock
from tests.web.conftest import NOW, make_newsletter, make_site

ANN = "ann@example.org"
HTML = {"Accept": "text/html"}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def app(make_app: Callable[..., App], clock: FakeClock) -> App:
    newsletters = (make_newsletter(), make_newsletter(id="daily", title="Daily Lamp"))
    site = make_site(base_url="http://localhost:8000")
    return make_app(site=site, newsletters=newsletters, clock=clock)


@pytest.fixture
def visitor(app: App) -> Iterator[TestClient]:
    with TestClient(
        build_app(app),
        base_url="http://localhost:8000",
        client=("192.0.2.7", 50000),
        follow_redirects=False,
    ) as client:
        yield client


def filled(client: TestClient, clock: FakeClock, email: str, **changes: str) -> dict[str, str]:
    """The form as a person sends it: loaded, typed for ten seconds."""
    page = client.get("/subscribe?lang=en").text
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    clock.now += timedelta(seconds=10)
    return {**hidden, "email": email, "newsletter": "weekly", "website": "", **changes}


def dump(store: Store) -> list[str]:
    with store.read() as tx:
        return list(tx.connection.driver_connection.iterdump())  # type: ignore[union-attr]


def test_a_visitor_signs_up_confirms_and_is_welcome(
    app: App, visitor: TestClient, clock: FakeClock
) -> None:
    answer = visitor.post("/subscribe", data=filled(visitor, clock, ANN))
    assert answer.status_code == 202
    assert "look into your mailbox" in answer.text
    assert ANN not in answer.text
    signups.work_off(app)

    token = link_in(mails_to(app, ANN)[0], "c")
    page = visitor.get(f"/c/{token}")
    assert page.text.count("<button") == 1
    assert "Friday Lamp" in page.text
    assert "a…n@example.org" in page.text
    assert status_of(app, ANN) is SubscriptionStatus.PENDING
    for _ in range(2):
        assert "Welcome" in visitor.post(f"/c/{token}").text
    assert status_of(app, ANN) is SubscriptionStatus.CONFIRMED


def test_everybody_gets_the_same_answer(app: App, visitor: TestClient, clock: FakeClock) -> None:
    join(app, "known@example.org")
    with app.store.begin() as tx:
        suppressed = parse_address("suppressed@example.org")
        suppressions.add(tx, suppressed, SuppressionReason.COMPLAINT, now=clock())
    answers = []
    for name in ("known", "unknown", "suppressed", "known", "unknown", "over"):
        form = filled(visitor, clock, f"{name}@example.org")
        answers.append(visitor.post("/subscribe", data=form))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert len({str(sorted(answer.headers.items())) for answer in answers}) == 1
    signups.work_off(app)
    assert verdicts(app)[Verdict.SUPPRESSED] == 1


def test_a_program_that_fills_the_hidden_field_gets_the_answer_and_nothing_else(
    app: App, visitor: TestClient, clock: FakeClock
) -> None:
    honest = visitor.post("/subscribe", data=filled(visitor, clock, ANN))
    bot = visitor.post("/subscribe", data=filled(visitor, clock, "b@example.org", website="x"))
    assert bot.content == honest.content
    signups.work_off(app)
    assert [mail["To"] for mail in mails(app)] == [ANN]


@pytest.mark.parametrize("seconds", [0, 2, 2 * 60 * 60 + 1])
def test_a_form_that_comes_back_too_fast_or_too_late_is_shown_again(
    app: App, visitor: TestClient, clock: FakeClock, seconds: int
) -> None:
    form = filled(visitor, clock, ANN)
    clock.now += timedelta(seconds=seconds - 10)
    answer = visitor.post("/subscribe", data=form)
    assert answer.status_code == 422
    assert "press the button once more" in answer.text
    assert f'value="{ANN}"' in answer.text
    signups.work_off(app)
    assert mails(app) == []


def test_a_form_that_we_did_not_sign_takes_nothing(
    app: App, visitor: TestClient, clock: FakeClock
) -> None:
    for stamp in ("", "1", "é" * 30, subscribers.unsubscribe_url(app, 1)[-25:]):
        form = filled(visitor, clock, ANN, stamp=stamp)
        assert visitor.post("/subscribe", data=form).status_code == 422
    assert verdicts(app) == {}


def test_a_mistyped_address_is_told_and_kept_in_the_field(
    visitor: TestClient, clock: FakeClock
) -> None:
    answer = visitor.post("/subscribe", data=filled(visitor, clock, '"><script>ann@'))
    assert answer.status_code == 422
    assert "does not look like an e-mail address" in answer.text
    assert "<script" not in answer.text


def test_a_form_on_another_page_leads_to_ours_and_saves_nothing(
    app: App, visitor: TestClient
) -> None:
    before = dump(app.store)
    answer = visitor.post(
        "/subscribe/start",
        data={"email": ANN, "newsletter": "daily", "lang": "zh"},
        headers={"Sec-Fetch-Site": "cross-site", "Origin": "https://blog.example.net"},
    )
    assert answer.status_code == 200
    assert f'value="{ANN}"' in answer.text
    assert 'lang="zh"' in answer.text
    assert 'value="daily" checked' in answer.text
    assert dump(app.store) == before


def test_other_sites_may_send_nothing_that_changes_something(
    app: App, visitor: TestClient, clock: FakeClock
) -> None:
    joined = join(app, ANN)
    form = filled(visitor, clock, "b@example.org")
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ):
        assert visitor.post("/subscribe", data=form, headers=headers).status_code == 403
    assert visitor.post("/subscribe", data=form, headers={"Origin": "http://localhost:8000"})
    assert joined.status is SubscriptionStatus.CONFIRMED


def test_every_route_that_takes_a_post_is_guarded_but_two(app: App) -> None:
    unguarded = set()
    for route in build_app(app).routes:
        assert isinstance(route, Route)

        if "POST" in (route.methods or ()) and not isinstance(route.app, SameOrigin):
            unguarded.add(route.path)

    assert unguarded == {"/u/{token:path}", "/subscribe/start"}


def test_preferences_pause_leave_and_ask_for_more(
    app: App, visitor: TestClient, clock: FakeClock
) -> None:
    join(app, ANN)
    signups.work_off(app)
    token = link_in(mails_to(app, ANN)[1], "p")
    page = visitor.get(f"/p/{token}").text
    assert re.search(r'value="weekly" checked', page)
    assert 'value="daily">' in page
    assert ANN not in page

    saved = visitor.post(
        f"/p/{token}", data={"newsletter": ["weekly", "daily"], "lang": "zh", "pause": "30"}
    )
    signups.work_off(app)
    assert "等待确认" in saved.text
    assert "暂停至" in saved.text
    assert "请确认" in str(mails_to(app, ANN)[-1]["Subject"])
    visitor.post(f"/c/{link_in(mails_to(app, ANN)[-1], 'c')}")
    assert {row.newsletter: row.status.value for row in subscribers.listing(app)} == {
        "weekly": "confirmed",
        "daily": "confirmed",
    }

    visitor.post(f"/p/{token}", data={"newsletter": ["daily"], "lang": "en", "pause": "0"})
    assert {row.newsletter: row.status.value for row in subscribers.listing(app)} == {
        "weekly": "unsubscribed",
        "daily": "confirmed",
    }
    assert all(row.paused_until is None for row in subscribers.listing(app))


def fresh(app: App, visitor: TestClient, kind: str) -> str:
    """The token of a fresh link, asked for on the preferences page."""
    signups.work_off(app)
    token = link_in(mails_to(app, ANN)[1], "p")
    answer = visitor.post(f"/p/{token}/link", data={"kind": kind})
    assert "A mail is on its way" in answer.text
    signups.work_off(app)
    return link_in(mails_to(app, ANN)[-1], f"links/{kind}")


def test_another_address_is_asked_before_it_is_used(
    app: App, visitor: TestClient, clock: FakeClock
) -> None:
    join(app, ANN)
    token = fresh(app, visitor, "address")
    assert visitor.get(f"/links/address/{token}").status_code == 200
    assert visitor.post(f"/links/address/{token}", data={"email": "x"}).status_code == 422
    visitor.post(f"/links/address/{token}", data={"email": "anna@example.net"})
    assert visitor.get(f"/links/address/{token}").status_code == 404  # used up
    signups.work_off(app)
    assert subscribers.listing(app)[0].address == ANN

    move = link_in(mails_to(app, "anna@example.net")[0], "links/move")
    assert "goes to the new address" in visitor.get(f"/links/move/{move}").text
    visitor.post(f"/links/move/{move}")
    assert subscribers.listing(app)[0].address == "anna@example.net"
    assert visitor.post(f"/links/move/{move}").status_code == 404


def test_a_fresh_link_dies_after_half_an_hour(
    app: App, visitor: TestClient, clock: FakeClock
) -> None:
    join(app, ANN)
    token = fresh(app, visitor, "erase")
    clock.now += timedelta(minutes=30, seconds=1)
    assert visitor.get(f"/links/erase/{token}").status_code == 404
    assert visitor.post(f"/links/erase/{token}").status_code == 404
    assert status_of(app, ANN) is SubscriptionStatus.CONFIRMED


def test_a_person_downloads_and_erases_everything(
    app: App, visitor: TestClient, clock: FakeClock, tmp_path: Path
) -> None:
    join(app, ANN)
    export = fresh(app, visitor, "export")
    document = visitor.post(f"/links/export/{export}")
    assert document.headers["content-disposition"].startswith("attachment")
    told: dict[str, Any] = json.loads(document.content)
    assert told["subscribers"][0]["address"] == ANN
    assert [row["event"] for row in told["consents"]] == ["requested", "mailed", "confirmed"]
    assert visitor.post(f"/links/export/{export}").status_code == 404

    erase = fresh(app, visitor, "erase")
    answer = visitor.post(f"/links/erase/{erase}", headers=HTML)
    assert "Erased" in answer.text
    assert subscribers.listing(app) == []
    assert ANN not in "\n".join(dump(app.store))
    assert visitor.post(f"/links/erase/{erase}").status_code == 404


def test_a_holder_of_the_preferences_link_cannot_flood_the_address(
    app: App, visitor: TestClient
) -> None:
    join(app, ANN)
    signups.work_off(app)
    token = link_in(mails_to(app, ANN)[1], "p")
    answers = {visitor.post(f"/p/{token}/link", data={"kind": "export"}).content for _ in range(30)}
    signups.work_off(app)
    assert len(answers) == 1
    assert len(mails_to(app, ANN)) == 6


def test_a_pause_instead_of_leaving(app: App, visitor: TestClient, clock: FakeClock) -> None:
    joined = join(app, ANN)
    token = subscribers.unsubscribe_url(app, joined.id).rpartition("/")[2]
    assert "Paused" in visitor.post(f"/u/{token}/pause").text
    (row,) = subscribers.listing(app)
    assert row.status is SubscriptionStatus.CONFIRMED
    assert row.paused_until == clock() + timedelta(days=30)


def test_who_got_it_forwarded_sees_whose_it_is(app: App, visitor: TestClient) -> None:
    joined = join(app, ANN)
    token = subscribers.unsubscribe_url(app, joined.id).rpartition("/")[2]
    assert f'href="/u/{token}/forwarded"' in visitor.get(f"/u/{token}").text
    page = visitor.get(f"/u/{token}/forwarded").text
    assert "a…n@example.org" in page
    assert "<form" not in page


def test_the_privacy_page_says_what_the_settings_say(visitor: TestClient) -> None:
    english, chinese = (visitor.get(f"/privacy?lang={code}").text for code in ("en", "zh"))
    assert "shortened after 365 days" in english
    assert "removed after 7 days" in english
    assert "365 天后截短" in chinese
    assert "no cookies and no script that follows you" in english


@pytest.mark.parametrize(
    ("peer", "forwarded", "seen"),
    [
        ("192.0.2.7", "", "192.0.2.7"),
        ("192.0.2.7", "198.51.100.1", "192.0.2.7"),  # not a proxy of ours: it may say anything
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "203.0.113.9, 198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "203.0.113.9, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("127.0.0.1", "nonsense", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.9, ::1", "203.0.113.9"),
        ("testclient", "", ""),
    ],
)
def test_the_visitor_is_the_last_hop_that_is_no_proxy_of_ours(
    peer: str, forwarded: str, seen: str
) -> None:
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    scope: dict[str, Any] = {"type": "http", "client": (peer, 1), "headers": headers}
    assert client_ip(scope, ("127.0.0.0/8", "::1/128", "10.0.0.0/8")) == seen

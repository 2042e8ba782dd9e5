"""Choosing on the pages: forms without a script, in two languages."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from publisher.domain.choices import Choices
from publisher.domain.newsletters import Frequency
from publisher.domain.subscribers import ConsentEvent, SubscriptionStatus
from publisher.domain.tokens import Purpose, make_token
from publisher.services import signups, subscribers
from publisher.services.app import App
from publisher.web.app import build_app
from tests.factories import make_newsletter
from tests.people import ask, join, link_in, mails_to
from tests.services.conftest import FakeClock
from tests.web.conftest import NOW, make_site

ANN = "ann@example.org"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def app(make_app: Callable[..., App], clock: FakeClock) -> App:
    site = make_site(base_url="http://localhost:8080")
    return make_app(site=site, newsletters=(make_newsletter(),), clock=clock)


@pytest.fixture
def offering(app: App) -> App:
    newsletter = make_newsletter(
        frequencies=(Frequency.DAILY, Frequency.MONTHLY),
        topics=("sea", "stars"),
        languages=("en", "zh"),
    )
    return replace(app, newsletters=(newsletter, make_newsletter(id="plain", title="Plain")))


@pytest.fixture
def client(offering: App) -> TestClient:
    return TestClient(build_app(offering), base_url="http://localhost:8080")


def token(app: App, purpose: Purpose) -> str:
    row = next(one for one in subscribers.listing(app) if one.address == ANN)
    return make_token(app.site_key, purpose, row.id)


def chosen(app: App) -> Choices:
    return next(one.choices for one in subscribers.listing(app) if one.address == ANN)


def checked(page: str) -> list[str]:
    """The boxes that are ticked, as `name=value`."""
    found = re.findall(r'name="([a-z-]+)" value="([^"]*)" checked', page)
    return [f"{name}={value}" for name, value in found]


def test_the_page_offers_what_the_newsletter_does(offering: App, client: TestClient) -> None:
    join(offering, ANN)
    page = client.get(f"/p/{token(offering, Purpose.PREFERENCES)}").text
    assert checked(page) == ["newsletter=weekly", "frequency-weekly="]
    values = re.findall(r'type="radio" name="frequency-weekly" value="([a-z]*)"', page)
    assert values == ["daily", "", "monthly"]
    assert "Every Friday at 08:00" in page
    assert "Every day at 08:00" in page
    assert "<legend>" in page
    assert "Chinese" in page
    assert "frequency-plain" not in page


def test_what_was_chosen_is_saved_shown_and_kept_as_evidence(
    offering: App, client: TestClient
) -> None:
    join(offering, ANN)
    address = f"/p/{token(offering, Purpose.PREFERENCES)}"
    form = {
        "newsletter": "weekly",
        "lang": "zh",
        "pause": "",
        "choices-weekly": "1",
        "frequency-weekly": "monthly",
        "topic-weekly": ["sea", "nonsense"],
        "language-weekly": "zh",
    }
    page = client.post(address, data=form).text
    expected = Choices(frequency="monthly", topics=frozenset({"sea"}), languages=frozenset({"zh"}))
    assert chosen(offering) == expected
    assert set(checked(page)) == {
        "newsletter=weekly",
        "frequency-weekly=monthly",
        "topic-weekly=sea",
        "language-weekly=zh",
    }
    assert "多久一次" in page
    last = subscribers.evidence(offering, ANN)[-1]
    assert last.event is ConsentEvent.CHANGED
    assert last.evidence.source.startswith("preferences page: monthly; topics: ")


def test_a_page_from_before_the_offer_changes_no_choice(offering: App, client: TestClient) -> None:
    join(offering, ANN)
    address = f"/p/{token(offering, Purpose.PREFERENCES)}"
    form = {"newsletter": "weekly", "lang": "en", "pause": ""}
    client.post(address, data=form | {"choices-weekly": "1", "frequency-weekly": "daily"})
    client.post(address, data=form)
    assert chosen(offering).frequency == "daily"


def test_less_often_is_a_button_on_the_way_out(offering: App, client: TestClient) -> None:
    join(offering, ANN)
    way_out = f"/u/{token(offering, Purpose.UNSUBSCRIBE)}"
    page = client.get(way_out).text
    assert "Less often: On day 1 of every month at 08:00" in page
    assert client.get(f"{way_out}/less").status_code in {404, 405}
    assert chosen(offering) == Choices()

    done = client.post(f"{way_out}/less")

    assert done.status_code == 200
    assert chosen(offering).frequency == "monthly"
    assert "Less often" not in client.get(way_out).text
    assert client.post(f"{way_out}/less").status_code == 404
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert client.post(f"{way_out}/less", headers=foreign).status_code == 403


def test_a_visitor_may_choose_how_often_with_the_request(
    offering: App,
    client: TestClient,
    clock: FakeClock,
) -> None:
    page = client.get("/subscribe?lang=en").text
    assert re.findall(r'<option value="([a-z]*)">', page) == ["", "daily", "monthly"]
    stamp = re.search(r'name="stamp" value="([^"]+)"', page)
    assert stamp is not None
    form = {"email": ANN, "newsletter": "weekly", "lang": "en", "stamp": stamp[1]}
    clock.now = clock.now.replace(minute=5)
    client.post("/subscribe", data=form | {"frequency": "daily"})
    signups.work_off(offering)

    confirmed = subscribers.confirm(offering, link_in(mails_to(offering, ANN)[0], "c"), ip="")

    assert confirmed.status is SubscriptionStatus.CONFIRMED
    assert confirmed.choices == Choices(frequency="daily")


@pytest.mark.parametrize("frequency", ["monthly", "instant", "'; --", "x" * 500])
def test_a_frequency_that_is_not_on_offer_is_none(offering: App, frequency: str) -> None:
    ask(offering, ANN, newsletter="plain", frequency=frequency)
    signups.work_off(offering)
    assert chosen(offering) == Choices()


def test_where_nothing_is_offered_nothing_is_asked(app: App) -> None:
    client = TestClient(build_app(app), base_url="http://localhost:8080")
    join(app, ANN)
    assert "frequency" not in client.get("/subscribe").text
    assert "frequency-" not in client.get(f"/p/{token(app, Purpose.PREFERENCES)}").text
    assert "/less" not in client.get(f"/u/{token(app, Purpose.UNSUBSCRIBE)}").text

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from publisher.domain.api_tokens import Scope
from publisher.services import api_tokens, metrics
from publisher.services.app import App
from publisher.web.limits import Budget

STRANGER = "203.0.113.9"
FORM = {"name": "ann", "password": "not the password"}


class Watch:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def strict(app: App) -> App:
    """Five pages a minute, and three refusals."""
    return replace(app, listen=replace(app.listen, pages_a_minute=5, refusals_a_minute=3))


@pytest.fixture
def stranger(strict: App, make_client: Callable[..., TestClient]) -> TestClient:
    return make_client(strict, peer=STRANGER)


def statuses(client: TestClient, path: str, count: int, method: str = "GET") -> list[int]:
    return [client.request(method, path).status_code for _ in range(count)]


@given(a_minute=st.integers(1, 500), pauses=st.lists(st.floats(0, 90), max_size=300))
def test_no_minute_holds_more_than_twice_the_budget(a_minute: int, pauses: list[float]) -> None:
    """All at once, and what comes back within the same minute."""
    watch = Watch()
    budget = Budget(a_minute, seconds=watch)
    spent: list[float] = []
    for pause in pauses:
        watch.now += pause / a_minute
        if not budget.wait("one"):
            budget.spend("one")
            spent.append(watch.now)
    for start in spent:
        assert sum(start <= at < start + 60 for at in spent) <= 2 * a_minute


@given(a_minute=st.integers(1, 500), asked=st.integers(1, 1000))
def test_who_waits_as_long_as_told_may_ask_again(a_minute: int, asked: int) -> None:
    watch = Watch()
    budget = Budget(a_minute, seconds=watch)
    for _ in range(asked):
        if not budget.wait("one"):
            budget.spend("one")
    watch.now += budget.wait("one") + 1e-6
    assert budget.wait("one") == 0
    assert budget.wait("another") == 0


def test_what_a_budget_remembers_is_bounded() -> None:
    budget = Budget(1, seconds=Watch())
    for number in range(10_001):
        budget.spend(str(number))
    assert budget.wait("0") == 0  # forgotten
    assert budget.wait("10000") == pytest.approx(60)


def test_pages_made_for_everybody_end_in_a_page_that_says_when(stranger: TestClient) -> None:
    assert statuses(stranger, "/privacy", 6) == [200] * 5 + [429]
    answer = stranger.get("/privacy")
    assert 1 <= int(answer.headers["retry-after"]) <= 12
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_another_network_is_not_told_to_wait(
    strict: App, stranger: TestClient, make_client: Callable[..., TestClient]
) -> None:
    assert statuses(stranger, "/privacy", 6)[-1] == 429
    assert make_client(strict, peer="203.0.113.10").get("/privacy").status_code == 200


def test_a_wrong_link_costs_and_a_right_one_never(stranger: TestClient, token: str) -> None:
    page = f"/u/{token}/forwarded"
    assert set(statuses(stranger, page, 20)) == {200}
    assert statuses(stranger, "/p/1nonsense", 4) == [404, 404, 404, 429]
    for path in ("/c/1nonsense", "/links/erase/1nonsense", page):
        assert stranger.get(path).status_code == 429


def test_leaving_signing_up_and_reading_are_never_refused(stranger: TestClient, token: str) -> None:
    assert statuses(stranger, "/p/1nonsense", 4)[-1] == 429
    assert statuses(stranger, "/privacy", 6)[-1] == 429
    assert set(statuses(stranger, f"/u/{token}", 20, "POST")) == {200}
    assert set(statuses(stranger, f"/u/{token}", 20)) == {200}
    assert set(statuses(stranger, "/subscribe", 20)) == {200}
    for path in ("/", "/rss.xml", "/healthz"):
        assert set(statuses(stranger, path, 20)) == {200}


def test_passwords_cannot_be_guessed_at_will(stranger: TestClient) -> None:
    answers = [stranger.post("/admin/login", data=FORM).status_code for _ in range(4)]
    assert answers == [401, 401, 401, 429]


def test_a_program_that_guesses_tokens_is_told_in_its_own_way(
    strict: App, stranger: TestClient
) -> None:
    secret = api_tokens.create(strict, "all", frozenset(Scope))
    right = {"Authorization": f"Bearer {secret}"}
    for _ in range(20):
        assert stranger.get("/api/v1/newsletters", headers=right).status_code == 200
        assert stranger.get("/api/v1/issues/99", headers=right).status_code == 404
    assert statuses(stranger, "/api/v1/newsletters", 4) == [401, 401, 401, 429]
    answer = stranger.get("/api/v1/newsletters", headers=right)
    assert answer.status_code == 429
    assert answer.headers["content-type"] == "application/problem+json"
    assert json.loads(answer.content)["status"] == 429
    assert int(answer.headers["retry-after"]) >= 1


def test_this_machine_is_never_refused(strict: App, make_client: Callable[..., TestClient]) -> None:
    """A proxy that does not say for whom it asks would shut everybody out."""
    assert set(statuses(make_client(strict), "/privacy", 20)) == {200}


def test_behind_a_proxy_the_visitor_counts(
    strict: App, make_client: Callable[..., TestClient]
) -> None:
    trusting = replace(strict, listen=replace(strict.listen, trusted_proxies=("127.0.0.0/8",)))
    proxy = make_client(trusting)
    for visitor, expected in (("198.51.100.1", [200] * 5 + [429]), ("198.51.100.2", [200] * 5)):
        proxy.headers["x-forwarded-for"] = visitor
        assert statuses(proxy, "/privacy", len(expected)) == expected


def test_no_limit_is_a_choice(app: App, make_client: Callable[..., TestClient]) -> None:
    free = replace(app, listen=replace(app.listen, pages_a_minute=0, refusals_a_minute=0))
    client = make_client(free, peer=STRANGER)
    assert set(statuses(client, "/privacy", 200)) == {200}
    assert set(statuses(client, "/p/1nonsense", 200)) == {404}


def test_refusals_are_counted_by_route(strict: App, stranger: TestClient) -> None:
    statuses(stranger, "/privacy", 7)
    statuses(stranger, "/p/1nonsense", 4)
    found = next(one for one in metrics.collect(strict) if one.name == "rate_limited")
    assert found.samples == {("/privacy",): 2.0, ("/p/{token}",): 1.0}

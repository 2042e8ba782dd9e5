import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from publisher.domain.api_tokens import Scope
from publisher.domain.subscribers import SubscriptionStatus
from publisher.errors import StoreError
from publisher.services import api, api_tokens, signups, subscribers
from publisher.services.app import App
from publisher.web.api import DOCUMENT
from publisher.web.app import build_app
from tests.people import join, mails_to, status_of

ANN = "ann@example.org"


@pytest.fixture
def people(app: App) -> App:
    for number in range(7):
        subscribers.add(app, "weekly", email=f"r{number}@example.org", name="", source="test")
    return app


@pytest.fixture
def client(people: App) -> Iterator[TestClient]:
    with TestClient(build_app(people), base_url="http://localhost:8000") as made:
        yield made


@pytest.fixture
def key(people: App) -> dict[str, str]:
    """A token with every scope, as headers."""
    return {"Authorization": f"Bearer {api_tokens.create(people, 'all', frozenset(Scope))}"}


def operations() -> list[tuple[str, str, Scope | None]]:
    paths = json.loads(DOCUMENT.read_bytes())["paths"]
    return [
        (path, method, Scope(found[1]) if (found := re.search(r"\((\w+:\w+)\)", what)) else None)
        for path, entry in paths.items()
        for method, operation in entry.items()
        if method != "parameters"
        for what in [operation["summary"]]
    ]


def test_the_document_names_every_route_and_method(people: App) -> None:
    routes = {
        (route.path, method.lower())
        for route in build_app(people).routes
        if route.path.startswith("/api/")
        for method in route.methods - {"HEAD"}
    }
    assert routes == {(path, method) for path, method, _ in operations()}


@pytest.mark.parametrize(("path", "method", "scope"), operations())
def test_each_operation_wants_its_scope_and_no_other(
    people: App, client: TestClient, path: str, method: str, scope: Scope | None
) -> None:
    where = path.format(number=1)
    if scope is None:
        assert client.request(method, where).status_code == 200
        return
    assert client.request(method, where).status_code == 401
    assert (
        client.request(method, where, headers={"Authorization": "Bearer pub_x"}).status_code == 401
    )
    for other in Scope:
        secret = api_tokens.create(people, other.value, frozenset({other}))
        answer = client.request(method, where, headers={"Authorization": f"Bearer {secret}"})
        assert (answer.status_code == 403) is (other is not scope)


def test_a_revoked_token_ends_at_once(people: App, client: TestClient, key: dict[str, str]) -> None:
    assert client.get("/api/v1/subscribers", headers=key).status_code == 200
    api_tokens.revoke(people, "all")
    assert client.get("/api/v1/subscribers", headers=key).status_code == 401


def test_no_secret_is_kept(people: App, key: dict[str, str]) -> None:
    with people.store.read() as tx:
        dump = "\n".join(tx.connection.driver_connection.iterdump())  # type: ignore[union-attr]
    assert key["Authorization"].split()[1] not in dump


def test_pages_follow_each_other_to_the_end(client: TestClient, key: dict[str, str]) -> None:
    seen, after = [], 0
    while True:
        answer = client.get(f"/api/v1/subscribers?limit=3&after={after}", headers=key).json()
        seen += [row["email"] for row in answer["subscriptions"]]
        if answer["next"] is None:
            break
        after = answer["next"]
    assert seen == [f"r{number}@example.org" for number in range(7)]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "after=-1", "after=१", "status=gone", "email=x"]
)
def test_a_wrong_parameter_is_named(client: TestClient, key: dict[str, str], query: str) -> None:
    answer = client.get(f"/api/v1/subscribers?{query}", headers=key)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(query.split("=", maxsplit=1)[0])
    assert answer.headers["content-type"] == "application/problem+json"


def test_subscribing_goes_the_way_of_the_form(
    people: App, client: TestClient, key: dict[str, str]
) -> None:
    join(people, "known@example.org")
    body = {"newsletter": "weekly", "language": "en", "ip": "198.51.100.9"}
    answers = [
        client.post("/api/v1/subscribers", headers=key, json={"email": email, **body})
        for email in (ANN, "known@example.org", ANN)
    ]
    assert {answer.status_code for answer in answers} == {202}
    assert {answer.content for answer in answers} == {b'{"accepted":true}'}
    signups.work_off(people)
    assert status_of(people, ANN) is SubscriptionStatus.PENDING
    assert len(mails_to(people, ANN)) == 1
    assert subscribers.evidence(people, ANN)[0].evidence.ip == "198.51.100.9"


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b"\xff", b"[" * 5000, b'{"email": 1, "newsletter": "weekly"}',
     b'{"email": "a@example.org"}', b'{"email": "a", "newsletter": "weekly"}',
     b'{"email": "a@example.org", "newsletter": "weekly", "admin": true}',
     b'{"email": "a@example.org", "newsletter": "weekly", "ip": "x"}',
     b'{"email": "a@example.org", "newsletter": "weekly", "ip": "fe80::1%x"}',
     b'{"email": "a@example.org", "newsletter": "weekly", "ip": "fe80::1%\\ud800"}',
     b'{"email": "a@example.org", "newsletter": "weekly", "language": "en-\\ud800"}',
     b'{"email": "a@example.org", "newsletter": "weekly", "frequency": "\\udfff"}'],
)  # fmt: skip
def test_a_wrong_body_is_refused_with_a_reason(
    client: TestClient, key: dict[str, str], body: bytes
) -> None:
    answer = client.post("/api/v1/subscribers", headers=key, content=body)
    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_a_newsletter_that_is_not_offered_is_not_there(
    client: TestClient, key: dict[str, str]
) -> None:
    body = {"email": ANN, "newsletter": "none"}
    assert client.post("/api/v1/subscribers", headers=key, json=body).status_code == 404


def test_unsubscribing_may_be_repeated(
    people: App, client: TestClient, key: dict[str, str]
) -> None:
    for _ in range(2):
        answer = client.post("/api/v1/subscribers/1/unsubscribe", headers=key)
        assert answer.status_code == 200
        assert answer.json()["status"] == "unsubscribed"
    assert client.post("/api/v1/subscribers/99/unsubscribe", headers=key).status_code == 404


def test_what_is_not_there_is_404(client: TestClient, key: dict[str, str]) -> None:
    for path in ("subscribers/99", "subscribers/x", "issues/99", "issues/99/deliveries",
                 "issues/9999999999999999999"):  # fmt: skip
        answer: Any = client.get(f"/api/v1/{path}", headers=key)
        assert answer.status_code == 404, path
        assert answer.json()["status"] == 404


def test_a_browser_of_another_site_cannot_use_it(
    client: TestClient, key: dict[str, str], people: App
) -> None:
    headers = key | {"Sec-Fetch-Site": "cross-site"}
    answer = client.post("/api/v1/subscribers/1/unsubscribe", headers=headers)
    assert answer.status_code == 403
    wanted: Callable[[], Any] = lambda: subscribers.listing(people)[0].status  # noqa: E731
    assert wanted() is SubscriptionStatus.CONFIRMED


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/api/v1/subscribers", 413),
        ("GET", "/api/v1/nowhere", 404),
        ("DELETE", "/api/v1/subscribers", 405),
    ],
)
def test_every_problem_is_told_in_the_form_of_programs(
    client: TestClient, key: dict[str, str], method: str, path: str, status: int
) -> None:
    answer = client.request(method, path, content=b"x" * 70_000, headers=key)
    assert answer.status_code == answer.json()["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


def test_a_failing_database_is_told_in_the_form_of_programs(
    client: TestClient, key: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(api, "newsletters", fail)
    answer = client.get("/api/v1/newsletters", headers=key)
    assert answer.status_code == answer.json()["status"] == 503
    assert "disk" not in answer.text

import logging
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from publisher.domain.permalinks import each_address_once
from publisher.errors import Conflict, InvalidAddress, NotFound, PublisherError, StoreError
from publisher.services import subscribers
from publisher.services.app import App
from publisher.web.app import build_app
from publisher.web.security import PAGE_POLICY
from tests.factories import make_post

GUARDS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "strict-transport-security": "max-age=31536000",
}

PUBLISHED = {"/", "/feeds/", "/assets/page.css", "/rss.xml", "/atom.xml", "/feed.json",
             "/no/such/page"}  # fmt: skip
"""Paths that are answered from the output folder, as far as there is a file."""


def requests(token: str) -> list[tuple[str, str, int]]:
    """Method, path and expected status: every route, and every kind of error."""
    return [
        ("GET", "/", 200),
        ("GET", "/feeds/", 200),
        ("GET", "/assets/page.css", 200),
        ("GET", "/rss.xml", 200),
        ("GET", "/atom.xml", 200),
        ("GET", "/feed.json", 200),
        ("GET", "/healthz", 200),
        ("GET", "/admin", 303),
        ("GET", "/admin/login", 200),
        ("POST", "/admin/login", 401),
        ("GET", f"/admin/first/{token}", 404),
        ("POST", f"/admin/first/{token}", 404),
        ("POST", "/admin/logout", 401),
        ("POST", "/admin/resume", 401),
        ("POST", "/admin/issues/1/skip", 401),
        ("POST", "/admin/issues/1/retry/failed", 401),
        ("GET", "/admin/plots/joins.csv", 303),
        ("GET", "/readyz", 503),  # no worker is at work here
        ("GET", f"/u/{token}", 200),
        ("POST", f"/u/{token}", 200),
        ("GET", "/u/1nonsense", 404),
        ("POST", "/u/1nonsense", 404),
        ("GET", f"/u/{token}/forwarded", 200),
        ("POST", f"/u/{token}/pause", 200),
        ("POST", f"/u/{token}/less", 200),  # who has left is told so
        ("POST", f"/u/{token}/again", 200),
        ("GET", "/subscribe", 200),
        ("POST", "/subscribe", 422),
        ("POST", "/subscribe/start", 200),
        ("GET", "/privacy", 200),
        ("GET", f"/c/{token}", 404),
        ("POST", f"/c/{token}", 404),
        ("GET", f"/p/{token}", 404),
        ("POST", f"/p/{token}", 404),
        ("POST", f"/p/{token}/link", 404),
        ("GET", f"/links/erase/{token}", 404),
        ("POST", f"/links/erase/{token}", 404),
        ("GET", "/api/v1/openapi.json", 200),
        ("GET", "/api/v1/newsletters", 401),
        ("GET", "/api/v1/subscribers", 401),
        ("POST", "/api/v1/subscribers", 401),
        ("GET", "/api/v1/subscribers/1", 401),
        ("POST", "/api/v1/subscribers/1/unsubscribe", 401),
        ("GET", "/api/v1/issues", 401),
        ("GET", "/api/v1/issues/1", 401),
        ("GET", "/api/v1/issues/1/deliveries", 401),
        ("GET", "/inbox", 200),
        ("GET", "/inbox/k1", 200),
        ("GET", "/inbox/k1/html", 200),
        ("GET", "/inbox/k1/source", 200),
        ("GET", "/inbox/nothing", 404),
        ("GET", "/preview", 409),  # there is no post in these tests
        ("GET", "/preview/weekly", 409),
        ("GET", "/preview/weekly/light", 409),
        ("GET", "/preview/weekly/pink", 404),
        ("GET", "/preview/stamp", 200),
        ("GET", "/preview/reload.js", 200),
        ("GET", "/no/such/page", 404),
        ("POST", "/", 405),
        ("POST", "/inbox", 405),
        ("DELETE", f"/u/{token}", 405),
        ("OPTIONS", "/rss.xml", 405),
    ]


def test_every_answer_carries_the_guarding_headers(client: TestClient, token: str) -> None:
    for method, path, status in requests(token):
        answer = client.request(method, path)
        assert (answer.status_code, method, path) == (status, method, path)
        assert {name: answer.headers.get(name) for name in GUARDS} == GUARDS, path
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert path == "/feeds/" or "script-src" not in policy
        assert "set-cookie" not in answer.headers


def test_the_list_of_requests_names_every_route(app: App, token: str) -> None:
    covered = {path for _, path, _ in requests(token)}
    shapes = {getattr(route, "path", "") for route in build_app(app).routes}
    filled = {
        shape.replace(":path", "")
        .replace(":int", "")
        .format(
            token=token,
            key="k1",
            newsletter="weekly",
            look="light",
            kind="erase",
            number=1,
            issue=1,
            status="failed",
            verb="skip",
            plot="joins",
        )
        for shape in shapes
        if not shape.startswith("/{path:")
    }
    assert filled <= covered


def test_no_post_lives_where_a_route_answers_instead(app: App, token: str) -> None:
    paths = {path for method, path, _ in requests(token) if method == "GET"}
    ours = {path for path in paths if path not in PUBLISHED}
    posts = [make_post(path=path, url=app.site.link(path)) for path in sorted(ours)]
    homeless = {failed.path for failed in each_address_once(posts, app.site)[1]}
    assert homeless == ours


@pytest.mark.parametrize("path", ["p/hello.html", "u/a/b.html", "c/index.html", "u/a/index.html"])
def test_a_page_is_shown_whatever_route_it_resembles(
    client: TestClient, app: App, path: str
) -> None:
    file = app.folders.output / path
    file.parent.mkdir(parents=True)
    file.write_text("<p>Hello.</p>")
    answer = client.get("/" + path.removesuffix("index.html"))
    assert (answer.status_code, answer.text) == (200, "<p>Hello.</p>")


def test_only_the_inbox_and_the_copy_buttons_depart_from_the_policy(
    client: TestClient, token: str
) -> None:
    for method, path, _ in requests(token):
        policy = client.request(method, path).headers["content-security-policy"]
        if path not in {"/inbox/k1", "/inbox/k1/html", "/feeds/"}:
            assert policy == PAGE_POLICY, path


def test_a_site_without_https_does_not_ask_for_it(
    make_app: Callable[..., App], make_client: Callable[..., TestClient], site: Callable[..., Any]
) -> None:
    plain = make_client(make_app(site=site(base_url="http://localhost:8000")))
    assert "strict-transport-security" not in plain.get("/").headers


@pytest.mark.parametrize("host", ["evil.com", "example.org.evil.com", "", "exa mple.org", "[::1"])
def test_a_foreign_host_is_refused_on_every_route(
    client: TestClient, token: str, host: str
) -> None:
    for method, path, _ in requests(token):
        answer = client.request(method, path, headers={"Host": host})
        assert answer.status_code == 400
        assert answer.headers["content-security-policy"] == PAGE_POLICY
        assert not host or host not in answer.text


@pytest.mark.parametrize(
    "host", ["example.org", "EXAMPLE.org:443", "localhost:8000", "127.0.0.1", "[::1]:8000"]
)
def test_our_own_names_are_served(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"Host": host}).status_code == 200


def test_a_refused_method_says_which_are_allowed(client: TestClient, token: str) -> None:
    answer = client.delete(f"/u/{token}")
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFound("page", "x"), 404),
        (Conflict("issue", "7", "is sent"), 409),
        (InvalidAddress("x", "needs exactly one @"), 422),
        (StoreError("disk is full"), 503),
        (PublisherError("something else"), 500),
        (RuntimeError("a bug"), 500),
    ],
)
def test_an_error_becomes_a_page_that_tells_nothing(
    client: TestClient, token: str, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    def fail(_app: App, _token: str) -> None:
        raise error

    monkeypatch.setattr(subscribers, "find_by_token", fail)
    answer = client.get(f"/u/{token}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert str(error) not in answer.text
    assert GUARDS.items() <= dict(answer.headers).items()


def test_a_failure_is_logged_without_the_path(
    client: TestClient,
    token: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(_app: App, _token: str) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(subscribers, "find_by_token", fail)
    with caplog.at_level(logging.ERROR, logger="publisher"):
        client.get(f"/u/{token}")
    (record,) = caplog.records
    assert record.message == "request.failed"
    assert vars(record)["handler"] == "Leaving.handle"
    assert token not in caplog.text


def test_the_process_says_that_it_is_alive(client: TestClient) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from publisher.services.app import App

PATHS = ("/inbox", "/inbox/k1", "/inbox/k1/html", "/inbox/k1/source")


def test_the_list_leads_to_each_mail(client: TestClient) -> None:
    page = client.get("/inbox").text
    assert 'href="/inbox/k1"' in page
    assert "alice@example.org" in page


@pytest.mark.parametrize(
    ("view", "shown"),
    [
        ("html", 'src="/inbox/k1/html"'),
        ("text", "in the text"),
        ("headers", "post@example.org"),
        ("source", "in the source"),
        ("nonsense", 'src="/inbox/k1/html"'),
    ],
)
def test_a_mail_can_be_looked_at_in_four_ways(client: TestClient, view: str, shown: str) -> None:
    page = client.get(f"/inbox/k1?view={view}")
    assert shown in page.text
    assert "in the letter" not in page.text
    assert "frame-src 'self'" in page.headers["content-security-policy"]


def test_the_html_of_a_mail_is_sandboxed(client: TestClient) -> None:
    answer = client.get("/inbox/k1/html")
    policy = answer.headers["content-security-policy"]
    assert "in the letter" in answer.text
    assert policy.startswith("sandbox allow-popups")
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert "frame-ancestors 'self'" in policy
    assert answer.headers["cache-control"] == "no-store"


def test_the_source_is_plain_text(client: TestClient) -> None:
    answer = client.get("/inbox/k1/source")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.content.endswith(b"in the source")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("peer", ["192.0.2.7", "2001:db8::1", "unknown"])
def test_the_inbox_is_shown_on_this_machine_only(
    make_client: Callable[..., TestClient], app: App, path: str, peer: str
) -> None:
    assert make_client(app, peer=peer).get(path).status_code == 404


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.0.0.2", "::1"])
def test_every_loopback_address_is_this_machine(
    make_client: Callable[..., TestClient], app: App, peer: str
) -> None:
    assert make_client(app, peer=peer).get("/inbox").status_code == 200


@pytest.mark.parametrize("mark", ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"])
def test_a_proxy_on_this_machine_does_not_open_the_inbox(client: TestClient, mark: str) -> None:
    assert client.get("/inbox", headers={mark: "192.0.2.7"}).status_code == 404


@pytest.mark.parametrize("path", PATHS)
def test_with_a_relay_there_is_no_inbox(
    make_app: Callable[..., App], make_client: Callable[..., TestClient], path: str
) -> None:
    client = make_client(make_app(relays=(object(),)))
    assert client.get(path).status_code == 404


def test_hostile_headers_are_shown_and_not_obeyed(client: TestClient, mails: Any) -> None:
    mails["k1"].headers.insert(0, ("Subject", "<script>\x00\u202egnp.exe"))
    for view in ("html", "headers"):
        page = client.get(f"/inbox/k1?view={view}").text
        assert "&lt;script&gt;⟨0000⟩⟨202E⟩gnp.exe" in page
        assert "<script" not in page

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from publisher.domain.subscribers import SubscriptionStatus
from publisher.domain.tokens import Purpose, make_token

BODIES = {
    "urlencoded": {"data": {"List-Unsubscribe": "One-Click"}},
    "multipart": {"files": {"List-Unsubscribe": (None, "One-Click")}},
    "empty": {},
    "a megabyte": {"content": b"x" * 1_000_000},
    "malformed": {"content": b"%%", "headers": {"Content-Type": "multipart/form-data"}},
}
SENDERS = {
    "no cookie": {},
    "cookie": {"Cookie": "session=1"},
    "foreign origin": {"Origin": "https://mail.example.net"},
    "foreign site": {"Sec-Fetch-Site": "cross-site"},
}


@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize("body", BODIES)
def test_one_click_always_works(
    client: TestClient, desk: Any, token: str, body: str, sender: str
) -> None:
    options: dict[str, Any] = dict(BODIES[body])
    options["headers"] = options.get("headers", {}) | SENDERS[sender]
    first = client.post(f"/u/{token}", **options)
    second = client.post(f"/u/{token}", **options)
    assert first.status_code == second.status_code == 200
    assert first.content == second.content
    assert "location" not in first.headers
    assert "set-cookie" not in first.headers
    assert first.headers["content-type"] == "text/plain; charset=utf-8"
    assert desk.rows[1].status is SubscriptionStatus.UNSUBSCRIBED
    assert desk.rows[2].status is SubscriptionStatus.CONFIRMED
    assert desk.changes == 1


def test_a_reader_who_presses_the_button_sees_a_page(client: TestClient, token: str) -> None:
    answer = client.post(f"/u/{token}", headers={"Accept": "text/html,*/*;q=0.8"})
    assert answer.status_code == 200
    assert "will no longer receive Friday Lamp" in answer.text
    assert "reader1@example.org" not in answer.text


def test_the_page_has_one_button_that_leaves_and_a_masked_address(
    client: TestClient, token: str
) -> None:
    page = client.get(f"/u/{token}")
    assert len(re.findall(r'<form method="post">', page.text)) == 1
    assert page.text.index("<button") > page.text.index('<form method="post">')
    assert "r…1@example.org" in page.text
    assert "reader1@" not in page.text
    assert "Friday Lamp" in page.text
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-robots-tag"] == "noindex"


def test_opening_the_page_leaves_the_subscription_alone(
    client: TestClient, desk: Any, token: str
) -> None:
    for method in ("GET", "HEAD", "OPTIONS"):
        client.request(method, f"/u/{token}")
    assert desk.rows[1].status is SubscriptionStatus.CONFIRMED


def test_who_has_left_is_promised_no_pause(client: TestClient, desk: Any, token: str) -> None:
    client.post(f"/u/{token}")
    for instead in ("pause", "less"):  # the buttons of a page that lay open
        page = client.post(f"/u/{token}/{instead}", headers={"Accept": "text/html"})
        assert "will no longer receive Friday Lamp" in page.text
    assert desk.rows[1].paused_until is None


def test_who_has_left_is_told_so(client: TestClient, token: str) -> None:
    client.post(f"/u/{token}")
    page = client.get(f"/u/{token}").text
    assert page.count("<button") == 1
    assert f'action="/u/{token}/again"' in page


def test_a_newsletter_no_longer_configured_can_still_be_left(
    client: TestClient, desk: Any, token: str
) -> None:
    from dataclasses import replace

    desk.rows[1] = replace(desk.rows[1], newsletter="gone")
    assert client.get(f"/u/{token}").status_code == 200
    assert client.post(f"/u/{token}").status_code == 200


@pytest.mark.parametrize(
    "bad",
    [
        "1",
        "x",
        "%E4%B8%AD%E6%96%87",
        "%FF%FE",
        "1" + "A" * 23,
        "1" * 5000,
        "..%2F..%2Fetc%2Fpasswd",
        "1%00",
        make_token(b"other key", Purpose.UNSUBSCRIBE, 1),
    ],
)
def test_every_bad_token_gets_the_same_page(client: TestClient, bad: str) -> None:
    expected = client.get("/u/1nonsense")
    for answer in (client.get(f"/u/{bad}"), client.post(f"/u/{bad}")):
        assert answer.status_code == 404
        assert answer.content == expected.content


@pytest.mark.parametrize("accept", ["*/*", "text/html,*/*;q=0.8"])
def test_a_link_of_ours_ends_what_is_gone_already(client: TestClient, accept: str) -> None:
    gone = make_token(b"k" * 32, Purpose.UNSUBSCRIBE, 999)
    answer = client.post(f"/u/{gone}", headers={"Accept": accept})
    assert (answer.status_code, answer.text) == (200, "unsubscribed\n")
    assert client.get(f"/u/{gone}").content == client.get("/u/1nonsense").content


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_no_mutated_token_is_accepted(
    client: TestClient, desk: Any, token: str, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789-_"))
    mutated = token[:place] + letter + token[place + 1 :]
    if mutated != token:
        assert client.post(f"/u/{mutated}").status_code == 404
        assert desk.changes == 0

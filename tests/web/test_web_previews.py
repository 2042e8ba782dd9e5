"""The preview in the browser."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from publisher.content.loader import ContentOptions
from publisher.services.app import App
from publisher.store.engine import open_store
from publisher.web.app import build_app
from tests.factories import NOW, make_newsletter, make_site


@pytest.fixture
def site(make_app: Callable[..., App], tmp_path: Path) -> Iterator[App]:
    content = tmp_path / "content"
    content.mkdir()
    (content / "one.md").write_text("---\ntitle: One\ndate: 2025-10-02\n---\nWords.\n")
    store = open_store(tmp_path / "var" / "publisher.db")
    options = ContentOptions(
        folder=content,
        dialect="hexo",
        zone=make_site().zone,
        base_url="http://localhost:8080",
        language="en",
    )
    yield make_app(
        site=make_site(),
        newsletters=(make_newsletter(), make_newsletter(id="daily", title="Daily")),
        content=options,
        store=store,
        clock=lambda: NOW,
    )
    store.close()


@pytest.fixture
def browser(site: App) -> TestClient:
    app = build_app(site)
    return TestClient(app, base_url="http://localhost", client=("127.0.0.1", 5))


def test_the_page_shows_five_frames_with_sizes(browser: TestClient) -> None:
    answer = browser.get("/preview")
    assert answer.status_code == 200
    assert answer.text.count("<iframe") == 5
    assert "Lighthouse Weekly: One" in answer.text
    assert "kB as sent" in answer.text
    assert "/preview/daily" in answer.text


@pytest.mark.parametrize(
    ("look", "there", "gone"),
    [
        ("light", "(max-width: 0px)", "prefers-color-scheme: dark"),
        ("dark", "(min-width: 0px)", "prefers-color-scheme: dark"),
        ("bare", "Words.", "<style"),
    ],
)
def test_a_frame_shows_the_letter_as_some_client_does(
    browser: TestClient, look: str, there: str, gone: str
) -> None:
    answer = browser.get(f"/preview/daily/{look}")
    assert there in answer.text
    assert gone not in answer.text
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "script-src" not in answer.headers["content-security-policy"]


def test_the_stamp_changes_when_a_post_does(browser: TestClient, site: App) -> None:
    before = browser.get("/preview/stamp").text
    assert f'data-stamp="{before}"' in browser.get("/preview").text
    (site.content.folder / "two.md").write_text("---\ntitle: Two\ndate: 2025-10-03\n---\nMore.\n")
    assert browser.get("/preview/stamp").text != before
    assert "Two" in browser.get("/preview").text


def test_only_this_page_may_run_a_script_and_only_our_own(browser: TestClient) -> None:
    policy = browser.get("/preview").headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "javascript" in browser.get("/preview/reload.js").headers["content-type"]
    assert "script-src" not in browser.get("/").headers["content-security-policy"]


@pytest.mark.parametrize(
    "path", ["/preview", "/preview/stamp", "/preview/daily", "/preview/daily/dark"]
)
def test_nobody_else_sees_it(site: App, path: str) -> None:
    stranger = TestClient(build_app(site), base_url="http://localhost", client=("192.0.2.1", 5))
    assert stranger.get(path).status_code == 404


def test_what_is_not_there_is_not_found(browser: TestClient) -> None:
    assert browser.get("/preview/none").status_code == 404
    assert browser.get("/preview/daily/pink").status_code == 404

"""The operator page in a real browser: log in, look, approve, send again; no script, no fault."""

import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest

from publisher.bootstrap import open_app
from publisher.services import admins
from tests.acceptance.conftest import configure, eventually, inbox
from tests.acceptance.test_browser import Reader, browser

__all__ = ["browser"]

pytestmark = pytest.mark.acceptance

PASSWORD = "a lamp in every window"
SAID = {
    "en": {"log_in": "Log in", "approve": "Send it", "again": "Send again to 1", "out": "Log out"},
    "zh": {"log_in": "登录", "approve": "寄出", "again": "重寄给失败的 1", "out": "退出"},
}


@pytest.fixture(params=SAID)
def language(request: pytest.FixtureRequest) -> str:
    wanted: str = request.param
    return wanted


@pytest.fixture
def site(site: Path, language: str) -> Path:
    """The sample site with an operator, whose issues wait for approval."""
    configure(
        site,
        ("approval = false", "approval = true"),
        ('[operator]\naddress = ""', '[operator]\naddress = "operator@example.org"'),
        ('language = ""  # of those mails', f'language = "{language}"  # of those mails'),
    )
    with open_app(site / "config.toml") as app:
        admins.add(app, "ann", PASSWORD)
    return site


def recipients(site: Path) -> list[str]:
    return [mail["To"].addresses[0].addr_spec for mail in inbox(site)]


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_an_operator_logs_in_looks_and_decides(
    browser: Any,  # a fixture
    daemon: tuple[subprocess.Popen[str], str],
    site: Path,
    language: str,
    size: str,
) -> None:
    said = SAID[language]
    eventually(lambda: recipients(site) == ["operator@example.org"])
    operator = Reader(browser, daemon[1], language=language, size=size)
    page = operator.page

    operator.open("/admin")
    assert page.url.endswith("/admin/login")
    page.fill("#name", "ann")
    page.fill("#password", PASSWORD)
    page.get_by_role("button", name=said["log_in"], exact=True).click()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        operator.look()
    for summary in page.locator("summary").all():
        summary.click()
    operator.look()

    page.get_by_role("button", name=said["approve"], exact=True).click()
    eventually(lambda: len(recipients(site)) == 4)
    with sqlite3.connect(site / "var" / "publisher.db") as raw:
        raw.execute("UPDATE deliveries SET status = 'failed' WHERE id = 1")
    raw.close()
    operator.open("/admin")
    page.get_by_role("button", name=said["again"]).click()
    eventually(lambda: len(recipients(site)) == 5)

    page.get_by_role("button", name=said["out"], exact=True).click()
    operator.look()
    operator.open("/admin")
    assert page.url.endswith("/admin/login")
    assert operator.console == []
    operator.context.close()

"""A reader in a real browser: sign up, confirm, receive, choose, leave, be erased."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import configure, eventually, inbox

sync_api = pytest.importorskip("playwright.sync_api", reason="`make acceptance` installs it")
axe_module = pytest.importorskip("axe_playwright_python.sync_playwright")

pytestmark = pytest.mark.acceptance

SIZES = {"desk": (1100, 800), "phone": (375, 740)}
WORDS = {
    "en": {
        "subscribe": "Subscribe",
        "asked": "Please look into your mailbox",
        "confirm": "Confirm",
        "welcome": "Welcome",
        "save": "Save",
        "pause": "Pause for 30 days",
        "paused": "paused until",
        "unsubscribe": "Unsubscribe",
        "less": "Less often",
        "left": "Unsubscribed",
        "erase": "Erase my data",
        "do_erase": "Erase",
        "erased": "Erased",
    },
    "zh": {
        "subscribe": "订阅",
        "asked": "请查看邮箱",
        "confirm": "确认",
        "welcome": "欢迎",
        "save": "保存",
        "pause": "暂停 30 天",
        "paused": "暂停至",
        "unsubscribe": "退订",
        "less": "已改为少寄",
        "left": "已退订",
        "erase": "删除我的数据",
        "do_erase": "删除",
        "erased": "已删除",
    },
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "chromium is not installed"
    with sync_api.sync_playwright() as play:
        made = play.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield made
        made.close()


def mail_to(site: Path, email: str, says: str) -> EmailMessage:
    """The mail to an address in whose subject or text this stands, once it is there.

    Lanes do not wait for each other: a welcome may come behind the first issue.
    """

    def found() -> list[EmailMessage]:
        theirs = [mail for mail in inbox(site) if mail["To"].addresses[0].addr_spec == email]
        return [mail for mail in theirs if says in f"{mail['Subject']}\n{text_of(mail)}"]

    eventually(lambda: bool(found()))
    return found()[0]


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def write_post(site: Path, title: str) -> None:
    """A post of this minute; the daemon sees it appear."""
    head = f"title: {title}\ndate: {datetime.now(UTC):%Y-%m-%d %H:%M:%S}+00:00\ntags: [craft]"
    path = site / "content" / f"{title.replace(' ', '-')}.md"
    path.write_text(f"---\n{head}\n---\n\nIt burns.\n", encoding="utf-8")


def path_in(mail: EmailMessage, kind: str) -> str:
    found = re.search(rf"/{kind}/[A-Za-z0-9_-]+", text_of(mail))
    assert found, text_of(mail)
    return found[0]


class Reader:
    """One window of a browser, what its console said, and an eye for faults."""

    def __init__(self, browser: Any, address: str, *, language: str, size: str) -> None:
        width, height = SIZES[size]
        self.width, self.address, self.words = width, address, WORDS[language]
        self.context = browser.new_context(viewport={"width": width, "height": height})
        self.page = self.context.new_page()
        self.console: list[str] = []
        self._is_looking = False
        self.page.on("console", lambda message: self._hear(message.text))
        self.page.on("pageerror", lambda error: self._hear(str(error)))

    def open(self, path: str) -> None:
        """Opens a page and looks at it."""
        self.page.goto(self.address + path)
        self.look()

    def press(self, name: str) -> None:
        """Presses a button by what it says, and looks at what comes."""
        self.page.get_by_role("button", name=self.words[name], exact=True).click()
        self.look()

    def sees(self, name: str, where: str = "h1") -> bool:
        return self.words[name] in self.page.inner_text(where)

    def look(self) -> None:
        """No fault that axe calls serious, nothing wider than the window."""
        self._is_looking = True  # what axe itself does is no fault of the page
        found = axe_module.Axe().run(self.page)
        self._is_looking = False
        serious = [
            (fault["id"], [node["html"] for node in fault["nodes"]])
            for fault in found.response["violations"]
            if fault["impact"] in {"serious", "critical"}
        ]
        assert serious == [], self.page.url
        assert self.page.evaluate("document.documentElement.scrollWidth") <= self.width

    def _hear(self, text: str) -> None:
        if not self._is_looking:
            self.console.append(text)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", WORDS)
def test_a_reader_comes_chooses_and_goes(
    browser: Any,
    daemon: tuple[subprocess.Popen[str], str],
    site: Path,
    language: str,
    size: str,
) -> None:
    eventually((site / "public" / "index.html").exists)  # the first build is done
    email = f"{language}-{size}@example.org"
    reader = Reader(browser, daemon[1], language=language, size=size)

    reader.open(f"/subscribe?lang={language}")
    reader.page.fill("#email", email)
    reader.page.select_option("#frequency", "instant")
    reader.page.wait_for_timeout(3200)  # people need that long, and the form knows
    reader.press("subscribe")
    assert reader.sees("asked")

    reader.open(path_in(mail_to(site, email, "/c/"), "c"))
    reader.press("confirm")
    assert reader.sees("welcome")

    write_post(site, f"Lamp of {language} {size}")
    issue = mail_to(site, email, f"Lamp of {language} {size}")
    preferences, leave = path_in(issue, "p"), path_in(issue, "u")
    reader.open(preferences)
    for days, is_paused in (("30", True), ("0", False)):
        reader.page.select_option("#pause", days)
        reader.press("save")
        assert reader.sees("paused", "main") is is_paused

    instant, monthly, craft = (
        f"input[name={name}][value={value}]"
        for name, value in (
            ("frequency-weekly", "instant"),
            ("frequency-weekly", "monthly"),
            ("topic-weekly", "craft"),
        )
    )
    assert reader.page.is_checked(instant)  # as asked for at the form
    for wanted in (monthly, instant):
        reader.page.check(wanted)
        reader.page.check(craft)
        reader.press("save")
        assert reader.page.is_checked(wanted)
        assert reader.page.is_checked(craft)

    reader.open(leave)
    reader.page.click("form[action$='/less'] button")
    reader.look()
    assert reader.sees("less")
    if size == "desk":
        reader.open(leave)
        reader.press("unsubscribe")
        assert reader.sees("left")
    else:  # the button that the mail program draws
        one_click = {"data": "List-Unsubscribe=One-Click", "max_redirects": 0}
        answer = reader.context.request.post(reader.address + leave, **one_click)
        assert (answer.status, answer.text()) == (200, "unsubscribed\n")
        reader.open(leave)
        assert reader.page.get_by_role("button", name=reader.words["unsubscribe"]).count() == 0

    reader.open(preferences)
    reader.press("erase")
    reader.open(path_in(mail_to(site, email, "/links/erase/"), "links/erase"))
    reader.press("do_erase")
    assert reader.sees("erased")
    for path in ("/", f"/privacy?lang={language}", "/feeds/"):
        reader.open(path)
    assert reader.console == []
    assert reader.page.goto(reader.address + preferences).status == 404
    reader.context.close()


def test_an_issue_has_the_links_and_one_click_ends_it(
    browser: Any, daemon: tuple[subprocess.Popen[str], str], site: Path
) -> None:
    _, address = daemon
    issue = mail_to(site, "ann@example.org", "/u/")
    leave = path_in(issue, "u")
    context = browser.new_context()
    answer = context.request.post(address + leave, data="List-Unsubscribe=One-Click")
    assert answer.status == 200
    assert answer.text() == "unsubscribed\n"
    page = context.new_page()
    page.goto(address + leave)
    assert page.get_by_role("button").count() == 1
    context.close()


@pytest.fixture
def asks_for_work(site: Path) -> None:
    configure(site, ("work_bits = 0", "work_bits = 12"))


def test_a_browser_computes_before_it_signs_up(
    browser: Any,
    asks_for_work: None,
    daemon: tuple[subprocess.Popen[str], str],
    site: Path,
) -> None:
    eventually((site / "public" / "assets" / "work.js").exists)
    reader = Reader(browser, daemon[1], language="en", size="phone")
    reader.open("/subscribe?lang=en")
    reader.page.fill("#email", "worker@example.org")
    reader.page.wait_for_timeout(3200)
    reader.page.get_by_role("button", name="Subscribe", exact=True).click()
    reader.page.wait_for_selector("h1:has-text('Please look into your mailbox')")
    reader.look()
    assert reader.sees("asked")
    assert path_in(mail_to(site, "worker@example.org", "/c/"), "c")
    assert reader.console == []
    reader.context.close()

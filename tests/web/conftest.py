from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from starlette.testclient import TestClient

from publisher.domain.newsletters import Cadence, Newsletter, Schedule
from publisher.domain.sites import Person, Site
from publisher.domain.subscribers import Subscription, SubscriptionStatus
from publisher.domain.tokens import Purpose, make_token, read_token
from publisher.errors import InvalidToken, NotFound
from publisher.render.templates import Templates
from publisher.services import inbox, subscribers
from publisher.services.app import App, FeedOptions, Folders, Listen, LogOptions
from publisher.services.documents import OutputFile, publish
from publisher.store.engine import open_store
from publisher.web.app import build_app

KEY = b"k" * 32
NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")


SMALL_SITE = [
    OutputFile(path="index.html", data=b"<!doctype html><title>front</title>"),
    OutputFile(path="feeds/index.html", data=b"<!doctype html><title>feeds</title>"),
    OutputFile(path="assets/page.css", data=b"a {}"),
    OutputFile(path="rss.xml", data=b"<rss/>", max_age=900, is_packed=True),
    OutputFile(path="atom.xml", data=b"<feed/>", max_age=900, is_packed=True),
    OutputFile(path="feed.json", data=b"{}", max_age=900, is_packed=True),
]


@dataclass
class Desk:
    """Stands in for the services of subscriptions; counts what was changed."""

    rows: dict[int, Subscription] = field(default_factory=dict)
    changes: int = 0

    def find_by_token(self, app: App, token: str) -> Subscription:
        row = self.rows.get(read_token(app.site_key, Purpose.UNSUBSCRIBE, token))
        if row is None:
            raise InvalidToken
        return row

    def unsubscribe(self, app: App, token: str) -> Subscription:
        row = self.find_by_token(app, token)
        self.changes += row.status is SubscriptionStatus.CONFIRMED
        self.rows[row.id] = replace(row, status=SubscriptionStatus.UNSUBSCRIBED)
        return self.rows[row.id]


@dataclass(frozen=True, kw_only=True)
class Mail:
    key: str
    at: datetime = NOW
    sender: str = "post@example.org"
    recipient: str = "alice@example.org"
    subject: str = "The week"
    size: int = 2048


@dataclass(frozen=True, kw_only=True)
class Parts:
    headers: list[tuple[str, str]]
    html: str
    text: str


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    fake = Desk()
    for number in (1, 2):
        fake.rows[number] = Subscription(
            id=number,
            subscriber=number,
            address=f"reader{number}@example.org",
            name="",
            newsletter="weekly",
            status=SubscriptionStatus.CONFIRMED,
            changed_at=NOW,
        )
    monkeypatch.setattr(subscribers, "find_by_token", fake.find_by_token)
    monkeypatch.setattr(subscribers, "unsubscribe", fake.unsubscribe)
    return fake


@pytest.fixture
def token() -> str:
    return make_token(KEY, Purpose.UNSUBSCRIBE, 1)


@pytest.fixture
def mails(monkeypatch: pytest.MonkeyPatch) -> dict[str, Parts]:
    """What the inbox holds, by key."""
    held = {
        "k1": Parts(
            headers=[("From", "post@example.org"), ("To", "alice@example.org"), ("Subject", "Hi")],
            html="<html><head></head><body><p>in the letter</p></body></html>",
            text="in the text",
        )
    }

    def read(_app: App, key: str) -> bytes:
        if key not in held:
            raise NotFound("mail", key)
        return f"X-Key: {key}\r\n\r\nin the source".encode()

    def parts(data: bytes) -> Parts:
        return held[data.decode().splitlines()[0].removeprefix("X-Key: ")]

    monkeypatch.setattr(inbox, "listing", lambda _app: [Mail(key=key) for key in held])
    monkeypatch.setattr(inbox, "read", read)
    monkeypatch.setattr(inbox, "parts", parts)
    return held


@pytest.fixture
def make_app(tmp_path: Path) -> Iterator[Callable[..., App]]:
    """Makes an `App` whose output folder holds a small site."""
    store = open_store(tmp_path / "var" / "publisher.db")

    def make(**changes: Any) -> App:
        values: dict[str, Any] = {
            "site": make_site(),
            "newsletters": (make_newsletter(),),
            "content": None,
            "feeds": FeedOptions(entries=20, full=True),
            "relay": None,
            "store": store,
            "templates": Templates(),
            "clock": lambda: NOW,
            "site_key": KEY,
            "folders": Folders(root=tmp_path, state=tmp_path / "var", output=tmp_path / "public"),
            "listen": Listen(host="127.0.0.1", port=0),
            "log": LogOptions(level="info", format="text"),
        }
        app = App(**(values | changes))
        publish(app, SMALL_SITE, now=NOW)
        return app

    yield make
    store.close()


@pytest.fixture
def app(make_app: Callable[..., App]) -> App:
    return make_app()


@pytest.fixture
def make_client(desk: Desk, mails: dict[str, Parts]) -> Callable[..., TestClient]:
    """Opens an app as a peer at this address would, with the services replaced."""

    def make(app: App, *, peer: str = "127.0.0.1") -> TestClient:
        return TestClient(
            build_app(app),
            base_url="http://localhost:8000",
            client=(peer, 50000),
            follow_redirects=False,
        )

    return make


@pytest.fixture
def client(app: App, make_client: Callable[..., TestClient]) -> TestClient:
    """A browser on this machine."""
    return make_client(app)


@pytest.fixture
def site() -> Callable[..., Site]:
    return make_site


def make_site(**changes: Any) -> Site:
    values: dict[str, Any] = {
        "title": "Lamp",
        "description": "Essays",
        "base_url": "https://example.org",
        "language": "en",
        "zone": SHANGHAI,
        "author": Person(name="Lin"),
        "authority": "example.org",
        "since": 2025,
    }
    return Site(**(values | changes))


def make_newsletter(**changes: Any) -> Newsletter:
    values: dict[str, Any] = {
        "id": "weekly",
        "title": "Friday Lamp",
        "description": "",
        "language": "en",
        "sender": Person(name="Lin", email="lin@example.org"),
        "schedule": Schedule(cadence=Cadence.WEEKLY, zone=SHANGHAI, at=time(17, 0)),
    }
    return Newsletter(**(values | changes))

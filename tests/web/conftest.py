from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from starlette.testclient import TestClient

from publisher.domain.addresses import parse_address
from publisher.domain.newsletters import Cadence, Newsletter, Schedule
from publisher.domain.sites import Person, Site
from publisher.domain.subscribers import ConsentEvent, Subscription, SubscriptionStatus
from publisher.domain.tokens import Purpose, make_token
from publisher.errors import Conflict, NotFound
from publisher.render.templates import Templates
from publisher.services import inbox, previews
from publisher.services.app import App, FeedOptions, Folders, Listen, LogOptions
from publisher.services.documents import publish
from publisher.services.makers import OutputFile
from publisher.store import consents as consent_rows
from publisher.store import subscribers as subscriber_rows
from publisher.store.engine import Store, open_store
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


@dataclass(frozen=True)
class Desk:
    """Looks into the database behind the pages."""

    store: Store

    @property
    def rows(self) -> dict[int, Subscription]:
        with self.store.read() as tx:
            return {row.id: row for row in subscriber_rows.listing(tx)}

    @property
    def changes(self) -> int:
        """How often somebody left."""
        with self.store.read() as tx:
            kept = [consent_rows.of_subscriber(tx, row.subscriber) for row in self.rows.values()]
        return sum(one.event is ConsentEvent.UNSUBSCRIBED for rows in kept for one in rows)


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
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "var" / "publisher.db")
    yield opened
    opened.close()


@pytest.fixture
def desk(store: Store) -> Desk:
    """Two readers of the weekly, subscriptions 1 and 2."""
    with store.begin() as tx:
        for number in (1, 2):
            subscriber_rows.add(
                tx,
                address=parse_address(f"reader{number}@example.org"),
                name="",
                newsletter="weekly",
                status=SubscriptionStatus.CONFIRMED,
                source="test",
                now=NOW,
            )
    return Desk(store)


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
def make_app(tmp_path: Path, store: Store) -> Callable[..., App]:
    """Makes an `App` whose output folder holds a small site."""

    def make(**changes: Any) -> App:
        values: dict[str, Any] = {
            "site": make_site(),
            "newsletters": (make_newsletter(),),
            "content": None,
            "feeds": FeedOptions(entries=20, full=True),
            "relays": (),
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

    return make


@pytest.fixture
def app(make_app: Callable[..., App]) -> App:
    return make_app()


@pytest.fixture
def no_posts(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to preview."""

    def refuse(_app: App, newsletter: Newsletter, **_: Any) -> None:
        raise Conflict("newsletter", newsletter.id, "there is no post to show yet")

    monkeypatch.setattr(previews, "stamp", lambda _app: "stamp")
    monkeypatch.setattr(previews, "preview", refuse)


@pytest.fixture
def make_client(desk: Desk, mails: dict[str, Parts], no_posts: None) -> Callable[..., TestClient]:
    """Opens an app as a peer at this address would."""

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

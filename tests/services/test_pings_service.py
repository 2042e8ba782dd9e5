"""A hub is told of what changed, once, after it is served; and is tried again when it is away."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from publisher.services import feeds, pings, publishing
from publisher.services.app import App
from publisher.services.pings import delay_after
from tests.services.conftest import FakeClock, write_post


class Hub:
    """A hub that notes what it is told, and whether the bytes were already there to be fetched."""

    def __init__(self, output: Path) -> None:
        self.told: list[str] = []
        self.unserved: list[str] = []
        self.status = 204
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = parse_qs(body)
                assert form["hub.mode"] == ["publish"]
                assert form["hub.url"] == form["hub.topic"]
                topic = form["hub.topic"][0]
                path = topic.removeprefix("http://localhost:8080/")
                hub.told.append(path)
                if not (output / path).is_file():
                    hub.unserved.append(path)
                self.send_response(hub.status)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"


@pytest.fixture
def hub(app: App) -> Iterator[Hub]:
    found = Hub(app.folders.output)
    run = {"poll_interval": 0.01}
    thread = threading.Thread(target=found.server.serve_forever, kwargs=run)
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


def told_to(app: App, hub: Hub) -> App:
    return replace(app, feeds=replace(app.feeds, hub=hub.url, hub_is_private=True))


MAIN = ["atom.xml", "feed.json", "rss.xml"]


def test_each_changed_document_is_told_once_after_it_is_there(app: App, hub: Hub) -> None:
    app = told_to(app, hub)
    write_post(app, "one.md", title="One", date="2025-10-02 10:00:00", more="tags: [sea]\n")
    report = publishing.publish(app)

    assert len(hub.told) == len(set(hub.told)) == len(report.pings.told)
    assert sorted(hub.told) == sorted(file.path for file in report.build.feeds)
    assert "tags/sea/feed.xml" in hub.told
    assert hub.unserved == []

    hub.told.clear()
    publishing.publish(app)  # the newsletter's issue went out, and is in its feed now
    assert {path.rpartition("/")[0] for path in hub.told} <= {"newsletters/weekly"}

    hub.told.clear()
    publishing.publish(app)
    assert hub.told == []

    write_post(app, "two.md", title="Two", date="2025-10-03 10:00:00", more="tags: [sky]\n")
    publishing.publish(app)
    assert set(hub.told) >= {*MAIN, "tags/sky/feed.xml"}
    assert "tags/sea/feed.xml" not in hub.told


def test_a_hub_that_is_away_stops_nothing_and_is_tried_again(app: App, clock: FakeClock) -> None:
    write_post(app, "one.md", title="One", date="2025-10-02 10:00:00")
    dead = replace(app.feeds, hub="http://127.0.0.1:9/", hub_is_private=True)
    report = publishing.publish(replace(app, feeds=dead))

    assert (app.folders.output / "rss.xml").is_file()
    assert report.pings.told == ()
    assert report.pings.waiting == len(report.build.feeds)
    assert report.pings.problem


def test_a_refusal_waits_longer_each_time_and_ends_with_success(
    app: App, hub: Hub, clock: FakeClock
) -> None:
    app = told_to(app, hub)
    write_post(app, "one.md", title="One", date="2025-10-02 10:00:00")
    built = feeds.build(app, now=clock())
    hub.status = 503
    found = [feed for feed in built.made_of if feed.kind == "main"]

    def attempt() -> int:
        hub.told.clear()
        pings.ping(app, found, now=clock())
        return len(hub.told)

    assert attempt() == 3
    assert attempt() == 0
    clock.now += timedelta(seconds=61)
    assert attempt() == 3
    clock.now += timedelta(seconds=61)
    assert attempt() == 0
    clock.now += timedelta(seconds=61)
    hub.status = 202
    assert attempt() == 3
    assert attempt() == 0
    answers = {row.ping.answer for row in feeds.listing(app, now=clock()) if row.ping}
    assert answers == {"accepted"}


def test_pings_never_wait_longer_than_four_hours() -> None:
    delays = [delay_after(attempts) for attempts in (1, 2, 3, 50)]
    assert delays == [timedelta(minutes=minutes) for minutes in (1, 2, 4, 240)]


def test_without_a_hub_nobody_is_told(app: App, hub: Hub) -> None:
    write_post(app, "one.md", title="One", date="2025-10-02 10:00:00")
    publishing.publish(app)
    assert hub.told == []


def test_a_hub_within_is_refused_unless_the_settings_allow_it(app: App, hub: Hub) -> None:
    app = replace(app, feeds=replace(app.feeds, hub=hub.url.replace("http:", "https:")))
    write_post(app, "one.md", title="One", date="2025-10-02 10:00:00")
    report = publishing.publish(app)
    assert hub.told == []
    assert "not on the public internet" in report.pings.problem

"""A whole app on real parts: a real database, real templates, a real SMTP conversation."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from publisher.content.loader import ContentOptions
from publisher.render.templates import Templates
from publisher.services.app import App, FeedOptions, Folders, Listen, LogOptions
from publisher.store.engine import open_store
from tests.factories import NOW, make_newsletter, make_site


class FakeClock:
    """Stands still until it is set."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def app(tmp_path: Path, clock: FakeClock) -> Iterator[App]:
    site = make_site()
    folders = Folders(root=tmp_path, state=tmp_path / "var", output=tmp_path / "public")
    (tmp_path / "content").mkdir()
    store = open_store(folders.state / "publisher.db")
    yield App(
        site=site,
        newsletters=(make_newsletter(),),
        content=ContentOptions(
            folder=tmp_path / "content",
            dialect="hexo",
            zone=site.zone,
            base_url=site.base_url,
            language=site.language,
        ),
        feeds=FeedOptions(entries=30, full=True),
        relays=(),
        store=store,
        templates=Templates(),
        clock=clock,
        site_key=b"k" * 32,
        folders=folders,
        listen=Listen(host="127.0.0.1", port=0),
        log=LogOptions(level="info", format="text"),
    )
    store.close()


def write_post(app: App, name: str, *, title: str, date: str, more: str = "") -> Path:
    """A Markdown file in the app's content folder."""
    path = app.content.folder / name
    path.write_text(
        f"---\ntitle: {title}\ndate: {date}\n{more}---\n\nThe body of {title}.\n", encoding="utf-8"
    )
    return path

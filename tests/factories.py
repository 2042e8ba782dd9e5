"""Values with defaults for everything, so that a test names only what it is about."""

from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from publisher.content.options import ContentOptions
from publisher.content.sources import Text, read_source
from publisher.domain.newsletters import Cadence, Newsletter, Schedule
from publisher.domain.posts import Body, Excerpt, Post, body_hash
from publisher.domain.sites import Person, Site

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def make_post(number: int = 1, **changes: Any) -> Post:
    published = changes.pop("published", datetime(2025, 10, number, 9, 30, tzinfo=SHANGHAI))
    values: dict[str, Any] = {
        "id": f"post-{number}",
        "declares_id": True,
        "path": f"post-{number}.md",
        "title": f"Post {number}",
        "published": published,
        "updated": published,
        "url": f"http://localhost:8080/posts/post-{number}/",
        "language": "en",
        "body_hash": body_hash(f"body {number}"),
        "description": f"What post {number} is about.",
        "excerpt": Excerpt.of(f"<p>Opening {number}.</p>", f"Opening {number}.", is_manual=False),
    }
    html = changes.pop("html", f"<p>The whole of post {number}.</p>")
    values["body"] = Body.of(html, changes.pop("mail_html", None))
    return Post(**{**values, **changes})


def make_site(**changes: Any) -> Site:
    values: dict[str, Any] = {
        "title": "灯塔来信 Lighthouse Letters",
        "description": "Letters from a harbour.",
        "base_url": "http://localhost:8080",
        "language": "en",
        "zone": SHANGHAI,
        "author": Person(name="The keeper", email="keeper@example.org"),
        "authority": "lighthouse.example.org",
        "since": 2025,
        "postal_address": "1 Harbour Road, Example City",
    }
    return Site(**{**values, **changes})


def make_newsletter(**changes: Any) -> Newsletter:
    values: dict[str, Any] = {
        "id": "weekly",
        "title": "Lighthouse Weekly",
        "description": "Every Friday.",
        "language": "en",
        "sender": Person(name="Lighthouse", email="letters@example.org"),
        "schedule": Schedule(cadence=Cadence.WEEKLY, zone=SHANGHAI, at=time(8), weekday=4),
        "start": datetime(2025, 10, 1, tzinfo=SHANGHAI),
    }
    return Newsletter(**{**values, **changes})


def make_options(folder: Path = Path("/nowhere"), **changes: Any) -> ContentOptions:
    values: dict[str, Any] = {
        "zone": SHANGHAI,
        "base_url": "https://example.org",
        "language": "zh-CN",
        "dialect": "hexo",
    }
    return ContentOptions(folder=folder, **{**values, **changes})


def make_text(text: str, path: str = "case.md", **changes: Any) -> Text:
    """What a file of this text says; `changes` are those of the options."""
    found = read_source(text.encode(), path, make_options(**changes))
    assert isinstance(found, Text), found
    return found

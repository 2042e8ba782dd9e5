"""Pictures of posts: their sizes, and travelling inside mails."""

import struct
import zlib
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from publisher.lint.emails import lint_email
from publisher.render.mail_html import Size
from publisher.services import pictures, posts, previews
from publisher.services.app import App
from tests.services.conftest import write_post


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\0" + b"\0" * width for _ in range(height)))
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", rows), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.fixture
def site(app: App) -> App:
    """A post with a cover and a picture in its opening."""
    (app.content.folder / "tide-curve.png").write_bytes(png(1072, 400))
    (app.content.folder / "broken.png").write_bytes(b"no picture")
    path = write_post(
        app, "one.md", title="One", date="2025-10-02 10:00:00", more="cover: tide-curve.png\n"
    )
    path.write_text(path.read_text() + "\n![](tide-curve.png) ![x](broken.png)\n\n<!-- more -->\n")
    return app


def test_sizes_come_from_the_files_and_a_broken_one_has_none(site: App) -> None:
    found = pictures.sizes(posts.read(site, now=site.clock()).posts)
    assert list(found.values()) == [Size(1072, 400)]


def test_a_mail_shows_pictures_in_their_size_and_says_what_they_are(site: App) -> None:
    html = previews.preview(site, site.newsletters[0], now=site.clock()).html
    assert 'alt="One" width="536" height="200"' in html
    assert html.count("tide-curve.png") == 1  # the cover is not shown twice
    assert 'alt="x"' in html


def test_pictures_travel_inside_the_mail_where_they_fit(site: App, tmp_path: Path) -> None:
    inside = replace(site, newsletters=(replace(site.newsletters[0], embed_bytes=50_000),))
    made = previews.preview(inside, inside.newsletters[0], now=inside.clock())

    message = message_from_bytes(made.message, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert message.defects == []
    _plain, related = message.iter_parts()
    assert related.get_content_type() == "multipart/related"
    html, *images = related.iter_parts()
    assert html.get_content_type() == "text/html"
    for image in images:
        assert f'src="cid:{image["Content-ID"][1:-1]}"' in html.get_content()
    assert images[0].get_content() == png(1072, 400)
    assert "http://localhost:8080/tide" not in html.get_content()
    rules = {finding.rule for finding in lint_email(made.message)}
    assert "image-source" not in rules
    assert "cid:" not in made.html  # files and pages show them from the site


def test_pictures_that_do_not_fit_stay_on_the_site(site: App) -> None:
    tight = replace(site.newsletters[0], embed_bytes=10)
    made = previews.preview(replace(site, newsletters=(tight,)), tight, now=site.clock())
    assert b"multipart/related" not in made.message


def test_a_picture_that_cannot_be_read_any_more_stops_no_issue(site: App) -> None:
    inside = replace(site.newsletters[0], embed_bytes=50_000)
    found = posts.read(site, now=site.clock()).posts
    (site.content.folder / "tide-curve.png").unlink()
    html = previews.preview(site, site.newsletters[0], now=site.clock()).html
    url = next(asset.url for asset in found[0].assets)
    assert pictures.embedded(found, f'<img src="{url}">{html}', limit=inside.embed_bytes) == []

import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from publisher.errors import NotFound
from publisher.services.app import App
from publisher.web.static import matches, media_type, read

FEEDS = {
    "/rss.xml": "application/rss+xml; charset=utf-8",
    "/atom.xml": "application/atom+xml; charset=utf-8",
    "/feed.json": "application/feed+json; charset=utf-8",
}


@pytest.fixture
def output(app: App) -> Path:
    return app.folders.output


@pytest.mark.parametrize("path", FEEDS)
def test_a_feed_is_served_with_its_type_and_validator(
    client: TestClient, output: Path, path: str
) -> None:
    data = (output / path[1:]).read_bytes()
    answer = client.get(path)
    assert answer.content == data
    assert answer.headers["content-type"] == FEEDS[path]
    assert answer.headers["content-length"] == str(len(data))
    assert answer.headers["etag"] == f'"{sha256(data).hexdigest()}"'
    assert answer.headers["cache-control"] == "public, max-age=900"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "last-modified" not in answer.headers


@pytest.mark.parametrize("path", FEEDS)
@pytest.mark.parametrize(
    "shape", ['"{}"', 'W/"{}"', '"{}-gzip"', '"{};gzip"', 'W/"{}-br"', '"other", "{}"', "*"]
)
def test_a_validator_that_still_holds_gives_304(client: TestClient, path: str, shape: str) -> None:
    full = client.get(path)
    tag = full.headers["etag"].strip('"')
    answer = client.get(path, headers={"If-None-Match": shape.format(tag)})
    assert (answer.status_code, answer.content) == (304, b"")
    for name in ("etag", "cache-control", "vary", "access-control-allow-origin"):
        assert answer.headers[name] == full.headers[name]
    for name in ("content-type", "content-length", "content-encoding"):
        assert name not in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"If-None-Match": '"other"'},
        {"If-None-Match": "malformed"},
        {"If-None-Match": '"other"', "If-Modified-Since": "Fri, 31 Dec 2100 00:00:00 GMT"},
        {"If-Modified-Since": "Fri, 31 Dec 2100 00:00:00 GMT"},
        {"Range": "bytes=0-2"},
        {"Accept": "image/png"},
        {"A-IM": "feed"},
    ],
)
def test_anything_else_gets_the_whole_feed(
    client: TestClient, output: Path, headers: dict[str, str]
) -> None:
    answer = client.get("/rss.xml", headers=headers)
    assert (answer.status_code, answer.content) == (200, (output / "rss.xml").read_bytes())


def test_a_touched_file_keeps_its_validator_and_a_changed_one_does_not(
    client: TestClient, output: Path
) -> None:
    first = client.get("/rss.xml").headers["etag"]
    os.utime(output / "rss.xml", (1, 1))
    assert client.get("/rss.xml").headers["etag"] == first
    (output / "rss.xml").write_text("<rss>new</rss>")
    assert client.get("/rss.xml").headers["etag"] != first


@pytest.mark.parametrize("path", ["/feeds", "/feeds/", "/feeds/index.html"])
def test_a_folder_is_its_index_page(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, "feeds" in answer.text) == (200, True)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "access-control-allow-origin" not in answer.headers


def test_a_han_path_is_found_by_its_percent_encoded_name(client: TestClient, output: Path) -> None:
    (output / "依恋").mkdir()
    (output / "依恋" / "index.html").write_text("here")
    assert client.get("/%E4%BE%9D%E6%81%8B/").text == "here"


@pytest.mark.parametrize(
    "path",
    [
        "/../secret",
        "/%2e%2e/secret",
        "/feeds/../../secret",
        "/feeds/%2e%2e%2f%2e%2e%2fsecret",
        "/%2Fetc/passwd",
        "/..%5csecret",
        "/%00",
        "/rss.xml/",
        "/rss.xml/x",
        "/assets",  # a folder without an index
        "/.rss.xml.partial",
        "/" + "a" * 5000,
    ],
)
def test_nothing_but_whole_files_of_the_folder_is_served(
    client: TestClient, app: App, path: str
) -> None:
    (app.folders.root / "secret").write_text("CANARY")
    (app.folders.output / ".rss.xml.partial").write_text("CANARY")
    answer = client.get(path)
    assert answer.status_code == 404
    assert "CANARY" not in answer.text


@pytest.mark.parametrize(
    "path", ["../secret", "feeds/../../secret", "/etc/passwd", "link", "loop", "outside/secret"]
)
def test_the_folder_is_never_left(tmp_path: Path, path: str) -> None:
    folder = tmp_path / "public"
    (folder / "feeds").mkdir(parents=True)
    (tmp_path / "secret").write_text("CANARY")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "outside").symlink_to(tmp_path)
    (folder / "loop").symlink_to(folder / "loop")
    with pytest.raises(NotFound):
        read(folder, path)


def test_a_link_within_the_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "old.xml").write_text("<rss/>")
    (tmp_path / "index.xml").symlink_to("old.xml")
    assert read(tmp_path, "index.xml")[1] == b"<rss/>"


def test_a_missing_output_folder_is_a_missing_page(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read(tmp_path / "never-built", "")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("index.html", "text/html; charset=utf-8"),
        ("sitemap.xml", "application/xml; charset=utf-8"),
        ("posts.json", "application/json; charset=utf-8"),
        ("lamp.SVG", "image/svg+xml; charset=utf-8"),
        ("lamp.jpg", "image/jpeg"),
        ("unknown", "application/octet-stream"),
    ],
)
def test_the_media_type_follows_the_name(name: str, expected: str) -> None:
    assert media_type(name) == expected


def test_an_unquoted_tag_matches_nothing() -> None:
    assert not matches("abc", "abc")
    assert matches('"abc"', "abc")


def test_writing_methods_are_refused(client: TestClient) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        answer = client.request(method, "/rss.xml")
        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


def test_each_site_serves_its_own_folder(
    make_app: Callable[..., App], make_client: Callable[..., Any], tmp_path: Path
) -> None:
    app = make_app()
    (app.folders.output / "index.html").unlink()
    assert make_client(app).get("/").status_code == 404

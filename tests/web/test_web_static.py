import os
from collections.abc import Callable
from datetime import timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from publisher.domain.feeds import FeedOptions
from publisher.errors import NotFound
from publisher.services import documents
from publisher.services.app import App
from publisher.services.documents import publish
from publisher.services.makers import OutputFile
from publisher.web.static import Held, locate, media_type
from tests.web.conftest import NOW

FEEDS = {
    "/rss.xml": "application/rss+xml; charset=utf-8",
    "/atom.xml": "application/atom+xml; charset=utf-8",
    "/feed.json": "application/feed+json; charset=utf-8",
}


@pytest.fixture
def output(app: App) -> Path:
    return app.folders.output


ENCODINGS = {"": "identity", "gzip": "gzip", "br": "br"}
LAST_MODIFIED = "Tue, 24 Nov 2026 03:00:00 GMT"
LATER = "Fri, 31 Dec 2100 00:00:00 GMT"
EARLIER = "Tue, 24 Nov 2026 02:59:59 GMT"


def ask(client: TestClient, path: str, encoding: str, **headers: str) -> Response:
    """One request as a reader sends it, the answer undecoded."""
    accept = {"Accept-Encoding": ENCODINGS[encoding]}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with client.stream("GET", path, headers=accept | named) as answer:
        answer._content = b"".join(answer.iter_raw())
    return answer


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("path", FEEDS)
def test_a_feed_is_served_with_its_type_and_validators(
    client: TestClient, output: Path, path: str, encoding: str
) -> None:
    data = (output / path[1:]).read_bytes()
    answer = ask(client, path, encoding)
    suffix = f"-{encoding}" if encoding else ""
    assert documents.unpack(encoding, answer.content) if encoding else answer.content == data
    assert answer.headers["content-type"] == FEEDS[path]
    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.headers.get("content-encoding", "") == encoding
    assert answer.headers["etag"] == f'"{sha256(data).hexdigest()}{suffix}"'
    assert answer.headers["last-modified"] == LAST_MODIFIED
    assert answer.headers["cache-control"] == "public, max-age=900"
    assert answer.headers.get_list("vary") == ["Accept-Encoding"]
    assert answer.headers["access-control-allow-origin"] == "*"
    for never in ("set-cookie", "expires", "pragma", "accept-ranges"):
        assert never not in answer.headers


NOT_MODIFIED = [
    {"If_None_Match": '"{}"'},
    {"If_None_Match": 'W/"{}"'},
    {"If_None_Match": '"{}-gzip"'},
    {"If_None_Match": '"{};gzip"'},
    {"If_None_Match": 'W/"{}-br"'},
    {"If_None_Match": '"other", "{}"'},
    {"If_None_Match": 'W/"other",W/"{}-gzip"'},
    {"If_None_Match": "*"},
    {"If_None_Match": '"{}"', "If_Modified_Since": EARLIER},
    {"If_None_Match": "*", "If_Modified_Since": "rubbish"},
    {"If_Modified_Since": LAST_MODIFIED},
    {"If_Modified_Since": LATER},
    {"If_Modified_Since": "Tuesday, 24-Nov-26 03:00:00 GMT"},
    {"If_None_Match": '"{}"', "Range": "bytes=0-2"},
]
SENT = [
    {},
    {"If_None_Match": '"other"'},
    {"If_None_Match": "malformed"},
    {"If_None_Match": "{}"},
    {"If_None_Match": '"other"', "If_Modified_Since": LATER},
    {"If_None_Match": "malformed", "If_Modified_Since": LATER},
    {"If_Modified_Since": EARLIER},
    {"If_Modified_Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
    {"If_Modified_Since": "yesterday"},
    {"If_Modified_Since": ""},
    {"If_Modified_Since": "0"},
    {"Range": "bytes=0-2"},
    {"Range": "bytes=0-2", "If_Range": '"{}"'},
    {"Accept": "image/png"},
    {"A_IM": "feed"},
]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("path", FEEDS)
@pytest.mark.parametrize("headers", NOT_MODIFIED)
def test_what_the_reader_has_gives_an_empty_304(
    client: TestClient, path: str, encoding: str, headers: dict[str, str]
) -> None:
    full = ask(client, path, encoding)
    tag = full.headers["etag"].strip('"').removesuffix(f"-{encoding}")
    filled = {name: value.replace("{}", tag) for name, value in headers.items()}
    answer = ask(client, path, encoding, **filled)
    assert (answer.status_code, answer.content) == (304, b"")
    for name in (
        "etag", "last-modified", "cache-control", "vary", "access-control-allow-origin",
    ):  # fmt: skip
        assert answer.headers.get_list(name) == full.headers.get_list(name), name
    for name in ("content-type", "content-length", "content-encoding"):
        assert name not in answer.headers


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("path", FEEDS)
@pytest.mark.parametrize("headers", SENT)
def test_anything_else_gets_the_whole_feed(
    client: TestClient, path: str, encoding: str, headers: dict[str, str]
) -> None:
    full = ask(client, path, encoding)
    tag = full.headers["etag"].strip('"').removesuffix(f"-{encoding}")
    filled = {name: value.replace("{}", tag) for name, value in headers.items()}
    answer = ask(client, path, encoding, **filled)
    assert (answer.status_code, answer.content) == (200, full.content)


@pytest.mark.parametrize("path", FEEDS)
def test_each_encoding_has_a_tag_of_its_own(client: TestClient, path: str) -> None:
    tags = {ask(client, path, encoding).headers["etag"] for encoding in ENCODINGS}
    assert len(tags) == 3


def test_several_lines_of_if_none_match_are_one_list(client: TestClient) -> None:
    tag = client.get("/rss.xml").headers["etag"]
    headers = [("If-None-Match", '"other"'), ("If-None-Match", tag)]
    assert client.get("/rss.xml", headers=headers).status_code == 304


@pytest.mark.parametrize("headers", [{}, {"If-Modified-Since": LATER}])
def test_head_is_get_without_a_body(client: TestClient, headers: dict[str, str]) -> None:
    got, head = client.get("/rss.xml", headers=headers), client.head("/rss.xml", headers=headers)
    assert head.status_code == got.status_code
    assert head.headers == got.headers
    assert head.content == b""


def test_a_touched_file_keeps_its_validators_and_a_changed_one_does_not(
    client: TestClient, app: App
) -> None:
    first = client.get("/rss.xml").headers
    os.utime(app.folders.output / "rss.xml", (1, 1))
    touched = client.get("/rss.xml").headers
    later = NOW + timedelta(hours=1)
    publish(app, [OutputFile(path="rss.xml", data=b"<rss>new</rss>", is_packed=True)], now=later)
    changed = client.get("/rss.xml").headers
    assert touched["etag"] == first["etag"]
    assert touched["last-modified"] == first["last-modified"]
    assert changed["etag"] != first["etag"]
    assert parsedate_to_datetime(changed["last-modified"]) > parsedate_to_datetime(
        first["last-modified"]
    )


def test_bytes_that_we_did_not_publish_have_no_date(client: TestClient, output: Path) -> None:
    """Their file's time says nothing of their content."""
    (output / "robots.txt").write_text("theirs")
    assert "last-modified" not in client.get("/robots.txt").headers
    since = {"If-Modified-Since": LATER}
    assert client.get("/robots.txt", headers=since).status_code == 200


def test_an_encoded_form_of_other_bytes_is_never_sent(client: TestClient, output: Path) -> None:
    (output / "rss.xml").write_bytes(b"<rss>by hand</rss>")
    answer = client.get("/rss.xml", headers={"Accept-Encoding": "gzip, br"})
    assert answer.content == b"<rss>by hand</rss>"
    assert "content-encoding" not in answer.headers


def test_a_file_replaced_between_look_and_send_goes_out_with_its_own_validators(
    client: TestClient, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.get("/rss.xml")
    monkeypatch.setattr(Held, "is_current", lambda _self: True)  # it was, a moment ago
    publish(app, [OutputFile(path="rss.xml", data=b"<rss>new</rss>", is_packed=True)], now=NOW)
    answer = client.get("/rss.xml", headers={"Accept-Encoding": "gzip"})
    assert answer.content == b"<rss>new</rss>"
    assert answer.headers["etag"] == f'"{sha256(answer.content).hexdigest()}-gzip"'


def test_feeds_as_plain_xml_are_for_browsers_that_style_them(
    make_app: Callable[..., App], make_client: Callable[..., TestClient]
) -> None:
    options = FeedOptions(entries=20, full=True, media_type="xml")
    client = make_client(make_app(feeds=options))
    types = [client.get(path).headers["content-type"] for path in FEEDS]
    xml = "application/xml; charset=utf-8"
    assert types == [xml, xml, "application/feed+json; charset=utf-8"]


def test_a_hub_is_named_beside_the_feed_itself(
    make_app: Callable[..., App], make_client: Callable[..., TestClient]
) -> None:
    options = FeedOptions(entries=20, full=True, hub="https://hub.example.org/")
    answer = make_client(make_app(feeds=options)).get("/rss.xml")
    assert answer.headers["link"] == (
        '<https://hub.example.org/>; rel="hub", <https://example.org/rss.xml>; rel="self"'
    )
    again = make_client(make_app(feeds=options)).get("/rss.xml", headers={"If-None-Match": "*"})
    assert again.headers["link"] == answer.headers["link"]


def test_only_the_page_with_copy_buttons_may_run_their_script(client: TestClient) -> None:
    assert "script-src 'self'" in client.get("/feeds/").headers["content-security-policy"]
    for path in ("/", "/rss.xml", "/assets/page.css", "/nowhere"):
        assert "script" not in client.get(path).headers["content-security-policy"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/feed", "/rss.xml"), ("/feed/", "/rss.xml"), ("/index.xml", "/rss.xml"),
        ("/rss2.xml", "/rss.xml"), ("/feeds/all.atom.xml", "/atom.xml"), ("/atom/", "/atom.xml"),
        ("/index.json", "/feed.json"),
    ],
)  # fmt: skip
def test_the_usual_old_addresses_lead_to_the_feed(client: TestClient, old: str, new: str) -> None:
    answer = client.get(old)
    assert (answer.status_code, answer.headers["location"]) == (301, f"https://example.org{new}")
    assert answer.content == b""


def test_an_old_address_of_a_label_leads_to_its_feed(client: TestClient, app: App) -> None:
    files = [OutputFile(path="tags/深海/feed.xml", data=b"<rss/>")]
    publish(app, files, now=NOW)
    answer = client.get("/tags/深海/index.xml")
    place = "https://example.org/tags/%E6%B7%B1%E6%B5%B7/feed.xml"
    assert (answer.status_code, answer.headers["location"]) == (301, place)
    assert client.get("/tags/unknown/index.xml").status_code == 404


def test_own_redirects_come_first(
    make_app: Callable[..., App], make_client: Callable[..., TestClient]
) -> None:
    table = (("/feed", "/atom.xml"), ("/old/tag.xml", "https://other.example.org/x.xml"))
    client = make_client(make_app(feeds=FeedOptions(entries=9, full=True, redirects=table)))
    places = [client.get(path).headers["location"] for path in ("/feed/", "/old/tag.xml")]
    assert places == ["https://example.org/atom.xml", "https://other.example.org/x.xml"]


def test_a_page_that_was_taken_down_is_gone_with_a_page_that_says_so(
    client: TestClient, app: App
) -> None:
    publish(app, [OutputFile(path="posts/one/index.html", data=b"x", owner="1")], now=NOW)
    assert client.get("/posts/one/").status_code == 200
    publish(app, [], now=NOW)
    answer = client.get("/posts/one/")
    assert answer.status_code == 410
    assert "taken down" in answer.text


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
        locate(folder, path)


def test_a_link_within_the_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "old.xml").write_text("<rss/>")
    (tmp_path / "index.xml").symlink_to("old.xml")
    assert locate(tmp_path, "index.xml").read_bytes() == b"<rss/>"


def test_a_missing_output_folder_is_a_missing_page(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        locate(tmp_path / "never-built", "")


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

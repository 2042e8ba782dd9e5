"""From a Markdown file to an inbox, as a stranger would try it."""

import hashlib
import json
import os
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from email.message import EmailMessage
from pathlib import Path

import feedparser
import pytest

from tests.acceptance.conftest import configure, eventually, inbox, publisher

FOUNDING_TITLE = "依恋：生命深处的温柔呼唤，与你共赴一场心的旅程"
FOUNDING_ID = "a1b2c3d4-e5f6-7a8b-9c0d-1e2f3g4h5i6j"
CANARIES = (
    b"canary-kittiwake-draft",
    b"canary-fulmar-future",
    b"canary-skua-password",
    b"canary-petrel-protected",
)


def test_a_stranger_publishes_the_sample_site_once(site: Path) -> None:
    words = publisher(site, "publish")

    assert [message["To"].addresses[0].addr_spec for message in inbox(site)] == [
        "ann@example.org",
        "li.lei@example.com",
        "marek@example.net",
    ]
    for told in (FOUNDING_TITLE, "new, never mailed before", "rss.xml", "ann@example.org", "inbox"):
        assert told in words

    again = publisher(site, "publish")

    assert "Nothing is due" in again
    assert len(inbox(site)) == 3


def test_ids_titles_and_dates_agree_in_all_three_feeds(site: Path) -> None:
    publisher(site, "build")
    public = site / "public"
    rss, atom = (feedparser.parse((public / name).read_bytes()) for name in ("rss.xml", "atom.xml"))
    document = json.loads((public / "feed.json").read_bytes())

    assert not rss.bozo
    assert not atom.bozo
    entries = [(e.id, e.title, e.published_parsed[:6]) for e in rss.entries]
    assert entries == [(e.id, e.title, e.published_parsed[:6]) for e in atom.entries]
    assert [(i, t) for i, t, _ in entries] == [(i["id"], i["title"]) for i in document["items"]]
    founding = next(item for item in document["items"] if item["title"] == FOUNDING_TITLE)
    assert founding["id"].endswith(FOUNDING_ID)
    assert founding["date_published"] == "2025-10-11T06:16:29+08:00"
    assert founding["summary"].startswith("在这喧嚣的世界里")
    assert [tag for tag in founding["tags"] if "/" not in tag] == [
        "依恋", "情感", "成长", "关系", "自我疗愈", "心理",
    ]  # fmt: skip


def test_what_is_private_appears_nowhere(site: Path) -> None:
    publisher(site, "publish")
    outputs = [path for path in (site / "public").rglob("*") if path.is_file()]
    mails = [path.read_bytes() for path in (site / "var" / "inbox").rglob("*") if path.is_file()]
    decoded = [
        part.get_payload(decode=True)
        for message in inbox(site)
        for part in message.walk()
        if not part.is_multipart()
    ]

    assert len(outputs) > 10
    assert len(decoded) == 6
    for data in [*(path.read_bytes() for path in outputs), *mails, *decoded]:
        for canary in CANARIES:
            assert canary not in data


def test_the_mail_is_whole(site: Path) -> None:
    publisher(site, "publish")
    for message in inbox(site):
        assert message.defects == []
        assert [part.get_content_type() for part in message.iter_parts()] == [
            "text/plain",
            "text/html",
        ]
        html = content(message, "html")
        assert FOUNDING_TITLE in html
        assert 'style="' in html
        assert FOUNDING_TITLE in content(message, "plain")
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    for path in (site / "var" / "inbox" / "new").iterdir():
        head = path.read_bytes().partition(b"\n\n")[0].replace(b"\r", b"")
        header = next(h for h in head.split(b"\n") if h.lower().startswith(b"list-unsubscribe:"))
        assert b"<http://localhost:8080/u/" in header
        assert b"=?" not in header


def test_one_click_works_against_the_daemon(
    daemon: tuple[subprocess.Popen[str], str], site: Path
) -> None:
    _, address = daemon
    eventually(lambda: len(inbox(site)) == 3)
    header = str(inbox(site)[0]["List-Unsubscribe"])
    path = header[header.index("/u/") : header.index(">")]

    with urllib.request.urlopen(address + path) as page:
        assert b"<button" in page.read()
    assert status_of(site, "ann@example.org") == "confirmed"
    for _ in range(2):
        request = urllib.request.Request(
            address + path, data=b"List-Unsubscribe=One-Click", method="POST"
        )
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200
            assert answer.url == address + path
            assert "Set-Cookie" not in answer.headers
    assert status_of(site, "ann@example.org") == "unsubscribed"
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(address + path[:-1] + "~")


def test_a_post_dropped_into_the_folder_reaches_the_feeds_and_the_inbox(
    daemon: tuple[subprocess.Popen[str], str], site: Path
) -> None:
    _, address = daemon
    eventually(lambda: len(inbox(site)) == 3)
    (site / "content" / "fresh.md").write_text(
        "---\ntitle: A fresh sail\ndate: 2025-10-20 10:00:00\n---\n\nWhite canvas.\n",
        encoding="utf-8",
    )

    def is_in_feed() -> bool:
        with urllib.request.urlopen(f"{address}/rss.xml") as answer:
            return b"A fresh sail" in answer.read()

    eventually(is_in_feed)


def test_a_second_daemon_is_refused(daemon: tuple[subprocess.Popen[str], str], site: Path) -> None:
    process, _ = daemon
    words = publisher(site, "publish", expect=75)
    assert f"held by process {process.pid}" in words
    assert (site / "var" / "daemon.lock").read_text() == f"{process.pid}\n"


def test_a_busy_port_is_named_and_nothing_hangs(site: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        configure(site, ("port = 8080", f"port = {port}"))

        words = publisher(site, "serve", expect=1)

    assert f"cannot listen on 127.0.0.1:{port}" in words


def test_two_builds_are_equal_to_the_byte(site: Path, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    publisher(site, "build", "--now", "2026-11-24T00:00:00Z", "--out", str(here))
    other = tmp_path / "other"
    shutil.copytree(site, other, ignore=shutil.ignore_patterns("public", "var"))
    publisher(tmp_path, "init", str(other))
    for number, path in enumerate(sorted(other.rglob("*.md"))):
        stamp = 1_000_000_000 + 86_400 * number
        path.touch()
        os.utime(path, (stamp, stamp))
    publisher(
        other,
        "build",
        "--now",
        "2026-11-24T12:00:00Z",
        "--out",
        str(there),
        environment={"PYTHONHASHSEED": "7", "TZ": "America/New_York", "LC_ALL": "POSIX"},
    )

    assert digests(here) == digests(there)


def test_a_broken_post_stops_only_itself(site: Path) -> None:
    broken = Path(__file__).parents[1] / "data" / "broken-front-matter.md"
    shutil.copy(broken, site / "content")

    words = publisher(site, "check", expect=3)
    publisher(site, "build")

    line = next(line for line in words.splitlines() if "broken-front-matter.md" in line)
    assert line.startswith("broken-front-matter.md:")
    assert line.split(":")[1].isdigit()
    assert FOUNDING_TITLE in (site / "public" / "rss.xml").read_text(encoding="utf-8")


def test_a_post_made_private_disappears(site: Path) -> None:
    publisher(site, "build")
    founding = site / "content" / "依恋.md"
    assert FOUNDING_TITLE in (site / "public" / "rss.xml").read_text(encoding="utf-8")

    founding.write_text(
        founding.read_text(encoding="utf-8").replace("toc: true", "draft: true"), encoding="utf-8"
    )
    publisher(site, "build")

    for path in (site / "public").rglob("*"):
        assert path.is_dir() or FOUNDING_TITLE.encode() not in path.read_bytes(), path


def test_mail_of_a_public_site_never_vanishes_into_the_inbox(site: Path) -> None:
    configure(site, ("http://localhost:8080", "https://letters.example.org"))

    publisher(site, "publish", expect=78)
    words = publisher(site, "check", expect=3)

    assert "smtp.host" in words
    assert not (site / "public").exists()


def content(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    text: str = part.get_content()
    return text


def status_of(site: Path, email: str) -> str:
    rows = json.loads(publisher(site, "subscribers", "list", "--json"))["subscribers"]
    return next(str(row["status"]) for row in rows if row["email"] == email)


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }

"""A whole build: which bytes come out, when they change, and what never comes out."""

import hashlib
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import feedparser
import pytest

from publisher.content.bundles import Kept
from publisher.domain.documents import Document
from publisher.domain.feeds import FeedOptions, Podcast
from publisher.errors import Gone, NotFound
from publisher.services import documents, feeds
from publisher.services.app import App
from publisher.store import documents as document_rows
from tests.services.conftest import FakeClock, write_post

ROOT = Path(__file__).parents[2]
HOSTILE_TITLE = "R&D1 & <new> &amp; AT&T"
HOSTILE_BODY = """
<script>alert(1)</script><style>p {}</style><p style="color:red" onclick="x()">styled</p>

[relative](../other/) [anchor](#here) [proto](//example.org/x) ![](pic.png)
<img src="/a.png" srcset="/a.png 1x, /b.png 2x"> <a href="https://例.org/依恋 x">han</a>
<svg><title>t</title></svg> <my-card>x</my-card> <form><input></form> <iframe src="https://e.org/">
<p><nobr>x</p></b> 1 < 2 &foo; &copy <a href="?a=1&b=2">q</a> <a href="javascript:x()">j</a>
<p><form><p>nested</p></form></p><table><p>x</p></table>

```
line one
    line two
```

emoji 🧭, Ext B 𠮷, bell \x07 and next \x85 line, \ufffd
"""


def fill(app: App) -> None:
    """Thirty hostile posts, thirty of one day, in two years."""
    for number in range(30):
        path = app.content.folder / f"hostile-{number:02}.md"
        date = f"2024-03-{1 + number % 28:02} 10:00:0{number % 9}"
        head = f"title: '{HOSTILE_TITLE} {number}'\ndate: {date}"
        more = f"description: '<new> {number}'\ntags: [sea, C++]\ncategories: [life, 成长]"
        path.write_text(f"---\n{head}\n{more}\n---\n{HOSTILE_BODY}\n{number}\n", encoding="utf-8")
        more = "tags: [sky]\nauthor: Guest\nlang: zh-CN\n"
        write_post(app, f"day-{number}.md", title=f"Day {number}", date="2025-10-11", more=more)


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_hostile_posts_make_sound_feeds_of_every_kind(app: App) -> None:
    fill(app)
    report = feeds.build(app, now=app.clock())
    kinds = {feed.kind.value for feed in report.made_of}
    assert kinds == {"main", "tag", "category", "author", "language", "issues", "archive"}
    assert report.faulty == ()
    assert feeds.validate(app) == []
    for file in report.feeds:
        data = (app.folders.output / file.path).read_bytes()
        if file.path.endswith(".xml"):
            assert not feedparser.parse(data).bozo, file.path
        text = data.decode()
        assert not re.search(r'(?:href|src)=(?:\\?"|&quot;)(?!https?://|mailto:|tel:)', text)
        assert "alert(1)" not in text


def test_what_a_reader_sees_is_what_was_written(app: App) -> None:
    fill(app)
    feeds.build(app, now=app.clock())
    for name in ("archives/2024/feed.xml", "archives/2024/atom.xml"):
        (entry,) = [
            e
            for e in feedparser.parse((app.folders.output / name).read_bytes()).entries
            if e.title.endswith(" 29")
        ]
        assert entry.title == f"{HOSTILE_TITLE} 29"
        content = entry.content[0].value
        assert "line one\n    line two\n" in content
        assert "🧭" in content
        assert "𠮷" in content
        assert "\x07" not in content


def test_an_id_is_the_same_in_every_document(app: App) -> None:
    more = "id: a1b2c3\ntags: [sea]\ncategories: [life]\n"
    write_post(app, "one.md", title="One", date="2025-10-02 10:00:00", more=more)
    write_post(app, "old.md", title="Old", date="2024-10-02 10:00:00")
    report = feeds.build(app, now=app.clock())
    held = set()
    for feed in report.made_of:
        for form, path in feed.paths.items():
            data = (app.folders.output / path).read_bytes()
            if b">One<" not in data and b'"One"' not in data:
                continue
            if form == "json":
                ids = [item["id"] for item in json.loads(data)["items"] if item["title"] == "One"]
            else:
                ids = [e.id for e in feedparser.parse(data).entries if e.title == "One"]
            held.add(*ids)
    assert held == {"tag:lighthouse.example.org,2025:a1b2c3"}


BUILD = """
import sys
from datetime import datetime
from pathlib import Path
from publisher.bootstrap import open_app
from publisher.services import feeds
with open_app(Path(sys.argv[1]), clock=lambda: datetime.fromisoformat(sys.argv[2])) as app:
    feeds.build(app, now=app.clock())
"""


def test_the_same_posts_make_the_same_bytes_anywhere_at_any_time(app: App, tmp_path: Path) -> None:
    """Other hash seeds, zones, locales, file orders, file times, and a clock a year ahead."""
    fill(app)
    names = sorted(path.name for path in app.content.folder.iterdir())
    seen = []
    machines = [
        ("0", "UTC", "C.UTF-8", "2026-11-24T12:00:00Z", names),
        ("1", "Asia/Shanghai", "en_US.UTF-8", "2027-11-24T12:00:00Z", names[::-1]),
        ("2", "America/New_York", "C", "2026-11-24T12:00:00Z", names[::2] + names[1::2]),
    ]
    for place, (seed, zone, locale, now, order) in enumerate(machines):
        site = tmp_path / f"machine-{place}"
        (site / "content").mkdir(parents=True)
        for age, name in enumerate(order):
            copy = site / "content" / name
            copy.write_bytes((app.content.folder / name).read_bytes())
            os.utime(copy, (age, age))
        config = (ROOT / "config.toml").read_text(encoding="utf-8")
        (site / "config.toml").write_text(config, encoding="utf-8")
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": locale}
        environment |= {"PYTHONPATH": str(ROOT), "PUBLISHER_SECRET_KEY": "a" * 64}
        command = [sys.executable, "-X", "utf8", "-c", BUILD, str(site / "config.toml"), now]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        seen.append(digests(site / "public"))
    assert len(seen[0]) > 100
    assert seen[0] == seen[1] == seen[2]


def test_the_founding_post_has_its_own_day_on_any_machine(app: App) -> None:
    """Ten past six in Shanghai is the evening before in Greenwich."""
    more = "abbrlink: a1b2c3d4-e5f6-7a8b-9c0d-1e2f3g4h5i6j\n"
    write_post(app, "依恋.md", title="依恋", date="2025-10-11 06:16:29", more=more)
    feeds.build(app, now=app.clock())
    text = (app.folders.output / "rss.xml").read_text(encoding="utf-8")
    assert "<pubDate>Sat, 11 Oct 2025 06:16:29 +0800</pubDate>" in text
    assert "/2025/10/11/" in text
    assert "tag:lighthouse.example.org,2025:a1b2c3d4-e5f6-7a8b-9c0d-1e2f3g4h5i6j" in text


def test_a_rebuild_changes_nothing_and_renders_nothing(app: App) -> None:
    fill(app)
    feeds.build(app, now=app.clock())
    before = digests(app.folders.output)
    known = documents.listed(app)
    report = feeds.build(app, now=app.clock() + timedelta(days=1))
    assert digests(app.folders.output) == before
    assert documents.listed(app) == known
    assert not [file.path for file in report.written if file.is_made]


def test_an_edit_renders_only_the_feeds_that_hold_the_post(app: App, clock: FakeClock) -> None:
    write_post(app, "one.md", title="One", date="2025-10-02 10:00:00", more="tags: [sea]\n")
    write_post(app, "two.md", title="Two", date="2025-10-03 10:00:00", more="tags: [sky]\n")
    feeds.build(app, now=clock())
    before = documents.listed(app)
    clock.now += timedelta(hours=1)
    write_post(app, "two.md", title="Changed", date="2025-10-03 10:00:00", more="tags: [sky]\n")
    report = feeds.build(app, now=clock())

    made = {file.path for file in report.feeds if file.is_made}
    assert made == {"rss.xml", "atom.xml", "feed.json"} | {
        f"tags/sky/{name}" for name in ("feed.xml", "atom.xml", "feed.json")
    }
    after = documents.listed(app)
    for path in made:
        assert after[path].digest != before[path].digest
        assert after[path].modified_at > before[path].modified_at
    assert after["tags/sea/feed.xml"] == before["tags/sea/feed.xml"]


def test_a_post_of_the_future_appears_at_its_minute(app: App, clock: FakeClock) -> None:
    clock.now = datetime(2025, 10, 2, 1, 59, 59, tzinfo=UTC)
    write_post(app, "soon.md", title="Soon", date="2025-10-02 10:00:00")
    feeds.build(app, now=clock())
    before = digests(app.folders.output)
    feeds.build(app, now=clock())
    assert digests(app.folders.output) == before
    assert "Soon" not in (app.folders.output / "rss.xml").read_text()
    clock.now += timedelta(seconds=1)
    feeds.build(app, now=clock())
    assert "Soon" in (app.folders.output / "rss.xml").read_text()


@pytest.mark.parametrize("mark", ["draft: true", "hidden: true", "password: canary"])
def test_what_is_private_is_in_no_file(app: App, mark: str) -> None:
    more = f"{mark}\ntags: [canary-tag]\n"
    write_post(app, "x.md", title="canary", date="2025-10-02 10:00:00", more=more)
    feeds.build(app, now=app.clock())
    for path in app.folders.output.rglob("*"):
        assert "canary" not in path.name
        assert path.is_dir() or b"canary" not in path.read_bytes()


def test_a_deleted_post_is_gone_and_its_id_is_burnt(app: App) -> None:
    path = write_post(app, "one.md", title="One", date="2025-10-02 10:00:00", more="tags: [sea]\n")
    first = feeds.build(app, now=app.clock())
    page = first.library.posts[0].url.removeprefix(app.site.base_url + "/")
    path.unlink()
    report = feeds.build(app, now=app.clock())

    assert "One" not in (app.folders.output / "rss.xml").read_text()
    assert "tags/sea/feed.xml" in report.removed
    with pytest.raises(Gone):
        documents.missing(app, page)
    write_post(app, "two.md", title="Another", date="2025-10-02 10:00:00")
    write_post(app, "one.md", title="A third", date="2025-10-02 10:00:00")
    again = feeds.build(app, now=app.clock() + timedelta(days=2))
    assert [post.id for post in again.library.posts] == ["one.md~2", "two.md"]


def test_a_slug_survives_the_posts_that_made_it(app: App) -> None:
    write_post(app, "one.md", title="One", date="2025-10-02 10:00:00", more="tags: ['C']\n")
    feeds.build(app, now=app.clock())
    write_post(app, "one.md", title="One", date="2025-10-02 10:00:00", more="tags: ['c!']\n")
    report = feeds.build(app, now=app.clock())
    assert "tags/c-2/feed.xml" in {file.path for file in report.feeds}


def test_a_sent_issue_is_in_the_feed_of_its_newsletter(app: App) -> None:
    from publisher.services import publishing, subscribers

    write_post(app, "one.md", title="One", date="2025-10-02 10:00:00")
    subscribers.add(app, "weekly", email="ann@example.org", name="Ann", source="test")
    publishing.publish(app)
    publishing.publish(app)
    found = feedparser.parse((app.folders.output / "newsletters/weekly/feed.xml").read_bytes())
    (entry,) = found.entries
    assert entry.id == "tag:lighthouse.example.org,2025:issue/weekly/W:2026-W47"
    assert entry.link == "http://localhost:8080/archive/weekly/w-2026-w47/"
    assert "One" in entry.content[0].value
    assert found.feed.sy_updateperiod == "weekly"
    assert feeds.validate(app) == []


def test_a_newsletter_that_is_not_for_everybody_has_no_feed(app: App) -> None:
    private = replace(app.newsletters[0], is_archived=False)
    report = feeds.build(replace(app, newsletters=(private,)), now=app.clock())
    assert not [feed for feed in report.made_of if feed.kind == "issues"]


def test_a_recording_is_an_enclosure_with_its_true_length(app: App) -> None:
    (app.content.folder / "talk.mp3").write_bytes(b"ID3" * 1000)
    more = "audio:\n  url: talk.mp3\n  length: 7\n  duration: 1:02:03\n"
    write_post(app, "talk.md", title="Talk", date="2025-10-02 10:00:00", more=more)
    site = replace(app.site, base_url="https://letters.example.org")
    content = replace(app.content, base_url="https://letters.example.org")
    podcast = Podcast(
        author="Lin", email="lin@example.org", category="Arts", image="https://e.org/i"
    )
    options = FeedOptions(entries=30, full=True, podcast=podcast)
    app = replace(app, site=site, content=content, feeds=options)
    report = feeds.build(app, now=app.clock())

    assert report.faulty == ()
    (entry,) = feedparser.parse((app.folders.output / "rss.xml").read_bytes()).entries
    (enclosure,) = entry.enclosures
    assert enclosure.href.endswith("/talk.mp3")
    assert (enclosure.length, enclosure.type) == ("3000", "audio/mpeg")
    assert entry.itunes_duration == "3723"
    atom = feedparser.parse((app.folders.output / "atom.xml").read_bytes()).entries[0]
    assert [link.rel for link in atom.links] == ["alternate", "enclosure"]
    item = json.loads((app.folders.output / "feed.json").read_bytes())["items"][0]
    assert item["attachments"][0]["duration_in_seconds"] == 3723
    assert (app.folders.output / enclosure.href.removeprefix(f"{site.base_url}/")).is_file()


def test_a_file_or_an_address_of_this_site_can_be_validated(app: App, tmp_path: Path) -> None:
    write_post(app, "one.md", title="One", date="2025-10-02 10:00:00")
    feeds.build(app, now=app.clock())
    broken = tmp_path / "broken.xml"
    broken.write_text("<rss>")
    (found,) = feeds.validate(app, str(broken))
    assert (found.path, found.findings[0].rule) == (str(broken), "C1")
    assert feeds.validate(app, "http://localhost:8080/rss.xml") == []
    for target in ("https://elsewhere.example.org/rss.xml", "nowhere.xml"):
        with pytest.raises(NotFound):
            feeds.validate(app, target)


def test_a_build_reads_the_texts_of_what_it_makes_and_of_nothing_else(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = replace(app, content=replace(app.content, cache=tmp_path / "cache"))
    fill(cached)
    feeds.build(cached, now=cached.clock())
    found: set[bytes] = set()
    read = Kept.data

    def noted(text: Kept) -> bytes:
        found.add(read(text))
        return read(text)

    monkeypatch.setattr(Kept, "data", noted)
    feeds.build(cached, now=cached.clock())
    assert found == set()
    more = "tags: [sky, new]\nauthor: Guest\nlang: zh-CN\n"
    write_post(cached, "day-3.md", title="Day 3", date="2025-10-11", more=more)
    report = feeds.build(cached, now=cached.clock())
    assert "tags/new/feed.xml" in [file.path for file in report.written if file.is_made]
    others = [post for post in report.library.posts if post.path.startswith("hostile-")]
    assert found
    assert found.isdisjoint(read(post.body.packed) for post in others)


def test_posts_at_one_address_stop_nobody_else(app: App) -> None:
    write_post(app, "a.md", title="Older", date="2024-01-01", more="permalink: /one/\n")
    write_post(app, "b.md", title="Younger", date="2025-01-01", more="permalink: /one/\n")
    write_post(app, "c.md", title="Outside", date="2025-01-01", more="permalink: /../c/\n")
    write_post(app, "d.md", title="Feed", date="2025-01-01", more="permalink: /rss.xml\n")
    write_post(app, "e.md", title="Sound", date="2025-01-01")
    library = feeds.build(app, now=app.clock()).library
    assert [post.path for post in library.posts] == ["a.md", "e.md"]
    assert [(each.path, each.problem) for each in library.failed] == [
        ("b.md", "has the address of a.md"),
        ("c.md", "wants /../c, which can be no file"),
        ("d.md", "wants /rss.xml, where a page of the site itself is"),
    ]
    assert "Older" in (app.folders.output / "one" / "index.html").read_text("utf-8")


def test_a_file_may_become_a_folder_and_a_folder_a_file(app: App) -> None:
    def live_at(address: str) -> None:
        write_post(app, "a.md", title="A", date="2024-01-01", more=f"permalink: {address}\n")
        assert feeds.build(app, now=app.clock()).faulty == ()

    live_at("/foo.html")
    assert (app.folders.output / "foo.html").is_file()
    live_at("/foo.html.d/")
    live_at("/foo.html.d/bar.html")
    assert not (app.folders.output / "foo.html").exists()
    (app.folders.output / "foo").write_bytes(b"")  # so an older release named such a page
    with app.store.begin() as tx:
        document_rows.keep(tx, [Document(path="foo", modified_at=app.clock())])
    live_at("/foo/")
    assert (app.folders.output / "foo" / "index.html").is_file()


def test_dates_of_any_zone_fit_feeds(app: App) -> None:
    kathmandu = ZoneInfo("Asia/Kathmandu")
    far = replace(
        app,
        site=replace(app.site, zone=kathmandu),
        content=replace(app.content, zone=kathmandu),
    )
    write_post(app, "a.md", title="A", date="2024-01-01 10:00:00")
    assert feeds.build(far, now=far.clock()).faulty == ()
    assert b"Mon, 01 Jan 2024 04:15:00 +0000" in (app.folders.output / "rss.xml").read_bytes()


def test_a_label_or_title_of_which_nothing_is_left_stops_nobody(app: App) -> None:
    write_post(app, "a.md", title='"\ufffd"', date="2024-01-01", more="tags: [sea, \ufffd]\n")
    assert feeds.build(app, now=app.clock()).faulty == ()

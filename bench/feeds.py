"""How fast feeds are made and unchanged ones answered, beside others, in one run.

    python bench/feeds.py [COUNT]

A tree of COUNT posts (10,000 by default) of 20 kB is made from the sample posts. Publisher builds
the whole site of it - pages, feeds, archives, their gzip and brotli forms, each looked at by the
linter - cold, again with nothing changed, and after one post changed. feedgen, used plainly, writes
one RSS and one Atom feed of everything; Pelican (in an environment of its own under var/) reads and
renders the same bodies and writes an RSS and an Atom feed of each tag and category and of all.
Each runs in a process of its own, so that its peak memory is its own.

Then `wrk` asks a server for a feed that it already has: Publisher's, and a bare Starlette route
that answers an empty 304, both under the same uvicorn.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

BYTES = 20_000

PELICAN = """
import resource, sys, time
from pelican import Pelican
from pelican.settings import read_settings
path = sys.argv[1]
feeds = {"FEED_ALL_ATOM": "feeds/all.atom.xml", "FEED_ALL_RSS": "feeds/all.rss.xml",
  "CATEGORY_FEED_ATOM": "feeds/{slug}.atom.xml", "CATEGORY_FEED_RSS": "feeds/{slug}.rss.xml",
  "TAG_FEED_ATOM": "feeds/tag.{slug}.atom.xml", "TAG_FEED_RSS": "feeds/tag.{slug}.rss.xml"}
settings = read_settings(override={
    "PATH": path, "OUTPUT_PATH": path + "-output", "TIMEZONE": "Asia/Shanghai",
    "SITEURL": "https://example.org", "FEED_DOMAIN": "https://example.org",
    "CACHE_CONTENT": False, "FEED_MAX_ITEMS": 30, "RSS_FEED_SUMMARY_ONLY": False, **feeds})
started = time.perf_counter()
Pelican(settings).run()
print(time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""

OURS = """
import json, resource, sys, time
from datetime import datetime
from pathlib import Path
from publisher.bootstrap import open_app
from publisher.services import feeds, posts
def main():
    now = datetime.fromisoformat("2026-11-24T00:00:00+00:00")
    with open_app(Path(sys.argv[1])) as app:
        started = time.perf_counter()
        library = posts.load(app, now=now)
        loaded = time.perf_counter()
        report = feeds.build_library(app, library, now=now)
        done = time.perf_counter()
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    made = sum(file.is_made for file in report.feeds)
    print(json.dumps([loaded - started, done - loaded, own, len(library.posts), made,
                      len(report.feeds), sum(len(each.findings) for each in report.faulty)]))
if __name__ == "__main__":
    main()
"""

PLAIN = """
import resource, sys, time
from datetime import datetime
from pathlib import Path
from feedgen.feed import FeedGenerator
from publisher.bootstrap import open_app
from publisher.services import posts
def main():
    with open_app(Path(sys.argv[1])) as app:
        library = posts.load(app, now=datetime.fromisoformat("2026-11-24T00:00:00+00:00"))
    started = time.perf_counter()
    generator = FeedGenerator()
    generator.id("https://example.org/")
    generator.title("x")
    generator.description("x")
    generator.author(name="x")
    generator.link(href="https://example.org/")
    for post in library.posts:
        entry = generator.add_entry(order="append")
        entry.id(post.id)
        entry.title(post.title)
        entry.link(href=post.url)
        entry.published(post.published)
        entry.updated(post.updated)
        entry.summary(post.excerpt.text)
        entry.content(post.body.html, type="CDATA")
    size = len(generator.rss_str(pretty=True))
    for entry, post in zip(generator.entry(), library.posts):
        entry.content(post.body.html, type="html")
    size += len(generator.atom_str(pretty=True))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(time.perf_counter() - started, peak)
if __name__ == "__main__":
    main()
"""

BARE = """
import sys
import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
async def answer(request):
    return Response(status_code=304)
uvicorn.run(Starlette(routes=[Route("/rss.xml", answer)]), port=int(sys.argv[1]),
            log_level="error", access_log=False, lifespan="off", server_header=False)
"""


def main(count: int) -> None:
    """Makes the trees, measures, prints."""
    with tempfile.TemporaryDirectory(prefix="bench-feeds-") as folder:
        site, theirs = Path(folder, "site"), Path(folder, "theirs")
        subprocess.run(
            [sys.executable, "-m", "publisher", "init", "--empty", str(site)],
            cwd=ROOT, check=True, capture_output=True,
        )  # fmt: skip
        size = make_trees(count, site / "content", theirs)
        print(f"{count:,} posts, {size / count / 1000:.1f} kB each")
        cold = ours("cold", site)
        ours("nothing changed", site)
        changed = site / "content" / f"post-{count - 7:05}.md"
        changed.write_text(changed.read_text("utf-8") + "\nOne more line.\n", "utf-8")
        ours("one post changed", site)
        seconds, peak = run(PLAIN, site / "config.toml")
        print(f"{'feedgen plainly, one RSS, one Atom':36} {seconds:8.2f} s   peak {peak:5.0f} MiB")
        answers(site)
        seconds, peak = run(PELICAN, theirs, python=pelican())
        print(f"{'Pelican, cold':36} {seconds:8.2f} s   peak {peak:5.0f} MiB")
        print(f"cold, Publisher beside Pelican: x {seconds / cold:.2f}")


def ours(name: str, site: Path) -> float:
    """One build in a process of its own; seconds in all."""
    done = python_run(OURS, site / "config.toml")
    load, build, peak, posts, made, all_feeds, findings = json.loads(done)
    told = f"load {load:6.2f} s, build {build:6.2f} s"
    print(f"Publisher, {name:25} {load + build:8.2f} s   peak {peak:5.0f} MiB   ({told})")
    print(f"  {posts:,} posts, {made} of {all_feeds} feed documents made, {findings} findings")
    return float(load + build)


def make_trees(count: int, mine: Path, theirs: Path) -> int:
    """The same bodies with the front matter of each; returns the bytes of ours."""
    theirs.mkdir()
    whole = [re.split(r"^---$", path.read_text("utf-8"), maxsplit=2, flags=re.MULTILINE)[-1]
             for path in sorted((ROOT / "content").glob("*.md"))]  # fmt: skip
    bodies = [body for body in whole if len(body) > 500]
    total = 0
    for number in range(count):
        day = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(hours=5 * number)
        turn = number % len(bodies)
        text = (
            "\n\n".join([*bodies[turn:], *bodies[:turn]]).encode()[:BYTES].decode("utf-8", "ignore")
        )
        text += f"\n\n第 {number} 篇。 This is number {number}.\n"
        title, date = f"第 {number} 篇 Post {number}", f"{day:%Y-%m-%d %H:%M:%S}"
        tags = f"[sea, tag{number % 40}]"
        head = f"title: {title}\ndate: {date}\ntags: {tags}\ncategories: [letters]"
        (mine / f"post-{number:05}.md").write_text(f"---\n{head}\n---\n{text}", "utf-8")
        meta = f"Title: {title}\nDate: {date}\nTags: {tags.strip('[]')}\nCategory: letters\n\n"
        (theirs / f"post-{number:05}.md").write_text(meta + text, "utf-8")
        total += len(text.encode())
    return total


def run(program: str, argument: Path, python: Path = Path(sys.executable)) -> tuple[float, float]:
    """Seconds and peak MiB, as the program prints them."""
    seconds, peak = python_run(program, argument, python).split()[-2:]
    return float(seconds), float(peak)


def python_run(program: str, argument: Path, python: Path = Path(sys.executable)) -> str:
    """What a program prints that runs in a process of its own, on a disk that has come to rest."""
    os.sync()
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "bench.py")  # a file: workers read it again
        script.write_text(program)
        done = subprocess.run(
            [python, script, argument], cwd=ROOT, capture_output=True, text=True, check=False,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"},
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def pelican() -> Path:
    """Pelican's own environment, made at first use."""
    python = ROOT / "var" / "bench" / "pelican" / "bin" / "python"
    if not python.exists():
        shutil.rmtree(python.parents[1], ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", python.parents[1]], check=True)
        lock = ROOT / "bench" / "pelican.lock"
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check",
                        "--no-deps", "--require-hashes", "-r", lock], check=True)  # fmt: skip
    return python


def answers(site: Path) -> None:
    """304 a second of both servers, three rounds each, turn about."""
    if not shutil.which("wrk"):
        print("wrk is not here: no figures for 304")
        return
    port = free_port()
    config = site / "config.toml"
    config.write_text(config.read_text("utf-8").replace("port = 8080", f"port = {port}"), "utf-8")
    tag = ""
    with serving([sys.executable, "-m", "publisher", "-C", str(site), "serve"], port):
        tag = etag(port)
    figures: dict[str, list[float]] = {"ours": [], "bare": []}
    other = free_port()
    with (
        serving([sys.executable, "-m", "publisher", "-C", str(site), "serve"], port),
        serving([sys.executable, "-c", BARE, str(other)], other),
    ):
        time.sleep(3)  # the daemon's first cycle
        for _ in range(3):
            figures["ours"].append(wrk(port, tag))
            figures["bare"].append(wrk(other, tag))
    best = {name: max(found) for name, found in figures.items()}
    print(f"304: Publisher {best['ours']:,.0f}/s, bare Starlette {best['bare']:,.0f}/s, "
          f"x {best['ours'] / best['bare']:.2f}")  # fmt: skip


def wrk(port: int, tag: str) -> float:
    """Answers a second."""
    done = subprocess.run(
        ["wrk", "-t1", "-c8", "-d4s", "--latency", "-H", f"If-None-Match: {tag}",
         f"http://127.0.0.1:{port}/rss.xml"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    assert found, done.stdout
    return float(found[1])


def etag(port: int) -> str:
    """The validator of the main feed as it is served."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/rss.xml", timeout=60) as answer:
        return str(answer.headers["ETag"])


@contextmanager
def serving(command: list[str], port: int) -> Iterator[None]:
    """A server in a process of its own, until the end of the block."""
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert time.monotonic() < deadline, command
                assert process.poll() is None, command
                time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(30)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)

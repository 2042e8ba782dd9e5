"""How fast posts are read and rendered, cold and warm, beside Pelican, in one run.

    python bench/content.py [COUNT]

A tree of COUNT posts (10,000 by default) is made from the sample posts, each with a title, a date
and a sentence of its own. Publisher loads it with an empty cache, with a full one, and after one
post changed; Pelican (from its package, in an environment of its own under var/) reads and renders
the same bodies by its ArticlesGenerator, which writes nothing either. Prints seconds, seconds of
all processors together (which a busy machine disturbs less), posts a second, peak memory, ratios.
"""

import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import NamedTuple
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).parents[1]))

from publisher.content import loader
from publisher.content.loader import ContentOptions
from publisher.content.sources import Text, read_source

ROOT = Path(__file__).parents[1]
NOW = datetime(2026, 11, 24, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
PELICAN = """
import sys, time
from pelican.generators import ArticlesGenerator
from pelican.settings import DEFAULT_THEME, read_settings
path = sys.argv[1]
settings = read_settings(override={
    "PATH": path, "TIMEZONE": "Asia/Shanghai", "THEME": DEFAULT_THEME,
    "OUTPUT_PATH": path + "-output", "CACHE_CONTENT": False})
context = settings.copy()
context.update(generated_content={}, static_links=set(), static_content={}, localsiteurl="",
               filenames={})
generator = ArticlesGenerator(context=context, settings=settings, path=path, theme=DEFAULT_THEME,
                              output_path=path + "-output")
started, used = time.perf_counter(), time.process_time()
generator.generate_context()
for article in generator.articles:
    article.content, article.summary
print(len(generator.articles), time.perf_counter() - started, time.process_time() - used)
"""


class Seconds(NamedTuple):
    """By the wall clock, and by all processors together."""

    wall: float
    work: float


def main(count: int) -> None:
    """Makes the trees, measures, prints."""
    with tempfile.TemporaryDirectory(prefix="bench-content-") as folder:
        ours, theirs = Path(folder, "ours"), Path(folder, "theirs")
        size = make_trees(count, ours, theirs)
        print(f"{count:,} posts, {size / count / 1000:.1f} kB each")
        options = ContentOptions(
            folder=ours,
            dialect="hexo",
            zone=ZONE,
            base_url="https://example.org",
            language="zh-CN",
            cache=Path(folder, "cache"),
        )
        cold = timed(lambda: load(options, count))
        warm = timed(lambda: load(options, count))
        changed = ours / "post-00007.md"
        changed.write_text(changed.read_text("utf-8") + "\nOne more line.\n", "utf-8")
        one = timed(lambda: load(options, count))
        row("Publisher, cold", cold, count)
        row("Publisher, warm", warm, count)
        row("Publisher, one post changed", one, count)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"peak memory of this process: {peak} MiB")
        pelican = run_pelican(theirs, count)
        row("Pelican, cold", pelican, count)
        print(f"cold, Publisher beside Pelican: x {pelican.wall / cold.wall:.2f} as fast")
        print(f"cold, on one processor each: x {pelican.work / cold.work:.2f} as fast")
        print(f"one post changed, beside all of them: {one.wall / cold.wall:.4f}")


def make_trees(count: int, ours: Path, theirs: Path) -> int:
    """The same bodies with the front matter of each; returns the bytes of ours."""
    ours.mkdir()
    theirs.mkdir()
    options = ContentOptions(folder=ours, dialect="hexo", zone=ZONE, base_url="", language="")
    samples = []
    for path in sorted((ROOT / "content").glob("*.md")):
        text = read_source(path.read_bytes(), path.name, options)
        if isinstance(text, Text) and len(text.body) > 500:
            samples.append(text.body)
    total = 0
    for number in range(count):
        day = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(hours=5 * number)
        body = f"{samples[number % len(samples)]}\n\n第 {number} 篇。 This is number {number}.\n"
        title, date = f"第 {number} 篇 Post {number}", f"{day:%Y-%m-%d %H:%M:%S}"
        name = f"post-{number:05}.md"
        head = f"title: {title}\ndate: {date}\ntags: [sea, 海]\ncategories: [letters]"
        text = f"---\n{head}\n---\n{body}"
        (ours / name).write_text(text, "utf-8")
        total += len(text.encode())
        meta = f"Title: {title}\nDate: {date}\nTags: sea, 海\nCategory: letters\n\n"
        (theirs / name).write_text(meta + body, "utf-8")
    return total


def load(options: ContentOptions, count: int) -> None:
    """One load; every post must have come through."""
    library = loader.load(options, now=NOW)
    assert len(library.posts) == count, library.failed[:3]


def run_pelican(folder: Path, count: int) -> Seconds:
    """What Pelican needs, measured in its own process."""
    python = ROOT / "var" / "bench" / "pelican" / "bin" / "python"
    if not python.exists():
        shutil.rmtree(python.parents[1], ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", python.parents[1]], check=True)
        lock = ROOT / "bench" / "pelican.lock"
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check",
                        "--no-deps", "--require-hashes", "-r", lock], check=True)  # fmt: skip
    done = subprocess.run(
        [python, "-c", PELICAN, str(folder)], check=True, capture_output=True, text=True
    )
    articles, wall, work = done.stdout.split()[-3:]
    assert int(articles) == count, done.stderr[-2000:]
    return Seconds(wall=float(wall), work=float(work))


def timed(work: Callable[[], None]) -> Seconds:
    """What some work takes, its worker processes included."""
    started, used = perf_counter(), processors()
    work()
    return Seconds(wall=perf_counter() - started, work=processors() - used)


def processors() -> float:
    """Seconds that processors worked for this process and for its children that have ended."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    found = [resource.getrusage(kind) for kind in kinds]
    return sum(usage.ru_utime + usage.ru_stime for usage in found)


def row(name: str, seconds: Seconds, count: int) -> None:
    """One line of the table."""
    speed = count / seconds.wall
    print(f"{name:28} {seconds.wall:8.2f} s {seconds.work:8.2f} s of work {speed:8,.0f} posts/s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)

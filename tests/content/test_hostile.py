"""No file of any tree makes a load fail, and none takes more than its share."""

import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.content.folder import File, find
from publisher.content.loader import load
from publisher.content.options import ContentOptions
from publisher.content.rendering import render
from publisher.content.sources import Text, read_source
from publisher.content.workers import LARGE, Workers
from publisher.domain.posts import Failed
from tests.content.hostile import FILES, FRONT, end_its_process
from tests.factories import NOW, make_options

ROOT = Path(__file__).parents[2]
SAMPLES = [path.read_bytes() for path in sorted((ROOT / "content").glob("*.md"))]
SAMPLES += [
    b'+++\ntitle = "T"\ndate = 2025-01-02\n[a.b]\nc = [1]\n+++\n{{< ref "a" >}}\n',
    b';;;\n"title": "T", "date": "2025-01-02"\n;;;\n{% note %}\nx\n{% endnote %}\n',
    b"Title: T\nDate: 2025-01-02\n\n| a |\n|---|\n| b |\n",
    "﻿---\ntitle: 题\ndate: 2025-01-02\n---\n**注意：**请看".encode("utf-16"),
]
GIGABYTES = 2 * 1024**3

STAMP = (0, 0, 0, 0, 0)


def end_of(data: bytes, dialect: str = "auto") -> object:
    """What a file becomes; an exception would be a defect."""
    options = make_options(dialect=dialect)
    text = read_source(data, "a.md", options)
    return render(text, options, {}) if isinstance(text, Text) else text


def cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def flip(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randrange(1, 40)):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def splice(data: bytes, chance: random.Random) -> bytes:
    other = chance.choice(SAMPLES)
    place, start = chance.randrange(len(data)), chance.randrange(len(other))
    return data[:place] + other[start : start + 200] + data[place:]


def repeat(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data))
    piece = data[start : start + chance.randrange(1, 12)]
    return data[:start] + piece * chance.randrange(1, 300) + data[start:]


def drop(data: bytes, chance: random.Random) -> bytes:
    lines = data.split(b"\n")
    return b"\n".join(line for line in lines if chance.random() > 0.2)


def punctuate(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randrange(1, 60)):
        changed[chance.randrange(len(changed))] = chance.choice(b"-:[]{}<>%*_`~|\"'#!&$\0\r\t\n ")
    return bytes(changed)


@pytest.mark.parametrize("change", [cut, flip, splice, repeat, drop, punctuate])
@pytest.mark.parametrize("seed", range(25))
def test_no_change_to_the_bytes_of_a_post_makes_it_crash(
    change: Callable[[bytes, random.Random], bytes], seed: int
) -> None:
    chance = random.Random(seed)
    for _ in range(2):
        data = change(chance.choice(SAMPLES), chance)
        end_of(data, chance.choice(["auto", "hexo", "hugo", "jekyll", "pelican", "plain"]))


@given(
    st.binary(max_size=300), st.sampled_from([b"", b"---\n", b"---\na: b\n---\n", b"{", b"+++\n"])
)
def test_no_bytes_at_all_make_it_crash(data: bytes, start: bytes) -> None:
    end_of(start + data)


@given(st.text(alphabet="ab*_`~<>[]()!{}%|#-=:+.$&;\"'/\\ \n\t字，。", max_size=200))
def test_no_markdown_makes_it_crash_or_lets_a_script_through(body: str) -> None:
    found = end_of(f"---\ntitle: T\ndate: 2025-01-02\n---\nx\n{body}".encode())
    assert "<script" not in getattr(found, "html", "")


@pytest.mark.parametrize("name", ["front-" + name for name in FRONT])
def test_front_matter_that_would_cost_too_much_ends_in_a_word(name: str) -> None:
    found = end_of(FILES[name])
    if isinstance(found, Failed):
        assert found.problem
        assert found.remedy


PROCESSOR_SECONDS = 90
"""Twenty times what they take together; one that grows with the square takes more by itself."""

GROWING = [
    *[f"body-{name}" for name in (
        "tag-blanks", "tag-only-blanks", "tag-slash-blanks", "shortcode-blanks", "tag-lines", "raw",
        "raw-links", "filters", "sized", "pairs-apart", "tab-blanks", "tab-icons", "tabs-open",
        "inputs", "inputs-checked", "embeds", "embeds-open", "videos", "cells-open", "lazy-open",
        "closers", "closers-between", "addresses-none",
    )],
    "front-commas", "front-date-blanks", "front-double-blanks", "front-double-keys",
    "blanks-heading-blanks", "blanks-code-blanks",
]  # fmt: skip


def frugal() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS, PROCESSOR_SECONDS))


@pytest.mark.parametrize("dialect", ["auto", "pelican"])
def test_no_text_takes_time_that_grows_with_its_square(dialect: str) -> None:
    """All of them in a process that is ended where it wants too much of the processor."""
    code = (
        "from tests.content.hostile import FILES\n"
        "from tests.content.test_hostile import GROWING, end_of\n"
        f"for name in GROWING: end_of(FILES[name], {dialect!r}); print(name, flush=True)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=frugal,
        cwd=ROOT,
    )
    assert done.stdout.split() == GROWING, done.stderr[-2000:]


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (GIGABYTES, GIGABYTES))


def test_a_folder_of_hostile_files_is_listed_whole_in_bounded_memory(tmp_path: Path) -> None:
    """Every file by its name, in processes that get two gigabytes each; the good one is read."""
    names = [n for n in sorted(FILES) if n.startswith(("front-", "bytes-"))]
    names += ["body-brackets", "body-lists", "body-divs", "body-nulls", "body-line", "body-table"]
    for name in names:
        (tmp_path / f"{name}.md").write_bytes(FILES[name])
    (tmp_path / "good.md").write_bytes(SAMPLES[1])
    (tmp_path / "loop.md").symlink_to("loop.md")
    (tmp_path / "folder.md").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "publisher", "posts", "list", "--content", tmp_path, "--json"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        preexec_fn=limited,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    rows = {row["path"]: row for row in json.loads(done.stdout)["posts"]}
    assert {*rows} == {*(f"{name}.md" for name in names), "good.md", "loop.md"}
    assert {row["status"] for row in rows.values()} == {"ok", "skip", "error"}
    assert rows["good.md"]["status"] == "ok"
    for name in ("front-brackets", "front-aliases", "bytes-three-megabytes", "body-divs"):
        assert rows[f"{name}.md"]["status"] == "error"


def test_what_takes_too_long_is_cut_off_and_stops_only_itself(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def slowly(data: bytes, path: str, options: ContentOptions) -> Text | Failed:
        if path == "slow.md":
            time.sleep(60)
        return read_source(data, path, options)

    monkeypatch.setattr("publisher.content.workers.LIMIT_SECONDS", 0.2)
    monkeypatch.setattr("publisher.content.workers.read_source", slowly)
    monkeypatch.setattr("publisher.content.workers._new_pool", _pool_in_this_process)
    large = SAMPLES[0] + b"x" * LARGE
    files = [
        File(path="slow.md", data=large, stamp=STAMP),
        File(path="good.md", data=SAMPLES[0], stamp=STAMP),
    ]
    with Workers(make_options()) as workers:
        found = list(workers.read(files))
    assert isinstance(found[0], Failed)
    assert "seconds" in found[0].problem
    assert isinstance(found[1], Text)


class _Done:
    def __init__(self, value: object) -> None:
        self._value = value

    def result(self) -> object:
        return self._value


class _pool_in_this_process:
    """A pool whose limit a test can set."""

    def __init__(self, _size: int) -> None: ...

    def submit(self, work: Callable[..., object], *given: object) -> _Done:
        return _Done(work(*given))

    def shutdown(self, **_options: object) -> None: ...


def test_a_worker_that_dies_takes_no_other_file_with_it() -> None:
    files = [File(path=f"{name}.md", data=b"", stamp=STAMP) for name in ("a", "bad", "b")]
    with Workers(make_options()) as workers:
        found = list(workers._spread(end_its_process, files, lambda file: file.path))
    assert [file if isinstance(file, str) else file.path for file in found] == [
        "a.md", "bad.md", "b.md",
    ]  # fmt: skip
    assert isinstance(found[1], Failed)
    assert found[1].problem == "ended the process that read it"


@pytest.mark.parametrize("name", [b"\xc4\xe3.md", b"a\nb.md", b"a\x07b.md", b"tab\t.md"])
def test_a_name_that_cannot_be_shown_fails_with_a_word(tmp_path: Path, name: bytes) -> None:
    with open(os.fsencode(tmp_path) + b"/" + name, "wb") as file:
        file.write(SAMPLES[0])
    (tmp_path / "good.md").write_bytes(SAMPLES[0])
    options = make_options(tmp_path)
    library = load(options, now=NOW)
    assert [post.path for post in library.posts] == ["good.md"]
    assert [failed.remedy for failed in library.failed] == ["rename the file"]
    assert library.failed[0].path.isprintable()
    assert find(options.folder, options.places) == ["good.md"]

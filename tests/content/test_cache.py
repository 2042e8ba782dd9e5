"""What was parsed before is not parsed again, and is never taken for something else."""

import os
import pickle
import shutil
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from click.testing import CliRunner

from publisher.cli.main import cli
from publisher.content import rendering, sources, workers
from publisher.content.cache import Cache
from publisher.content.folder import File, read_file
from publisher.content.loader import load
from publisher.content.options import ContentOptions
from publisher.domain.posts import Failed, Library
from publisher.errors import PublisherError
from tests.factories import NOW, make_options

ROOT = Path(__file__).parents[2]


@pytest.fixture
def options(tmp_path: Path) -> ContentOptions:
    """The sample posts, with one of each kind that is kept back, and an empty cache."""
    folder = tmp_path / "posts"
    shutil.copytree(ROOT / "content", folder)
    head = "---\ntitle: T\ndate: 2025-01-02 03:04:05\n"
    for name, text in {
        "far.md": "---\ntitle: T\ndate: 2099-12-31 23:59\n---\nbody",
        "gone.md": f"{head}expires: 2026-01-01 01:30\n---\nbody",
        "secret.md": f"{head}password: x\n---\nbody",
        "hidden.md": f"{head}hidden: true\nupdated: 2025-02-03 23:30\n---\nbody",
        "empty.md": f"{head}---\n",
        "dateless.md": "---\ntitle: T\nupdated: 2025-02-03 23:30\n---\nbody",
        "broken.md": "---\ntitle: T\n",
        "links.md": f"{head}---\n[far](far.md) {{% post_link links %}} ![](a.png)",
    }.items():
        (folder / name).write_text(text, "utf-8")
    return make_options(folder, dialect="auto", cache=tmp_path / "cache")


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of all files that are read or rendered from here on."""
    found: list[str] = []

    def counted(work: Callable[..., Any], path_of: Callable[..., str]) -> Callable[..., Any]:
        def count(*given: Any) -> Any:
            found.append(path_of(*given))
            return work(*given)

        return count

    read = counted(sources.read_source, lambda data, path, options: f"read {path}")
    made = counted(rendering.render, lambda text, *_: f"render {text.source.path}")
    monkeypatch.setattr(workers, "read_source", read)
    monkeypatch.setattr(workers, "render", made)
    return found


def test_a_second_load_parses_only_what_cannot_be_read(
    options: ContentOptions, parsed: list[str]
) -> None:
    first = load(options, now=NOW)
    assert f"render {first.posts[0].path}" in parsed
    parsed.clear()
    assert load(options, now=NOW) == first
    assert parsed == ["read broken.md"]


def test_a_warm_library_is_a_cold_one_to_the_last_zone(options: ContentOptions) -> None:
    cold, warm = load(options, now=NOW), load(options, now=NOW)
    assert repr(warm) == repr(cold)
    dates = [fact.published for fact in (s.facts for s in warm.skipped) if fact and fact.published]
    dates += [date for post in warm.posts for date in (post.published, post.updated)]
    assert {date.tzinfo for date in dates} == {options.zone}


def test_a_warm_listing_is_a_cold_one(options: ContentOptions, tmp_path: Path) -> None:
    runner = CliRunner()
    assert runner.invoke(cli, ["init", str(tmp_path / "site"), "--empty"]).exit_code == 0
    shutil.copytree(options.folder, tmp_path / "site" / "content", dirs_exist_ok=True)
    command = ["-C", str(tmp_path / "site"), "posts", "list", "--now", NOW.isoformat()]
    for extra in ([], ["--json"]):
        cold, warm = runner.invoke(cli, [*command, *extra]), runner.invoke(cli, [*command, *extra])
        assert "2099-12-31" in cold.output
        assert warm.output == cold.output
        shutil.rmtree(tmp_path / "site" / "var" / "cache")


def test_only_a_changed_post_is_parsed_again(options: ContentOptions, parsed: list[str]) -> None:
    load(options, now=NOW)
    parsed.clear()
    changed = options.folder / "small-repairs.md"
    changed.write_text(changed.read_text("utf-8") + "\nOne more line.\n", "utf-8")
    library = load(options, now=NOW)
    assert parsed == ["read broken.md", "read small-repairs.md", "render small-repairs.md"]
    post = next(post for post in library.posts if post.path == "small-repairs.md")
    assert "One more line." in post.body.html


def add_the_picture(folder: Path) -> None:
    (folder / "a.png").write_bytes(b"png")


def publish_the_target(folder: Path) -> None:
    (folder / "far.md").write_text("---\ntitle: T\ndate: 2025-01-01\n---\nbody")


@pytest.mark.parametrize("change", [add_the_picture, publish_the_target])
def test_a_post_is_rendered_again_when_what_it_refers_to_has_come(
    options: ContentOptions, parsed: list[str], change: Callable[[Path], None]
) -> None:
    load(options, now=NOW)
    parsed.clear()
    change(options.folder)
    warm = load(options, now=NOW)
    assert "render links.md" in parsed
    assert repr(warm) == repr(load(replace(options, cache=None), now=NOW))


def test_a_link_to_a_future_post_comes_alive_at_its_minute(options: ContentOptions) -> None:
    early = load(options, now=NOW)
    late = load(options, now=NOW + timedelta(days=40_000))
    assert "posts/far/" not in next(p for p in early.posts if p.path == "links.md").body.html
    assert "posts/far/" in next(p for p in late.posts if p.path == "links.md").body.html


def test_visibility_is_never_remembered(options: ContentOptions) -> None:
    load(options, now=NOW)
    at_its_minute = datetime(2099, 12, 31, 23, 59, tzinfo=options.zone)
    assert "far.md" in [post.path for post in load(options, now=at_its_minute).posts]
    before = at_its_minute - timedelta(seconds=1)
    assert "far.md" in [file.path for file in load(options, now=before).skipped]


def test_an_mtime_changes_nothing(options: ContentOptions, parsed: list[str]) -> None:
    first = load(options, now=NOW)
    parsed.clear()
    for path in options.folder.rglob("*.md"):
        os.utime(path, (0, 0))
    assert load(options, now=NOW) == first
    assert parsed == ["read broken.md"]


def in_memory(library: Library) -> Library:
    """The same with its texts read, as another process gets it."""
    there: Library = pickle.loads(pickle.dumps(library))
    return there


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flip(data: bytes) -> bytes:
    return bytes(byte ^ 0x55 for byte in data)


def empty(_data: bytes) -> bytes:
    return b""


def another_shape(_data: bytes) -> bytes:
    return b"\x81\xa1a\x01"


def one_letter(data: bytes) -> bytes:
    return data.replace(b"https://", b"httpz://", 1)  # of an address in the index


@pytest.mark.parametrize("damage", [cut, flip, empty, another_shape, one_letter])
def test_a_damaged_cache_is_an_empty_one(
    options: ContentOptions, damage: Callable[[bytes], bytes], parsed: list[str]
) -> None:
    first = in_memory(load(options, now=NOW))
    assert options.cache is not None
    for path in (options.cache / "posts").iterdir():
        path.write_bytes(damage(path.read_bytes()))
    assert load(options, now=NOW) == first
    parsed.clear()
    assert load(options, now=NOW) == first
    assert parsed == ["read broken.md"]


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that were written just now are taken for old ones."""
    monkeypatch.setattr("publisher.content.cache._TICK", -3_600_000_000_000)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of all files whose bytes are read from here on."""
    found: list[str] = []

    def read(root: str, path: str) -> File | Failed:
        found.append(path)
        return read_file(root, path)

    monkeypatch.setattr("publisher.content.loader.read_file", read)
    return found


@pytest.mark.usefixtures("settled")
def test_a_file_that_nobody_has_touched_is_not_read(
    options: ContentOptions, opened: list[str]
) -> None:
    first = load(options, now=NOW)
    opened.clear()
    assert load(options, now=NOW) == first
    assert opened == ["broken.md"]


def test_a_file_as_new_as_the_load_is_read_once_more(
    options: ContentOptions, opened: list[str]
) -> None:
    load(options, now=NOW)
    opened.clear()
    load(options, now=NOW)
    assert "small-repairs.md" in opened


def another_size(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"!")


def another_time(file: Path) -> None:
    os.utime(file, (1, 1))


def another_file_of_the_same_size_and_time(file: Path) -> None:
    before, aside = file.stat(), file.with_name("aside")
    aside.write_bytes(file.read_bytes().swapcase())
    os.utime(aside, ns=(before.st_atime_ns, before.st_mtime_ns))
    aside.replace(file)


def other_bytes_of_the_same_size_and_time(file: Path) -> None:
    before = file.stat()
    file.write_bytes(file.read_bytes().swapcase())
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize(
    "touch",
    [
        another_size,
        another_time,
        another_file_of_the_same_size_and_time,
        other_bytes_of_the_same_size_and_time,
    ],
)
def test_a_file_that_was_touched_is_read(
    options: ContentOptions, opened: list[str], touch: Callable[[Path], None]
) -> None:
    load(options, now=NOW)
    opened.clear()
    touch(options.folder / "small-repairs.md")
    warm = load(options, now=NOW)
    assert opened == ["broken.md", "small-repairs.md"]
    assert repr(warm) == repr(load(replace(options, cache=None), now=NOW))


@pytest.mark.usefixtures("settled")
def test_a_file_that_changes_while_it_is_read_fails_closed(
    options: ContentOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_its_minute = datetime(2099, 12, 31, 23, 59, tzinfo=options.zone)
    load(options, now=NOW)

    def read(root: str, path: str) -> File | Failed:
        file = read_file(root, path)
        return msgspec.structs.replace(file, data=b"other") if isinstance(file, File) else file

    monkeypatch.setattr("publisher.content.loader.read_file", read)
    library = load(options, now=at_its_minute)
    assert "far.md" in [failed.path for failed in library.failed]
    monkeypatch.undo()
    assert "far.md" in [post.path for post in load(options, now=at_its_minute).posts]


def texts_of(options: ContentOptions) -> list[Path]:
    assert options.cache is not None
    return sorted((options.cache / "posts").glob("*.texts"), key=lambda path: path.stat().st_mtime)


def test_texts_can_be_read_after_their_file_is_gone(options: ContentOptions) -> None:
    cold = load(replace(options, cache=None), now=NOW)
    libraries = [load(options, now=NOW), load(options, now=NOW)]
    assert options.cache is not None
    shutil.rmtree(options.cache)
    assert libraries == [cold, cold]


def test_a_damaged_text_is_told_and_made_anew(options: ContentOptions) -> None:
    first = in_memory(load(options, now=NOW))
    (file,) = texts_of(options)
    library = load(options, now=NOW)
    file.write_bytes(flip(file.read_bytes()))
    with pytest.raises(PublisherError, match="was damaged"):
        _ = library.posts[0].body.html
    assert load(options, now=NOW) == first


def test_a_lost_file_of_texts_costs_only_its_own_posts(
    options: ContentOptions, parsed: list[str]
) -> None:
    load(options, now=NOW)
    another_size(options.folder / "small-repairs.md")
    first = in_memory(load(options, now=NOW))
    texts_of(options)[-1].unlink()
    parsed.clear()
    assert load(options, now=NOW) == first
    assert parsed == ["read broken.md", "read small-repairs.md", "render small-repairs.md"]


def test_many_changes_leave_few_files(options: ContentOptions) -> None:
    for _ in range(40):
        another_size(options.folder / "small-repairs.md")
        library = load(options, now=NOW)
    assert len(texts_of(options)) <= 18
    assert repr(library) == repr(load(replace(options, cache=None), now=NOW))


def test_texts_of_posts_that_are_gone_give_their_room_back(options: ContentOptions) -> None:
    load(options, now=NOW)
    before = sum(path.stat().st_size for path in texts_of(options))
    for path in sorted(options.folder.glob("*.md"), key=lambda path: path.stat().st_size)[5:]:
        path.unlink()
    load(options, now=NOW)
    assert sum(path.stat().st_size for path in texts_of(options)) < before / 2


def remove(file: Path) -> None:
    file.unlink()


def protect(file: Path) -> None:
    file.write_text(file.read_text("utf-8").replace("---\n", "---\npassword: x\n", 1), "utf-8")


@pytest.mark.parametrize("take_back", [remove, protect])
def test_a_text_that_was_taken_back_is_nowhere(
    options: ContentOptions, take_back: Callable[[Path], None]
) -> None:
    library = load(options, now=NOW)
    post = next(post for post in library.posts if post.path == "small-repairs.md")
    held = post.body.packed.data()
    assert any(held in path.read_bytes() for path in texts_of(options))
    take_back(options.folder / post.path)
    warm = load(options, now=NOW)
    assert post.path not in [post.path for post in warm.posts]
    assert not any(held in path.read_bytes() for path in texts_of(options))
    assert repr(warm) == repr(load(replace(options, cache=None), now=NOW))


def test_of_two_loads_at_once_the_first_to_end_is_kept(options: ContentOptions) -> None:
    first, second = Cache(options), Cache(options)
    text = (options.folder / "small-repairs.md").read_bytes()
    for cache, name in ((first, "a.md"), (second, "b.md")):
        source = sources.read_source(text, name, options)
        assert isinstance(source, sources.Text)
        file = File(path=name, data=text, stamp=(0, 0, 0, 0, 0))
        made = rendering.render(source, options, {})
        assert isinstance(made, rendering.Rendering)
        entry = cache.put(msgspec.structs.replace(cache.entry(file, source.source), rendering=made))
        assert entry.rendering == made
    first.save()
    second.save()
    assert len(texts_of(options)) == 1
    file = File(path="a.md", data=text, stamp=(0, 0, 0, 0, 0))
    assert Cache(options).recognise(file) is not None


def test_a_cache_that_cannot_be_written_is_none(options: ContentOptions, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    blocked = replace(options, cache=tmp_path / "file")
    assert load(blocked, now=NOW) == load(replace(options, cache=None), now=NOW)


def test_a_post_that_is_gone_leaves_nothing_behind(options: ContentOptions) -> None:
    load(options, now=NOW)
    assert options.cache is not None
    for path in options.folder.glob("*.md"):
        path.unlink()
    (options.cache / "posts" / ".left-by-a-kill").write_bytes(b"x")
    load(options, now=NOW)
    held = [path.read_bytes() for path in (options.cache / "posts").iterdir()]
    assert not any(b"small-repairs.md" in data for data in held)
    assert not (options.cache / "posts" / ".left-by-a-kill").exists()


CHANGES: dict[str, object] = {
    "zone": ZoneInfo("UTC"), "base_url": "https://e.net", "language": "en", "dialect": "jekyll",
    "permalink": "p/:name/", "permalink_zone": ZoneInfo("UTC"), "encoding": "latin-1",
    "roots": (Path("/r"),), "default_category": "d", "protected_tags": frozenset({"craft"}),
    "folder": Path("/elsewhere"), "naming": ":title",
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_every_setting_that_changes_a_post_is_in_its_key(name: str) -> None:
    options = make_options()
    changed = replace(options, **{name: CHANGES[name]})
    assert changed.fingerprint() != options.fingerprint()


def test_no_setting_is_forgotten() -> None:
    """`places` says whether a file is a post, and nothing of what it becomes."""
    assert {field.name for field in fields(ContentOptions)} == {*CHANGES, "cache", "places"}


def test_nothing_of_a_protected_post_is_in_the_cache(options: ContentOptions) -> None:
    text = "---\ntitle: CANARY\ndate: 2025-01-02\npassword: CANARY\n---\nCANARY"
    (options.folder / "secret.md").write_text(text)
    load(options, now=NOW)
    assert options.cache is not None
    held = b"".join(path.read_bytes() for path in (options.cache / "posts").iterdir())
    assert b"secret.md" in held
    assert b"CANARY" not in held


def test_the_cache_of_another_version_is_not_read(
    options: ContentOptions, parsed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first: Library = load(options, now=NOW)
    parsed.clear()
    monkeypatch.setattr("publisher.content.cache.RENDER_VERSION", rendering.RENDER_VERSION + 1)
    assert load(options, now=NOW) == first
    assert f"render {first.posts[0].path}" in parsed


def test_settings_print_alike_in_every_process() -> None:
    """A set has no order of its own: two protected tags must not make two keys."""
    tags = frozenset({"a", "b", "c", "d", "日记"})
    one = make_options(protected_tags=tags).fingerprint()
    assert one == make_options(protected_tags=frozenset(sorted(tags, reverse=True))).fingerprint()

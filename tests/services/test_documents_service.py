"""Publishing documents: what is written, when validators change, what is remembered."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from publisher.errors import Gone, NotFound, PublisherError
from publisher.services import documents, output
from publisher.services.app import App
from publisher.services.documents import publish
from publisher.services.makers import OutputFile

NOW = datetime(2026, 11, 24, 12, 0, 0, 500_000, tzinfo=UTC)


def put(app: App, now: datetime = NOW, **files: str) -> tuple[dict[str, bool], list[str]]:
    written, removed = publish(
        app, [OutputFile(path=path, data=text.encode()) for path, text in files.items()], now=now
    )
    return {file.path: file.changed for file in written}, removed


def modified(app: App, path: str) -> datetime:
    found = documents.find(app, path)
    assert found is not None
    return found.modified_at


def test_only_changed_bytes_are_written(app: App) -> None:
    assert put(app, a="1", b="2") == ({"a": True, "b": True}, [])
    inode = (app.folders.output / "a").stat().st_ino

    assert put(app, a="1", b="3") == ({"a": False, "b": True}, [])
    assert (app.folders.output / "a").stat().st_ino == inode


def test_what_is_no_longer_made_is_removed_with_its_empty_folders(app: App) -> None:
    put(app, **{"posts/one/index.html": "1", "posts/two/index.html": "2"})

    assert put(app, **{"posts/two/index.html": "2"})[1] == ["posts/one/index.html"]
    assert not (app.folders.output / "posts" / "one").exists()
    assert (app.folders.output / "posts" / "two" / "index.html").exists()


def test_what_others_put_there_stays(app: App) -> None:
    put(app, a="1")
    (app.folders.output / "robots.txt").write_text("theirs")

    put(app, b="2")

    assert (app.folders.output / "robots.txt").read_text() == "theirs"
    assert not (app.folders.output / "a").exists()


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/x", ""])
def test_no_path_leads_out_of_the_folder(app: App, path: str) -> None:
    with pytest.raises(PublisherError, match="outside the output folder"):
        put(app, **{path: "1"})


def test_bytes_keep_the_instant_at_which_they_first_appeared(app: App) -> None:
    put(app, a="1")
    put(app, NOW + timedelta(days=1), a="1")

    assert modified(app, "a") == NOW.replace(microsecond=0)
    assert (app.folders.output / "a").stat().st_mtime == NOW.replace(microsecond=0).timestamp()


@pytest.mark.parametrize("later", [timedelta(), timedelta(days=1), timedelta(days=-400)])
def test_an_edit_moves_last_modified_forwards_whatever_the_clock_says(
    app: App, later: timedelta
) -> None:
    put(app, a="1")
    before = modified(app, "a")
    put(app, NOW + later, a="2")

    assert modified(app, "a") > before


def test_a_touched_or_damaged_file_is_put_right_and_keeps_its_validators(app: App) -> None:
    put(app, a="1", b="2")
    (app.folders.output / "a").touch()
    (app.folders.output / "b").write_text("other")
    put(app, NOW + timedelta(days=1), a="1", b="2")

    assert modified(app, "a") == modified(app, "b") == NOW.replace(microsecond=0)
    assert (app.folders.output / "a").stat().st_mtime == NOW.replace(microsecond=0).timestamp()
    assert (app.folders.output / "b").read_text() == "2"


def test_a_lost_output_folder_comes_back_with_its_old_validators(app: App) -> None:
    put(app, a="1")
    (app.folders.output / "a").unlink()
    put(app, NOW + timedelta(days=1), a="1")

    assert modified(app, "a") == NOW.replace(microsecond=0)
    assert (app.folders.output / "a").read_text() == "1"


def test_what_is_made_of_the_same_is_not_made_again(app: App) -> None:
    made: list[str] = []

    def make(text: str) -> Callable[[], bytes]:
        def data() -> bytes:
            made.append(text)
            return text.encode()

        return data

    def build(source: str, text: str) -> bool:
        file = OutputFile(path="a", data=make(text), source=source)
        return publish(app, [file], now=NOW)[0][0].is_made

    assert [build("s1", "one"), build("s1", "one"), build("s2", "two")] == [True, False, True]
    assert made == ["one", "two"]
    (app.folders.output / "a").unlink()
    assert build("s2", "two")
    assert made == ["one", "two", "two"]


def test_an_encoded_form_that_is_lost_is_made_again(app: App) -> None:
    file = OutputFile(path="rss.xml", data=b"<rss/>" * 50, source="s", is_packed=True)
    publish(app, [file], now=NOW)
    gzip = app.folders.output / "rss.xml.gz"
    before = gzip.read_bytes()
    gzip.unlink()
    publish(app, [file], now=NOW)

    assert gzip.read_bytes() == before
    assert documents.unpack("gzip", before) == b"<rss/>" * 50
    assert documents.unpack("br", (app.folders.output / "rss.xml.br").read_bytes()) == file.data


def test_a_failure_while_files_are_made_changes_nothing(app: App) -> None:
    put(app, a="1", b="2")

    def broken() -> bytes:
        raise PublisherError("a template is broken")

    files = [OutputFile(path="a", data=b"new"), OutputFile(path="b", data=broken)]
    with pytest.raises(PublisherError, match="broken"):
        publish(app, files, now=NOW)

    assert (app.folders.output / "a").read_text() == "1"
    assert sorted(path.name for path in app.folders.output.iterdir()) == ["a", "b"]


def test_a_process_killed_between_rows_and_files_ends_with_new_bytes_and_one_time(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(app, a="1")
    with monkeypatch.context() as patch:
        patch.setattr(output.Staging, "settle", lambda _self: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            put(app, NOW + timedelta(hours=1), a="2")
    put(app, NOW + timedelta(hours=2), a="2")

    assert (app.folders.output / "a").read_text() == "2"
    assert modified(app, "a") == NOW.replace(microsecond=0) + timedelta(hours=1)


def test_a_full_disk_is_told_and_changes_nothing(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    put(app, a="1")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(output.os, "fsync", full)
    with pytest.raises(PublisherError, match="No space left"):
        put(app, a="2")
    assert (app.folders.output / "a").read_text() == "1"
    assert [path.name for path in app.folders.output.iterdir()] == ["a"]


def test_the_disk_is_told_of_many_new_files_before_the_first_takes_its_place(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[list[str]] = []

    def note() -> None:
        told.append(sorted(path.name for path in app.folders.output.glob("[a-c]")))

    monkeypatch.setattr(documents, "MANY", 2)
    monkeypatch.setattr(output.os, "sync", note)
    put(app, a="1", b="2", c="3")
    assert told == [[]]


def page(app: App, path: str, owner: str, now: datetime = NOW) -> None:
    publish(app, [OutputFile(path=path, data=path.encode(), owner=owner)], now=now)


@pytest.mark.parametrize("asked", ["posts/one/", "posts/one", "posts/one/index.html"])
def test_what_was_published_once_is_gone_and_not_merely_missing(app: App, asked: str) -> None:
    page(app, "posts/one/index.html", "post-1")
    put(app, other="x")

    with pytest.raises(Gone):
        documents.missing(app, asked)


def test_a_page_that_moved_leads_to_its_new_address(app: App) -> None:
    page(app, "posts/one/index.html", "post-1")
    page(app, "letters/一/index.html", "post-1")
    assert documents.missing(app, "posts/one/") == "/letters/一/"

    page(app, "posts/one/index.html", "post-1", NOW + timedelta(days=1))
    found = documents.find(app, "posts/one/index.html")
    assert found is not None
    assert found.gone_at is None


def test_what_never_was_is_missing(app: App) -> None:
    with pytest.raises(NotFound) as error:
        documents.missing(app, "never")
    assert not isinstance(error.value, Gone)


def test_nothing_is_half_there(app: App) -> None:
    put(app, **{"a/b": "1"})
    assert not list(Path(app.folders.output).rglob(".*"))

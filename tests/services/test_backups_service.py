import os
import sqlite3
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from publisher.errors import Conflict, NotFound, PublisherError
from publisher.services import backups, instances, publishing, subscribers
from publisher.services.app import App
from publisher.store.engine import open_store
from tests.services.conftest import FakeClock
from tests.services.test_publishing import add_readers
from tests.store.test_migrations import DUMP


def addresses(app: App) -> list[str]:
    return [row.address for row in subscribers.listing(app)]


def test_a_backup_holds_what_was_committed_and_is_for_its_owner_only(app: App) -> None:
    add_readers(app, "ann", "bob")
    taken = backups.take(app)
    assert taken.path.stat().st_mode & 0o077 == 0
    copy = replace(app, store=open_store(taken.path))
    assert addresses(copy) == addresses(app)
    copy.store.close()


def test_a_backup_beside_a_busy_writer_ends_and_is_whole(app: App) -> None:
    done = threading.Event()

    def write() -> None:
        number = 0
        while not done.is_set():
            number += 1
            with app.store.begin() as tx:
                tx.exec_driver_sql(
                    "INSERT INTO audit (at, who, action, detail) VALUES ('2026-01-01', ?, '', '')",
                    (str(number),),
                )

    writer = threading.Thread(target=write)
    writer.start()
    try:
        taken = backups.take(app)
    finally:
        done.set()
        writer.join()
    assert backups.inspect(taken.path).problems == ()
    with sqlite3.connect(taken.path) as raw:
        count, last = raw.execute("SELECT count(*), max(CAST(who AS int)) FROM audit").fetchone()
    raw.close()
    assert count == (last or 0)  # one snapshot: no row is missing before the last


def test_a_file_that_is_there_is_not_overwritten(app: App, tmp_path: Path) -> None:
    (tmp_path / "mine.db").write_text("precious")
    with pytest.raises(Conflict):
        backups.take(app, to=tmp_path / "mine.db")
    assert (tmp_path / "mine.db").read_text() == "precious"


def test_where_nothing_can_be_written_the_message_says_what_to_do(app: App, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PublisherError, match="make room or mend the rights"):
        backups.take(app, to=tmp_path / "file" / "copy.db")


def test_old_backups_go_and_foreign_files_stay(app: App, clock: FakeClock) -> None:
    for _ in range(12):
        backups.take(app)
        backups.thin_out(app)
        clock.now += timedelta(days=1)
    foreign = app.folders.state / "backups" / "publisher-of-mine.db"
    foreign.write_text("x")
    backups.thin_out(app)
    # 29 Nov to 5 Dec, and the last one of the week before
    days = [f"{one.at:%d}" for one in backups.listing(app)]
    assert days == ["05", "04", "03", "02", "01", "30", "29"]
    assert foreign.exists()


def put_back(app: App, source: Path) -> Path | None:
    """As the command does it: nobody else has the database open."""
    app.store.close()
    return backups.restore(backups.database(app), source, now=app.clock())


def raw_database(path: Path, script: str) -> Path:
    with sqlite3.connect(path) as raw:
        raw.executescript(script)
    raw.close()
    return path


def test_what_is_restored_is_equal_fenced_and_for_its_owner_only(app: App) -> None:
    add_readers(app, "ann")
    instances.start(app)
    taken = backups.take(app)
    add_readers(app, "bob")

    earlier = os.umask(0o022)
    kept = put_back(app, taken.path)
    os.umask(earlier)

    assert kept is not None
    assert {path.stat().st_mode & 0o777 for path in (kept, backups.database(app))} == {0o600}
    restored = replace(app, store=open_store(backups.database(app)))
    assert addresses(restored) == ["ann@example.org"]
    assert "a backup was put back" in instances.fence(restored)
    assert publishing.send(restored).fence
    before = replace(app, store=open_store(kept))
    assert addresses(before) == ["ann@example.org", "bob@example.org"]
    before.store.close()
    restored.store.close()


def test_a_damaged_copy_is_refused_and_nothing_changes(app: App, tmp_path: Path) -> None:
    add_readers(app, "ann")
    taken = backups.take(app)
    data = bytearray(taken.path.read_bytes())
    data[4096 * 3 : 4096 * 3 + 2000] = b"\xff" * 2000
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(data)
    with pytest.raises(PublisherError, match="is damaged"):
        put_back(app, damaged)
    with pytest.raises(NotFound):
        put_back(app, tmp_path / "nowhere.db")
    assert addresses(app) == ["ann@example.org"]


@pytest.mark.parametrize("is_gone", [False, True])
def test_a_database_that_is_damaged_or_gone_is_replaced(app: App, is_gone: bool) -> None:
    add_readers(app, "ann")
    taken = backups.take(app)
    app.store.close()
    place, garbage = backups.database(app), b"garbage!" * 9_000
    place.write_bytes(garbage)
    place.with_name(place.name + "-wal").write_bytes(b"of the damaged one")
    if is_gone:
        place.unlink()

    kept = put_back(app, taken.path)

    assert addresses(app) == ["ann@example.org"]
    if is_gone:
        assert kept is None
    else:
        assert kept is not None
        assert kept.read_bytes() == garbage
        assert kept.with_name(kept.name + "-wal").read_bytes() == b"of the damaged one"
        assert kept.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", "is newer than this program's"),
        ("DELETE FROM alembic_version", "is no database of Publisher"),
        ("DROP TABLE alembic_version", "is no database of Publisher"),
        ("DROP TABLE instance", "no such table"),
        (  # its last step of migration meets a table that is there already
            "UPDATE alembic_version SET version_num = '0001'",
            "already exists|duplicate column",
        ),
    ],
)
def test_a_copy_that_could_not_be_used_replaces_nothing(
    app: App, tmp_path: Path, script: str, words: str
) -> None:
    add_readers(app, "ann")
    copy = raw_database(backups.take(app, to=tmp_path / "copy.db").path, script)
    with pytest.raises(PublisherError, match=words):
        put_back(app, copy)
    assert addresses(app) == ["ann@example.org"]
    assert instances.fence(app) == ""
    app.store.close()
    assert not list(app.folders.state.glob(".publisher.db.part*"))


def test_a_file_of_another_program_is_refused(app: App, tmp_path: Path) -> None:
    foreign = raw_database(tmp_path / "places.sqlite", "CREATE TABLE moz_places (a)")
    with pytest.raises(PublisherError, match=r"places\.sqlite: is no database of Publisher"):
        put_back(app, foreign)


def test_a_copy_of_an_earlier_release_is_brought_to_the_present_form(
    app: App, tmp_path: Path
) -> None:
    put_back(app, raw_database(tmp_path / "old.db", DUMP.read_text(encoding="utf-8")))
    assert backups.inspect(backups.database(app)).revision == backups.present_form()


def test_where_the_disk_refuses_the_database_stays(app: App) -> None:
    add_readers(app, "ann")
    taken = backups.take(app)
    moved = taken.path.rename(app.folders.root / "copy.db")
    (app.folders.state / "backups").rmdir()
    (app.folders.state / "backups").write_text("a file")
    with pytest.raises(PublisherError, match="make room or mend the rights"):
        put_back(app, moved)
    assert addresses(app) == ["ann@example.org"]


def test_a_file_that_only_looks_like_a_backup_is_none(app: App) -> None:
    taken = backups.take(app)
    taken.path.with_name("publisher-20261301T000000Z.db").touch()
    assert [each.path for each in backups.listing(app)] == [taken.path]

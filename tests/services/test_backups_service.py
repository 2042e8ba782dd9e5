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


def test_what_is_restored_is_equal_and_fenced(app: App) -> None:
    add_readers(app, "ann")
    instances.start(app)
    taken = backups.take(app)
    add_readers(app, "bob")

    kept = backups.restore(app, taken.path)

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
        backups.restore(app, damaged)
    with pytest.raises(NotFound):
        backups.restore(app, tmp_path / "nowhere.db")
    assert addresses(app) == ["ann@example.org"]

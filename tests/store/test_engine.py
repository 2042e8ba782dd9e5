import contextlib
import sqlite3
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from threading import Event

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import DateTime
from sqlalchemy.exc import StatementError

from publisher.errors import StoreError
from publisher.store import engine, newsletters
from publisher.store.engine import Store, open_store
from publisher.store.tables import metadata
from publisher.store.types import UtcDateTime
from tests.factories import NOW, make_newsletter
from tests.store.conftest import subscribe


def test_migrations_make_what_the_tables_say(store: Store) -> None:
    with store.read() as tx:
        context = MigrationContext.configure(tx, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_nobody_else_reads_the_database(store: Store, tmp_path: Path) -> None:
    with store.begin() as tx:
        subscribe(tx, "ann@example.org")
    files = list((tmp_path / "var").glob("publisher.db*"))
    assert len(files) == 3  # the log and its index beside it
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


@pytest.mark.parametrize("name", ["a?b", "50%20off", "a%41?mode=ro", "a#b"])
def test_the_database_lies_where_it_is_said_to_lie(tmp_path: Path, name: str) -> None:
    path = tmp_path / name / "publisher.db"
    open_store(path).close()
    assert engine.revision_of(path)
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_there_is_no_plain_datetime() -> None:
    columns = [column for table in metadata.sorted_tables for column in table.columns]
    assert any(isinstance(column.type, UtcDateTime) for column in columns)
    assert [column for column in columns if isinstance(column.type, DateTime)] == []


def test_an_instant_comes_back_in_utc(store: Store) -> None:
    shanghai = timezone(timedelta(hours=8))
    with store.begin() as tx:
        newsletters.greet(tx, make_newsletter(), now=datetime(2026, 1, 1, 12, tzinfo=shanghai))
    with store.read() as tx:
        found = newsletters.seen(tx, make_newsletter(), now=NOW)
        assert found.first_at == datetime(2026, 1, 1, 4, tzinfo=UTC)
        assert found.first_at.tzinfo is UTC


def test_a_naive_instant_is_refused(store: Store) -> None:
    naive = NOW.replace(tzinfo=None)
    with store.begin() as tx, pytest.raises(StatementError, match="naive"):
        newsletters.greet(tx, make_newsletter(), now=naive)


def test_a_failed_transaction_leaves_nothing(store: Store) -> None:
    with contextlib.suppress(RuntimeError), store.begin() as tx:
        subscribe(tx, "ann@example.org")
        raise RuntimeError
    with store.begin() as tx:
        assert subscribe(tx, "ann@example.org").value == "added"


def test_what_is_logged_of_a_statement_that_fails_does_not_hold_its_values(store: Store) -> None:
    with store.begin() as tx:
        tx.exec_driver_sql("DROP TABLE subscribers")
    address = "@".join(("ann", "example.org"))  # the trace shows the lines of this test too
    with pytest.raises(StoreError, match="no such table") as caught, store.begin() as tx:
        subscribe(tx, address)
    logged = "".join(traceback.format_exception(caught.value))
    assert "INSERT INTO subscribers" in logged
    assert address not in logged


def test_a_rehearsal_leaves_nothing(store: Store) -> None:
    with store.rehearse() as tx:
        assert subscribe(tx, "ann@example.org").value == "added"
        assert subscribe(tx, "ann@example.org").value == "known"
    with store.begin() as tx:
        assert subscribe(tx, "ann@example.org").value == "added"


def test_the_pragmas_hold_on_every_connection(store: Store) -> None:
    with store.read() as one, store.read() as two:
        for tx in (one, two):
            pragmas = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            values = [tx.exec_driver_sql(f"PRAGMA {name}").scalar() for name in pragmas]
            assert values == ["wal", 2, 1, 10000]


def test_opening_twice_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "publisher.db"
    open_store(path).close()
    before = path.read_bytes()
    open_store(path).close()
    assert path.read_bytes() == before


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "publisher.db"
    open_store(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()

    with pytest.raises(StoreError, match=r"9999 is newer than this program's \d+"):
        open_store(path)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "publisher.db"
    path.write_bytes(b"not a database at all, but long enough to be taken for one" * 100)
    with pytest.raises(StoreError, match=r"publisher\.db.*put a backup in its place"):
        open_store(path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file where the folder should be")
    with pytest.raises(StoreError, match="choose another"):
        open_store(tmp_path / "var" / "publisher.db")


def test_a_missing_reference_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="FOREIGN KEY"), store.begin() as tx:
        tx.exec_driver_sql(
            "INSERT INTO consents (subscription, event, source, at) VALUES (1, 'x', 'x', 'x')"
        )


def test_threads_of_one_process_write_in_turn_however_long_each_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_PRAGMAS", ("journal_mode=WAL", "busy_timeout=0"))
    store = open_store(tmp_path / "publisher.db")
    order: list[str] = []
    waiting = Event()

    def write_second() -> None:
        waiting.set()
        with store.begin():  # SQLite itself would refuse at once
            order.append("second")

    with ThreadPoolExecutor(1) as other:
        with store.begin() as tx:
            tx.exec_driver_sql("UPDATE relays SET problem = ''")
            second = other.submit(write_second)
            waiting.wait()
            time.sleep(0.05)
            order.append("first")
        second.result()
    store.close()
    assert order == ["first", "second"]

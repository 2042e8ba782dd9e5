"""Databases of earlier releases, from a dump of the first one on."""

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from publisher.domain.deliveries import DeliveryStatus
from publisher.errors import StoreError
from publisher.store import deliveries, issues, newsletters
from publisher.store.engine import open_store, revision_of
from publisher.store.tables import metadata

DUMP = Path(__file__).parents[1] / "data" / "database-0001.sql"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A database of the first release: two issues, three people, four deliveries."""
    path = tmp_path / "publisher.db"
    with sqlite3.connect(path) as raw:
        raw.executescript(DUMP.read_text(encoding="utf-8"))
    raw.close()
    return path


def schema(path: Path) -> list[tuple[str, ...]]:
    with sqlite3.connect(path) as raw:
        found = raw.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
    raw.close()
    return found


def test_a_database_of_the_first_release_becomes_what_the_tables_say(old: Path) -> None:
    store = open_store(old)
    with store.read() as tx:
        context = MigrationContext.configure(tx, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert tx.exec_driver_sql("PRAGMA foreign_key_check").all() == []
    store.close()


def test_tables_that_are_built_anew_keep_what_refers_to_them(old: Path) -> None:
    """A table of SQLite is changed by dropping it, which deletes what refers to it, if it may."""
    store = open_store(old)
    with store.read() as tx:
        assert [(row.period, row.subject) for row in issues.listing(tx)] == [
            ("W:2026-W47", "Two"),
            ("W:2026-W46", "One"),
        ]
        assert issues.posts_of(tx, 1) == ["one"]
        counts = {number: deliveries.counts(tx, number) for number in (1, 2)}
        assert counts == {
            1: {DeliveryStatus.SENT: 2, DeliveryStatus.FAILED: 1},
            2: {DeliveryStatus.PENDING: 1},
        }
    store.close()


def test_a_copy_from_before_is_kept(old: Path) -> None:
    before = schema(old)
    open_store(old).close()
    copy = old.parent / "backups" / "before-migration-from-0001.db"
    assert schema(copy) == before


def test_a_step_that_fails_leaves_the_database_as_it_was(old: Path) -> None:
    with sqlite3.connect(old) as raw:  # the last step meets a table that is there already
        raw.execute("CREATE TABLE feed_reader_days (x INTEGER)")
    raw.close()
    before = schema(old)
    with pytest.raises(StoreError, match="already exists"):
        open_store(old)
    assert schema(old) == before
    assert revision_of(old) == "0001"


def test_what_was_mailed_before_there_were_choices_is_the_newsletter_s_own(old: Path) -> None:
    store = open_store(old)
    again = "INSERT INTO issue_posts (newsletter, series, post, issue, position) VALUES (?,?,?,?,?)"
    with store.begin() as tx:
        assert "one" in issues.mailed(tx, "weekly")
        assert issues.mailed(tx, "weekly", "monthly") == frozenset()
        tx.exec_driver_sql(again, ("weekly", "monthly", "one", 1, 0))
        assert issues.posts_of(tx, 1) == ["one"]
        assert newsletters.open_series(tx, "weekly") == frozenset()
    for series in ("", "monthly"):
        with pytest.raises(StoreError, match="UNIQUE"), store.begin() as tx:
            tx.exec_driver_sql(again, ("weekly", series, "one", 1, 0))
    store.close()

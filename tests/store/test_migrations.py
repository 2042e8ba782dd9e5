import sqlite3
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine

from publisher.errors import StoreError
from publisher.store import issues, newsletters
from publisher.store.engine import open_store
from publisher.store.migrations import _config
from tests.factories import NOW, make_newsletter


def database_at(path: Path, revision: str) -> sqlite3.Connection:
    """A database as a release with that schema left it."""
    engine = create_engine(f"sqlite:///{path}")
    config = _config()
    config.attributes["engine"] = engine
    command.upgrade(config, revision)
    engine.dispose()
    return sqlite3.connect(path)


def test_what_was_mailed_before_there_were_choices_is_the_newsletter_s_own(tmp_path: Path) -> None:
    path = tmp_path / "publisher.db"
    moment = "2026-11-20 00:00:00.000000"
    raw = database_at(path, "0008")
    raw.execute(
        "INSERT INTO newsletters (id, first_seen_at, schedule, rule_from) "
        "VALUES ('weekly', ?, 'weekly fri 08:00:00 Asia/Shanghai', ?)",
        (moment, moment),
    )
    raw.execute(
        "INSERT INTO issues (id, newsletter, period, slot, status, cause, reason, subject, "
        "content_hash, created_at) "
        "VALUES (1, 'weekly', 'W:2026-W47', ?, 'sent', '', '', 'S', 'h', ?)",
        (moment, moment),
    )
    raw.execute("INSERT INTO issue_posts VALUES ('weekly', 'a', 1, 0)")
    raw.commit()
    raw.close()

    store = open_store(path)
    with store.begin() as tx:
        assert issues.mailed(tx, "weekly") == issues.carried(tx, "weekly", "") == {"a"}
        assert issues.mailed(tx, "weekly", "monthly") == frozenset()
        assert issues.posts_of(tx, 1) == ["a"]
        seen = newsletters.seen(tx, make_newsletter(), now=NOW)
        assert f"{seen.first_at:%Y-%m-%d}" == "2026-11-20"
        tx.exec_driver_sql("INSERT INTO issue_posts VALUES ('weekly', 'a', 1, 0, 'monthly')")
    with pytest.raises(StoreError, match="UNIQUE"), store.begin() as tx:
        tx.exec_driver_sql("INSERT INTO issue_posts VALUES ('weekly', 'a', 1, 0, 'monthly')")
    store.close()

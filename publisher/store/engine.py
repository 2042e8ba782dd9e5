"""Opens the database. All that is peculiar to SQLite stands here.

`begin()` takes the write lock at once (`BEGIN IMMEDIATE`): a transaction that reads first and
writes later would meet "database is locked", which no timeout cures. `read()` is a snapshot.
"""

import json
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Integer,
    Table,
    cast,
    create_engine,
    event,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DatabaseError
from sqlalchemy.sql.dml import Insert

from publisher.errors import StoreError
from publisher.store.migrations import migrate

Tx = Connection
"""An open transaction."""

_PRAGMAS = (
    "journal_mode=WAL",
    "foreign_keys=ON",
    "busy_timeout=10000",
)


class Store:
    """An open database. Threads may share it; each transaction has a connection of its own."""

    def __init__(self, engine: Engine, place: str) -> None:
        self._engine = engine
        self._place = place

    @contextmanager
    def begin(self) -> Iterator[Tx]:
        """A transaction that writes: commits at the end, rolls back on any exception."""
        with self._explained(), self._engine.begin() as tx:
            yield tx

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """A snapshot to read from."""
        engine = self._engine.execution_options(sqlite_begin="BEGIN")
        with self._explained(), engine.begin() as tx:
            yield tx

    @contextmanager
    def rehearse(self) -> Iterator[Tx]:
        """A transaction that is always rolled back: for finding out what would happen."""
        with self._explained(), self._engine.connect() as tx:
            yield tx

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except DatabaseError as error:
            raise StoreError(f"{self._place}: {error.orig}; {_remedy(str(error.orig))}") from error


def open_store(path: Path, *, durable: bool = True) -> Store:
    """Opens the SQLite file and brings it to the present schema, creating it if need be.

    Not `durable`, the last commits may be lost with the power, and what they had recorded as sent
    would be sent again; a killed process loses nothing either way.

    Raises `StoreError` for a file that is no database, cannot be written, or has a newer schema.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"{path.parent}: {error.strerror}; choose another [state] folder"
        ) from error
    engine = _sqlite_engine(path, durable=durable)
    store = Store(engine, str(path))
    try:
        with store._explained():
            migrate(engine, str(path))
    except BaseException:
        store.close()
        raise
    return store


def insert_ignoring(tx: Tx, table: Table) -> Insert:
    """An INSERT that passes over rows which a unique constraint refuses, on either database."""
    if tx.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


def among(tx: Tx, column: ColumnElement[int], ids: Collection[int]) -> ColumnElement[bool]:
    """Whether a number is one of many; one statement to prepare however many they are."""
    if tx.dialect.name == "postgresql":
        return column == func.any(cast(list(ids), postgresql.ARRAY(Integer)))
    values = func.json_each(json.dumps(list(ids))).table_valued("value")
    return column.in_(select(values.c.value))


def _sqlite_engine(path: Path, *, durable: bool) -> Engine:
    engine = create_engine(f"sqlite:///{path}")

    @event.listens_for(engine, "connect")
    def on_connect(dbapi: sqlite3.Connection, _record: Any) -> None:
        dbapi.isolation_level = None  # we issue BEGIN ourselves
        for pragma in (*_PRAGMAS, f"synchronous={'FULL' if durable else 'NORMAL'}"):
            dbapi.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        connection.exec_driver_sql(options.get("sqlite_begin", "BEGIN IMMEDIATE"))

    return engine


def _remedy(problem: str) -> str:
    if "full" in problem:
        return "make room on the disk and run again; what was committed is safe"
    if "readonly" in problem or "unable to open" in problem:
        return "give this user the right to write there"
    if "not a database" in problem or "malformed" in problem:
        return "put a backup in its place"
    if "locked" in problem:
        return "another process holds it; run again when that has ended"
    return "nothing of this step was kept; run again"

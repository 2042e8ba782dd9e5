"""Opens the database. All that is peculiar to SQLite stands here.

`begin()` takes the write lock at once (`BEGIN IMMEDIATE`): a transaction that reads first and
writes later would meet "database is locked", which no timeout cures. `read()` is a snapshot.
"""

import json
import os
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import Any
from urllib.parse import quote

from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Engine,
    Subquery,
    Table,
    Text,
    cast,
    create_engine,
    event,
    func,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DatabaseError
from sqlalchemy.sql.dml import Insert

from publisher.errors import StoreError
from publisher.store.migrations import migrate, outdated
from publisher.store.types import Rows, table_from

Tx = Connection
"""An open transaction."""

_PRAGMAS = (
    "journal_mode=WAL",
    "foreign_keys=ON",
    "busy_timeout=10000",
    "cache_size=-16000",  # KiB: an index of a million readers is changed all over
    "wal_autocheckpoint=8000",  # pages: such changes hit the same ones again
)


class Store:
    """An open database. Threads may share it; each transaction has a connection of its own.

    The threads of one process write in turn. SQLite would let them poll for its lock instead, and
    on a machine with more to do than it can, one of them may find it taken each time it looks.
    """

    def __init__(self, engine: Engine, place: str) -> None:
        self._engine = engine
        self._place = place
        self._turn = RLock()

    @contextmanager
    def begin(self) -> Iterator[Tx]:
        """A transaction that writes: commits at the end, rolls back on any exception."""
        with _explained(self._place), self._turn, self._engine.begin() as tx:
            yield tx

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """A snapshot to read from."""
        engine = self._engine.execution_options(sqlite_begin="BEGIN")
        with _explained(self._place), engine.begin() as tx:
            yield tx

    @contextmanager
    def writer(self) -> Iterator["Writer"]:
        """For one thread that writes all the time: a connection that it keeps."""
        with _explained(self._place), self._engine.connect() as connection:
            yield Writer(connection, self._place, self._turn)

    @contextmanager
    def rehearse(self) -> Iterator[Tx]:
        """A transaction that is always rolled back: for finding out what would happen."""
        with _explained(self._place), self._turn, self._engine.connect() as tx:
            yield tx

    def close(self) -> None:
        """Ends all connections."""
        self._engine.dispose()


class Writer:
    """One connection for many transactions, one after the other."""

    def __init__(
        self, connection: Connection, place: str, turn: AbstractContextManager[Any]
    ) -> None:
        self._connection = connection
        self._place = place
        self._turn = turn

    @contextmanager
    def begin(self) -> Iterator[Tx]:
        """As `Store.begin`, without the way to the pool and back."""
        with _explained(self._place), self._turn, self._connection.begin():
            yield self._connection


def copy_database(source: Path, target: Path) -> None:
    """Copies a database that may be at work into a new file, as one snapshot.

    `VACUUM INTO` and not the backup call in steps, which begins anew at each write and never
    ends beside a busy writer. The copy is for its owner only. Raises `StoreError`.
    """
    with suppress(OSError):  # SQLite will say so too
        target.touch(mode=0o600)  # an empty file is filled, and keeps its mode
    with _explained(str(source)), closing(_to_read(source)) as raw:
        raw.execute("PRAGMA busy_timeout=10000")
        raw.execute("VACUUM INTO ?", (str(target),))
    _sync(target)


def vacuum_database(path: Path) -> None:
    """Builds the file anew without the gaps of removed rows. Raises `StoreError`."""
    raw = sqlite3.connect(path, isolation_level=None)
    with closing(raw), _explained(str(path)):
        raw.execute("PRAGMA busy_timeout=10000")
        raw.execute("VACUUM")
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def problems_of(path: Path) -> list[str]:
    """What is wrong with a database file: its structure, and references that lead nowhere."""
    try:
        with closing(_to_read(path)) as raw:
            said = [str(row[0]) for row in raw.execute("PRAGMA integrity_check(20)")]
            lost = list(raw.execute("PRAGMA foreign_key_check"))
    except sqlite3.DatabaseError as error:
        return [str(error)]
    problems = [line for line in said if line != "ok"]
    return problems + [f"a row of {row[0]} refers to one of {row[2]} that is gone" for row in lost]


def revision_of(path: Path) -> str:
    """The form that a database file has; empty for a new one. Raises `StoreError`."""
    with _explained(str(path)), closing(_to_read(path)) as raw:
        row = raw.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else ""


def open_store(path: Path, *, durable: bool = True) -> Store:
    """Opens the SQLite file and brings it to the present schema, creating it if need be.

    Not `durable`, the last commits may be lost with the power, and what they had recorded as sent
    would be sent again; a killed process loses nothing either way.

    Before it changes an older schema it leaves a copy in `backups/` beside the file. Raises
    `StoreError` for a file that is no database, cannot be written, or has a newer schema.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode=0o600)  # secrets lie in it; what SQLite puts beside it follows suit
    except OSError as error:
        raise StoreError(
            f"{path.parent}: {error.strerror}; choose another [state] folder"
        ) from error
    engine = _sqlite_engine(path, durable=durable)
    store = Store(engine, str(path))
    try:
        with _explained(str(path)):
            if older := outdated(engine):
                _keep_copy(path, older)
            migrate(engine, str(path))
    except BaseException:
        store.close()
        raise
    return store


def insert_ignoring(tx: Tx, table: Table) -> Insert:
    """An INSERT that passes over rows which a unique constraint refuses, on either database."""
    return ignoring_insert(tx.dialect, table)


def ignoring_insert(dialect: Dialect, table: Table) -> Insert:
    """The same, for a statement that is made once for a database."""
    if dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


def among(tx: Tx, column: ColumnElement[Any], wanted: Collection[Any]) -> ColumnElement[bool]:
    """Whether a value is one of many; one statement to prepare however many they are."""
    if tx.dialect.name == "postgresql":
        return column == func.any(cast(list(wanted), postgresql.ARRAY(column.type)))
    values = func.json_each(json.dumps(list(wanted))).table_valued("value")
    return column.in_(select(values.c.value))


def table_of(tx: Tx, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Subquery:
    """Texts as a table to select from; one parameter to bind however many rows there are."""
    return table_from(tx.dialect, literal(rows, Rows()), dict.fromkeys(columns, Text()))


def _sqlite_engine(path: Path, *, durable: bool) -> Engine:
    # An error names its parameters otherwise: addresses, which no log may hold.
    place = URL.create("sqlite", database=str(path))  # as text, `?` and `%` in it mean something
    engine = create_engine(place, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def on_connect(dbapi: sqlite3.Connection, _record: Any) -> None:
        dbapi.isolation_level = None  # we issue BEGIN ourselves
        for pragma in (*_PRAGMAS, f"synchronous={'FULL' if durable else 'NORMAL'}"):
            dbapi.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        raw: Any = connection.connection.driver_connection
        raw.execute(options.get("sqlite_begin", "BEGIN IMMEDIATE"))

    return engine


def _keep_copy(path: Path, revision: str) -> None:
    copy = path.parent / "backups" / f"before-migration-from-{revision}.db"
    copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    copy.unlink(missing_ok=True)
    copy_database(path, copy)


def _to_read(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


@contextmanager
def _explained(place: str) -> Iterator[None]:
    """Says of each database error where it was and what to do."""
    try:
        yield
    except DatabaseError as error:
        raise StoreError(f"{place}: {error.orig}; {_remedy(str(error.orig))}") from error
    except sqlite3.Error as error:
        raise StoreError(f"{place}: {error}; {_remedy(str(error))}") from error


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

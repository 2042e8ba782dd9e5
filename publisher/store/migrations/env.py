"""Runs the steps on the engine that `migrate` hands over."""

from alembic import context
from sqlalchemy import Connection, Engine

from publisher.store.tables import metadata

SWITCH_OFF = "PRAGMA foreign_keys=OFF"


def run(engine: Engine) -> None:
    """All steps in one transaction.

    SQLite changes a table by building it anew and dropping the old one; with foreign keys on,
    that would empty every table that refers to it, and the pragma is ignored inside a
    transaction.
    """
    with engine.connect() as connection:
        raw = connection.connection.driver_connection
        if connection.dialect.name == "sqlite" and raw is not None:
            raw.execute(SWITCH_OFF)
        with connection.begin():
            context.configure(
                connection=connection,
                target_metadata=metadata,
                render_as_batch=True,
                transactional_ddl=True,
            )
            context.run_migrations()
            _check_references(connection)
        connection.invalidate()  # the next user gets a connection with the usual pragmas


def _check_references(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        if broken:
            raise RuntimeError(f"a migration broke references: {broken[:5]}")


run(context.config.attributes["engine"])

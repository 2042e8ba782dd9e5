"""Brings a database to the present schema, step by step (Alembic).

The steps lie in `versions/`. On SQLite they run when the database is opened, all in one
transaction.
"""

from pathlib import Path

from sqlalchemy import Engine, inspect

from publisher.errors import StoreError

_HERE = Path(__file__).parent


def migrate(engine: Engine, place: str) -> None:
    """Runs the missing steps. Raises `StoreError` if the schema is newer than this program."""
    current = _revision(engine)
    if current == head_revision():
        return
    if current is not None:
        refuse_newer(current, place)
    _upgrade(engine)


def refuse_newer(revision: str, place: str) -> None:
    """Raises `StoreError` if this program does not know the revision of a database."""
    if revision not in _steps():
        raise StoreError(
            f"{place}: its schema {revision} is newer than this program's {head_revision()}; "
            "install the Publisher that wrote it, or a later one"
        )


def head_revision() -> str:
    """The revision that this program makes of every database."""
    return _steps()[-1]


def outdated(engine: Engine) -> str:
    """The revision of a database that wants steps; empty for a new or an up-to-date one."""
    current = _revision(engine)
    return "" if current in (None, head_revision()) else str(current)


def _steps() -> list[str]:
    """The revisions in their order: each file is named by its own."""
    return sorted(path.name.partition("_")[0] for path in (_HERE / "versions").glob("[0-9]*.py"))


def _revision(engine: Engine) -> str | None:
    with engine.execution_options(sqlite_begin="BEGIN").begin() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()


def _upgrade(engine: Engine) -> None:
    # Here: nearly every start finds nothing to do, and loading Alembic takes a while.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.set_main_option("path_separator", "os")
    config.attributes["engine"] = engine
    command.upgrade(config, "head")

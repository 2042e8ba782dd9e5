"""Brings a database to the present schema, step by step (Alembic).

The steps lie in `versions/`. On SQLite they run when the database is opened, all in one
transaction.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from publisher.errors import StoreError


def migrate(engine: Engine, place: str) -> None:
    """Runs the missing steps. Raises `StoreError` if the schema is newer than this program."""
    config = _config()
    scripts = ScriptDirectory.from_config(config)
    current = _revision(engine)
    if current == scripts.get_current_head():
        return
    if current is not None and current not in {step.revision for step in scripts.walk_revisions()}:
        raise StoreError(
            f"{place}: its schema {current} is newer than this program's "
            f"{scripts.get_current_head()}; install the Publisher that wrote it, or a later one"
        )
    config.attributes["engine"] = engine
    command.upgrade(config, "head")


def head_revision() -> str:
    """The revision that this program makes of every database."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def outdated(engine: Engine) -> str:
    """The revision of a database that wants steps; empty for a new or an up-to-date one."""
    current = _revision(engine)
    is_current = current == ScriptDirectory.from_config(_config()).get_current_head()
    return "" if current is None or is_current else current


def _revision(engine: Engine) -> str | None:
    with engine.execution_options(sqlite_begin="BEGIN").begin() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    return config

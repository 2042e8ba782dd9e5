"""Statements that run for every message, on the driver's own cursor.

SQLAlchemy builds, inspects and wraps a statement at each call, which takes several times as long
as the database does. These are compiled once for each database; what is left is the driver's own
work. Rows come as the driver gives them: fit for numbers and text.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import ClauseElement
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from publisher.store.engine import Tx
from publisher.store.types import UtcDateTime

Values = Mapping[str, Any]
"""What stands for the statement's named parameters."""


class Prepared:
    """One statement with named parameters; `build` makes it for a database."""

    def __init__(self, build: Callable[[Dialect], ClauseElement]) -> None:
        self._build = build
        self._forms: dict[str, _Form] = {}

    def rows(self, tx: Tx, **values: Any) -> list[tuple[Any, ...]]:
        """What the statement finds."""
        found: list[tuple[Any, ...]] = self._execute(tx, values).fetchall()
        return found

    def change(self, tx: Tx, **values: Any) -> int:
        """How many rows the statement has changed."""
        return int(self._execute(tx, values).rowcount)

    def change_each(self, tx: Tx, many: Iterable[Values], **shared: Any) -> int:
        """How many rows it has changed, run once for each of `many`."""
        form = self._form(tx)
        cursor = tx.connection.cursor()
        cursor.executemany(form.text, form.many(many, shared))
        return int(cursor.rowcount)

    def _execute(self, tx: Tx, values: Values) -> Any:
        form = self._form(tx)
        cursor = tx.connection.cursor()
        cursor.execute(form.text, form.parameters(values))
        return cursor

    def _form(self, tx: Tx) -> "_Form":
        name = tx.dialect.name
        if name not in self._forms:
            self._forms[name] = _Form(self._build(tx.dialect), tx.dialect)
        return self._forms[name]


class _Form:
    """The text that one driver understands, and how it wants the parameters."""

    def __init__(self, statement: ClauseElement, dialect: Dialect) -> None:
        compiled = cast(SQLCompiler, statement.compile(dialect=dialect))
        self.text = str(compiled)
        self._order: Sequence[str] | None = compiled.positiontup  # None: the driver takes names
        makers = {name: _maker(each.type, dialect) for name, each in compiled.binds.items()}
        self._makers = {name: make for name, make in makers.items() if make is not None}
        self._fixed = self._made({name: each.value for name, each in compiled.binds.items()})

    def parameters(self, values: Values) -> Any:
        return self._arranged({**self._fixed, **self._made(values)})

    def many(self, many: Iterable[Values], shared: Values) -> list[Any]:
        """What is shared is made once, not for each."""
        made = {**self._fixed, **self._made(shared)}
        return [self._arranged({**made, **self._made(values)}) for values in many]

    def _made(self, values: Values) -> Values:
        made = dict(values)
        for name, make in self._makers.items():
            if name in made:
                made[name] = make(made[name])
        return made

    def _arranged(self, values: Values) -> Any:
        return values if self._order is None else tuple([values[name] for name in self._order])


def _maker(kind: TypeEngine[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    """What makes a value fit for the driver."""
    make = kind.dialect_impl(dialect).bind_processor(dialect)
    return _instants(dialect) if isinstance(kind, UtcDateTime) else make


@lru_cache(maxsize=8)
def _instants(dialect: Dialect) -> Callable[[Any], Any] | None:
    """The same for instants: one transaction writes the same one in all its statements."""
    make = UtcDateTime().dialect_impl(dialect).bind_processor(dialect)
    return make and lru_cache(maxsize=8)(make)

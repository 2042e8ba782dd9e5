"""Types of our own: instants in columns, many numbers in one parameter."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    DateTime,
    Integer,
    Subquery,
    Text,
    bindparam,
    cast,
    func,
    select,
    type_coerce,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, kept and returned in UTC; refuses a naive one.

    Plain `DateTime(timezone=True)` drops the offset on SQLite: 12:00+08:00 comes back as 12:00.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime: {value!r}")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """On SQLite an instant is a text to be read; many rows have the same, or none."""
        read = super().result_processor(dialect, coltype)
        return lru_cache(maxsize=1024)(read) if dialect.name == "sqlite" and read else read


class Rows(TypeDecorator[Sequence[Sequence[Any]]]):
    """Any number of rows in one parameter, as JSON."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return postgresql.JSONB() if dialect.name == "postgresql" else Text()

    def process_bind_param(self, value: Sequence[Sequence[Any]] | None, dialect: Dialect) -> Any:
        rows = list(value or ())
        return rows if dialect.name == "postgresql" else _json(rows)


class Numbers(TypeDecorator[Collection[int]]):
    """Any number of numbers in one parameter: JSON on SQLite, an array on PostgreSQL."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return postgresql.ARRAY(Integer) if dialect.name == "postgresql" else Text()

    def process_bind_param(self, value: Collection[int] | None, dialect: Dialect) -> Any:
        numbers = list(value or ())
        return numbers if dialect.name == "postgresql" else _json(numbers)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def among_bound(dialect: Dialect, column: ColumnElement[int], name: str) -> ColumnElement[bool]:
    """Whether a number is one of the parameter `name`; one statement however many they are."""
    numbers = bindparam(name, type_=Numbers())
    if dialect.name == "postgresql":
        return column == func.any(numbers)
    return column.in_(select(func.json_each(numbers).table_valued("value").c.value))


def table_bound(dialect: Dialect, name: str, **columns: TypeEngine[Any]) -> Subquery:
    """The rows of the parameter `name` as a table; one statement however many they are."""
    return table_from(dialect, bindparam(name, type_=Rows()), columns)


def table_from(
    dialect: Dialect, given: ColumnElement[Any], columns: Mapping[str, TypeEngine[Any]]
) -> Subquery:
    """Rows in one parameter of type `Rows` as a table with these columns."""
    cells: list[ColumnElement[Any]]
    kinds = enumerate(columns.values())
    if dialect.name == "postgresql":
        each = func.jsonb_array_elements(given).table_valued("value").c.value
        cells = [cast(each.op("->>")(place), kind) for place, kind in kinds]
    else:
        each = func.json_each(given).table_valued("value").c.value
        cells = [type_coerce(func.json_extract(each, f"$[{place}]"), kind) for place, kind in kinds]
    named = zip(columns, cells, strict=True)
    return select(*(cell.label(label) for label, cell in named)).subquery()


def unindexed(column: ColumnElement[str]) -> ColumnElement[str]:
    """The same text, found by no index.

    SQLite takes an index that names a newsletter for a narrow one, though it holds a million rows,
    and prefers it to five hundred keys.
    """
    return column.concat("")

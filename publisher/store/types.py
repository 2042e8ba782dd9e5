"""Types of our own: instants in columns, many numbers in one parameter."""

import json
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, DateTime, Integer, Text, bindparam, func, select
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


class Numbers(TypeDecorator[Collection[int]]):
    """Any number of numbers in one parameter: JSON on SQLite, an array on PostgreSQL."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return postgresql.ARRAY(Integer) if dialect.name == "postgresql" else Text()

    def process_bind_param(self, value: Collection[int] | None, dialect: Dialect) -> Any:
        numbers = list(value or ())
        return numbers if dialect.name == "postgresql" else json.dumps(numbers)


def among_bound(dialect: Dialect, column: ColumnElement[int], name: str) -> ColumnElement[bool]:
    """Whether a number is one of the parameter `name`; one statement however many they are."""
    numbers = bindparam(name, type_=Numbers())
    if dialect.name == "postgresql":
        return column == func.any(numbers)
    return column.in_(select(func.json_each(numbers).table_valued("value").c.value))


def unindexed(column: ColumnElement[str]) -> ColumnElement[str]:
    """The same text, found by no index.

    SQLite takes an index that names a newsletter for a narrow one, though it holds a million rows,
    and prefers it to five hundred keys.
    """
    return column.concat("")

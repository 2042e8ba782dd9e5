"""Every address ever published: what lies there, since when, or since when nothing does."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import bindparam, delete, insert, select, update

from publisher.domain.documents import Document
from publisher.store.engine import Tx
from publisher.store.tables import documents

_EVERYTHING = select(
    documents.c.path,
    documents.c.owner,
    documents.c.source,
    documents.c.digest,
    documents.c.size,
    documents.c.modified_at,
    documents.c.max_age,
    documents.c.gone_at,
)


def known(tx: Tx) -> dict[str, Document]:
    """Every document ever published, by path."""
    return {row[0]: _document(row) for row in tx.execute(_EVERYTHING).all()}


def get(tx: Tx, path: str) -> Document | None:
    """The document of a path."""
    row = tx.execute(_EVERYTHING.where(documents.c.path == path)).one_or_none()
    return _document(row) if row else None


def of_owner(tx: Tx, owner: str) -> Document | None:
    """The page that shows a post at present."""
    statement = _EVERYTHING.where(documents.c.owner == owner, documents.c.gone_at.is_(None))
    row = tx.execute(statement.order_by(documents.c.path)).first()
    return _document(row) if row else None


def keep(tx: Tx, found: Sequence[Document]) -> None:
    """Writes documents, each in the place of what was known of its path."""
    if found:
        is_one = documents.c.path == bindparam("key")
        tx.execute(delete(documents).where(is_one), [{"key": row.path} for row in found])
        tx.execute(insert(documents), [asdict(row) for row in found])


def bury(tx: Tx, paths: Sequence[str], *, now: datetime) -> None:
    """Notes that nothing lies at these paths any more."""
    if paths:
        statement = update(documents).where(documents.c.path == bindparam("key"))
        tx.execute(statement.values(gone_at=now), [{"key": path} for path in paths])


def _document(row: Sequence[Any]) -> Document:
    path, owner, source, digest, size, modified_at, max_age, gone_at = row
    return Document(
        path=path,
        owner=owner,
        source=source,
        digest=digest,
        size=size,
        modified_at=modified_at,
        max_age=max_age,
        gone_at=gone_at,
    )

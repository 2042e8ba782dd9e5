"""The tokens of the programming interface."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, select

from publisher.domain.api_tokens import ApiToken, Scope
from publisher.store.engine import Tx, insert_ignoring
from publisher.store.tables import api_tokens


def add(tx: Tx, name: str, *, digest: str, scopes: frozenset[Scope], now: datetime) -> bool:
    """Adds a token; False where the name is taken."""
    words = " ".join(sorted(scopes))
    done = tx.execute(
        insert_ignoring(tx, api_tokens).values(name=name, hash=digest, scopes=words, created_at=now)
    )
    return done.rowcount == 1


def find(tx: Tx, digest: str) -> ApiToken | None:
    """The token of this hash."""
    row = tx.execute(select(api_tokens).where(api_tokens.c.hash == digest)).one_or_none()
    return _token(row) if row else None


def listing(tx: Tx) -> list[ApiToken]:
    """All tokens, by name."""
    return [_token(row) for row in tx.execute(select(api_tokens).order_by(api_tokens.c.name))]


def remove(tx: Tx, name: str) -> bool:
    """Revokes a token; False if there is none of this name."""
    return tx.execute(delete(api_tokens).where(api_tokens.c.name == name)).rowcount == 1


def _token(row: Row[Any]) -> ApiToken:
    return ApiToken(
        id=row.id,
        name=row.name,
        scopes=frozenset(Scope(word) for word in row.scopes.split()),
        created_at=row.created_at,
    )

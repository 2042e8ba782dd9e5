"""Tokens of the programming interface: made once, shown once, revoked by name."""

import secrets

from publisher.domain.api_tokens import PREFIX, ApiToken, Scope, token_hash
from publisher.errors import Conflict, NotFound, PublisherError
from publisher.services.app import App
from publisher.store import api_tokens as rows


def create(app: App, name: str, scopes: frozenset[Scope]) -> str:
    """Makes a token and returns its secret, which is kept nowhere.

    Raises `Conflict`, and `PublisherError` for a name that nobody could read or write again.
    """
    if not name.strip() or not name.isprintable():
        raise PublisherError(f"{name!r} is no name for a token")
    secret = PREFIX + secrets.token_urlsafe(32)
    with app.store.begin() as tx:
        added = rows.add(tx, name, digest=token_hash(secret), scopes=scopes, now=app.clock())
    if not added:
        raise Conflict("token", name, "there is one of this name; revoke it first")
    return secret


def listing(app: App) -> list[ApiToken]:
    """All tokens, by name."""
    with app.store.read() as tx:
        return rows.listing(tx)


def revoke(app: App, name: str) -> None:
    """Ends a token at once. Raises `NotFound`."""
    with app.store.begin() as tx:
        if not rows.remove(tx, name):
            raise NotFound("token", name)


def scopes_of(app: App, secret: str) -> frozenset[Scope]:
    """What a secret allows; nothing where it is none of ours."""
    with app.store.read() as tx:
        found = rows.find(tx, token_hash(secret))
    return found.scopes if found else frozenset()

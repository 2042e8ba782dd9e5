"""Who may use the programming interface, and for what."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

PREFIX = "pub_"


class Scope(StrEnum):
    """What a token allows."""

    READ_SUBSCRIBERS = "subscribers:read"
    WRITE_SUBSCRIBERS = "subscribers:write"
    READ_ISSUES = "issues:read"
    READ_DELIVERIES = "deliveries:read"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """One token, without its secret, of which only a hash is kept."""

    id: int
    name: str
    scopes: frozenset[Scope]
    created_at: datetime


def token_hash(secret: str) -> str:
    """What is kept of a secret; it has 256 random bits, so a plain hash is enough."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()

"""Addresses that must never be mailed again. A suppression outlives its subscriber.

It is kept by the address as it is compared, so that an operator can read the list; after an
erasure by a keyed hash only, which recognises the address and tells it to nobody.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from publisher.domain.addresses import Address
from publisher.domain.macs import mac
from publisher.domain.tokens import derive_key

HASHED = "hash:"
"""How the mark of an erased address begins; no address does (`:` is not allowed there)."""


class SuppressionReason(StrEnum):
    """Why an address is suppressed."""

    HARD_BOUNCE = "hard_bounce"
    COMPLAINT = "complaint"
    ERASURE = "erasure"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """One row. `address` is empty where only a hash is kept."""

    address: str
    reason: SuppressionReason
    at: datetime


def address_hash(site_key: bytes, address: Address) -> str:
    """What stands for an address where the address itself must not be kept: 32 hex digits."""
    digest = mac(derive_key(site_key, "address"), address.key.encode())
    return digest[:16].hex()


def marks(keys: Iterable[bytes], address: Address) -> tuple[str, ...]:
    """Every mark under which a suppression of this address may stand, whichever key made it."""
    return (address.key, *(HASHED + address_hash(key, address) for key in keys))

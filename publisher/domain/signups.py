"""Sign-ups: what a visitor asks for at the form, and what bounds the asking.

A visitor learns nothing from the answer. What a request leads to is decided after it was
answered, by whoever works off the waiting ones.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

SOONEST, LATEST = timedelta(seconds=3), timedelta(hours=2)
"""A person needs this long for the form; a form that lay open longer must be loaded again."""


class Verdict(StrEnum):
    """What a request led to."""

    WAITING = "waiting"
    MAILED = "mailed"  # a confirmation mail is on its way
    KNOWN = "known"  # subscribed already; the link to their preferences is on its way
    SUPPRESSED = "suppressed"  # never mailed, whoever asks
    OVER_BUDGET = "over_budget"  # this address had its mails for the day, or in all
    UNKNOWN_NEWSLETTER = "unknown_newsletter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budgets:
    """How many confirmation mails may be asked for.

    To one address a day and in all until it confirms; from one network and from all in an hour.
    """

    a_day: int = 1
    in_all: int = 3
    a_network: int = 5
    an_hour: int = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a form was sent with, checked for syntax. `ip` may be empty, `text` is a hash.

    `frequency` is what was chosen, if anything; it may not be on offer.
    """

    address: str
    newsletter: str
    language: str
    source: str
    text: str
    ip: str
    frequency: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signup:
    """A request that waits. `address_hash` stays when the address is forgotten."""

    id: int
    request: Request
    address_hash: str
    at: datetime


def is_timely(handed_out: datetime, *, now: datetime) -> bool:
    """Whether a form comes back neither faster than people type nor later than its life."""
    return SOONEST <= now - handed_out <= LATEST


def proves_work(task: str, proof: str, *, bits: int) -> bool:
    """Whether the digest of a task and its proof begins with so many zero bits, at most 32.

    The visitor's browser tried two to the power of `bits` numbers for it, and so for each address.
    """
    digest = sha256(f"{task}{proof}".encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:4]) >> (32 - bits) == 0


def network(ip: str) -> str:
    """The /32 or /64 that shares a budget; empty for what is no network address."""
    try:
        found = _unmapped(ip)
    except ValueError:
        return ""
    return str(ip_network((found, 32 if found.version == 4 else 64), strict=False))


def truncated(ip: str) -> str:
    """The network address without what points to one household: /24 or /48, as its first one."""
    try:
        found = _unmapped(ip)
    except ValueError:
        return ""
    width = 24 if found.version == 4 else 48
    return str(ip_network((found, width), strict=False).network_address)


def over_address_budget(budgets: Budgets, *, today: int, since_confirmed: int) -> bool:
    """Whether an address must be left in peace: mails in 24 hours, and since it last confirmed."""
    return today >= budgets.a_day or since_confirmed >= budgets.in_all


def _unmapped(ip: str) -> IPv4Address | IPv6Address:
    found = ip_address(ip)
    return getattr(found, "ipv4_mapped", None) or found

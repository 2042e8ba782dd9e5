"""The log of what was sent, beside the database, so that an older database can be told.

One line a message: `2026-11-20T07:00:04Z weekly W:2026-W47 0f3a…`, the last word a keyed hash of
the address. A row's number would not do: a restored database hands numbers out again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from publisher.domain.macs import mac
from publisher.domain.tokens import derive_key

HASH_LENGTH = 16


@dataclass(frozen=True, slots=True, order=True)
class Mailed:
    """Somebody, known by a hash, has the issue of a period.

    `at`: when the final dot was allowed, to the second; no part of who has what.
    """

    newsletter: str
    period: str
    address_hash: str
    at: datetime | None = field(default=None, compare=False)


def address_hash(site_key: bytes, address_key: str) -> str:
    """The hash of an address as `domain.addresses` compares it."""
    key = derive_key(site_key, "sent-log")
    return mac(key, address_key.encode()).hex()[:HASH_LENGTH]


def parse(lines: Iterable[str]) -> Iterator[Mailed]:
    """What the lines say; a line that is cut short (the power went) says nothing."""
    for line in lines:
        words = line.split()
        if line.endswith("\n") and len(words) == 4 and len(words[3]) == HASH_LENGTH:
            yield Mailed(words[1], words[2], words[3], _instant(words[0]))


def _instant(word: str) -> datetime | None:
    """None for a damaged one: who has what counts all the same."""
    try:
        found = datetime.fromisoformat(word)
    except ValueError:
        return None
    return found if found.tzinfo else None

"""Links that prove themselves: what they are about and a MAC, one purpose each.

`1` + claim + 22 characters of HMAC-SHA256. The purpose is inside the key and the MAC, so a link
made for one purpose opens nothing else; the key that made it is proved by the MAC itself, so that
links made with an earlier key keep working for as long as that key is kept. The whole unsubscribe
URL stays within 75 characters, because Python's `email` breaks longer ones into encoded words and
one-click is silently dead (cpython #85725).
"""

import hmac
from base64 import b32encode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache

from publisher.domain.macs import mac
from publisher.errors import InvalidToken

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_TAG_LENGTH = 22
_LONGEST = 200
MAX_URL = 75

Keys = Sequence[bytes]
"""The site's secret keys, the present one first; the others are from before a rotation."""


class Purpose(StrEnum):
    """What a link may do. Each has a key of its own."""

    UNSUBSCRIBE = "unsub"  # a subscription; never expires
    PREFERENCES = "prefs"  # a subscription; never expires
    CONFIRM = "confirm"  # one request for a subscription, for some days
    STAY = "stay"  # the answer to a re-confirmation: a notice, once
    ADDRESS = "address"  # the page for a new address: a notice, once
    MOVE = "move"  # the new address proves itself: a notice, once
    EXPORT = "export"  # everything about a person: a notice, once
    ERASE = "erase"  # a notice, once
    FORM = "form"  # when a sign-up form was handed out


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What a confirmation link claims: this request for this subscription, until `expires_at`."""

    subscription: int
    request: int
    expires_at: datetime


@lru_cache(maxsize=256)
def derive_key(site_key: bytes, purpose: str) -> bytes:
    """A key of its own for each purpose (HKDF-Expand with one block, RFC 5869 section 2.3)."""
    return mac(site_key, purpose.encode() + b"\x01")


def make_token(site_key: bytes, purpose: Purpose, number: int) -> str:
    """The token of a subscription (or notice), `[A-Za-z0-9_-]` only."""
    return _seal(site_key, purpose, base36(number))


def read_token(keys: Keys, purpose: Purpose, token: str) -> int:
    """The number that the token names. Raises `InvalidToken` for anything else."""
    return int(_open(keys, purpose, token), 36)


def make_confirmation(site_key: bytes, claim: Confirmation) -> str:
    """The token of a confirmation link; its expiry counts in whole seconds."""
    numbers = (claim.subscription, claim.request, int(claim.expires_at.timestamp()))
    return _seal(site_key, Purpose.CONFIRM, "-".join(map(base36, numbers)))


def read_confirmation(keys: Keys, token: str) -> Confirmation:
    """What the link claims; whether it still holds is for the caller. Raises `InvalidToken`."""
    claim = _open(keys, Purpose.CONFIRM, token)
    subscription, request, seconds = (int(number, 36) for number in claim.split("-"))
    return Confirmation(
        subscription=subscription,
        request=request,
        expires_at=datetime.fromtimestamp(seconds, UTC),
    )


def make_stamp(site_key: bytes, now: datetime) -> str:
    """Says, signed, when a form was handed out."""
    return _seal(site_key, Purpose.FORM, base36(int(now.timestamp())))


def read_stamp(keys: Keys, stamp: str) -> datetime:
    """When the form was handed out. Raises `InvalidToken` where we did not sign that."""
    return datetime.fromtimestamp(read_token(keys, Purpose.FORM, stamp), UTC)


def message_key(site_key: bytes, issue: int, subscriber: int) -> str:
    """The left side of a Message-ID: the same for every attempt at a delivery, telling nothing."""
    key = derive_key(site_key, "message-id")
    return f"{base36(issue)}.{mac(key, f'{issue}/{subscriber}'.encode())[:12].hex()}"


def bounce_key(site_key: bytes, delivery: int, *, about: str) -> str:
    """Names a delivery in its return path: `number.mac`, small letters and digits only.

    `about` (newsletter, period, address) is in the MAC: a database that was restored hands out
    numbers again, and then an old bounce must fail instead of blaming a stranger.
    """
    text = f"{delivery}/{about}".encode()
    digest = mac(derive_key(site_key, "bounce"), text)
    number = _base32(delivery.to_bytes((delivery.bit_length() + 7) // 8 or 1))
    return f"{number}.{_base32(digest[:5])}"


def slot_nonce(site_key: bytes, issue: str) -> str:
    """Marks the slots of one issue; no post can quote it beforehand. Letters and digits only."""
    return mac(derive_key(site_key, "slot"), issue.encode())[:8].hex()


def base36(number: int) -> str:
    """A number of 0 or more in base 36."""
    text = ""
    while True:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
        if not number:
            return text


def _base32(data: bytes) -> str:
    """Base32 (RFC 4648) in small letters without padding: relays fold case."""
    return b32encode(data).decode().rstrip("=").lower()


def _seal(site_key: bytes, purpose: Purpose, claim: str) -> str:
    return f"1{claim}{_tag(site_key, purpose, claim)}"


def _open(keys: Keys, purpose: Purpose, token: str) -> str:
    """The claim of a token that one of the keys made for this purpose."""
    if len(token) > _LONGEST or not token.isascii():  # a lone surrogate could not be encoded
        raise InvalidToken
    version, claim, tag = token[:1], token[1:-_TAG_LENGTH], token[-_TAG_LENGTH:].encode()
    matches = [hmac.compare_digest(tag, _tag(key, purpose, claim).encode()) for key in keys]
    if version != "1" or not claim or not any(matches):
        raise InvalidToken
    return claim


def _tag(site_key: bytes, purpose: Purpose, claim: str) -> str:
    digest = mac(derive_key(site_key, purpose), f"1.{purpose}.{claim}".encode())
    return urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()

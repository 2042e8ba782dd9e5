"""Links that prove themselves: a subscription's number and a MAC, one purpose each.

`1` + number in base 36 + 22 characters of HMAC-SHA256. The purpose is inside the key and the MAC,
so a link made for one purpose opens nothing else. The whole unsubscribe URL stays within 75
characters, because Python's `email` breaks longer ones into encoded words and one-click is
silently dead (cpython #85725).
"""

import hashlib
import hmac
from base64 import b32encode, urlsafe_b64encode
from enum import StrEnum

from publisher.errors import InvalidToken

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_TAG_LENGTH = 22
MAX_URL = 75


class Purpose(StrEnum):
    """What a link may do."""

    UNSUBSCRIBE = "unsub"


def derive_key(site_key: bytes, purpose: str) -> bytes:
    """A key of its own for each purpose (HKDF-Expand with one block, RFC 5869 section 2.3)."""
    return hmac.digest(site_key, purpose.encode() + b"\x01", "sha256")


def make_token(site_key: bytes, purpose: Purpose, subscription: int) -> str:
    """The token of a subscription, `[A-Za-z0-9_-]` only."""
    number = base36(subscription)
    return f"1{number}{_tag(site_key, purpose, number)}"


def read_token(site_key: bytes, purpose: Purpose, token: str) -> int:
    """The subscription that the token names. Raises `InvalidToken` for anything else."""
    if not token.isascii():  # a lone surrogate could not even be encoded
        raise InvalidToken
    version, number, tag = token[:1], token[1:-_TAG_LENGTH], token[-_TAG_LENGTH:]
    expected = _tag(site_key, purpose, number)
    if version != "1" or not number or not hmac.compare_digest(tag, expected):
        raise InvalidToken
    return int(number, 36)


def message_key(site_key: bytes, issue: int, subscriber: int) -> str:
    """The left side of a Message-ID: the same for every attempt at a delivery, telling nothing."""
    mac = hmac.digest(
        derive_key(site_key, "message-id"), f"{issue}/{subscriber}".encode(), "sha256"
    )
    return f"{base36(issue)}.{mac[:12].hex()}"


def bounce_key(site_key: bytes, delivery: int, *, about: str) -> str:
    """Names a delivery in its return path: `number.mac`, small letters and digits only.

    `about` (newsletter, period, address) is in the MAC: a database that was restored hands out
    numbers again, and then an old bounce must fail instead of blaming a stranger.
    """
    text = f"{delivery}/{about}".encode()
    mac = hmac.digest(derive_key(site_key, "bounce"), text, "sha256")
    return f"{_base32(delivery.to_bytes((delivery.bit_length() + 7) // 8 or 1))}.{_base32(mac)[:8]}"


def slot_nonce(site_key: bytes, issue: str) -> str:
    """Marks the slots of one issue; no post can quote it beforehand. Letters and digits only."""
    return hmac.digest(derive_key(site_key, "slot"), issue.encode(), "sha256")[:8].hex()


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


def _tag(site_key: bytes, purpose: Purpose, number: str) -> str:
    mac = hmac.new(derive_key(site_key, purpose), f"1.{purpose}.{number}".encode(), hashlib.sha256)
    return urlsafe_b64encode(mac.digest()[:16]).rstrip(b"=").decode()

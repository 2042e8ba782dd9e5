"""Keyed hashes (HMAC-SHA256, RFC 2104) that do not let go of the interpreter.

`hmac.digest` lets other threads run at each call, and while mail is sent, getting back takes fifty
times as long as the hash. A copy of a keyed state does not.
"""

import hmac
from functools import lru_cache


def mac(key: bytes, message: bytes) -> bytes:
    """The 32 bytes of the keyed hash of a short message."""
    state = _keyed(key).copy()
    state.update(message)
    return state.digest()


@lru_cache(maxsize=256)
def _keyed(key: bytes) -> hmac.HMAC:
    return hmac.new(key, digestmod="sha256")

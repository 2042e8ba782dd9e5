"""Operators: what a password must be, how long a session lasts, when logging in must wait."""

from dataclasses import dataclass
from datetime import datetime, timedelta

LEAST_LENGTH = 15
MOST_LENGTH = 1000
IDLE = timedelta(hours=12)
ABSOLUTE = timedelta(days=7)
FAILURES, FAILURES_ANYWHERE, FAILURE_SPAN = 10, 100, timedelta(minutes=15)
"""After so many failures for an account from one place, or in all, logging in must wait."""

_COMMON = (
    "password", "passwort", "qwerty", "asdfgh", "abcdef", "letmein", "iloveyou", "welcome",
    "admin", "publisher", "newsletter", "correcthorsebatterystaple", "1234", "mima", "woaini",
)  # fmt: skip
"""Words that everybody tries first; what is left of a password without them must be long too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admin:
    """An operator. `password` is an Argon2id hash.

    `totp_secret`: what their authenticator knows (base 32), empty for none. `totp_step`: the time
    step (RFC 6238) of the newest code that was taken; None while the secret is not confirmed.
    """

    id: int
    name: str
    password: str
    created_at: datetime
    changed_at: datetime
    totp_secret: str
    totp_step: int | None

    @property
    def has_second_factor(self) -> bool:
        """Whether logging in asks for a code."""
        return self.totp_step is not None


def objection(password: str, *, name: str, site: str) -> str:
    """Why a password will not do, in words; empty if it will.

    NIST SP 800-63B: length and no known words, no rules about kinds of characters.
    """
    if len(password) < LEAST_LENGTH:
        return f"at least {LEAST_LENGTH} characters; a sentence is fine"
    if len(password) > MOST_LENGTH:
        return f"at most {MOST_LENGTH} characters"
    rest = password.casefold()
    for word in (*_COMMON, name.casefold(), *site.casefold().split()):
        if len(word) >= 4:
            rest = rest.replace(word, "")
    if len(set(rest)) < 6:
        return "too easy to guess: others try such words first"
    return ""


def is_over(created_at: datetime, used_at: datetime, *, now: datetime) -> bool:
    """Whether a session has ended: 12 hours without use, or 7 days in all."""
    return now - used_at > IDLE or now - created_at > ABSOLUTE

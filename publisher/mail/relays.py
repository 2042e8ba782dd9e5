"""A relay: an SMTP server that we hand mail to, as configured."""

import ssl
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from publisher.domain.replies import RelayKind
from publisher.errors import RelayError

DOT_SECONDS = 600.0
"""The wait for the answer to a final dot (RFC 5321, section 4.5.3.2.6); a shorter one makes
duplicates."""


class Security(StrEnum):
    """How the line to a relay is protected."""

    NONE = "none"  # plain text; credentials only to this machine
    STARTTLS = "starttls"  # begins in plain text, TLS required
    TLS = "tls"  # TLS from the first byte


class Login(StrEnum):
    """How we prove who we are. AUTO takes PLAIN, else LOGIN, whichever is offered."""

    AUTO = "auto"
    PLAIN = "plain"
    LOGIN = "login"
    XOAUTH2 = "xoauth2"  # the password is an access token


class Pipelining(StrEnum):
    """How much is written without waiting for answers (RFC 2920). Each contains the next."""

    DOT = "dot"  # the final dot and the next envelope together: one round trip a message
    ENVELOPE = "envelope"  # MAIL, RCPT and DATA together
    OFF = "off"  # a wait for every command


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """An SMTP server that we hand mail to. Without `username` there is no AUTH.

    `name` stands in records and messages; empty means host and port. `timeout_seconds` caps
    every single wait; below the default of ten minutes a slow answer to a final dot becomes
    `Unconfirmed`. `pipelining` is the most that is tried; a relay that cannot is stepped down.
    `rate` is messages a second, `per_hour`, `per_day` and `per_domain` (in flight at once) are
    counts; 0 means no limit. `weight` is its share beside other relays, 0 = only if they fail.
    """

    host: str
    port: int
    security: Security
    name: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    login: Login = Login.AUTO
    kind: RelayKind = RelayKind.RELAY
    timeout_seconds: float = DOT_SECONDS
    pipelining: Pipelining = Pipelining.DOT
    max_connections: int = 16
    per_connection: int = 100
    rate: float = 0.0
    per_hour: int = 0
    per_day: int = 0
    per_domain: int = 0
    warm_up: bool = False
    weight: int = 1
    backoff_seconds: float = 5.0

    @property
    def label(self) -> str:
        """What it is called in records: its name, else host and port."""
        return self.name or str(self)

    @property
    def is_limited(self) -> bool:
        """Whether quotas or a warm-up count what it is given."""
        return bool(self.per_hour or self.per_day or self.warm_up)

    def error(self, problem: str, *, is_lasting: bool = False) -> RelayError:
        """The problem with this relay's address before it."""
        return RelayError(str(self), problem, is_lasting=is_lasting)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@lru_cache(maxsize=32)
def tls_context(relay: Relay) -> ssl.SSLContext:
    """One for each relay: to load the authorities takes longer than to send a message."""
    return ssl.create_default_context()

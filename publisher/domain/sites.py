"""Who publishes: the values that every feed, page and mail has in common."""

from dataclasses import dataclass
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from publisher.domain.addresses import is_reserved


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An author or sender. `email` may be empty."""

    name: str
    email: str = ""

    @property
    def domain(self) -> str:
        """The domain of the address; empty where there is none."""
        return self.email.rpartition("@")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One publication.

    `base_url` has no slash at its end; all links start with it, never with the host of a request.
    `authority` and `since` (a year) make tag URIs (RFC 4151) and must never change once feeds are
    out. `postal_address` stands in every mail's footer where the law asks for one.
    """

    title: str
    description: str
    base_url: str
    language: str
    zone: ZoneInfo
    author: Person
    authority: str
    since: int
    postal_address: str = ""

    @property
    def is_local(self) -> bool:
        """Whether links lead to this machine only: a rehearsal, not a publication."""
        return self.host in {"localhost", "127.0.0.1", "::1"} or self.host.endswith(".localhost")

    @property
    def is_sample(self) -> bool:
        """Whether nobody else can reach it: links to this machine, or a domain for samples."""
        return self.is_local or is_reserved(self.host)

    @property
    def host(self) -> str:
        """Where the site is at home, without scheme and port."""
        return urlsplit(self.base_url).hostname or ""

    def link(self, path: str) -> str:
        """The absolute URL of a path on this site."""
        return f"{self.base_url}/{path.lstrip('/')}"

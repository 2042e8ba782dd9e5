"""E-mail addresses: what we accept, and when two of them are the same.

Stricter than RFC 5321 on purpose: no comments, no quoted local part, no address literal, ASCII on
the wire. `email.utils.parseaddr` never decides here (it reads `alice@example.org)bob@evil.com` as
alice's).
"""

import re
from dataclasses import dataclass

from publisher.errors import InvalidAddress

_LOCAL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII
)
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_DEVIATIONS = "ßẞς\u200c\u200d"
"""Python's codec maps these away (IDNA 2003): faß.de would become fass.de, another domain."""

_RESERVED = ("example", "test", "invalid", "localhost", "example.com", "example.org", "example.net")

_ROLES = frozenset(
    (
        # RFC 2142
        "info", "marketing", "sales", "support", "abuse", "noc", "security", "postmaster",
        "hostmaster", "usenet", "news", "webmaster", "www", "uucp", "ftp",
        # and what else no single person reads
        "admin", "administrator", "billing", "contact", "hello", "help", "helpdesk", "hr", "jobs",
        "list", "list-request", "mailer-daemon", "no-reply", "noreply", "office", "privacy",
        "root", "spam", "team", "undisclosed-recipients",
    )
)  # fmt: skip
ROLE_WARNING = "several people may read it, and one of them may take our mail for spam"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A checked address. `text` is what goes on the wire; `key` is for comparison only."""

    text: str
    key: str

    @property
    def domain(self) -> str:
        return self.text.rpartition("@")[2]

    @property
    def is_role(self) -> bool:
        """Whether it is an office rather than a person: `info@`, `postmaster@`."""
        return self.key.partition("@")[0].partition("+")[0] in _ROLES

    @property
    def is_reserved(self) -> bool:
        """Whether no mail can ever arrive there (RFC 2606)."""
        return is_reserved(self.domain)


def is_reserved(domain: str) -> bool:
    """Whether a domain is only good for samples and tests (RFC 2606)."""
    return any(domain == name or domain.endswith("." + name) for name in _RESERVED)


def parse_address(text: str) -> Address:
    """Checks an address; the domain becomes lower-case IDNA, the local part stays as written.

    Raises `InvalidAddress` with the reason. Case is folded for comparison; dots and tags are
    never stripped (bob-smith is not bob-jones).
    """
    if len(text) > 254:  # RFC 5321, section 4.5.3.1.3
        raise InvalidAddress(text[:60] + "…", "longer than 254 characters")
    if text.count("@") != 1:
        raise InvalidAddress(text, "needs exactly one @")
    local, _, host = text.partition("@")
    if not local.isascii():
        raise InvalidAddress(text, "the part before @ must be ASCII")
    if len(local) > 64 or not _LOCAL.fullmatch(local):  # RFC 5321, section 4.5.3.1.1
        raise InvalidAddress(
            text, "the part before @ is empty, too long or has an illegal character"
        )
    domain = _ascii_domain(text, host)
    if len(local) + 1 + len(domain) > 254:  # RFC 5321, section 4.5.3.1.3
        raise InvalidAddress(text[:60] + "…", "longer than 254 characters")
    return Address(text=f"{local}@{domain}", key=f"{local.casefold()}@{domain}")


def mask(address: str) -> str:
    """The address with most of it hidden, for pages that others may see: `a…n@example.org`."""
    local, _, domain = address.partition("@")
    shown = local[0] + "…" + (local[-1] if len(local) > 2 else "")
    return f"{shown}@{domain}"


def _ascii_domain(text: str, host: str) -> str:
    domain = host.lower() if host.isascii() else _idna(text, host)
    labels = domain.split(".")
    if len(labels) < 2 or len(domain) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidAddress(text, "the part after @ is no domain name")
    if labels[-1].isdigit():  # RFC 3696, section 2: else 127.0.0.1 would be a domain
        raise InvalidAddress(text, "the part after @ is a number, not a domain name")
    return domain


def _idna(text: str, host: str) -> str:
    if any(mark in host for mark in _DEVIATIONS):
        raise InvalidAddress(text, "write the domain in its ASCII form, xn--…")
    try:
        return host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise InvalidAddress(text, "the domain cannot be written in IDNA") from None

"""Which addresses of the network a request of ours may go to.

A name is resolved once, every address it has is judged, and the connection goes to one of exactly
those: asking again later could be answered otherwise (DNS rebinding).
"""

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from publisher.errors import NetworkError

Address = IPv4Address | IPv6Address

_TRANSLATED = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"), ip_network("2002::/16"))
"""IPv6 addresses that carry an IPv4 one inside (RFC 6052, RFC 8215, RFC 3056)."""

_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A URL that may be asked. `addresses` are literal, at least one, in the resolver's order."""

    url: str
    is_tls: bool
    host: str
    port: int
    path: str
    addresses: tuple[str, ...]


def locate(url: str, *, allow_private: bool = False) -> Target:
    """Resolves a URL and judges where it leads. Raises `NetworkError`, having connected nowhere.

    With `allow_private` this machine and its networks may be asked, by plain http too.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        raise NetworkError(url, "is not a URL") from None
    if parts.scheme != "https" and not (allow_private and parts.scheme == "http"):
        raise NetworkError(url, "must begin with https://")
    if not parts.hostname or "@" in parts.netloc or not url.isascii() or not url.isprintable():
        raise NetworkError(url, "must be a plain URL with a host and without a login")
    addresses = _resolve(url, parts.hostname, port)
    if not allow_private:
        for address in addresses:
            if not is_public(address):
                problem = f"leads to {address}, which is not on the public internet"
                raise NetworkError(url, problem)
    return Target(
        url=url,
        is_tls=parts.scheme == "https",
        host=parts.hostname,
        port=port,
        path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        addresses=tuple(str(address) for address in addresses),
    )


def is_public(address: Address) -> bool:
    """Whether an address is one of the internet at large.

    Not: this machine, private networks, link-local ones (where clouds keep their metadata),
    shared, multicast, documentation, and IPv6 wrappings of IPv4.
    """
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return is_public(address.ipv4_mapped)
        if address.scope_id or any(address in network for network in _TRANSLATED):
            return False
    return address.is_global and not address.is_multicast


def _resolve(url: str, host: str, port: int) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        problem = getattr(error, "strerror", None) or "no such host"
        raise NetworkError(url, f"the name cannot be resolved: {problem}") from error
    return [ip_address(address) for address in dict.fromkeys(str(row[4][0]) for row in found)]

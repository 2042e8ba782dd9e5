"""Questions to the DNS; every answer, also that there is none, is a value.

`Resolver.texts("example.org")` asks the machine's own servers, or one that is named.
"""

from collections.abc import Callable
from functools import cached_property
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from publisher.domain.lookups import Found, Lookup

if TYPE_CHECKING:
    import dns.resolver

SECONDS = 5.0
"""For one question, all servers and repetitions together."""

MOST_TIMEOUTS = 4


class Resolver:
    """Asks. Without a `server` (an IP address) the machine's own are asked.

    What was found is remembered as long as the DNS allows. Servers that were silent `MOST_TIMEOUTS`
    times are not waited for any more.
    """

    def __init__(self, server: str = "", port: int = 53, *, seconds: float = SECONDS) -> None:
        self._server = server
        self._port = port
        self._seconds = seconds
        self._timeouts = 0

    def texts(self, name: str) -> Lookup:
        """The TXT records, each in one piece."""
        return self._ask(name, "TXT", lambda row: b"".join(row.strings).decode("utf-8", "replace"))

    def addresses(self, name: str) -> Lookup:
        """The IPv4 and IPv6 addresses; an address is its own, and localhost this machine's."""
        if own := _known(name):
            return Lookup(name=name, kind="A", found=Found.ANSWER, values=(own,))
        both = [self._ask(name, kind, lambda row: str(row.address)) for kind in ("A", "AAAA")]
        values = tuple(value for each in both for value in each.values)
        worst = next((each for each in both if each.is_unsure), both[0])
        found = Found.ANSWER if values else worst.found
        return Lookup(name=name, kind="A", found=found, values=values)

    def exchanges(self, name: str) -> Lookup:
        """The hosts that take mail for a domain, the preferred first; "." takes none."""
        found = self._ask(name, "MX", lambda row: f"{row.preference:05} {_plain(row.exchange)}")
        hosts = tuple(value.partition(" ")[2] for value in found.values)
        return Lookup(name=name, kind="MX", found=found.found, values=hosts)

    def names(self, address: str) -> Lookup:
        """The names of an address."""
        reverse = ip_address(address).reverse_pointer
        return self._ask(reverse, "PTR", lambda row: _plain(row.target))

    def _ask(self, name: str, kind: str, read: Callable[[Any], str]) -> Lookup:
        found, values = Found.TIMEOUT, list[str]()
        if self._timeouts < MOST_TIMEOUTS:
            found, values = self._answer(name, kind, read)
            self._timeouts += found is Found.TIMEOUT
        return Lookup(name=name, kind=kind, found=found, values=tuple(values))

    def _answer(self, name: str, kind: str, read: Callable[[Any], str]) -> tuple[Found, list[str]]:
        import dns.exception  # noqa: PLC0415  # it takes long to load, and only a checkup asks
        import dns.name  # noqa: PLC0415
        import dns.resolver  # noqa: PLC0415

        try:
            full = dns.name.from_text(name.rstrip(".") + ".")
            answer = self._resolver.resolve(full, kind, lifetime=self._seconds, search=False)
            return Found.ANSWER, sorted(read(row) for row in answer)
        except dns.resolver.NXDOMAIN:
            return Found.NO_NAME, []
        except dns.resolver.NoAnswer:
            return Found.NO_RECORD, []
        except dns.exception.Timeout:
            return Found.TIMEOUT, []
        except (dns.resolver.NoNameservers, dns.resolver.NoResolverConfiguration, OSError):
            return Found.FAILED, []
        except (dns.exception.DNSException, UnicodeError):
            return Found.BAD_NAME, []

    @cached_property
    def _resolver(self) -> "dns.resolver.Resolver":
        import dns.resolver  # noqa: PLC0415

        resolver = dns.resolver.Resolver(configure=not self._server)
        if self._server:
            resolver.nameservers = [self._server]
            resolver.port = self._port
        resolver.cache = dns.resolver.LRUCache()
        return resolver


def _plain(name: Any) -> str:
    """A name without the dot at its end; the root stays one."""
    return str(name).rstrip(".").lower() or "."


def _known(name: str) -> str:
    """The address of which the DNS knows nothing: of an address, of this machine; else empty."""
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761, section 6.3
        return "127.0.0.1"
    try:
        return str(ip_address(name))
    except ValueError:
        return ""

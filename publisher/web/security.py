"""What guards every request, as plain ASGI: the host asked for, the size of a body, the headers.

From outside to inside: `SecurityHeaders` marks every answer, those of the others too; `LastResort`
turns whatever nobody caught into a page; `TrustedHosts` refuses names that are not ours (links
are made from the configured base URL only, so a foreign name has no business here); `BodyCap`
bounds what may be read. `ThisMachineOnly` and `SameOrigin` stand before single routes.
"""

import logging
import re
from collections.abc import Collection, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

BODY_LIMIT = 64_000
"""The longest body that a handler may read, in bytes."""

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})

PAGE_POLICY = (
    "default-src 'none'; img-src 'self' data: https:; style-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
"""What our pages may load: pictures, the stylesheet, and no script at all."""

SCRIPTED_PAGE_POLICY = PAGE_POLICY + "; script-src 'self'"
"""The same, and the one file behind the copy buttons of the feeds page."""

_PROXY_MARKS = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9_.-]+?)\.?(:\d{1,5})?", re.ASCII)
_YEAR_SECONDS = 31_536_000


class SecurityHeaders:
    """Puts the headers on every answer, errors included; a policy set by a handler stays.

    Pages loosen the policy for referrers to `same-origin` themselves (`base.html`): under
    `no-referrer` a browser names no origin with a form, even to us (Fetch standard, "append a
    request Origin header"), and `SameOrigin` could not tell our forms from those of others.

    Not on a 304, which has no body: what it stands for came with them, and a 304 says no more than
    its validators need (RFC 9110, section 15.4.5).
    """

    def __init__(self, app: ASGIApp, *, is_https: bool) -> None:
        self.app = app
        headers = {
            "content-security-policy": PAGE_POLICY,
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cross-origin-opener-policy": "same-origin",
        }
        if is_https:
            headers["strict-transport-security"] = f"max-age={_YEAR_SECONDS}"
        self.headers = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] != 304:
                given = message.setdefault("headers", [])
                names = {name for name, _ in given}
                message["headers"] = [
                    *given, *(each for each in self.headers if each[0] not in names)
                ]  # fmt: skip
            await send(message)

        await self.app(scope, receive, send_with_headers)


class LastResort:
    """Answers with a prepared page when a handler fails, and logs the failure.

    The log names the handler, never the path: a path may hold a token.
    """

    def __init__(self, app: ASGIApp, *, answer: ASGIApp) -> None:
        self.app = app
        self.answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_started = False

        async def watch(message: Message) -> None:
            nonlocal has_started
            has_started = True
            await send(message)

        try:
            await self.app(scope, receive, watch)
        except Exception:
            log.exception("request.failed", extra={"handler": handler_name(scope)})
            if has_started:
                raise
            await self.answer(scope, receive, send)


class TrustedHosts:
    """Refuses a `Host` that is none of `names` (lower case, without port)."""

    def __init__(self, app: ASGIApp, *, names: Collection[str], refusal: ASGIApp) -> None:
        self.app = app
        self.names = frozenset(names)
        self.refusal = refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            host = _HOST.fullmatch(Headers(scope=scope).get("host", "").lower())
            if host is None or host["name"] not in self.names:
                await self.refusal(scope, receive, send)
                return
        await self.app(scope, receive, send)


class BodyCap:
    """Stops a handler that reads beyond `limit` bytes with 413.

    Counted while reading and not by the announced length: what nobody reads harms nobody, and a
    one-click request must succeed whatever it carries (RFC 8058).
    """

    def __init__(self, app: ASGIApp, *, limit: int = BODY_LIMIT) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        total = 0

        async def receive_counted() -> Message:
            nonlocal total
            message = await receive()
            total += len(message.get("body", b""))
            if total > self.limit:
                raise HTTPException(413)
            return message

        await self.app(scope, receive_counted, send)


class ThisMachineOnly:
    """Answers 404 to whoever is not on this machine, or comes through a proxy."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not is_local_client(scope):
            raise HTTPException(404)
        await self.app(scope, receive, send)


class SameOrigin:
    """Refuses with 403 what a browser sends from another site and would change something.

    Stands before every route that takes POST, but the two that change nothing for the sender's
    benefit: one-click, and the first step of a form on somebody else's page.

    Ours is the host of `base_url` and the one asked for: a proxy may pass on either without its
    port, and `TrustedHosts` has let in no foreign name.
    """

    def __init__(self, app: ASGIApp, *, base_url: str) -> None:
        self.app = app
        self.base_host = urlsplit(base_url).netloc.lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        own = {self.base_host, headers.get("host", "").lower()}
        if is_cross_origin(scope["method"], headers, own):
            raise HTTPException(403)
        await self.app(scope, receive, send)


def is_cross_origin(method: str, headers: Mapping[str, str], own_hosts: Collection[str]) -> bool:
    """Whether a browser sent this unsafe request from another site than `own_hosts`.

    The rule of Go 1.25's cross-origin protection: what browsers say of a fetch, else its origin;
    a client that says neither is no browser, and has no cookies to be misused.
    """
    if method in {"GET", "HEAD", "OPTIONS"}:
        return False
    if (site := headers.get("sec-fetch-site")) is not None:
        return site not in {"same-origin", "none"}
    if (origin := headers.get("origin")) is not None:
        return origin == "null" or origin.partition("://")[2] not in own_hosts
    return False


def client_ip(scope: Scope, trusted: Collection[str]) -> str:
    """The network address a request came from: the rightmost one that is no proxy of ours.

    `trusted` are networks. What stands left of it in X-Forwarded-For anybody may have written.
    Empty where there is no address.
    """
    host, _ = scope.get("client") or ("", 0)
    forwarded = ",".join(Headers(scope=scope).getlist("x-forwarded-for")).split(",")
    peer = host
    for hop in reversed([hop.strip() for hop in forwarded]):
        if not _is_address(hop) or not _is_within(peer, trusted):
            break
        peer = hop
    return peer if _is_address(peer) else ""


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_within(text: str, networks: Collection[str]) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return any(address in ip_network(network) for network in networks)


def handler_name(scope: Scope) -> str:
    """Which handler a request went to, for the log; empty where it reached none."""
    return getattr(scope.get("endpoint"), "__qualname__", "")


def trusted_names(base_url: str) -> frozenset[str]:
    """The host names under which this site may be asked for: its own, and this machine's."""
    host = urlsplit(base_url).hostname or ""
    return LOOPBACK_NAMES | {f"[{host}]" if ":" in host else host}


def is_peer_within(scope: Scope, networks: Collection[IPv4Network | IPv6Network]) -> bool:
    """Whether the very peer of the connection, whoever it speaks for, is in one of the networks."""
    host, _ = scope.get("client") or ("", 0)
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in networks)


def is_client_within(
    scope: Scope, networks: Collection[IPv4Network | IPv6Network], *, proxies: Collection[str]
) -> bool:
    """Whether who asks is in one of the networks, and not only a proxy that asks for somebody.

    `proxies` are the networks of those whose word about that counts; see `client_ip`.
    """
    client, (peer, _) = client_ip(scope, proxies), scope.get("client") or ("", 0)
    if client == peer and _speaks_for_another(scope):
        return False
    return is_peer_within({"client": (client, 0)}, networks)


def is_local_client(scope: Scope) -> bool:
    """Whether the peer is a program on this machine and does not speak for somebody else."""
    if _speaks_for_another(scope):
        return False
    host, _ = scope.get("client") or ("", 0)
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _speaks_for_another(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return any(mark in headers for mark in _PROXY_MARKS)

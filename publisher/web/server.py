"""Runs the web application inside somebody else's event loop, and stops when told."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import uvicorn
from starlette.applications import Starlette

from publisher.errors import PublisherError
from publisher.services.app import Listen

_GRACE_SECONDS = 10


async def serve(
    application: Starlette,
    stop: asyncio.Event,
    listener: socket.socket,
    *,
    ready: Callable[[], None] | None = None,
) -> None:
    """Serves until `stop` is set; answers in the making get ten seconds to end.

    `listener` stays open, for whoever serves there next. `ready` is called once connections are
    taken.
    """
    config = uvicorn.Config(
        application,
        log_config=None,
        access_log=False,  # it would write links with their tokens
        lifespan="off",
        ws="none",
        server_header=False,
        proxy_headers=False,  # who is on this machine is decided by the peer's address
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = _Server(config, on_start=ready)
    watcher = asyncio.create_task(_end(server, stop))
    try:
        await server.serve(sockets=[listener.dup()])  # uvicorn closes what it is given
    finally:
        watcher.cancel()


def listen(listen: Listen) -> socket.socket:
    """A bound socket, IPv4 where the name has both. Raises `PublisherError`."""
    try:
        found = socket.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM)
        family, _, _, _, address = min(found, key=lambda one: one[0] is not socket.AF_INET)
        bound = socket.create_server((address[0], listen.port), family=family)
        # asyncio does so for sockets that it makes itself; else each body waits 40 ms for the
        # acknowledgement of its head (RFC 896 against RFC 1122, section 4.2.3.2).
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return bound
    except (OSError, UnicodeError) as error:  # the latter for a name that cannot be one
        reason = getattr(error, "strerror", "") or error
        raise PublisherError(
            f"cannot listen on {listen.host}:{listen.port}: {reason}; "
            "stop whatever uses this address, or choose another port in config.toml"
        ) from error


class _Server(uvicorn.Server):
    """A uvicorn that leaves the signals to the daemon, and says when it has started."""

    def __init__(self, config: uvicorn.Config, *, on_start: Callable[[], None] | None) -> None:
        super().__init__(config)
        self._on_start = on_start

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._on_start:
            self._on_start()


async def _end(server: uvicorn.Server, stop: asyncio.Event) -> None:
    await stop.wait()
    server.should_exit = True

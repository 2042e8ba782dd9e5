"""The built-in inbox: a real SMTP server on this machine that keeps all mail in a Maildir.

For development and rehearsal. It listens on loopback only and delivers nothing to anybody.
"""

import asyncio
import errno
import logging
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

from aiosmtpd.smtp import SMTP, Envelope, Session

from publisher.clock import Clock, system_clock
from publisher.errors import RelayError
from publisher.mail.relays import Relay, Security

log = logging.getLogger(__name__)

MAX_BYTES = 10_000_000
"""The largest message that is kept."""


@contextmanager
def capture(inbox: Path, *, clock: Clock = system_clock) -> Iterator[Relay]:
    """Runs the server while the block runs, and gives the relay to send to.

    A message is on the disk, byte for byte as it was sent, before it is acknowledged. Raises
    `RelayError` if the folder cannot be written to.
    """
    try:
        for folder in ("tmp", "new", "cur"):
            (inbox / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
        # Bound and listening before the thread starts: no port to lose, no start to wait for.
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else replies wait 40 ms
    except OSError as error:
        raise RelayError("the built-in inbox", f"{inbox}: {error.strerror}") from error
    host, port = listener.getsockname()
    server = _Server(listener, _Handler(inbox, clock))
    thread = Thread(target=server.run, name="built-in inbox", daemon=True)
    thread.start()
    try:
        yield Relay(name="built-in inbox", host=host, port=port, security=Security.NONE)
    finally:
        server.stop()
        thread.join()


def store(inbox: Path, message: bytes, *, clock: Clock) -> Path:
    """Puts one message into the Maildir: written aside, flushed to the disk, then renamed."""
    now = clock()
    handle, name = tempfile.mkstemp(dir=inbox / "tmp")
    aside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(message)
            file.flush()
            os.fsync(file.fileno())
            # The inode keeps two messages of one microsecond apart.
            mark = f"M{now.microsecond:06}I{os.fstat(file.fileno()).st_ino}P{os.getpid()}"
        final = inbox / "new" / f"{int(now.timestamp())}.{mark}.publisher"
        aside.rename(final)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    _flush_folder(final.parent)
    return final


class _Handler:
    def __init__(self, inbox: Path, clock: Clock) -> None:
        self._inbox = inbox
        self._clock = clock

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        message = envelope.original_content or b""
        try:
            store(self._inbox, message, clock=self._clock)
        except OSError as error:
            log.error("message.refused", extra={"reason": error.strerror})
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                return "452 4.3.1 no space left for the inbox"
            return "451 4.3.0 the inbox cannot be written to"
        return "250 2.0.0 kept"


class _Server:
    """aiosmtpd on a loop of its own; its `Controller` cannot be given a bound socket."""

    def __init__(self, listener: socket.socket, handler: _Handler) -> None:
        self._listener = listener
        self._handler = handler
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()

    def run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)

    async def _serve(self) -> None:
        async with await self._loop.create_server(self._protocol, sock=self._listener):
            await self._stop.wait()

    def _protocol(self) -> SMTP:
        return SMTP(
            self._handler,
            data_size_limit=MAX_BYTES,
            enable_SMTPUTF8=True,
            hostname="localhost",  # else it asks the DNS, at every connection
            ident="built-in inbox",
            loop=self._loop,
        )


def _flush_folder(folder: Path) -> None:
    """Makes the new name itself last through a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

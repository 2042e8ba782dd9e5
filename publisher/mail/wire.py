"""The line to a relay: bytes in, answers out, and the beginning of a session as a coroutine.

What becomes of messages is the affair of `client`, which builds on this.
"""

import asyncio
import select
import ssl
from typing import cast

from publisher.mail import opening
from publisher.mail.opening import CONNECT_SECONDS, Offers
from publisher.mail.relays import Relay, Security, tls_context
from publisher.mail.replies import Answer, LineLost, Replies


class Wire(asyncio.Protocol):
    """A connection on an event loop. `open` first; then answers go to `_on_answer`."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._replies = Replies()
        self._arrivals = select.poll()
        self._waiter: asyncio.Future[Answer] | None = None
        self._problem = ""  # why the line is gone; empty while it stands
        self._has_begun = False
        self._transport: asyncio.Transport | None = None
        self._closed = asyncio.Event()
        self.offers = Offers(keywords={})

    def _on_answer(self, answer: Answer) -> None:
        """The next answer, once the session has begun. May raise `LineLost`."""
        raise NotImplementedError

    def _settle_all(self, problem: str) -> None:
        """The line is gone: judge what was in hand."""
        raise NotImplementedError

    @property
    def transport(self) -> asyncio.Transport:
        """The line; there once a connection is made."""
        return cast(asyncio.Transport, self._transport)

    @property
    def is_open(self) -> bool:
        return not self._problem

    async def wait_closed(self) -> None:
        """Until the line is gone, once it was made and its end has begun."""
        await self._closed.wait()

    # The beginning: a coroutine.

    async def open(self) -> None:
        """Connects, greets, encrypts, logs in. Raises `Refused`."""
        relay = self._relay
        loop = asyncio.get_running_loop()
        context = tls_context(relay) if relay.security is Security.TLS else None
        try:
            async with asyncio.timeout(min(CONNECT_SECONDS, relay.timeout_seconds)):
                await loop.create_connection(
                    lambda: self,
                    relay.host,
                    relay.port,
                    ssl=context,
                    server_hostname=relay.host if context else None,
                )
        except ssl.SSLCertVerificationError as error:
            raise opening.distrusted(error) from None
        except ssl.SSLError as error:
            raise opening.not_agreed(error) from None
        except (OSError, UnicodeError) as error:
            raise opening.unreachable(error, relay) from None
        try:
            self.offers = await opening.open_session(self, relay)
        except LineLost as problem:
            self._end(str(problem))
            raise opening.broken(str(problem)) from None
        except BaseException:
            self._end("the session could not begin")
            raise
        self._arrivals.register(self.transport.get_extra_info("socket"), select.POLLIN)
        self._has_begun = True

    async def answer(self, seconds: float) -> Answer:
        """The next answer; before `start` only. Raises `LineLost`."""
        if (early := self._replies.next()) is not None:
            return early
        if self._problem:
            raise LineLost(self._problem)
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(seconds):
                return await self._waiter
        except TimeoutError:
            raise LineLost(f"no answer within {seconds:g} seconds") from None
        finally:
            self._waiter = None

    async def ask(self, line: str, seconds: float) -> Answer:
        """One command and its answer; before `start` only. Raises `LineLost`."""
        if self._replies.has_rest:
            raise LineLost("it speaks without having been asked")
        self.transport.write(f"{line}\r\n".encode())
        return await self.answer(seconds)

    async def encrypt(self, context: ssl.SSLContext, host: str, seconds: float) -> None:
        """Turns to TLS. Raises `LineLost` if bytes lie behind the consent to it.

        Whoever sits on the line could have put them there in plain text; they would be read as if
        they had come under TLS (RFC 3207, section 6).
        """
        if self._replies.has_rest:
            raise LineLost("it sent more than its consent to TLS; somebody may sit on the line")
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(seconds):
            secured = await loop.start_tls(self.transport, self, context, server_hostname=host)
        if secured is None:
            raise LineLost(self._problem or "it closed the connection")
        self._transport = secured

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if not self.is_open:
            return
        self._replies.feed(data)
        try:
            if not self._has_begun:
                self._wake()
                return
            self._read_on()
        except LineLost as problem:
            self._end(str(problem))

    def _read_on(self) -> None:
        while (answer := self._replies.next()) is not None:
            self._on_answer(answer)
            if not self.is_open:
                return

    def connection_lost(self, error: Exception | None) -> None:
        if error is None:
            self._end("it closed the connection")
        else:
            self._end(f"the connection broke ({getattr(error, 'strerror', None) or error})")
        self._closed.set()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is None or waiter.done():
            return  # who asks next will find it
        try:
            answer = self._replies.next()
        except LineLost as problem:
            waiter.set_exception(problem)
            return
        if answer is not None:
            waiter.set_result(answer)

    def _has_unread(self) -> bool:
        """Whether bytes have arrived that the loop has not handed over yet."""
        return bool(self._arrivals.poll(0))

    def _end(self, problem: str) -> None:
        """Hangs up, once; `problem` is empty where all is well."""
        if self._problem:
            return
        self._problem = problem or "it is over"
        if self._transport is not None:
            self._transport.abort()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(LineLost(self._problem))
        self._settle_all(problem)

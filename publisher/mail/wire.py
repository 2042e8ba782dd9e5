"""One connection as bytes and answers: every wait has an end, every fault is `LineLost`."""

import ipaddress
import socket
import ssl
import time
from contextlib import suppress

from publisher.mail.replies import Answer, LineLost, Replies

BLOCK = 65_536


class Wire:
    """A connected socket that is written to in lines and read from in answers."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._replies = Replies()
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.is_open = True

    @property
    def is_encrypted(self) -> bool:
        return isinstance(self._socket, ssl.SSLSocket)

    @property
    def is_loopback(self) -> bool:
        """Whether the peer is this machine."""
        peer = str(self._socket.getpeername()[0])
        return ipaddress.ip_address(peer.partition("%")[0]).is_loopback

    @property
    def address(self) -> str:
        """Our end as an address literal (RFC 5321, section 4.1.3)."""
        own = str(self._socket.getsockname()[0]).partition("%")[0]
        return f"[IPv6:{own}]" if ":" in own else f"[{own}]"

    def secure(self, context: ssl.SSLContext, host: str, *, seconds: float) -> None:
        """Turns to TLS. Raises `LineLost` if bytes lie behind the last answer, else `SSLError`.

        Whoever sits on the line could have put those bytes there in plain text; they would be
        read as if they had come under TLS (RFC 3207, section 6).
        """
        if self._replies.has_rest:
            raise LineLost("it sent more than its consent to TLS; somebody may sit on the line")
        self._socket.settimeout(seconds)
        self._socket = context.wrap_socket(self._socket, server_hostname=host)

    def write(self, data: bytes, *, seconds: float) -> None:
        """Hands the bytes over, each block within `seconds`."""
        view = memoryview(data)
        try:
            self._socket.settimeout(seconds)
            for start in range(0, len(data), BLOCK):
                self._socket.sendall(view[start : start + BLOCK])
        except OSError as error:
            raise LineLost(_cause(error, seconds)) from None

    def answer(self, *, seconds: float) -> Answer:
        """Waits for the next answer, `seconds` altogether, however slowly it drips in."""
        end = time.monotonic() + seconds
        while (answer := self._replies.next()) is None:
            # Never 0, which would mean not to wait at all.
            self._socket.settimeout(max(end - time.monotonic(), 0.001))
            self._receive(seconds)
        return answer

    def unasked(self) -> Answer | None:
        """What the relay has said although nothing was asked, None if it was silent.

        Raises `LineLost` if it has hung up or begun to say something.
        """
        answer = self._replies.next()
        if answer is None:
            self._socket.settimeout(0)
            with suppress(BlockingIOError, ssl.SSLWantReadError):  # silent
                self._receive(0)
            answer = self._replies.next()
        if answer is None and self._replies.has_rest:
            raise LineLost("it speaks without having been asked")
        return answer

    def close(self) -> None:
        """Hangs up, without a word. May be called twice."""
        self.is_open = False
        self._socket.close()

    def _receive(self, seconds: float) -> None:
        try:
            data = self._socket.recv(BLOCK)
        except (BlockingIOError, ssl.SSLWantReadError):
            raise
        except OSError as error:
            raise LineLost(_cause(error, seconds)) from None
        if not data:
            raise LineLost("it closed the connection")
        self._replies.feed(data)


def _cause(error: OSError, seconds: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {seconds:g} seconds"
    return f"the connection broke ({error.strerror or error})"

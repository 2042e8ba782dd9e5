"""One HTTP request to somewhere that an operator has named, within bounds of time and size."""

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from io import BufferedReader, RawIOBase
from time import monotonic
from typing import Any
from urllib.parse import urljoin

from publisher.errors import NetworkError
from publisher.net.guard import Target, locate

USER_AGENT = "Publisher (feeds and newsletters)"

_FOLLOWED = {"GET": (301, 302, 303, 307, 308), "POST": (307, 308)}
"""The redirects that keep the method (RFC 9110, section 15.4); others are the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a request may take in all (seconds), how much an answer may hold (bytes)."""

    seconds: float = 10.0
    size: int = 1_000_000
    redirects: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server said. The names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to ask. Of `headers` nothing goes to another host that we are redirected to."""

    method: str
    url: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def send(request: Request, *, limits: Limits | None = None, allow_private: bool = False) -> Answer:
    """Asks, following redirects, each judged like the first address.

    Raises `NetworkError`: an address that may not be asked, no connection, no valid certificate,
    out of time, too much. What a server answers is never an error, whatever the status.
    """
    limits = limits or Limits()
    deadline = monotonic() + limits.seconds
    url, headers, first = request.url, request.headers, ""
    for _ in range(limits.redirects + 1):
        target = locate(url, allow_private=allow_private)
        first = first or target.host
        if target.host != first:
            headers = {}
        answer = _exchange(target, request, headers=headers, deadline=deadline, size=limits.size)
        place = answer.headers.get("location", "")
        if answer.status not in _FOLLOWED.get(request.method, ()) or not place:
            return answer
        url = urljoin(url, place)
    raise NetworkError(request.url, f"more than {limits.redirects} redirects")


def _exchange(
    target: Target, request: Request, *, headers: Mapping[str, str], deadline: float, size: int
) -> Answer:
    connection = _Connection(target, deadline)
    try:
        connection.request(
            request.method,
            target.path,
            body=request.body or None,
            headers={"User-Agent": USER_AGENT, "Connection": "close", **headers},
        )
        response = connection.getresponse()
        body = _read(response, target=target, size=size)
        named = {name.lower(): value for name, value in response.getheaders()}
        return Answer(status=response.status, headers=named, body=body)
    except TimeoutError as error:
        raise NetworkError(target.url, "did not answer in time") from error
    except ssl.SSLCertVerificationError as error:
        raise NetworkError(target.url, f"certificate: {error.verify_message}") from error
    except HTTPException as error:
        raise NetworkError(target.url, "did not speak HTTP") from error
    except OSError as error:
        raise NetworkError(target.url, error.strerror or str(error)) from error
    finally:
        connection.close()


def _read(response: HTTPResponse, *, target: Target, size: int) -> bytes:
    """The body, in pieces, so that too large a one is not held first."""
    body = b""
    while piece := response.read1(65_536):
        body += piece
        if len(body) > size:
            raise NetworkError(target.url, f"answers with more than {size:,} bytes")
    return body


def _left(deadline: float) -> float:
    """The seconds until the deadline. Raises `TimeoutError` once it has passed."""
    left = deadline - monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Timely(RawIOBase):
    """What a line brings until the deadline.

    A server that drips bytes, of the head as of the body, would never meet a limit on one read.
    """

    def __init__(self, raw: RawIOBase, line: socket.socket, deadline: float) -> None:
        self._raw = raw
        self._line = line
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._line.settimeout(_left(self._deadline))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Connection(HTTPConnection):
    """Connects to the addresses that were judged; the name serves for TLS and `Host` only."""

    def __init__(self, target: Target, deadline: float) -> None:
        super().__init__(target.host, target.port)
        self.default_port = 443 if target.is_tls else 80
        self._target = target
        self._deadline = deadline
        self.response_class = self._response  # type: ignore[assignment]  # it is only called

    def connect(self) -> None:
        self.sock = self._dial()
        if self._target.is_tls:
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=self._target.host)

    def _response(self, line: socket.socket, **options: Any) -> HTTPResponse:
        response = HTTPResponse(line, **options)
        raw = response.fp.detach()
        response.fp = BufferedReader(_Timely(raw, line, self._deadline))
        return response

    def _dial(self) -> socket.socket:
        """The first address that takes the connection."""
        problem: OSError = TimeoutError()
        for address in self._target.addresses:
            try:
                return socket.create_connection(
                    (address, self._target.port), timeout=_left(self._deadline)
                )
            except OSError as error:
                problem = error
        raise problem

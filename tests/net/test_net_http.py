import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from time import monotonic
from typing import Any

import pytest

from publisher.errors import NetworkError
from publisher.net import guard, http
from publisher.net.http import Limits, Request, send

Answering = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def server(answer: Answering) -> Iterator[tuple[str, list[tuple[str, str, bytes]]]]:
    """A server on this machine; yields its address and what it was asked."""
    asked: list[tuple[str, str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            asked.append((self.command, self.path, body))
            self.seen = dict(self.headers)
            answer(self)

        do_POST = do_GET

        def log_message(self, *_: Any) -> None:
            pass

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    web.daemon_threads = False
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{web.server_port}", asked
    finally:
        web.shutdown()
        thread.join()
        web.server_close()


def ok(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "5")
    handler.end_headers()
    handler.wfile.write(b"hello")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "192.0.2.1", "224.0.0.1", "255.255.255.255", "::1", "::",
        "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::",
        "64:ff9b::7f00:1", "fe80::1%eth0", "2001:db8::1",
    ],
)  # fmt: skip
def test_nothing_but_the_public_internet_is_public(address: str) -> None:
    assert not guard.is_public(ip_address(address))


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8"])
def test_the_public_internet_is_public(address: str) -> None:
    assert guard.is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/", "https://169.254.169.254/latest/", "https://[::1]/",
        "https://localhost/", "https://2130706433/", "https://0x7f.1/",
    ],
)  # fmt: skip
def test_an_address_within_is_refused_before_any_connection(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http.socket, "create_connection", lambda *_, **__: pytest.fail("connected"))
    with pytest.raises(NetworkError, match="not on the public internet"):
        send(Request(method="GET", url=url))


def test_a_name_that_leads_within_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """One bad address among good ones is enough: the next try might take it."""
    rows = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))
        for address in ("93.184.216.34", "10.0.0.1")
    ]
    monkeypatch.setattr(guard.socket, "getaddrinfo", lambda *_, **__: rows)
    monkeypatch.setattr(http.socket, "create_connection", lambda *_, **__: pytest.fail("connected"))
    with pytest.raises(NetworkError, match=r"10\.0\.0\.1"):
        send(Request(method="GET", url="https://hub.example.org/"))


def test_the_connection_goes_to_the_address_that_was_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The name is resolved once: a second answer could be another one (DNS rebinding)."""
    rows = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 443))]
    asked: list[str] = []
    dialled: list[tuple[str, int]] = []

    def resolve(host: str, *_: object, **__: object) -> object:
        asked.append(host)
        return rows

    def dial(address: tuple[str, int], **_: object) -> socket.socket:
        dialled.append(address)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(guard.socket, "getaddrinfo", resolve)
    monkeypatch.setattr(http.socket, "create_connection", dial)
    with pytest.raises(NetworkError, match="Connection refused"):
        send(Request(method="GET", url="https://hub.example.org/"))
    assert (asked, dialled) == (["hub.example.org"], [("93.184.216.34", 443)])


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_server_that_drips_bytes_is_left_in_time(part: str) -> None:
    gone = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        try:
            if part == "body":
                handler.send_response(200)
                handler.end_headers()
            for byte in b"HTTP/1.1 200 OK\r\nX-Word: " + b"a" * 400:
                handler.wfile.write(bytes([byte]))
                gone.wait(0.02)
        except OSError:
            pass

    with server(drip) as (url, _):
        begun = monotonic()
        with pytest.raises(NetworkError, match="in time"):
            send(Request(method="GET", url=url), limits=Limits(seconds=0.3), allow_private=True)
        assert monotonic() - begun < 3
        gone.set()


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/", "file:///etc/passwd", "gopher://example.org/", "https:///path",
        "https://user:secret@example.org/", "https://example.org:99999/", "https://exämple.org/",
        "https://example.org/a\nb", "https://[::1", "",
    ],
)  # fmt: skip
def test_only_plain_https_addresses_are_asked(url: str) -> None:
    with pytest.raises(NetworkError):
        send(Request(method="GET", url=url))


def test_a_redirect_within_is_refused() -> None:
    def away(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", "ftp://127.0.0.1/")
        handler.end_headers()

    with server(away) as (url, asked), pytest.raises(NetworkError, match="https"):
        send(Request(method="GET", url=url), allow_private=True)
    assert len(asked) == 1


def test_a_redirect_is_judged_like_the_first_address(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[str] = []

    def locate(url: str, *, allow_private: bool = False) -> guard.Target:
        judged.append(url)
        return guard.locate(url, allow_private=True)

    def turn(handler: BaseHTTPRequestHandler) -> None:
        if handler.path == "/":
            handler.send_response(308)
            handler.send_header("Location", "/there")
            handler.end_headers()
        else:
            ok(handler)

    monkeypatch.setattr(http, "locate", locate)
    with server(turn) as (url, asked):
        answer = send(Request(method="POST", url=url + "/", body=b"a=1"))
    assert judged == [url + "/", url + "/there"]
    assert asked == [("POST", "/", b"a=1"), ("POST", "/there", b"a=1")]
    assert (answer.status, answer.body, answer.is_success) == (200, b"hello", True)


def test_a_post_is_not_turned_into_a_get() -> None:
    def turn(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", "/there")
        handler.end_headers()

    with server(turn) as (url, asked):
        answer = send(Request(method="POST", url=url), allow_private=True)
    assert (answer.status, len(asked)) == (302, 1)


def test_headers_do_not_follow_to_another_host() -> None:
    seen: list[dict[str, str]] = []

    def note(handler: BaseHTTPRequestHandler) -> None:
        seen.append(handler.seen)  # type: ignore[attr-defined]
        if handler.path == "/":
            handler.send_response(307)
            port = handler.server.server_address[1]
            handler.send_header("Location", f"http://localhost:{port}/there")
            handler.end_headers()
        else:
            ok(handler)

    with server(note) as (url, _):
        request = Request(method="GET", url=url + "/", headers={"Authorization": "secret"})
        send(request, allow_private=True)
    assert [("Authorization" in headers) for headers in seen] == [True, False]


def test_a_ring_of_redirects_ends() -> None:
    def again(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", "/")
        handler.end_headers()

    with server(again) as (url, asked), pytest.raises(NetworkError, match="redirects"):
        send(Request(method="GET", url=url), allow_private=True)
    assert len(asked) == 4


def test_an_answer_has_a_largest_size() -> None:
    def flood(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b"x" * 5000)

    with server(flood) as (url, _), pytest.raises(NetworkError, match="more than 1,000 bytes"):
        send(Request(method="GET", url=url), limits=Limits(size=1000), allow_private=True)


def test_a_server_that_drips_does_not_hold_us() -> None:
    ended = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not ended.wait(0.02):
            try:
                handler.wfile.write(b"x")
            except OSError:
                return

    with server(drip) as (url, _):
        with pytest.raises(NetworkError, match="in time"):
            send(Request(method="GET", url=url), limits=Limits(seconds=0.2), allow_private=True)
        ended.set()


def test_what_is_not_http_is_told() -> None:
    def babble(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"220 mail.example.org ESMTP\r\n")

    with server(babble) as (url, _), pytest.raises(NetworkError, match="did not speak HTTP"):
        send(Request(method="GET", url=url), allow_private=True)


def test_a_certificate_must_be_valid() -> None:
    """Whoever sits at the address must prove to be the name."""
    with server(ok) as (url, _), pytest.raises(NetworkError):
        send(Request(method="GET", url=url.replace("http:", "https:")), allow_private=True)

import asyncio
import http.client
import logging
import signal
import socket
from collections.abc import Callable
from dataclasses import replace

import pytest

from publisher.errors import PublisherError
from publisher.services.app import App, Listen
from publisher.web.app import build_app
from publisher.web.server import listen, serve


def run(app: App, visit: Callable[[int], object]) -> object:
    """Serves `app`, runs `visit` with the port in a thread, and stops."""

    async def main() -> object:
        stop, started = asyncio.Event(), asyncio.Event()
        with listen(app.listen) as listener:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(serve(build_app(app), stop, listener, ready=started.set))
                await started.wait()
                try:
                    return await asyncio.to_thread(visit, listener.getsockname()[1])
                finally:
                    stop.set()

    return asyncio.run(main())


def fetch(
    port: int, method: str, path: str, body: bytes | None = None
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, headers, answer.read()
    finally:
        connection.close()


def test_it_serves_until_told_to_stop(app: App) -> None:
    status, headers, body = run(app, lambda port: fetch(port, "GET", "/rss.xml"))
    assert (status, body) == (200, b"<rss/>")
    assert "server" not in headers


def test_no_answer_waits_for_an_acknowledgement(app: App) -> None:
    with (
        listen(app.listen) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_head_has_the_headers_of_get_and_no_body(app: App) -> None:
    def visit(port: int) -> object:
        return fetch(port, "GET", "/rss.xml"), fetch(port, "HEAD", "/rss.xml")

    (_, got, _), (status, headers, body) = run(app, visit)
    assert (status, body) == (200, b"")
    assert {k: v for k, v in headers.items() if k != "date"} == {
        k: v for k, v in got.items() if k != "date"
    }


@pytest.mark.parametrize(
    "path", ["/../secret", "//secret", "/feeds/../../secret", "/%2e%2e/secret", "/..%2Fsecret"]
)
def test_a_path_sent_as_it_is_never_leaves_the_folder(app: App, path: str) -> None:
    (app.folders.root / "secret").write_text("CANARY")
    status, _, body = run(app, lambda port: fetch(port, "GET", path))
    assert status == 404
    assert b"CANARY" not in body


def test_one_click_with_a_large_body_is_answered(app: App, desk: object, token: str) -> None:
    def visit(port: int) -> list[int]:
        return [fetch(port, "POST", f"/u/{token}", b"x" * 1_000_000)[0] for _ in range(2)]

    assert run(app, visit) == [200, 200]


def test_the_handlers_of_signals_stay_as_they_are(app: App) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    seen = run(app, lambda _port: [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)])
    # asyncio.run has its own handler for SIGINT while it runs.
    assert seen[1] == before[1]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_links_with_tokens_are_not_logged(
    app: App, caplog: pytest.LogCaptureFixture, desk: object
) -> None:
    with caplog.at_level(logging.DEBUG):
        run(app, lambda port: fetch(port, "GET", "/u/1secret"))
    assert "1secret" not in caplog.text


def test_a_busy_port_is_one_clear_error(app: App) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        busy = replace(app, listen=Listen(host="127.0.0.1", port=port))
        with pytest.raises(PublisherError, match=rf"cannot listen on 127\.0\.0\.1:{port}"):
            listen(busy.listen)


def test_an_unknown_host_is_one_clear_error(app: App) -> None:
    lost = replace(app, listen=Listen(host="256.0.0.1.invalid", port=0))
    with pytest.raises(PublisherError, match="cannot listen on"):
        listen(lost.listen)

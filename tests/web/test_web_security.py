from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from publisher.web.security import BodyCap, LastResort, SameOrigin, is_local_client, trusted_names


async def count(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def ignore(_request: Request) -> Response:
    return PlainTextResponse("unread")


@pytest.fixture
def capped() -> TestClient:
    routes = [Route("/read", count, methods=["POST"]), Route("/ignore", ignore, methods=["POST"])]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(BodyCap, limit=100)]))


def test_a_body_within_the_cap_is_read(capped: TestClient) -> None:
    assert capped.post("/read", content=b"x" * 100).text == "100"


def test_a_longer_body_is_refused(capped: TestClient) -> None:
    assert capped.post("/read", content=b"x" * 101).status_code == 413


def test_a_longer_body_without_announced_length_is_refused(capped: TestClient) -> None:
    answer = capped.post("/read", content=iter([b"x" * 60, b"x" * 60]))
    assert answer.status_code == 413


def test_a_body_that_nobody_reads_is_no_reason_to_refuse(capped: TestClient) -> None:
    assert capped.post("/ignore", content=b"x" * 5000).text == "unread"


def test_a_failure_after_the_first_byte_is_passed_on() -> None:
    async def start_and_fail(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("half way")

    client = TestClient(LastResort(start_and_fail, answer=PlainTextResponse("never")))
    with pytest.raises(RuntimeError, match="half way"):
        client.get("/")


@pytest.mark.parametrize(
    ("base_url", "name"),
    [
        ("https://Example.org", "example.org"),
        ("https://example.org:8443/blog", "example.org"),
        ("http://[2001:db8::1]:8000", "[2001:db8::1]"),
    ],
)
def test_the_site_is_known_by_the_host_of_its_base_url(base_url: str, name: str) -> None:
    assert trusted_names(base_url) == {name, "localhost", "127.0.0.1", "[::1]"}


def test_a_peer_without_an_address_is_not_this_machine() -> None:
    assert not is_local_client({"type": "http", "headers": [], "client": None})


@pytest.mark.parametrize(
    ("host", "headers", "expected"),
    [
        ("blog.lan:8443", {"Origin": "https://blog.lan:8443"}, 200),
        ("blog.lan", {"Origin": "https://blog.lan:8443"}, 200),  # the proxy dropped the port
        ("localhost:8080", {"Origin": "http://localhost:8080"}, 200),  # asked without the proxy
        ("BLOG.lan:8443", {"Origin": "https://blog.lan:8443"}, 200),
        ("blog.lan:8443", {"Sec-Fetch-Site": "same-origin", "Origin": "null"}, 200),
        ("blog.lan:8443", {}, 200),
        ("blog.lan:8443", {"Origin": "null"}, 403),
        ("blog.lan:8443", {"Origin": ""}, 403),
        ("blog.lan:8443", {"Origin": "http://["}, 403),
        ("blog.lan:8443", {"Origin": "https://blog.lan:9000"}, 403),
        ("blog.lan:8443", {"Origin": "https://evil.example"}, 403),
        ("blog.lan:8443", {"Origin": "https://blog.lan:8443@evil.example"}, 403),
        ("", {"Origin": "null"}, 403),
    ],
)
def test_a_form_is_ours_by_the_host_asked_for_or_that_of_the_base_url(
    host: str, headers: dict[str, str], expected: int
) -> None:
    guarded = Middleware(SameOrigin, base_url="https://Blog.lan:8443/journal")
    routes = [Route("/form", ignore, methods=["POST"], middleware=[guarded])]
    answer = TestClient(Starlette(routes=routes)).post("/form", headers={"Host": host} | headers)
    assert answer.status_code == expected

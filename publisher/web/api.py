"""The programming interface: JSON below `/api/v1`, for programs with a token.

`openapi.json` beside this file describes it, and a test holds the two together. Reading is
bounded; asking for a subscription goes the way of the form, with its budgets and its double
opt-in.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from publisher.domain import signups as rules
from publisher.domain.api_tokens import Scope
from publisher.domain.deliveries import DeliveryStatus
from publisher.domain.subscribers import SubscriptionStatus
from publisher.errors import InvalidAddress, NotFound
from publisher.render import subscribers as pages
from publisher.services import api, api_tokens, signups
from publisher.services.app import App
from publisher.web.answers import PRIVATE
from publisher.web.forms import language_of
from publisher.web.security import client_ip

DOCUMENT = Path(__file__).with_name("openapi.json")
PAGE, MOST = 50, 200
"""How many rows an answer holds, unless asked for and at most."""

_BIGGEST = 2**53  # what a JSON number holds exactly


class Refused(Exception):
    """An answer of 4xx with a reason that the caller can act on."""

    def __init__(self, status: int, problem: str) -> None:
        super().__init__(problem)
        self.status = status
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Api:
    """The handlers below `/api/v1`."""

    app: App

    def document(self, _request: Request) -> Response:
        """The OpenAPI document, for everybody."""
        return Response(DOCUMENT.read_bytes(), media_type="application/json", headers=PRIVATE)

    def newsletters(self, request: Request) -> Response:
        """What can be subscribed to."""
        return self._read(request, Scope.READ_SUBSCRIBERS, lambda: api.newsletters(self.app))

    async def subscribers(self, request: Request) -> Response:
        """GET lists subscriptions; POST asks for one, as the form does."""
        if request.method == "POST":
            return await self._subscribe(request)
        return await run_in_threadpool(self._list_subscribers, request)

    def subscriber(self, request: Request) -> Response:
        """One subscription."""

        def read() -> object:
            return api.subscription(self.app, _path_number(request, "subscription"))

        return self._read(request, Scope.READ_SUBSCRIBERS, read)

    def unsubscribe(self, request: Request) -> Response:
        """Ends a subscription; may be repeated."""

        def leave() -> object:
            return api.unsubscribe(self.app, _path_number(request, "subscription"))

        return self._read(request, Scope.WRITE_SUBSCRIBERS, leave)

    def issues(self, request: Request) -> Response:
        """The issues, newest first."""

        def read() -> object:
            newsletter = request.query_params.get("newsletter")
            return api.issues(self.app, newsletter=newsletter, **_window(request))

        return self._read(request, Scope.READ_ISSUES, read)

    def issue(self, request: Request) -> Response:
        """One issue with its posts and counts."""

        def read() -> object:
            return api.issue(self.app, _path_number(request, "issue"))

        return self._read(request, Scope.READ_ISSUES, read)

    def deliveries(self, request: Request) -> Response:
        """The deliveries of an issue."""

        def read() -> object:
            number = _path_number(request, "issue")
            status = _choice(request, "status", DeliveryStatus)
            return api.deliveries(self.app, number, status=status, **_window(request))

        return self._read(request, Scope.READ_DELIVERIES, read)

    def _list_subscribers(self, request: Request) -> Response:
        def read() -> object:
            return api.subscriptions(
                self.app,
                email=request.query_params.get("email"),
                newsletter=request.query_params.get("newsletter"),
                status=_choice(request, "status", SubscriptionStatus),
                **_window(request),
            )

        return self._read(request, Scope.READ_SUBSCRIBERS, read)

    async def _subscribe(self, request: Request) -> Response:
        body = await request.body()
        return await run_in_threadpool(self._take, request, body)

    def _take(self, request: Request, body: bytes) -> Response:
        def take() -> object:
            asked = _object(body)
            if asked.keys() - {"email", "newsletter", "language", "frequency", "ip"}:
                raise Refused(422, "only email, newsletter, language, frequency and ip are known")
            newsletter = _text(asked, "newsletter")
            if newsletter not in {one.id for one in signups.offered(self.app)}:
                raise Refused(404, "newsletter: there is no such public one")
            ip = _text(asked, "ip", needed=False)
            if ip and not _is_ip(ip):
                raise Refused(422, "ip: is no network address")
            language = language_of(self.app, _text(asked, "language", needed=False))
            wanted = rules.Request(
                address=_text(asked, "email"),
                newsletter=newsletter,
                language=language,
                source=self.app.site.link("/api/v1/subscribers"),
                text="",
                ip=ip or client_ip(request.scope, self.app.listen.trusted_proxies),
                frequency=_text(asked, "frequency", needed=False),
            )
            consent = pages.consent_text(self.app.templates, self.app.site, language)
            signups.request(self.app, wanted, consent=consent)
            return {"accepted": True}

        return self._read(request, Scope.WRITE_SUBSCRIBERS, take, status=202)

    def _read(
        self, request: Request, scope: Scope, work: Callable[[], object], *, status: int = 200
    ) -> Response:
        """The answer of some work for who has the scope; problems as RFC 9457 wants them."""
        try:
            self._check(request, scope)
            return JSONResponse(work(), status_code=status, headers=PRIVATE)
        except Refused as refused:
            return problem(refused.status, refused.problem)
        except InvalidAddress as error:
            return problem(422, f"email: {error.problem}")
        except NotFound as error:
            return problem(404, f"no such {error.kind}")

    def _check(self, request: Request, scope: Scope) -> None:
        kind, _, secret = request.headers.get("authorization", "").partition(" ")
        scopes = api_tokens.scopes_of(self.app, secret) if kind.lower() == "bearer" else None
        if not scopes:
            raise Refused(401, "send a token: Authorization: Bearer pub_…")
        if scope not in scopes:
            raise Refused(403, f"this token lacks the scope {scope.value}")


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """What is wrong, for programs (RFC 9457)."""
    asks = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return JSONResponse(
        {"status": status, "detail": detail},
        status_code=status,
        media_type="application/problem+json",
        headers=PRIVATE | asks | dict(headers or {}),
    )


def _window(request: Request) -> dict[str, int]:
    """Which rows: those after a number, so many."""
    return {
        "after": _number(request.query_params.get("after", "0"), "after", most=_BIGGEST),
        "limit": _number(request.query_params.get("limit", str(PAGE)), "limit", most=MOST, least=1),
    }


def _path_number(request: Request, kind: str) -> int:
    text = request.path_params["number"]
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise NotFound(kind, text)
    return int(text)


def _number(text: str, name: str, *, most: int, least: int = 0) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 16:
        raise Refused(422, f"{name}: must be a number")
    number = int(text)
    if not least <= number <= most:
        raise Refused(422, f"{name}: must be from {least} to {most}")
    return number


def _choice(request: Request, name: str, kind: Any) -> Any:
    text = request.query_params.get(name)
    if text is None:
        return None
    if text not in {one.value for one in kind}:
        raise Refused(422, f"{name}: must be one of {', '.join(one.value for one in kind)}")
    return kind(text)


def _object(body: bytes) -> Mapping[str, object]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Refused(422, "the body must be a JSON object")
    return found


def _text(asked: Mapping[str, object], name: str, *, needed: bool = True) -> str:
    value = asked.get(name, None if needed else "")
    if not isinstance(value, str):
        raise Refused(422, f"{name}: must be text")
    if any("\ud800" <= letter <= "\udfff" for letter in value):  # no database takes it
        raise Refused(422, f"{name}: holds half a character")
    return value


def _is_ip(text: str) -> bool:
    """Whether it is an address, without a zone: that may be any text and says nothing here."""
    if "%" in text:
        return False
    try:
        ip_address(text)
    except ValueError:
        return False
    return True

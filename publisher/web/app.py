"""The web application: one list of routes, and what each error looks like from outside.

`build_app` makes it from an `App`; `web.server` serves it. Handlers are plain functions that
parse, make one call and answer; Starlette runs them in its thread pool.
"""

import logging
import math
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.convertors import register_url_convertor
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from publisher.errors import (
    Conflict,
    Gone,
    InvalidAddress,
    InvalidToken,
    LoginRefused,
    NotFound,
    PublisherError,
    StoreError,
    TooOften,
)
from publisher.render import pages
from publisher.services.app import App
from publisher.web import security
from publisher.web.admin import Operators
from publisher.web.answers import private
from publisher.web.api import Api, problem
from publisher.web.inbox import Inbox
from publisher.web.limits import Budgets
from publisher.web.monitor import Counting, Health
from publisher.web.preferences import FreshLinks, Preferring
from publisher.web.previews import Previews
from publisher.web.signups import SigningUp
from publisher.web.static import PublicPath, Static
from publisher.web.subscribers import Confirming, Leaving

log = logging.getLogger(__name__)

register_url_convertor("public", PublicPath())

_STATUSES: dict[type[PublisherError], int] = {
    NotFound: 404,
    Gone: 410,  # what was published once: readers stop asking
    InvalidToken: 404,  # the same page for every bad token, whatever is wrong with it
    Conflict: 409,
    InvalidAddress: 422,
    LoginRefused: 401,
    TooOften: 429,
    StoreError: 503,
}
_WITH_PAGE = (400, 401, 403, 404, 405, 409, 410, 413, 422, 429, 500, 503)


def build_app(app: App) -> Starlette:
    """The application. Raises `TemplateError` where the site's own error page is broken."""
    site = app.site
    errors = _Errors({status: pages.error(app.templates, site, status) for status in _WITH_PAGE})
    is_https = urlsplit(site.base_url).scheme == "https"
    names = security.trusted_names(site.base_url)
    return Starlette(
        routes=_routes(app),
        middleware=[
            Middleware(Counting, vitals=app.vitals, trusted_proxies=app.listen.trusted_proxies),
            Middleware(security.SecurityHeaders, is_https=is_https),
            Middleware(security.LastResort, answer=errors.answer(500)),
            Middleware(security.TrustedHosts, names=names, refusal=errors.answer(400)),
            Middleware(security.BodyCap),
        ],
        exception_handlers={
            PublisherError: errors.for_error,
            HTTPException: errors.for_http,
        },
    )


def _routes(app: App) -> list[Route]:
    """All routes. Feeds and pages come first: nothing is asked for as often, and each route costs
    time.

    The last one takes every path that no other has.
    """
    budgets, static = Budgets(app), Static(app)
    return [
        Route("/{path:public}", static, methods=["GET"]),
        Route("/healthz", Health(app).alive, methods=["GET"]),
        Route("/readyz", Health(app).ready, methods=["GET"]),
        *_operator_routes(app, budgets),
        *_subscriber_routes(app, budgets),
        *_api_routes(app, budgets),
        *([] if app.relay else _inbox_routes(Inbox(app))),
        *_preview_routes(Previews(app)),
        Route("/{path:path}", static, methods=["GET"]),
    ]


def _same_origin(app: App) -> Middleware:
    return Middleware(security.SameOrigin, base_url=app.site.base_url)


def _operator_routes(app: App, budgets: Budgets) -> list[Route]:
    operators, own = Operators(app), [_same_origin(app)]
    return [
        Route("/admin", operators.home, methods=["GET"]),
        Route("/admin/login", operators.ask, methods=["GET"], middleware=[budgets.pages]),
        Route(
            "/admin/login",
            operators.log_in,
            methods=["POST"],
            middleware=[*own, budgets.secrets],
        ),
        Route(
            "/admin/first/{token}", operators.invite, methods=["GET"], middleware=[budgets.pages]
        ),
        Route(
            "/admin/first/{token}",
            operators.add_first,
            methods=["POST"],
            middleware=[*own, budgets.secrets],
        ),
        Route("/admin/logout", operators.log_out, methods=["POST"], middleware=own),
        Route("/admin/resume", operators.resume, methods=["POST"], middleware=own),
        Route(
            "/admin/issues/{issue:int}/{verb}", operators.decide, methods=["POST"], middleware=own
        ),
        Route(
            "/admin/issues/{issue:int}/retry/{status}",
            operators.retry,
            methods=["POST"],
            middleware=own,
        ),
        Route("/admin/plots/{plot}.csv", operators.plot, methods=["GET"]),
    ]


def _subscriber_routes(app: App, budgets: Budgets) -> list[Route]:
    """Every POST is guarded against other sites, but for the two that `SameOrigin` names."""
    own = [_same_origin(app)]
    guard, pages = [*own, budgets.links], [budgets.pages]
    both, form, leaving, chosen = ["GET", "POST"], SigningUp(app), Leaving(app), Preferring(app)
    return [
        Route("/subscribe", form.handle, methods=both, middleware=own),
        Route("/subscribe/start", form.start, methods=["POST"], middleware=pages),
        Route("/privacy", form.privacy, methods=["GET"], middleware=pages),
        Route("/c/{token}", Confirming(app).handle, methods=both, middleware=guard),
        Route("/u/{token}/pause", leaving.pause, methods=["POST"], middleware=guard),
        Route("/u/{token}/less", leaving.less, methods=["POST"], middleware=guard),
        Route("/u/{token}/again", leaving.again, methods=["POST"], middleware=guard),
        Route(
            "/u/{token}/forwarded", leaving.forwarded, methods=["GET"], middleware=[budgets.links]
        ),
        Route("/u/{token:path}", leaving.handle, methods=both),
        Route("/p/{token}", chosen.handle, methods=both, middleware=guard),
        Route("/p/{token}/link", chosen.link, methods=["POST"], middleware=guard),
        Route("/links/{kind}/{token}", FreshLinks(app).handle, methods=both, middleware=guard),
    ]


def _api_routes(app: App, budgets: Budgets) -> list[Route]:
    """For programs with a token, so that no browser can be made to use them."""
    api, read = Api(app), [budgets.secrets]
    guard = [_same_origin(app), *read]
    return [
        Route("/api/v1/openapi.json", api.document, methods=["GET"], middleware=[budgets.pages]),
        Route("/api/v1/newsletters", api.newsletters, methods=["GET"], middleware=read),
        Route("/api/v1/subscribers", api.subscribers, methods=["GET", "POST"], middleware=guard),
        Route("/api/v1/subscribers/{number}", api.subscriber, methods=["GET"], middleware=read),
        Route(
            "/api/v1/subscribers/{number}/unsubscribe",
            api.unsubscribe,
            methods=["POST"],
            middleware=guard,
        ),
        Route("/api/v1/issues", api.issues, methods=["GET"], middleware=read),
        Route("/api/v1/issues/{number}", api.issue, methods=["GET"], middleware=read),
        Route(
            "/api/v1/issues/{number}/deliveries",
            api.deliveries,
            methods=["GET"],
            middleware=read,
        ),
    ]


def _inbox_routes(inbox: Inbox) -> list[Route]:
    here = [Middleware(security.ThisMachineOnly)]
    return [
        Route("/inbox", inbox.listing, methods=["GET"], middleware=here),
        Route("/inbox/{key}", inbox.mail, methods=["GET"], middleware=here),
        Route("/inbox/{key}/html", inbox.html, methods=["GET"], middleware=here),
        Route("/inbox/{key}/source", inbox.source, methods=["GET"], middleware=here),
    ]


def _preview_routes(previews: Previews) -> list[Route]:
    here = [Middleware(security.ThisMachineOnly)]
    return [
        Route("/preview", previews.page, methods=["GET"], middleware=here),
        Route("/preview/stamp", previews.stamp, methods=["GET"], middleware=here),
        Route("/preview/reload.js", previews.script, methods=["GET"], middleware=here),
        Route("/preview/{newsletter}", previews.page, methods=["GET"], middleware=here),
        Route("/preview/{newsletter}/{look}", previews.frame, methods=["GET"], middleware=here),
    ]


@dataclass(frozen=True, slots=True)
class _Errors:
    """Error -> answer. `pages` holds the page of each status, rendered once."""

    pages: dict[int, bytes]

    def answer(self, status: int, headers: dict[str, str] | None = None) -> Response:
        return private(self.pages[status], status=status, headers=headers)

    def for_error(self, request: Request, error: Exception) -> Response:
        status = next((_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES), 500)
        if status >= 500:
            handler = security.handler_name(request.scope)
            log.error("request.failed", exc_info=error, extra={"handler": handler})
        headers, detail = {}, HTTPException(status).detail  # the usual words
        if isinstance(error, TooOften):
            headers["Retry-After"] = str(math.ceil(error.wait.total_seconds()))
            detail = str(error)
        return self._said(request, status, detail, headers)

    def for_http(self, request: Request, error: Exception) -> Response:
        """Starlette's own errors: no such route, method not allowed (with `Allow`)."""
        if not isinstance(error, HTTPException) or error.status_code not in self.pages:
            raise error
        status = error.status_code
        return self._said(request, status, error.detail, dict(error.headers or {}))

    def _said(
        self, request: Request, status: int, detail: str, headers: dict[str, str]
    ) -> Response:
        """A page for people; programs are told in their own form, whatever they asked for."""
        if request.scope["path"].startswith("/api/"):
            return problem(status, detail, headers)
        return self.answer(status, headers)

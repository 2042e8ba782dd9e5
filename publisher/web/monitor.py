"""Metrics for Prometheus, on an address of their own, and health for whoever asks.

The metrics are no part of the public pages: they tell how many subscribers there are.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from publisher.domain.feeds import MAIN_FILES, OTHER_FILES
from publisher.domain.polls import OTHER_FEEDS
from publisher.services import health, metrics
from publisher.services.app import App
from publisher.services.metrics import Family, Spread
from publisher.services.vitals import Poll, Vitals
from publisher.web.answers import PRIVATE
from publisher.web.security import client_ip, is_client_within, is_local_client

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
CACHE_SECONDS = 15

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
_FEEDS = frozenset(MAIN_FILES.values())
_OTHER_FEEDS = frozenset(OTHER_FILES.values())
_LONGEST_AGENT = 300


def build_monitor(app: App) -> Starlette:
    """The application of the metrics' own address."""
    return Starlette(routes=[Route("/metrics", Metrics(app).handle, methods=["GET"])])


class Metrics:
    """Everything that there is to tell, counted at most every 15 seconds."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._text = b""
        self._counted_at = float("-inf")
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """What prometheus_client asks of a collector."""
        yield from (_metric(family) for family in metrics.collect(self._app))
        yield _histogram(metrics.spread(self._app))

    def describe(self) -> Iterable[Metric]:
        """Nothing is known before it is counted."""
        return ()

    def handle(self, _request: Request) -> Response:
        """GET /metrics."""
        now = time.monotonic()
        if now - self._counted_at >= CACHE_SECONDS:
            self._text = generate_latest(self._registry)
            self._counted_at = now
        return Response(self._text, headers={"Content-Type": CONTENT_TYPE, **PRIVATE})


@dataclass(frozen=True, slots=True)
class Health:
    """The handlers of `/healthz` and `/readyz`."""

    app: App

    def alive(self, _request: Request) -> Response:
        """The process is there."""
        return PlainTextResponse("ok\n", headers=PRIVATE)

    def ready(self, request: Request) -> Response:
        """200 if every check is well, else 503; which one is not is told to those we trust."""
        checks = health.readiness(self.app)
        status = 503 if any(check.problem for check in checks) else 200
        if not self._is_trusted(request):
            words = "ready\n" if status == 200 else "not ready\n"
            return PlainTextResponse(words, status_code=status, headers=PRIVATE)
        body = {
            "ready": status == 200,
            "reason": next((check.name for check in checks if check.problem), None),
            "checks": {check.name: check.problem or "ok" for check in checks},
        }
        return JSONResponse(body, status_code=status, headers=PRIVATE)

    def _is_trusted(self, request: Request) -> bool:
        return is_local_client(request.scope) or is_client_within(
            request.scope, self.app.monitor.trusted, proxies=self.app.listen.trusted_proxies
        )


class Counting:
    """Counts every answer by the route's template; paths that lead nowhere count together."""

    def __init__(self, app: ASGIApp, *, vitals: Vitals, trusted_proxies: tuple[str, ...]) -> None:
        self.app = app
        self.vitals = vitals
        self.trusted_proxies = trusted_proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._count(scope, message["status"])
            await send(message)

        await self.app(scope, receive, send_counted)

    def _count(self, scope: Scope, status: int) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = getattr(scope.get("route"), "path", "none")
        self.vitals.answered(route, method, status)
        if feed := _feed(scope["path"]):
            self.vitals.fed(Poll(feed, *self._who(scope)), status)

    def _who(self, scope: Scope) -> tuple[str, bytes]:
        """Network address and User-Agent; a reader polls with the same two again and again."""
        agent, forwarded = b"", b""
        for name, value in scope["headers"]:
            if name == b"user-agent":
                agent = value[:_LONGEST_AGENT]
            elif name == b"x-forwarded-for":
                forwarded = forwarded + b"," + value if forwarded else value
        peer, _ = scope.get("client") or ("", 0)
        return _client(peer, forwarded, self.trusted_proxies), agent


def _feed(path: str) -> str:
    """The feed that a path names, out of a closed set; empty for all that is none."""
    name = path[1:]
    if name in _FEEDS:
        return name
    return OTHER_FEEDS if name.rpartition("/")[2] in _OTHER_FEEDS else ""


@lru_cache(maxsize=512)  # X-Forwarded-For may be long, and another one each time
def _client(peer: str, forwarded: bytes, trusted: tuple[str, ...]) -> str:
    headers = [(b"x-forwarded-for", forwarded)] if forwarded else []
    return client_ip({"client": (peer, 0), "headers": headers}, trusted)


def _histogram(spread: Spread) -> Metric:
    bounds = [*(str(bound) for bound in spread.bounds), "+Inf"]
    return HistogramMetricFamily(
        f"publisher_{spread.name}",
        spread.help,
        buckets=list(zip(bounds, spread.counts, strict=True)),
        sum_value=spread.seconds,
    )


def _metric(family: Family) -> Metric:
    kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
    metric = kind(f"publisher_{family.name}", family.help, labels=family.labels)
    for labels, value in sorted(family.samples.items()):
        metric.add_metric(labels, value)
    return metric

"""Tells a WebSub hub which feeds have changed (W3C WebSub, section 7: publishing).

What is to be told is no list that could get lost: it is every feed document whose bytes are not
those that the hub was last told of. A ping that fails is tried again, later each time, and
publishing never waits for one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlencode

from publisher.domain.feeds import Feed, FeedKind
from publisher.errors import NetworkError
from publisher.net.http import Limits, Request, send
from publisher.services.app import App
from publisher.store import pings as rows
from publisher.store.pings import Ping

FIRST_DELAY = timedelta(minutes=1)
LONGEST_DELAY = timedelta(hours=4)
LIMITS = Limits(seconds=10.0, size=65_536, redirects=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class PingReport:
    """What became of the pings of one round: paths of feed documents, and why the rest waits."""

    told: tuple[str, ...] = ()
    waiting: int = 0
    problem: str = ""


def ping(
    app: App, feeds: Sequence[Feed], *, now: datetime, stopping: Callable[[], bool] = lambda: False
) -> PingReport:
    """Tells the hub of each feed document that it does not know as it is, one request each.

    Call it once the new bytes are served: the hub fetches them at once. After a hub that cannot be
    reached the rest waits with it. Never raises for what a hub does.
    """
    if not app.feeds.hub:
        return PingReport()
    topics = {
        path: feed.urls[form]
        for feed in feeds
        if feed.kind is not FeedKind.ARCHIVE
        for form, path in feed.paths.items()
    }
    with app.store.read() as tx:
        due = rows.due(tx, list(topics), now=now)
    told: list[str] = []
    for place, (known, digest) in enumerate(due):
        if stopping():
            return PingReport(told=tuple(told), waiting=len(due) - place)
        problem, is_reachable = _tell(app, topics[known.path])
        with app.store.begin() as tx:
            rows.keep(tx, _outcome(known, digest, problem, now=now))
        if not problem:
            told.append(known.path)
        elif not is_reachable:
            return PingReport(told=tuple(told), waiting=len(due) - place, problem=problem)
    return PingReport(told=tuple(told), waiting=len(due) - len(told))


def delay_after(attempts: int) -> timedelta:
    """How long to wait after so many attempts in vain: a minute, two, four, at most four hours."""
    return min(FIRST_DELAY * (1 << min(attempts - 1, 10)), LONGEST_DELAY)


def _tell(app: App, topic: str) -> tuple[str, bool]:
    """One ping: what went wrong, empty for nothing, and whether the hub answered at all."""
    body = urlencode({"hub.mode": "publish", "hub.url": topic, "hub.topic": topic})
    request = Request(
        method="POST",
        url=app.feeds.hub,
        body=body.encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    try:
        answer = send(request, limits=LIMITS, allow_private=app.feeds.hub_is_private)
    except NetworkError as error:
        return error.problem, False
    return ("" if answer.is_success else f"the hub answered {answer.status}"), True


def _outcome(known: Ping, digest: str, problem: str, *, now: datetime) -> Ping:
    if not problem:
        return Ping(path=known.path, digest=digest, told_at=now, answer="accepted")
    attempts = known.attempts + 1
    return replace(
        known,
        attempts=attempts,
        next_attempt_at=now + delay_after(attempts),
        answer=problem,
    )

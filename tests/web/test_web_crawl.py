"""Looking changes nothing: every route, asked in every way that only looks, by whoever may."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import product
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from publisher.domain.api_tokens import Scope
from publisher.domain.notices import NoticeKind
from publisher.domain.signups import Verdict
from publisher.render.previews import Look
from publisher.services import (
    admins,
    api_tokens,
    dashboard,
    inbox,
    notices,
    publishing,
    signups,
    subscribers,
)
from publisher.services.app import App
from publisher.store.engine import Store
from publisher.web.app import build_app
from publisher.web.monitor import build_monitor
from tests.people import ask, join, link_in, mails, mails_to, verdicts, words_of
from tests.services.conftest import FakeClock, app, clock, write_post

__all__ = ["app", "clock"]  # fixtures

ANN, BOB = "ann@example.org", "bob@example.org"
METHODS = ("GET", "HEAD", "OPTIONS")
PASSWORD = "a lamp in every window"
PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
Values = Mapping[str, list[str]]
Rows = dict[str, list[tuple[object, ...]]]


@dataclass(frozen=True)
class World:
    """A site at work, whatever can stand in its paths, and whoever may ask."""

    app: App
    values: Values
    askers: dict[str, dict[str, str]]

    @property
    def visitors(self) -> dict[str, dict[str, str]]:
        """Those whom pages tell apart."""
        return {name: self.askers[name] for name in ("nobody", "operator")}


@pytest.fixture
def world(app: App) -> World:
    """Ann reads, Bob has not confirmed, an issue went out, and every kind of link was mailed."""
    free = replace(app.listen, pages_a_minute=0, refusals_a_minute=0)
    app = replace(app, listen=free)
    write_post(app, "one.md", title="One", date="2025-10-02 10:00:00")
    ann = join(app, ANN)
    publishing.publish(app)
    ask(app, BOB, ip="198.51.100.7")
    with app.store.begin() as tx:
        for kind in (NoticeKind.ADDRESS, NoticeKind.EXPORT, NoticeKind.ERASE, NoticeKind.STAY):
            notices.queue(app, tx, kind, ann)
        notices.queue(app, tx, NoticeKind.MOVE, ann, to="new@example.org")
    signups.work_off(app)
    ask(app, "still@example.org", ip="198.51.100.9")  # undecided
    admins.add(app, "ann", PASSWORD)
    cookie = admins.log_in(app, "ann", PASSWORD, client="127.0.0.1").cookie
    askers = {"nobody": {}, "operator": {"Cookie": f"session={cookie}"}}
    for scope in Scope:
        secret = api_tokens.create(app, scope.value, frozenset({scope}))
        askers[scope.value] = {"Authorization": f"Bearer {secret}"}
    links = links_of(app)
    return World(
        app=app,
        values={
            "token": [*links.values(), "1nonsense"],
            "kind": [kind.value for kind in NoticeKind],
            "number": ["1", "2", "99"],
            "issue": ["1", "99"],
            "verb": ["approve", "hold", "skip"],
            "status": ["failed", "unknown", "sent"],
            "plot": [*(plot.key for plot in dashboard.dashboard(app).plots), "none"],
            "key": [mail.key for mail in inbox.listing(app)][:2],
            "newsletter": ["weekly", "none"],
            "look": [*Look, "none"],
            "path": ["", "rss.xml", "feeds/", "archive/weekly/", "no/such/page"],
        },
        askers=askers,
    )


def links_of(app: App) -> dict[str, str]:
    """One link of every kind that is mailed: the path before the token -> the token."""
    welcome = mails_to(app, ANN)[1]
    found = {
        "c": link_in(mails_to(app, BOB)[0], "c"),
        "p": link_in(welcome, "p"),
        "u": link_in(welcome, "u"),
    }
    for mail in mails(app):
        if match := re.search(r"/(links/\w+)/(\S+)", words_of(mail)):
            found[match[1]] = match[2]
    assert len(found) == 8, found
    return found


def rows_of(store: Store) -> Rows:
    """Everything in the database, by table; when a session was last used is no news."""
    with store.read() as tx:
        names = tx.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")
        found = {
            name: [tuple(row) for row in tx.exec_driver_sql(f'SELECT * FROM "{name}"')]
            for (name,) in names.all()
        }
        keep = "SELECT key, admin, created_at FROM sessions"
        return found | {"sessions": [tuple(row) for row in tx.exec_driver_sql(keep)]}


def paths_of(route: Route, values: Values) -> list[str]:
    """A route with everything in its place that can stand there.

    Raises `KeyError` for a parameter that nobody has thought of.
    """
    names = PARAMETER.findall(route.path)
    shape = PARAMETER.sub(r"{\1}", route.path)
    return [
        shape.format(**dict(zip(names, chosen, strict=True)))
        for chosen in product(*(values[name] for name in names))
    ]


def crawl(made: Starlette, world: World) -> dict[str, set[int]]:
    """Asks every route in every way; which statuses each gave to GET."""
    seen: dict[str, set[int]] = {}
    with TestClient(
        made, base_url="http://localhost", client=("127.0.0.1", 5), follow_redirects=False
    ) as client:
        for route in made.routes:
            assert isinstance(route, Route), f"{route} is crawled by nobody"
            for path in paths_of(route, world.values):
                askers = world.askers if path.startswith("/api/") else world.visitors
                for headers, method in product(askers.values(), METHODS):
                    status = client.request(method, path, headers=headers).status_code
                    assert status < 500 or path == "/readyz", (method, path, status)
                    if method == "GET" and "GET" in (route.methods or ()):
                        seen.setdefault(route.path, set()).add(status)
    return seen


def test_looking_changes_nothing_whoever_looks_and_with_whatever(
    world: World, clock: FakeClock
) -> None:
    assert verdicts(world.app)[Verdict.WAITING] == 1
    before = rows_of(world.app.store)
    assert all(before[name] for name in ("deliveries", "notices", "signups", "api_tokens"))
    clock.now += timedelta(minutes=5)  # a session is noted as used again

    seen = crawl(build_app(world.app), world) | crawl(build_monitor(world.app), world)

    after = rows_of(world.app.store)
    assert {name for name in before if before[name] != after[name]} == set()
    assert before.keys() == after.keys()
    closed = {path for path, statuses in seen.items() if 200 not in statuses}
    assert closed <= {"/readyz", "/admin/first/{token}"}  # no worker is here; an operator is
    subscribers.unsubscribe(world.app, links_of(world.app)["u"])
    assert rows_of(world.app.store) != before  # and such a thing would have been seen


def test_looking_at_the_first_operator_s_link_makes_none(app: App) -> None:
    path = urlsplit(admins.invitation(app)).path
    client = TestClient(build_app(app), base_url="http://localhost")
    before = rows_of(app.store)
    assert [client.request(method, path).status_code for method in METHODS] == [200, 200, 405]
    assert rows_of(app.store) == before


def test_no_link_opens_what_another_is_for(world: World) -> None:
    links = links_of(world.app)
    client = TestClient(build_app(world.app), base_url="http://localhost")
    for kind in links:
        for other, token in links.items():
            status = client.get(f"/{kind}/{token}").status_code
            assert (status == 200) is (kind == other), (kind, other)


def test_a_parameter_that_nobody_has_thought_of_is_noticed() -> None:
    with pytest.raises(KeyError, match="thing"):
        paths_of(Route("/new/{thing}", lambda _request: None), {"token": ["1"]})

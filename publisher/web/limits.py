"""How often one network may ask before it is told to wait: 429 and `Retry-After`.

Three kinds of route ask for three kinds of budget. Pages that are rendered anew for everybody
cost one each time. Links, tokens and passwords cost only when they are wrong, because a mail
provider's scanner opens thousands of right ones within a minute. Nothing is counted before feeds
and files (kept ready, asked for by few readers on behalf of many), one-click (providers post from
few addresses) and the sign-up form, whose answer must tell nothing.

Counted in memory: what only looks must not write, and one process serves a site.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Container
from datetime import timedelta
from ipaddress import ip_network

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from publisher.domain.signups import network
from publisher.errors import TooOften
from publisher.services.app import App
from publisher.services.vitals import Vitals
from publisher.web.security import client_ip

EVERY_ANSWER = range(100, 600)
WRONG_LINK = frozenset({404})
WRONG_SECRET = frozenset({401})

_SPAN = 60.0
_MOST_KEYS = 10_000


class Budgets:
    """What stands before the routes that count. Wrong links and wrong secrets share a budget."""

    def __init__(self, app: App) -> None:
        def before(budget: "Budget", costs: Container[int]) -> Middleware:
            trusted = app.listen.trusted_proxies
            return Middleware(
                Limited, budget=budget, costs=costs, trusted=trusted, vitals=app.vitals
            )

        refusals = Budget(app.listen.refusals_a_minute)
        self.pages = before(Budget(app.listen.pages_a_minute), EVERY_ANSWER)
        self.links = before(refusals, WRONG_LINK)
        self.secrets = before(refusals, WRONG_SECRET)


class Budget:
    """So many at once, and as many a minute, for each key; 0 means no limit.

    The generic cell rate algorithm: one number a key, the instant at which all of its budget is
    there again. Of keys in excess the one that spent longest ago is forgotten.
    """

    def __init__(self, a_minute: int, *, seconds: Callable[[], float] = time.monotonic) -> None:
        self._step = _SPAN / a_minute if a_minute else 0.0
        self._seconds = seconds
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def wait(self, key: str) -> float:
        """Seconds until the key may spend again; 0 if it may now."""
        if not self._step:
            return 0.0
        owed = self._full_at.get(key, 0.0) - self._seconds()
        return max(0.0, owed + self._step - _SPAN)

    def spend(self, key: str) -> None:
        """Takes one."""
        self._full_at[key] = max(self._full_at.get(key, 0.0), self._seconds()) + self._step
        self._full_at.move_to_end(key)
        if len(self._full_at) > _MOST_KEYS:
            self._full_at.popitem(last=False)


class Limited:
    """Refuses by `TooOften` whose network has spent its budget; only answers in `costs` cost.

    This machine is never refused: a proxy that does not say for whom it asks would shut
    everybody out.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        budget: Budget,
        costs: Container[int],
        trusted: Collection[str],
        vitals: Vitals,
    ) -> None:
        self.app = app
        self.budget = budget
        self.costs = costs
        self.trusted = trusted
        self.vitals = vitals

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        visitor = network(client_ip(scope, self.trusted))
        if not visitor or ip_network(visitor).is_loopback:
            await self.app(scope, receive, send)
            return
        if wait := self.budget.wait(visitor):
            self.vitals.limited(scope["route"].path)
            raise TooOften(timedelta(seconds=wait))

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in self.costs:
                self.budget.spend(visitor)
            await send(message)

        await self.app(scope, receive, send_counted)

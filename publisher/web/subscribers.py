"""How a subscriber leaves: a page with one button, and the same URL for one-click (RFC 8058).

GET changes nothing, because scanners open every link of a mail. POST always works for a link of
ours: no login, no cookie, no redirect, whatever the body, the origin, or how often.
"""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from publisher.domain.newsletters import Newsletter
from publisher.domain.subscribers import Subscription, SubscriptionStatus
from publisher.render import pages
from publisher.services import subscribers
from publisher.services.app import App
from publisher.web.answers import PRIVATE, private


@dataclass(frozen=True, slots=True)
class Leaving:
    """The handlers of `/u/{token}`. Plain functions: Starlette runs them in its thread pool."""

    app: App

    def handle(self, request: Request) -> Response:
        """POST leaves; GET and HEAD only ask."""
        return self.leave(request) if request.method == "POST" else self.ask(request)

    def ask(self, request: Request) -> Response:
        """Shows the button, or that the reader has left already."""
        found = subscribers.find_by_token(self.app, request.path_params["token"])
        if found.status is SubscriptionStatus.UNSUBSCRIBED:
            return private(self._done(found))
        page = pages.unsubscribe(
            self.app.templates,
            self.app.site,
            newsletter=self._newsletter(found),
            address=found.address,
        )
        return private(page)

    def leave(self, request: Request) -> Response:
        """Unsubscribes; the body stays unread. Mail providers get a line, people a page."""
        left = subscribers.unsubscribe(self.app, request.path_params["token"])
        if "text/html" in request.headers.get("accept", ""):
            return private(self._done(left))
        return PlainTextResponse("unsubscribed\n", headers=PRIVATE)

    def _done(self, left: Subscription) -> bytes:
        return pages.unsubscribed(
            self.app.templates,
            self.app.site,
            newsletter=self._newsletter(left),
            address=left.address,
        )

    def _newsletter(self, subscription: Subscription) -> Newsletter | None:
        known = {newsletter.id: newsletter for newsletter in self.app.newsletters}
        return known.get(subscription.newsletter)

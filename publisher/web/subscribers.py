"""How a subscriber confirms and leaves: pages with one button, and one-click (RFC 8058).

GET changes nothing, because scanners open every link of a mail. POST to an unsubscribe link of
ours always works: no login, no cookie, no redirect, whatever the body, the origin, or how often.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from publisher.domain.newsletters import Newsletter
from publisher.domain.subscribers import Answer, Subscription, SubscriptionStatus
from publisher.render import subscribers as pages
from publisher.render.pages import root
from publisher.services import choices, subscribers
from publisher.services.app import App
from publisher.web.answers import PRIVATE, private
from publisher.web.security import client_ip


@dataclass(frozen=True, slots=True)
class Confirming:
    """The handler of `/c/{token}`."""

    app: App

    def handle(self, request: Request) -> Response:
        """GET shows the button; POST confirms, and says so however often it is pressed."""
        token = request.path_params["token"]
        if request.method == "POST":
            ip = client_ip(request.scope, self.app.listen.trusted_proxies)
            return self._page("confirmed", subscribers.confirm(self.app, token, ip=ip))
        found, answer = subscribers.find_confirmation(self.app, token)
        return self._page("confirm" if answer is Answer.OPEN else "confirmed", found)

    def _page(self, name: str, about: Subscription) -> Response:
        newsletter = newsletter_of(self.app, about)
        page = pages.said(
            self.app.templates,
            self.app.site,
            name,
            language=language_for(self.app, about),
            newsletter=newsletter,
            address=about.address,
            button=name == "confirm",
            feeds=name == "confirmed",
        )
        return private(page)


@dataclass(frozen=True, slots=True)
class Leaving:
    """The handlers of `/u/{token}` and below. Plain functions: they run in the thread pool."""

    app: App

    def handle(self, request: Request) -> Response:
        """POST leaves; GET and HEAD only ask."""
        return self.leave(request) if request.method == "POST" else self.ask(request)

    def ask(self, request: Request) -> Response:
        """Shows the button, or that the reader has left already."""
        found = subscribers.find_by_token(self.app, request.path_params["token"])
        has_left = found.status is SubscriptionStatus.UNSUBSCRIBED
        if has_left:
            return self._page(request, found, pages.unsubscribed)
        ask = partial(pages.unsubscribe, chosen=found.choices.frequency)
        return self._page(request, found, ask)

    def leave(self, request: Request) -> Response:
        """Unsubscribes; the body stays unread. Mail providers get a line, people a page.

        Where the subscription is gone, the line is all that can be said.
        """
        left = subscribers.unsubscribe(self.app, request.path_params["token"])
        if left and "text/html" in request.headers.get("accept", ""):
            return self._page(request, left, pages.unsubscribed)
        return PlainTextResponse("unsubscribed\n", headers=PRIVATE)

    def pause(self, request: Request) -> Response:
        """Less for a while instead of nothing for good."""
        return self._instead(request, subscribers.pause, "paused")

    def less(self, request: Request) -> Response:
        """Less often instead of nothing."""
        return self._instead(request, choices.less_often, "less")

    def again(self, request: Request) -> Response:
        """Undo: asks for a new confirmation by mail."""
        ip = client_ip(request.scope, self.app.listen.trusted_proxies)
        token = request.path_params["token"]
        return self._said("asked_again", subscribers.ask_again(self.app, token, ip=ip))

    def forwarded(self, request: Request) -> Response:
        """For who got the mail from somebody else: whose it is, and how to get one's own."""
        found = subscribers.find_by_token(self.app, request.path_params["token"])
        return self._said("forwarded", found)

    def _instead(
        self, request: Request, change: Callable[[App, str], Subscription], name: str
    ) -> Response:
        """A change instead of leaving; who has left by now is told that, and nothing else."""
        token = request.path_params["token"]
        found = subscribers.find_by_token(self.app, token)
        if found.status is SubscriptionStatus.UNSUBSCRIBED:
            return self._page(request, found, pages.unsubscribed)
        return self._said(name, change(self.app, token))

    def _said(self, name: str, about: Subscription) -> Response:
        page = pages.said(
            self.app.templates,
            self.app.site,
            name,
            language=language_for(self.app, about),
            newsletter=newsletter_of(self.app, about),
            address=about.address,
            chosen=about.choices.frequency,
        )
        return private(page)

    def _page(
        self, request: Request, about: Subscription, render: Callable[..., bytes]
    ) -> Response:
        page = render(
            self.app.templates,
            self.app.site,
            newsletter=newsletter_of(self.app, about),
            address=about.address,
            here=f"{root(self.app.site)}/u/{request.path_params['token']}",
            language=about.language,
        )
        return private(page)


def newsletter_of(app: App, about: Subscription) -> Newsletter | None:
    """The newsletter of a subscription; None where it is no longer configured."""
    known = {newsletter.id: newsletter for newsletter in app.newsletters}
    return known.get(about.newsletter)


def language_for(app: App, about: Subscription) -> str:
    """The language to speak to a subscriber: their own, else the newsletter's, else the site's."""
    newsletter = newsletter_of(app, about)
    return about.language or (newsletter.language if newsletter else app.site.language)

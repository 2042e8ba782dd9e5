"""The built-in inbox, to be read on this machine while no relay is set up.

A mail's HTML is a stranger's: it is served from a route of its own under a policy that forbids
everything but pictures and styles, and shown in a sandboxed frame.
"""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from publisher.render import pages
from publisher.services import inbox
from publisher.services.app import App
from publisher.web.answers import PRIVATE, private
from publisher.web.security import PAGE_POLICY

LETTER_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    "img-src 'self' data: https: http:; style-src 'unsafe-inline'; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'self'"
)
"""For a mail's own HTML: no script, no form, no origin; links open in a window of their own."""

_FRAMING = {"Content-Security-Policy": f"{PAGE_POLICY}; frame-src 'self'"}


@dataclass(frozen=True, slots=True)
class Inbox:
    """The handlers below `/inbox`. Plain functions: Starlette runs them in its thread pool."""

    app: App

    def listing(self, _request: Request) -> Response:
        """All captured mails, newest first."""
        return private(pages.inbox(self.app.templates, self.app.site, inbox.listing(self.app)))

    def mail(self, request: Request) -> Response:
        """One mail, seen as `?view=` says."""
        key, view = request.path_params["key"], request.query_params.get("view", "")
        source = inbox.read(self.app, key)
        parts = inbox.parts(source)
        mail = pages.OpenedMail(
            key=key,
            headers=parts.headers,
            html=parts.html,
            text=parts.text,
            source=source,
            view=view if view in pages.VIEWS else pages.VIEWS[0],
        )
        page = pages.inbox_mail(self.app.templates, self.app.site, mail)
        return private(page, headers=_FRAMING)

    def html(self, request: Request) -> Response:
        """The HTML part alone, for the frame."""
        parts = inbox.parts(inbox.read(self.app, request.path_params["key"]))
        headers = PRIVATE | {"Content-Security-Policy": LETTER_POLICY}
        return HTMLResponse(pages.inbox_frame(parts.html), headers=headers)

    def source(self, request: Request) -> Response:
        """The message as it came."""
        source = inbox.read(self.app, request.path_params["key"])
        return PlainTextResponse(source, headers=PRIVATE)

"""The next issue in the browser, as clients show it; on this machine only.

The page has five frames beside each other and a small script of our own that asks once a second
whether a post or template has changed, and loads the page again. It is the only page with a
script, and the policy of no other page allows one.
"""

from dataclasses import dataclass, field
from threading import Lock

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from publisher.errors import NotFound
from publisher.render import pages
from publisher.render.previews import Look, as_seen
from publisher.services import previews
from publisher.services.app import App
from publisher.services.previews import Preview
from publisher.web.answers import PRIVATE, private
from publisher.web.inbox import LETTER_POLICY
from publisher.web.security import PAGE_POLICY

_WATCHING = {
    "Content-Security-Policy": (
        f"{PAGE_POLICY}; frame-src 'self'; script-src 'self'; connect-src 'self'"
    )
}


@dataclass(frozen=True, slots=True)
class Previews:
    """The handlers below `/preview`. What was rendered is kept until something changes."""

    app: App
    _kept: dict[str, tuple[str, Preview]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def page(self, request: Request) -> Response:
        """The frames, the sizes and the findings."""
        stamp, made = self._current(request)
        page = pages.preview(
            self.app.templates,
            self.app.site,
            newsletters=self.app.newsletters,
            shown=pages.ShownPreview(
                newsletter=made.plan.newsletter,
                period=made.plan.period,
                is_new=bool(made.plan.posts),
                subject=made.subject,
                text=made.text,
                sizes=(made.html_size, made.encoded_size, len(made.message)),
                detail=made.detail,
                findings=made.findings,
                stamp=stamp,
            ),
        )
        return private(page, headers=_WATCHING)

    def frame(self, request: Request) -> Response:
        """The letter alone, seen as the path says."""
        look = request.path_params["look"]
        if look not in list(Look):
            raise NotFound("look", look, tuple(Look))
        _, made = self._current(request)
        headers = PRIVATE | {"Content-Security-Policy": LETTER_POLICY}
        return HTMLResponse(as_seen(made.html, Look(look)), headers=headers)

    def stamp(self, _request: Request) -> Response:
        """What changes when a post or template does."""
        return PlainTextResponse(previews.stamp(self.app), headers=PRIVATE)

    def script(self, _request: Request) -> Response:
        """The script that reloads the page."""
        source = self.app.templates.source("pages/preview.js")
        return Response(source, media_type="text/javascript", headers=PRIVATE)

    def _current(self, request: Request) -> tuple[str, Preview]:
        """The preview of the newsletter in the path, the first one where it names none."""
        name = request.path_params.get("newsletter") or next(
            (newsletter.id for newsletter in self.app.newsletters), ""
        )
        newsletter = self.app.newsletter(name)
        stamp = previews.stamp(self.app)
        with self._lock:  # five frames ask at once, and it is rendered once
            if self._kept.get(name, ("",))[0] != stamp:
                made = previews.preview(self.app, newsletter, now=self.app.clock())
                self._kept[name] = (stamp, made)
            return self._kept[name]

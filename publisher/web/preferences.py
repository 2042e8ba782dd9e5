"""The preferences page, and the links that are mailed for what cannot be undone."""

from dataclasses import dataclass
from datetime import datetime

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from publisher.domain.choices import NO_CHOICES, Choices
from publisher.domain.notices import NoticeKind
from publisher.domain.subscribers import Subscription, SubscriptionStatus
from publisher.errors import InvalidAddress, InvalidToken
from publisher.render import subscribers as pages
from publisher.render.pages import root
from publisher.services import personal_data, preferences
from publisher.services.app import App
from publisher.services.preferences import Person, Wishes
from publisher.web.answers import PRIVATE, private
from publisher.web.forms import language_of, text_of, texts_of
from publisher.web.security import client_ip
from publisher.web.subscribers import language_for, newsletter_of

_FIELDS = 300  # a box for each newsletter, topic and language


@dataclass(frozen=True, slots=True)
class Preferring:
    """The handlers of `/p/{token}` and below."""

    app: App

    async def handle(self, request: Request) -> Response:
        """GET shows, POST saves."""
        if request.method == "POST":
            return await self.save(request)
        return await run_in_threadpool(self.show, request)

    def show(self, request: Request) -> Response:
        """What this person receives."""
        token = request.path_params["token"]
        return self._page(token, preferences.find(self.app, token))

    async def save(self, request: Request) -> Response:
        """Saves what was chosen and shows it."""
        token, ip = request.path_params["token"], _ip(self.app, request)
        async with request.form(max_fields=_FIELDS, max_files=0) as form:
            wishes = self._wishes(form)
        person = await run_in_threadpool(preferences.save, self.app, token, wishes, ip=ip)
        return await run_in_threadpool(self._page, token, person, "preferences_saved")

    async def link(self, request: Request) -> Response:
        """Mails a link for what needs a fresh one."""
        token = request.path_params["token"]
        async with request.form(max_fields=_FIELDS, max_files=0) as form:
            kind = text_of(form, "kind")
        if kind not in preferences.FRESH_LINKS:
            raise InvalidToken
        wanted = NoticeKind(kind)
        person = await run_in_threadpool(preferences.ask_link, self.app, token, wanted)
        return await run_in_threadpool(self._page, token, person, "preferences_mailed")

    def _wishes(self, form: FormData) -> Wishes:
        days = text_of(form, "pause")
        allowed = {str(pause) for pause in (0, *preferences.PAUSES)}
        return Wishes(
            wanted=frozenset(texts_of(form, "newsletter")),
            language=language_of(self.app, text_of(form, "lang")),
            pause_days=int(days) if days in allowed else None,
            chosen={
                one.id: Choices(
                    frequency=text_of(form, f"frequency-{one.id}"),
                    topics=frozenset(texts_of(form, f"topic-{one.id}")),
                    languages=frozenset(texts_of(form, f"language-{one.id}")),
                )
                for one in self.app.newsletters
                if f"choices-{one.id}" in form
            },
        )

    def _page(self, token: str, person: Person, done: str = "") -> Response:
        page = pages.preferences(
            self.app.templates,
            self.app.site,
            address=person.link.address,
            choices=[
                pages.Choice(
                    newsletter=one,
                    receives=bool(theirs and theirs.status is SubscriptionStatus.CONFIRMED),
                    is_pending=bool(theirs and theirs.status is SubscriptionStatus.PENDING),
                    paused_until=_pause(self.app, theirs),
                    chosen=theirs.choices if theirs else NO_CHOICES,
                )
                for one in person.newsletters
                for theirs in [person.by_newsletter.get(one.id)]
            ],
            here=f"{root(self.app.site)}/p/{token}",
            language=language_for(self.app, person.link),
            pauses=preferences.PAUSES,
            done=done,
        )
        return private(page)


@dataclass(frozen=True, slots=True)
class FreshLinks:
    """The handlers of `/links/{kind}/{token}`: GET asks, POST does it, once."""

    app: App

    async def handle(self, request: Request) -> Response:
        """GET asks, POST acts."""
        if request.method == "POST":
            return await self.act(request)
        return await run_in_threadpool(self.show, request)

    def show(self, request: Request) -> Response:
        """The page with the button (or the field) of what the link is for."""
        kind = self._kind(request)
        _, about = preferences.open_link(self.app, kind, request.path_params["token"])
        if kind is NoticeKind.ADDRESS:
            return self._new_address(about)
        return self._said(kind.value, about, button=True)

    async def act(self, request: Request) -> Response:
        """Does it."""
        email = ""
        if self._kind(request) is NoticeKind.ADDRESS:
            async with request.form(max_fields=_FIELDS, max_files=0) as form:
                email = text_of(form, "email")
        return await run_in_threadpool(self._act, request, email)

    def _act(self, request: Request, email: str) -> Response:
        token, ip = request.path_params["token"], _ip(self.app, request)
        match self._kind(request):
            case NoticeKind.ADDRESS:
                return self._ask_move(token, email)
            case NoticeKind.MOVE:
                return self._said("moved", preferences.move(self.app, token, ip=ip))
            case NoticeKind.STAY:
                return self._said("stayed", preferences.stay(self.app, token, ip=ip))
            case NoticeKind.EXPORT:
                return _download(personal_data.export_by_link(self.app, token))
            case _:
                _, about = preferences.open_link(self.app, NoticeKind.ERASE, token)
                personal_data.erase_by_link(self.app, token)
                return self._said("erased", about, shows_address=False)

    def _ask_move(self, token: str, email: str) -> Response:
        try:
            return self._said("address_asked", preferences.ask_move(self.app, token, email))
        except InvalidAddress:
            _, about = preferences.open_link(self.app, NoticeKind.ADDRESS, token)
            return self._new_address(about, problem="subscribe_bad_address")

    def _kind(self, request: Request) -> NoticeKind:
        """Raises `InvalidToken` for a kind that has no such links."""
        wanted = request.path_params["kind"]
        if wanted not in {"address", "move", "export", "erase", "stay"}:
            raise InvalidToken
        return NoticeKind(wanted)

    def _new_address(self, about: Subscription, problem: str = "") -> Response:
        page = pages.new_address(
            self.app.templates,
            self.app.site,
            address=about.address,
            language=language_for(self.app, about),
            problem=problem,
        )
        return private(page, status=422 if problem else 200)

    def _said(
        self, name: str, about: Subscription, *, button: bool = False, shows_address: bool = True
    ) -> Response:
        page = pages.said(
            self.app.templates,
            self.app.site,
            name,
            language=language_for(self.app, about),
            newsletter=newsletter_of(self.app, about),
            address=about.address if shows_address else "",
            button=button,
        )
        return private(page)


def _ip(app: App, request: Request) -> str:
    return client_ip(request.scope, app.listen.trusted_proxies)


def _pause(app: App, theirs: Subscription | None) -> datetime | None:
    """Until when somebody paused, where that is still to come."""
    until = theirs.paused_until if theirs else None
    return until if until and until > app.clock() else None


def _download(document: bytes) -> Response:
    headers = PRIVATE | {"Content-Disposition": 'attachment; filename="my-data.json"'}
    return Response(document, media_type="application/json", headers=headers)

"""The operator page: who may see it, what it shows, what its buttons do.

A session is a cookie whose hash lies in the database. Each form carries a token of its session,
and requests that a browser sends from another site are refused before that.
"""

import csv
import io
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from publisher.domain.controls import Verb
from publisher.domain.deliveries import DeliveryStatus
from publisher.errors import Conflict, LoginRefused
from publisher.render import charts, operator_pages
from publisher.services import admins, controls, dashboard, deliveries, instances
from publisher.services.admins import Login
from publisher.services.app import App
from publisher.web.answers import PRIVATE, private
from publisher.web.forms import raw_text_of
from publisher.web.security import client_ip, is_peer_within

LOGIN, HOME = "/admin/login", "/admin"

_RETRIED = (DeliveryStatus.FAILED, DeliveryStatus.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Operators:
    """The handlers below `/admin`."""

    app: App

    def ask(self, request: Request) -> Response:
        """GET of the login form."""
        return self._form(is_refused=False)

    async def log_in(self, request: Request) -> Response:
        """POST of name, password and code; a new session, whatever cookie came along."""
        form = await _form(request)
        client = client_ip(request.scope, self.app.listen.trusted_proxies)
        try:
            login = await run_in_threadpool(
                admins.log_in,
                self.app,
                form["name"],
                form["password"],
                client=client,
                code=form["code"],
            )
        except LoginRefused:
            return self._form(is_refused=True)
        answer = self._to(HOME)
        answer.set_cookie(
            self._cookie,
            login.cookie,
            path="/",
            secure=self._is_https,
            httponly=True,
            samesite="lax",
        )
        return answer

    def invite(self, request: Request) -> Response:
        """GET of the form that makes the first operator."""
        admins.check_invitation(self.app, request.path_params["token"])
        return self._first(request, "")

    async def add_first(self, request: Request) -> Response:
        """POST of their name and password; what will not do is said, and asked again."""
        form, token = await _form(request), request.path_params["token"]
        try:
            await run_in_threadpool(
                admins.add_first, self.app, token, form["name"], form["password"]
            )
        except Conflict as error:
            return self._first(request, error.problem)
        return self._to(LOGIN)

    async def log_out(self, request: Request) -> Response:
        """POST that ends the session."""
        login, _ = await self._own(request)
        await run_in_threadpool(admins.log_out, self.app, login.cookie)
        answer = self._to(LOGIN)
        answer.delete_cookie(self._cookie, path="/", secure=self._is_https, httponly=True)
        return answer

    def home(self, request: Request) -> Response:
        """GET of the first screen."""
        login = self._login(request)
        if login is None:
            return self._to(LOGIN)
        found = dashboard.dashboard(self.app)
        page = operator_pages.dashboard(
            self.app.templates,
            self.app.site,
            language=self.app.operator.language,
            operator=login.admin.name,
            token=login.form_token,
            board=found,
            fence=next((c.problem for c in found.checks if c.name == "fenced"), ""),
            plots=found.plots,
            troubled=operator_pages.troubled(found.troubled),
            deeds=admins.deeds(self.app),
            now=self.app.clock(),
        )
        return private(page)

    def plot(self, request: Request) -> Response:
        """GET of a plot's numbers as CSV."""
        if self._login(request) is None:
            return self._to(LOGIN)
        found = dashboard.plot(self.app, request.path_params["plot"])
        text = io.StringIO()
        csv.writer(text, lineterminator="\r\n").writerows(charts.csv_rows(found))
        headers = {"Content-Disposition": f'attachment; filename="{found.key}.csv"', **PRIVATE}
        return Response(text.getvalue(), headers=headers, media_type="text/csv; charset=utf-8")

    async def decide(self, request: Request) -> Response:
        """POST about one issue: one of the verbs of `publisher issues`."""
        login, _ = await self._own(request)
        issue, verb = request.path_params["issue"], request.path_params["verb"]
        if verb not in list(Verb):
            raise HTTPException(404)
        who = login.admin.name
        await run_in_threadpool(controls.decide, self.app, Verb(verb), issue, who=who)
        return self._to(HOME)

    async def retry(self, request: Request) -> Response:
        """POST that sends an issue again to those who failed, or who are in doubt."""
        login, _ = await self._own(request)
        issue, status = request.path_params["issue"], request.path_params["status"]
        if status not in _RETRIED:
            raise HTTPException(404)
        who = login.admin.name
        await run_in_threadpool(deliveries.retry, self.app, issue, DeliveryStatus(status), who=who)
        return self._to(HOME)

    async def resume(self, request: Request) -> Response:
        """POST that ends the fence."""
        login, _ = await self._own(request)
        await run_in_threadpool(instances.resume, self.app, who=login.admin.name)
        return self._to(HOME)

    def _form(self, *, is_refused: bool) -> Response:
        app = self.app
        page = operator_pages.login(
            app.templates, app.site, language=app.operator.language, is_refused=is_refused
        )
        return private(page, status=401 if is_refused else 200)

    def _first(self, request: Request, problem: str) -> Response:
        app = self.app
        page = operator_pages.first(
            app.templates,
            app.site,
            language=app.operator.language,
            token=request.path_params["token"],
            problem=problem,
        )
        return private(page, status=422 if problem else 200)

    def _login(self, request: Request) -> Login | None:
        if name := self._named_by_proxy(request):
            return admins.log_in_by_proxy(self.app, name)
        cookie = request.cookies.get(self._cookie, "")
        return admins.find_session(self.app, cookie) if cookie else None

    def _named_by_proxy(self, request: Request) -> str:
        """Whom a reverse proxy of a trusted network has let in; nobody else is believed."""
        header = self.app.operator.proxy_header
        names = request.headers.getlist(header) if header else []
        is_trusted = len(names) == 1 and is_peer_within(request.scope, self.app.monitor.trusted)
        return names[0] if is_trusted else ""

    async def _own(self, request: Request) -> tuple[Login, dict[str, str]]:
        """The operator behind a form of ours. Raises 401 without a session, 403 for a form that
        was not made for it."""
        login = await run_in_threadpool(self._login, request)
        if login is None:
            raise HTTPException(401)
        form = await _form(request)
        if not admins.is_own_form(login, form["token"]):
            raise HTTPException(403)
        return login, form

    def _to(self, path: str) -> RedirectResponse:
        root = urlsplit(self.app.site.base_url).path.rstrip("/")
        return RedirectResponse(f"{root}{path}", status_code=303, headers=PRIVATE)

    @property
    def _is_https(self) -> bool:
        return self.app.site.base_url.startswith("https:")

    @property
    def _cookie(self) -> str:
        """`__Host-`: only this host sets it, only by https; plain http is for this machine."""
        return "__Host-session" if self._is_https else "session"


async def _form(request: Request) -> dict[str, str]:
    """The texts of a form; absent ones are empty."""
    form: FormData = await request.form(max_fields=10, max_files=0)
    return {name: raw_text_of(form, name) for name in ("name", "password", "code", "token")}

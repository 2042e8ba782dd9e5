"""Signing up: a form, one answer for everybody, and a privacy page.

`/subscribe/start` takes an address from a form that carries no signature (on the front page, or on
anybody's page) and changes nothing: it shows the signed form with the address filled in.
"""

from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from publisher.domain import signups as rules
from publisher.domain.tokens import make_stamp, read_stamp
from publisher.errors import InvalidAddress, InvalidToken
from publisher.render import subscribers as pages
from publisher.services import signups
from publisher.services.app import App
from publisher.web.answers import private
from publisher.web.forms import FORM_FIELDS, language_of, text_of
from publisher.web.security import PAGE_POLICY, SCRIPTED_PAGE_POLICY, client_ip

_LONGEST_ADDRESS = 254


@dataclass(frozen=True, slots=True)
class SigningUp:
    """The handlers of `/subscribe`, `/subscribe/start` and `/privacy`."""

    app: App

    async def handle(self, request: Request) -> Response:
        """GET shows the form, POST takes a request."""
        if request.method == "POST":
            return await self.subscribe(request)
        return await run_in_threadpool(self.form, request)

    def form(self, request: Request) -> Response:
        """The empty form, in the language of `?lang=`."""
        language = language_of(self.app, request.query_params.get("lang", ""))
        return self._form(language, chosen=request.query_params.get("newsletter", ""))

    async def start(self, request: Request) -> Response:
        """The form with what somebody typed elsewhere; nothing is saved."""
        async with request.form(max_fields=FORM_FIELDS, max_files=0) as form:
            return await run_in_threadpool(self._again, form, "")

    async def subscribe(self, request: Request) -> Response:
        """Takes a request. Whoever it is for, the answer is the same."""
        ip = client_ip(request.scope, self.app.listen.trusted_proxies)
        async with request.form(max_fields=FORM_FIELDS, max_files=0) as form:
            return await run_in_threadpool(self._take, form, ip)

    def privacy(self, request: Request) -> Response:
        """What is kept about people, as the settings say."""
        options = self.app.subscribers
        kept = pages.Retention(
            confirm_days=options.confirm_days,
            ip_days=options.ip_days,
            remember_erased=options.remember_erased,
            reconfirm_days=options.reconfirm_days,
            sunset=options.sunset,
        )
        language = language_of(self.app, request.query_params.get("lang", ""))
        return private(pages.privacy(self.app.templates, self.app.site, kept, language=language))

    def _take(self, form: FormData, ip: str) -> Response:
        if text_of(form, pages.HONEYPOT):
            return self._asked(form)  # a program; it learns nothing
        if not self._is_timely(text_of(form, "stamp")):
            return self._again(form, "subscribe_once_more")
        if not self._proves_work(form):
            return self._again(form, "subscribe_no_proof")
        language = language_of(self.app, text_of(form, "lang"))
        asked = rules.Request(
            address=text_of(form, "email"),
            newsletter=text_of(form, "newsletter"),
            language=language,
            source=self.app.site.link("/subscribe"),
            text="",
            ip=ip,
            frequency=text_of(form, "frequency"),
        )
        consent = pages.consent_text(self.app.templates, self.app.site, language)
        try:
            signups.request(self.app, asked, consent=consent)
        except InvalidAddress:
            return self._again(form, "subscribe_bad_address")
        return self._asked(form)

    def _is_timely(self, stamp: str) -> bool:
        try:
            handed_out = read_stamp(self.app.keys, stamp)
        except InvalidToken:
            return False
        return rules.is_timely(handed_out, now=self.app.clock())

    def _proves_work(self, form: FormData) -> bool:
        bits = self.app.subscribers.work_bits
        task = [text_of(form, name) for name in ("stamp", "email", "newsletter")]
        written = "\n".join([*task, ""])
        return not bits or rules.proves_work(written, text_of(form, "proof"), bits=bits)

    def _asked(self, form: FormData) -> Response:
        language = language_of(self.app, text_of(form, "lang"))
        page = pages.said(self.app.templates, self.app.site, "asked", language=language)
        return private(page, status=202)

    def _again(self, form: FormData, problem: str) -> Response:
        language = language_of(self.app, text_of(form, "lang"))
        return self._form(
            language,
            address=text_of(form, "email")[:_LONGEST_ADDRESS],
            chosen=text_of(form, "newsletter"),
            problem=problem,
        )

    def _form(
        self, language: str, *, address: str = "", chosen: str = "", problem: str = ""
    ) -> Response:
        offered = signups.offered(self.app)
        known = {one.id for one in offered}
        page = pages.subscribe(
            self.app.templates,
            self.app.site,
            pages.Form(
                newsletters=offered,
                stamp=make_stamp(self.app.site_key, self.app.clock()),
                address=address,
                chosen=chosen if chosen in known else "",
                problem=problem,
                work_bits=self.app.subscribers.work_bits,
            ),
            language=language,
        )
        policy = SCRIPTED_PAGE_POLICY if self.app.subscribers.work_bits else PAGE_POLICY
        headers = {"Content-Security-Policy": policy}
        return private(page, status=422 if problem else 200, headers=headers)

"""Looks for what would go wrong, before it does."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from publisher.domain.addresses import parse_address
from publisher.domain.notices import NoticeKind
from publisher.domain.posts import Library
from publisher.domain.tokens import MAX_URL
from publisher.errors import ConfigError, PublisherError
from publisher.lint.findings import Severity as LintSeverity
from publisher.render.notices import render_notice
from publisher.services import dkim, issues, posts, previews, sites, subscribers
from publisher.services.app import App
from publisher.services.publishing import refuse_public_inbox


class Severity(StrEnum):
    """An error stops something from being published; a warning may be meant."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One problem: where (`path:line`, a setting, a template), what, and what to do."""

    severity: Severity
    where: str
    problem: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """All findings, and the library that they are about."""

    library: Library
    findings: tuple[Finding, ...]


def check(app: App, *, now: datetime) -> CheckReport:
    """Reads everything as of `now`, renders each next issue, changes nothing."""
    library = posts.read(app, now=now)
    findings = (
        *_settings(app),
        *_leftovers(app),
        *_keys(app),
        *_subscribers(app),
        *_content(library),
        *_templates(app, library, now),
    )
    return CheckReport(library=library, findings=findings)


def _settings(app: App) -> Iterator[Finding]:
    try:
        refuse_public_inbox(app)
    except PublisherError as error:
        yield Finding(severity=Severity.ERROR, where="smtp.host", problem=str(error))
    if app.site.base_url.startswith("http://") and not app.site.is_local:
        yield Finding(
            severity=Severity.ERROR,
            where="site.base_url",
            problem="a public address without https",
            remedy="one-click unsubscribing needs https (RFC 8058); put a reverse proxy in front",
        )
    if app.relay is not None and app.site.is_local:
        yield Finding(
            severity=Severity.WARNING,
            where="site.base_url",
            problem=f"mail goes to {app.relay.host}, but every link in it leads to this machine",
            remedy="set the public address before you send to people",
        )
    longest = subscribers.unsubscribe_url(app, 36**5 - 1)
    if len(longest) > MAX_URL:
        yield Finding(
            severity=Severity.ERROR,
            where="site.base_url",
            problem=f"unsubscribe links would have {len(longest)} characters; "
            f"from {MAX_URL + 1} on some mail software breaks them",
            remedy="use a shorter host name",
        )


def _leftovers(app: App) -> Iterator[Finding]:
    """What the sample or a new site's config.toml said, on a site that others can reach."""
    for each in () if app.site.is_sample else sites.leftovers(app):
        remedy = "set your own before anybody reads it"
        if each.where == "site.authority":
            remedy = 'set a domain of yours, or "" for the host of base_url, before feeds are out'
        yield Finding(
            severity=Severity.WARNING,
            where=each.where,
            problem=f"{each.value!r} is not yours: it came with config.toml",
            remedy=remedy,
        )


def _keys(app: App) -> Iterator[Finding]:
    """Mail waits where a key is missing, so say so before it is due."""
    for sender in dkim.senders(app):
        try:
            dkim.keys(app, sender)
        except ConfigError as error:
            yield Finding(severity=Severity.ERROR, where="dkim.selector", problem=str(error))


def _subscribers(app: App) -> Iterator[Finding]:
    if app.relay is None:
        return
    senders = [(f"newsletters.{n.id}.sender_address", n.sender.email) for n in app.newsletters]
    readers = [("subscribers", row.address) for row in subscribers.listing(app)]
    for where, email in senders + readers:
        if parse_address(email).is_reserved:
            yield Finding(
                severity=Severity.ERROR,
                where=where,
                problem=f"{email} is a sample address where no mail can arrive (RFC 2606)",
                remedy="set your own"
                if where != "subscribers"
                else f"publisher subscribers remove {email}",
            )


def _content(library: Library) -> Iterator[Finding]:
    for failed in library.failed:
        yield Finding(
            severity=Severity.ERROR,
            where=f"{failed.path}:{failed.line}" if failed.line else failed.path,
            problem=failed.problem,
            remedy=failed.remedy,
        )
    for warned in library.warnings:
        yield Finding(
            severity=Severity.WARNING,
            where=f"{warned.path}:{warned.line}" if warned.line else warned.path,
            problem=warned.problem,
            remedy=warned.remedy,
        )


def _templates(app: App, library: Library, now: datetime) -> Iterator[Finding]:
    for newsletter in app.newsletters:
        plan = issues.plan(app, newsletter, library, now=now)
        if not plan.shown:
            continue
        where = f"newsletters.{newsletter.id}.template"
        try:
            look = previews.look_at(app, plan, now=now)
        except PublisherError as error:
            remedy = "mend the template; the issue waits until it renders"
            yield Finding(severity=Severity.ERROR, where=where, problem=str(error), remedy=remedy)
            continue
        for found in look.findings:
            if found.severity is LintSeverity.ERROR:
                yield Finding(
                    severity=Severity.WARNING,
                    where=f"{where} ({found.rule})",
                    problem=found.problem,
                    remedy=found.fix,
                )
    yield from _notices(app)


def _notices(app: App) -> Iterator[Finding]:
    """Mails about subscriptions are rendered when they are wanted: too late to find a fault."""
    link = app.site.link("/")
    links = dict.fromkeys(
        ("confirm", "unsubscribe", "preferences", "archive", "subscribe", "act"), link
    )
    for newsletter in app.newsletters:
        for kind in NoticeKind:
            try:
                render_notice(
                    app.templates, kind, site=app.site, newsletter=newsletter, links=links
                )
            except PublisherError as error:
                yield Finding(
                    severity=Severity.ERROR,
                    where=f"newsletters.{newsletter.id}",
                    problem=str(error),
                    remedy="mend the template; until then nobody gets this mail",
                )

"""The whole way: load the posts, build the feeds, assemble what is due, deliver, report.

`publish` does all of it once. The daemon calls its two halves, `build` and `send`, each when there
is something to do for it, so that a long issue never keeps a new post out of the feeds.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from publisher.domain.deliveries import Delivery
from publisher.domain.posts import Library
from publisher.errors import ConfigError, PublisherError
from publisher.services import (
    deliveries,
    feeds,
    instances,
    issues,
    notices,
    pings,
    posts,
    series,
    signups,
)
from publisher.services.app import App
from publisher.services.deliveries import IssueReport
from publisher.services.feeds import BuildReport
from publisher.services.issues import Assembled, IssuePlan, Taken
from publisher.services.pings import PingReport
from publisher.services.sending import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsletterReport:
    """What a cycle did for one newsletter.

    `taken`: the periods that it took, newest first. `assembled` is None if nothing was due, or
    the attempt failed.
    """

    plan: IssuePlan
    taken: tuple[Taken, ...]
    assembled: Assembled | None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendReport:
    """What was planned and delivered. `fence`: why nothing was, in words; mostly empty.

    `in_doubt`: deliveries that an interrupted process left unknown.
    """

    newsletters: tuple[NewsletterReport, ...] = ()
    issues: tuple[IssueReport, ...] = ()
    in_doubt: tuple[Delivery, ...] = ()
    fence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleReport(SendReport):
    """What one whole cycle did."""

    build: BuildReport
    pings: PingReport = field(default_factory=PingReport)


def publish(
    app: App,
    *,
    progress: Progress = lambda _standing: None,
    stopping: Callable[[], bool] = lambda: False,
) -> CycleReport:
    """Runs one cycle as of now. The caller holds the lock of the state folder.

    A fenced instance builds the feeds and does no more. Mails about subscriptions go before any
    issue. Raises `ConfigError` before anything is
    done if mail would vanish into the built-in inbox of a public site.
    """
    refuse_public_inbox(app)
    built = build(app)
    if fence := instances.fence(app):
        return CycleReport(build=built, fence=fence)
    pinged = tell_hubs(app, built, stopping=stopping)
    notices.recover(app)
    signups.work_off(app, stopping=stopping)
    in_doubt = deliveries.recover(app)
    return CycleReport(
        build=built,
        pings=pinged,
        newsletters=tuple(_assemble_due(app, built.library)),
        issues=tuple(deliveries.deliver(app, progress=progress, stopping=stopping)),
        in_doubt=tuple(in_doubt),
    )


def build(app: App) -> BuildReport:
    """Loads the posts and brings feeds and pages up to date."""
    now = app.clock()
    return feeds.build_library(app, posts.load(app, now=now), now=now)


def tell_hubs(
    app: App, built: BuildReport, *, stopping: Callable[[], bool] = lambda: False
) -> PingReport:
    """Tells the hubs which feeds have changed; a fenced instance tells nobody anything."""
    if instances.fence(app):
        return PingReport()
    return pings.ping(app, built.made_of, now=app.clock(), stopping=stopping)


def send(app: App, *, stopping: Callable[[], bool] = lambda: False) -> SendReport:
    """Plans what is due and delivers; the posts are read only if an issue wants them.

    The caller holds the lock of the state folder. A fenced instance does nothing.
    """
    if fence := instances.fence(app):
        return SendReport(fence=fence)
    in_doubt = deliveries.recover(app)
    newsletters = []
    now = app.clock()
    series.tend_all(app)
    if any(issues.wants_posts(app, each, now=now) for each in series.everything(app)):
        newsletters = _assemble_due(app, posts.load(app, now=now))
    return SendReport(
        newsletters=tuple(newsletters),
        issues=tuple(deliveries.deliver(app, stopping=stopping)),
        in_doubt=tuple(in_doubt),
    )


def refuse_public_inbox(app: App) -> None:
    """Raises `ConfigError` for a public site without a relay."""
    if app.relay is None and not app.site.is_local:
        problem = (
            f"site.base_url is {app.site.base_url}, but smtp.host is empty: all mail would stay in "
            "the built-in inbox; set smtp.host to your relay, or base_url to "
            "http://localhost:8080 to rehearse"
        )
        raise ConfigError([problem])


def _assemble_due(app: App, library: Library) -> list[NewsletterReport]:
    """Plans and settles the issues of every series that is open."""
    reports = []
    series.tend_all(app)
    for newsletter in series.everything(app):
        now = app.clock()
        taken = issues.reconcile(app, newsletter, now=now, library=library)
        plan = issues.plan(app, newsletter, library, now=now)
        assembled, problem = None, ""
        try:
            assembled = issues.assemble(app, plan)
        except PublisherError as error:  # this newsletter waits; the others go on
            problem = str(error)
        reports.append(
            NewsletterReport(plan=plan, taken=tuple(taken), assembled=assembled, problem=problem)
        )
    if any(report.assembled for report in reports):  # their mails link to their web versions
        feeds.build_library(app, library, now=app.clock())
    return reports

"""One whole cycle: load the posts, build the feeds, assemble what is due, deliver, report."""

from collections.abc import Callable
from dataclasses import dataclass

from publisher.domain.deliveries import Delivery
from publisher.errors import ConfigError, PublisherError
from publisher.services import deliveries, feeds, issues, posts
from publisher.services.app import App
from publisher.services.deliveries import IssueReport
from publisher.services.feeds import BuildReport
from publisher.services.issues import Assembled, IssuePlan, Taken
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
class CycleReport:
    """What one cycle did. `in_doubt`: deliveries that an interrupted process left unknown."""

    build: BuildReport
    newsletters: tuple[NewsletterReport, ...]
    issues: tuple[IssueReport, ...]
    in_doubt: tuple[Delivery, ...]


def publish(
    app: App,
    *,
    progress: Progress = lambda _standing: None,
    stopping: Callable[[], bool] = lambda: False,
) -> CycleReport:
    """Runs one cycle as of now. The caller holds the lock of the state folder.

    Raises `ConfigError` before anything is done if mail would vanish into the built-in inbox of a
    public site.
    """
    refuse_public_inbox(app)
    now = app.clock()
    in_doubt = deliveries.recover(app)
    build = feeds.build_library(app, posts.load(app, now=now))
    return CycleReport(
        build=build,
        newsletters=tuple(_assemble_due(app, build)),
        issues=tuple(deliveries.deliver(app, progress=progress, stopping=stopping)),
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


def _assemble_due(app: App, build: BuildReport) -> list[NewsletterReport]:
    reports = []
    for newsletter in app.newsletters:
        now = app.clock()
        taken = issues.reconcile(app, newsletter, now=now, library=build.library)
        plan = issues.plan(app, newsletter, build.library, now=now)
        assembled, problem = None, ""
        try:
            assembled = issues.assemble(app, plan)
        except PublisherError as error:  # this newsletter waits; the others go on
            problem = str(error)
        reports.append(
            NewsletterReport(plan=plan, taken=tuple(taken), assembled=assembled, problem=problem)
        )
    return reports

"""How a build, a plan and a cycle read on a terminal."""

from collections.abc import Sequence
from datetime import timedelta

import click

from publisher.cli.console import local
from publisher.domain.deliveries import Delivery, DeliveryStatus
from publisher.domain.feeds import MAIN_FILES
from publisher.domain.issues import IssueStatus
from publisher.domain.newsletters import Cadence
from publisher.domain.posts import Library
from publisher.domain.selection import Choice
from publisher.services import deliveries
from publisher.services.app import App
from publisher.services.deliveries import IssueReport
from publisher.services.feeds import BuildReport, FaultyFeed
from publisher.services.issues import IssuePlan
from publisher.services.publishing import CycleReport, NewsletterReport
from publisher.services.sending import Standing

LISTED = 20
"""So many deliveries are listed in a report."""


def print_cycle(report: CycleReport, app: App) -> None:
    """What a cycle selected and why, wrote, sent to whom, and where to look."""
    print_build(report.build, app)
    for entry in report.newsletters:
        click.echo()
        _print_newsletter(entry)
    for row in report.in_doubt:
        click.echo(
            f"\nin doubt  issue {row.issue} to {row.address}: {row.reason}; "
            "the relay may have it, so it is not sent again by itself"
        )
    for issue in report.issues:
        click.echo()
        _print_issue(issue, app)
    click.echo()
    _print_where(report, app)


def print_build(report: BuildReport, app: App) -> None:
    """Which posts were read, kept back or unreadable, and the feeds that were written."""
    _print_library(report.library)
    click.echo(f"\nFeeds  {app.folders.output}")
    entries = len(report.made_of[0].entries)
    for file in report.feeds:
        if file.path in MAIN_FILES.values():
            state = "written" if file.changed else "unchanged"
            click.echo(f"  {file.path:<10} {entries} entries, {file.size:,} bytes, {state}")
    others = [file for file in report.feeds if file.path not in MAIN_FILES.values()]
    changed = sum(file.changed for file in others)
    click.echo(f"  and {len(others)} documents of other feeds, {changed} of them new or changed")
    pages = [file for file in report.written if file.path.endswith(".html")]
    changed = sum(page.changed for page in pages)
    click.echo(f"  and {len(pages)} pages, {changed} of them new or changed")
    for path in report.removed:
        click.echo(f"  removed {path}")


def print_findings(faulty: FaultyFeed, *, to_stderr: bool = False) -> None:
    """What is wrong with a feed document, one finding a line: `path:line: severity: …`."""
    for finding in faulty.findings:
        place = f"{faulty.path}:{finding.line}" if finding.line else faulty.path
        line = f"{place}: {finding.severity}: {finding.rule}: {finding.problem} — {finding.fix}"
        click.echo(line, err=to_stderr)


def findings_of(faulty: FaultyFeed) -> list[dict[str, object]]:
    """The same as values for JSON."""
    return [
        {
            "path": faulty.path,
            "line": finding.line,
            "severity": finding.severity,
            "rule": finding.rule,
            "problem": finding.problem,
            "fix": finding.fix,
        }
        for finding in faulty.findings
    ]


def print_plan(plan: IssuePlan) -> None:
    """The next issue of a newsletter: when, to how many, each post in or out and why."""
    newsletter, zone = plan.newsletter, plan.newsletter.schedule.zone
    when = "due since" if plan.is_due else "next"
    chosen = f"  by choice: {newsletter.series}" if newsletter.series else ""
    click.echo(f"{newsletter.title}  [{newsletter.id}]{chosen}")
    if newsletter.schedule.cadence is Cadence.POSTS and not plan.is_due:
        click.echo(f"  next after {newsletter.schedule.every} new posts")
    else:
        click.echo(f"  {when} {local(plan.period.slot, zone)} for {plan.period.key}")
    if plan.verdict and plan.verdict.status is IssueStatus.HELD:
        click.echo(f"  held: {plan.verdict.reason}")
    click.echo(f"  {plan.recipients} confirmed subscribers")
    print_choices(plan.choices)


def print_choices(choices: Sequence[Choice]) -> None:
    """Each post, in or out, with the reason."""
    for choice in choices:
        mark = "in " if choice.chosen else "out"
        day = f"{choice.post.published:%Y-%m-%d}"
        click.echo(f"  {mark}  {day}  {choice.post.title}  ({choice.reason})")


def counted(counts: dict[DeliveryStatus, int]) -> str:
    """Delivery counts as words, in the order of their life: `3 sent, 1 unknown`."""
    words = [f"{counts[status]} {status}" for status in DeliveryStatus if counts.get(status)]
    return ", ".join(words) or "no deliveries"


def pace(standing: Standing) -> str:
    """How fast a sending goes, how long it will take, and what has come of it so far."""
    words = [f"{standing.rate:,.0f} a second"] if standing.rate >= 1 else []
    if standing.seconds_left is not None and standing.seconds_left >= 1:
        words.append(f"{timedelta(seconds=round(standing.seconds_left))} left")
    return ", ".join([*words, counted(dict(standing.counts))])


def _print_library(library: Library) -> None:
    click.echo(
        f"Posts  {len(library.posts)} read, {len(library.skipped)} kept back, "
        f"{len(library.failed)} unreadable"
    )
    for skipped in library.skipped:
        click.echo(f"  kept back   {skipped.path}: {skipped.explanation}")
    for failed in library.failed:
        line = f":{failed.line}" if failed.line else ""
        click.echo(f"  unreadable  {failed.path}{line}: {failed.problem} — {failed.remedy}")


def _print_newsletter(entry: NewsletterReport) -> None:
    if entry.problem:
        click.echo(f"{entry.plan.newsletter.title}: not assembled: {entry.problem}")
    elif entry.assembled is None:
        click.echo("Nothing is due.")
        _print_next(entry.plan)
    elif entry.assembled.status is IssueStatus.SKIPPED:
        click.echo(f"{entry.plan.newsletter.title}: {entry.plan.period.key} is skipped")
        click.echo(f"  {entry.assembled.reason}")
    else:
        print_plan(entry.plan)
        click.echo(f"  issue {entry.assembled.issue}: {entry.assembled.subject}")
        if entry.assembled.status is IssueStatus.HELD:
            click.echo(
                f"  it is not sent: `publisher issues approve {entry.assembled.issue}` sends it, "
                f"`publisher issues skip {entry.assembled.issue}` does not"
            )


def _print_next(plan: IssuePlan) -> None:
    newsletter = plan.newsletter
    if newsletter.schedule.cadence is Cadence.POSTS:
        when = f"after {newsletter.schedule.every} new posts"
    else:
        when = local(plan.period.slot, newsletter.schedule.zone)
    click.echo(f"  {newsletter.title}: next {when}")
    click.echo(f"  {len(plan.posts)} new posts are waiting for it")


def _print_issue(report: IssueReport, app: App) -> None:
    issue = report.issue
    state = "sent" if report.finished else "not finished"
    click.echo(f"Issue {issue.id}  {issue.period}  {state}: {counted(report.counts)}")
    for delivery in _shown(app, issue.id, sum(report.counts.values())):
        detail = f"  {delivery.reason}" if delivery.reason else ""
        click.echo(f"  {delivery.status:<8} {delivery.address}{detail}")
    if report.problem:
        click.echo(f"  stopped: {report.problem}")
        click.echo("  nobody is lost: publish again, or let the daemon go on by itself")
    elif report.next_attempt_at:
        click.echo(f"  next attempt {local(report.next_attempt_at, app.site.zone)}")


def _shown(app: App, issue: int, count: int) -> list[Delivery]:
    """All deliveries of a small issue; of a large one some of those that want attention."""
    if count <= LISTED:
        return deliveries.listing(app, issue=issue)
    wanting = (DeliveryStatus.UNKNOWN, DeliveryStatus.FAILED, DeliveryStatus.PENDING)
    found = [
        row
        for status in wanting
        for row in deliveries.listing(app, issue=issue, status=status, limit=LISTED)
    ]
    return found[:LISTED]


def _print_where(report: CycleReport, app: App) -> None:
    click.echo("Where to look")
    click.echo(f"  feeds  {app.folders.output / 'rss.xml'}")
    if app.relay is None:
        click.echo(f"  mail   {app.folders.inbox} (the built-in inbox; no relay is configured)")
        click.echo(
            f"  pages  publisher serve, then {app.site.link('/')} and {app.site.link('inbox')}"
        )
    else:
        click.echo(f"  mail   handed to {app.relay.host}")

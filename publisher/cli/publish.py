"""`publisher publish`: one whole cycle, now."""

import click

from publisher.bootstrap import open_app
from publisher.cli.console import emit, progress, say
from publisher.cli.options import as_json, config_of, stoppable
from publisher.cli.reports import pace, print_cycle
from publisher.domain.deliveries import DeliveryStatus
from publisher.services import instances, publishing
from publisher.services.lock import exclusive
from publisher.services.publishing import CycleReport
from publisher.services.sending import Standing

PARTLY, TRY_LATER, INTERRUPTED = 4, 75, 130


@click.command(epilog="Example: publisher publish")
@as_json
@click.pass_context
def publish(context: click.Context, as_json: bool) -> int:
    """Load the posts, build the feeds, assemble what is due, deliver it, and report.

    Safe to repeat: what was sent is never sent again. Ctrl-C ends after the message in hand.
    """
    with (
        open_app(config_of(context)) as app,
        exclusive(app.folders.state),
        stoppable() as stopping,
        progress("delivering") as update,
    ):

        def advance(standing: Standing) -> None:
            update(standing.done, standing.total, pace(standing))

        instances.start(app)
        report = publishing.publish(app, progress=advance, stopping=stopping)
        if as_json:
            emit("cycle", _payload(report))
        else:
            print_cycle(report, app)
        if report.fence:
            say(f"nothing is sent: {report.fence}; look first, then `publisher resume`")
            return TRY_LATER
        if stopping():
            say("interrupted: the rest is kept; run `publisher publish` again to go on")
            return INTERRUPTED
    return exit_code(report)


def exit_code(report: CycleReport) -> int:
    """The exit code that a cycle means."""
    if any(issue.problem for issue in report.issues):
        return TRY_LATER
    troubled = (DeliveryStatus.FAILED, DeliveryStatus.UNKNOWN)
    if any(issue.counts.get(status) for issue in report.issues for status in troubled):
        return PARTLY
    return 1 if any(entry.problem for entry in report.newsletters) else 0


def _payload(report: CycleReport) -> dict[str, object]:
    return {
        "fence": report.fence,
        "feeds": [
            {"path": feed.path, "bytes": feed.size, "changed": feed.changed}
            for feed in report.build.feeds
        ],
        "newsletters": [
            {
                "newsletter": entry.plan.newsletter.id,
                "period": entry.plan.period.key,
                "slot": entry.plan.period.slot,
                "taken": [
                    {
                        "issue": taken.issue,
                        "period": taken.verdict.period.key,
                        "status": taken.verdict.status,
                        "cause": taken.verdict.cause,
                    }
                    for taken in entry.taken
                ],
                "issue": entry.assembled.issue if entry.assembled else None,
                "status": entry.assembled.status if entry.assembled else None,
                "problem": entry.problem,
            }
            for entry in report.newsletters
        ],
        "issues": [
            {
                "issue": entry.issue.id,
                "finished": entry.finished,
                "counts": {status.value: count for status, count in entry.counts.items()},
                "problem": entry.problem,
                "next_attempt_at": entry.next_attempt_at,
            }
            for entry in report.issues
        ],
        "in_doubt": [{"issue": row.issue, "address": row.address} for row in report.in_doubt],
    }

"""`publisher send`: one issue, now; or a sample of it to any address."""

import click

from publisher.bootstrap import open_app
from publisher.cli.console import emit, progress, say
from publisher.cli.options import as_json, config_of, stoppable
from publisher.cli.reports import counted, pace
from publisher.domain.deliveries import DeliveryStatus
from publisher.domain.replies import Accepted
from publisher.services import deliveries, instances, relays
from publisher.services.deliveries import IssueReport
from publisher.services.lock import exclusive
from publisher.services.publishing import refuse_public_inbox
from publisher.services.sending import Standing

PARTLY, TRY_LATER, INTERRUPTED = 4, 75, 130


@click.command(epilog="Example: publisher send 7 --test me@example.org")
@click.argument("issue", type=int)
@click.option("--test", "sample", metavar="ADDR", help="Send a marked sample there.")
@click.option("--dry-run", is_flag=True, help="Say who would get it; send nothing.")
@click.option("--limit", type=click.IntRange(min=1), help="Stop after so many messages.")
@as_json
@click.pass_context
def send(
    context: click.Context,
    issue: int,
    sample: str | None,
    dry_run: bool,
    limit: int | None,
    as_json: bool,
) -> int:
    """Send what is due of one issue, now. Who has it already never gets it again.

    Ctrl-C stops without losing a place: the answers to messages under way are awaited.
    """
    with open_app(config_of(context)) as app:
        if sample or not dry_run:
            refuse_public_inbox(app)
        if sample:
            outcome = deliveries.send_sample(app, issue, sample)
            say(f"sample of issue {issue} to {sample}: {relays.told(outcome)}")
            return 0 if isinstance(outcome, Accepted) else 1
        if dry_run:
            rehearsal = deliveries.rehearse(app, issue)
            if as_json:
                emit("rehearsal", rehearsal.payload())
            else:
                click.echo(str(rehearsal))
            return 0
        with (
            exclusive(app.folders.state),
            stoppable() as stopping,
            progress(f"issue {issue}") as update,
        ):

            def advance(standing: Standing) -> None:
                update(standing.done, standing.total, pace(standing))

            if fence := instances.start(app):
                say(f"nothing is sent: {fence}; look first, then `publisher resume`")
                return TRY_LATER
            deliveries.recover(app)
            report = deliveries.deliver_one(
                app, issue, progress=advance, stopping=stopping, limit=limit
            )
            return _tell(report, as_json=as_json, interrupted=stopping())


def _tell(report: IssueReport, *, as_json: bool, interrupted: bool) -> int:
    if as_json:
        counts = {status.value: count for status, count in report.counts.items()}
        problem, finished = report.problem, report.finished
        payload = {"issue": report.issue.id, "counts": counts, "finished": finished}
        emit("sent", {**payload, "problem": problem, "next_attempt_at": report.next_attempt_at})
    else:
        state = "sent" if report.finished else "not finished"
        click.echo(f"issue {report.issue.id} {state}: {counted(report.counts)}")
    if interrupted:
        say(f"interrupted: the rest is kept; run `publisher send {report.issue.id}` to go on")
        return INTERRUPTED
    if report.problem:
        say(f"stopped: {report.problem}")
        return TRY_LATER
    troubled = (DeliveryStatus.FAILED, DeliveryStatus.UNKNOWN)
    return PARTLY if any(report.counts.get(status) for status in troubled) else 0

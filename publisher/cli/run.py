"""`publisher run`: one pass of the daemon's work, for cron."""

import sys

import click

from publisher.bootstrap import open_app
from publisher.cli.options import config_of, stoppable
from publisher.cli.publish import exit_code
from publisher.jobs import reports, table
from publisher.logs import set_up
from publisher.services import instances, publishing
from publisher.services.lock import exclusive

TRY_LATER, INTERRUPTED = 75, 130


@click.command(epilog="Example: publisher run --once")
@click.option("--once", is_flag=True, required=True, help="One pass, then end; there is no other.")
@click.pass_context
def run(context: click.Context, once: bool) -> int:
    """Do once what the daemon does all the time: housekeeping, feeds, what is due. For cron.

    Says what it did as the daemon would, in the log; is silent where there was nothing to do.
    """
    with open_app(config_of(context)) as app, exclusive(app.folders.state), stoppable() as stopping:
        set_up(level=app.log.level, format=app.log.format, stream=sys.stderr)
        if reason := instances.start(app):
            reports.fence(reason)
        table.run_due(app, now=app.clock())
        report = publishing.publish(app, stopping=stopping)
        reports.built(report.build)
        reports.sent(report)
        table.do_chores(app)
        if report.fence:
            return TRY_LATER
        return INTERRUPTED if stopping() else exit_code(report)

"""`publisher build`: feeds and pages; mails nothing."""

from datetime import datetime

import click

from publisher.bootstrap import open_app
from publisher.cli.console import emit
from publisher.cli.options import as_json, clock_at, config_of, rehearsed
from publisher.cli.reports import print_build
from publisher.services import feeds
from publisher.services.feeds import BuildReport


@click.command(epilog="Example: publisher build --now 2026-01-01T00:00:00Z")
@rehearsed
@as_json
@click.pass_context
def build(context: click.Context, now: datetime | None, as_json: bool) -> None:
    """Write feeds and pages into the output folder. Mails nothing."""
    with open_app(config_of(context), clock=clock_at(now)) as app:
        report = feeds.build(app, now=app.clock())
        if as_json:
            emit("build", _payload(report))
        else:
            print_build(report, app)


def _payload(report: BuildReport) -> dict[str, object]:
    return {
        "posts": len(report.library.posts),
        "files": [
            {"path": file.path, "bytes": file.size, "changed": file.changed}
            for file in report.written
        ],
        "removed": list(report.removed),
    }

"""`publisher build`: feeds and pages; mails nothing."""

from datetime import datetime

import click

from publisher.bootstrap import open_app
from publisher.cli.console import emit
from publisher.cli.options import as_json, clock_at, config_of, rehearsed
from publisher.cli.reports import findings_of, print_build, print_findings
from publisher.services import feeds
from publisher.services.feeds import BuildReport

PROBLEMS = 3


@click.command(epilog="Example: publisher build --strict")
@click.option("--strict", is_flag=True, help="Exit 3 if a feed is not as readers need it.")
@rehearsed
@as_json
@click.pass_context
def build(context: click.Context, strict: bool, now: datetime | None, as_json: bool) -> int:
    """Write feeds and pages into the output folder. Mails nothing.

    With --now it writes what stands there at that moment, and feeds remember its date: use that on
    a copy of the site only.
    """
    with open_app(config_of(context), clock=clock_at(now)) as app:
        report = feeds.build(app, now=app.clock())
        if as_json:
            emit("build", _payload(report))
        else:
            print_build(report, app)
    for faulty in report.faulty:
        print_findings(faulty, to_stderr=True)
    return PROBLEMS if strict and report.faulty else 0


def _payload(report: BuildReport) -> dict[str, object]:
    return {
        "posts": len(report.library.posts),
        "files": [
            {"path": file.path, "bytes": file.size, "changed": file.changed}
            for file in report.written
        ],
        "removed": list(report.removed),
        "findings": [finding for faulty in report.faulty for finding in findings_of(faulty)],
    }

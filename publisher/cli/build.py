"""`publisher build`: feeds and pages; mails nothing."""

from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path

import click

from publisher.bootstrap import open_app, open_rehearsal
from publisher.cli.console import emit
from publisher.cli.options import as_json, clock_at, config_of, rehearsed
from publisher.cli.reports import findings_of, print_build, print_findings
from publisher.services import feeds
from publisher.services.app import App
from publisher.services.feeds import BuildReport

PROBLEMS = 3


@click.command(epilog="Example: publisher build --strict")
@click.option("--strict", is_flag=True, help="Exit 3 if a feed is not as readers need it.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Rehearse: write into this empty folder and leave the site as it is.",
)
@rehearsed
@as_json
@click.pass_context
def build(
    context: click.Context, strict: bool, out: Path | None, now: datetime | None, as_json: bool
) -> int:
    """Write feeds and pages into the output folder. Mails nothing.

    With --out FOLDER they are written there, and the site stays as it is; only so may --now name
    another moment.
    """
    if now and not out:
        raise click.UsageError(
            "--now needs --out FOLDER, an empty one: on the site itself it would publish what is "
            "still to come, and feed readers would remember its date"
        )
    with _opened(context, out, now) as app:
        report = feeds.build(app, now=app.clock())
        if as_json:
            emit("build", _payload(report))
        else:
            print_build(report, app)
    for faulty in report.faulty:
        print_findings(faulty, to_stderr=True)
    return PROBLEMS if strict and report.faulty else 0


def _opened(
    context: click.Context, out: Path | None, now: datetime | None
) -> AbstractContextManager[App]:
    """The site, or a rehearsal of it."""
    config = config_of(context)
    return open_rehearsal(config, out=out, clock=clock_at(now)) if out else open_app(config)


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

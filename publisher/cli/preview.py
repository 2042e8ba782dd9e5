"""`publisher preview`: the next issue as files."""

from datetime import datetime
from pathlib import Path

import click

from publisher.bootstrap import open_app
from publisher.cli.console import emit, say
from publisher.cli.looks import look_lines, look_payload
from publisher.cli.options import Instant, as_json, clock_at, config_of
from publisher.lint.findings import Severity
from publisher.services import previews

PROBLEMS = 3


@click.command(epilog="Example: publisher preview weekly --out /tmp/look --open")
@click.argument("newsletter")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("preview"),
    show_default=True,
    help="Folder for the files.",
)
@click.option("--as", "reader", default="", help="As this subscriber would get it (an address).")
@click.option(
    "--at",
    "--now",
    "now",
    type=Instant(),
    default=None,
    help="Rehearse this moment (ISO 8601 with offset).",
)
@click.option("--open", "is_opened", is_flag=True, help="Show it in the browser.")
@as_json
@click.pass_context
def preview(
    context: click.Context,
    newsletter: str,
    out: Path,
    reader: str,
    now: datetime | None,
    is_opened: bool,
    as_json: bool,
) -> int:
    """Write NEWSLETTER's next issue as .html, .txt and .eml, without sending it.

    Lists what mail clients and filters would hold against it; exits 3 if there is an error.
    """
    with open_app(config_of(context), clock=clock_at(now)) as app:
        made = previews.preview(app, app.newsletter(newsletter), now=app.clock(), reader=reader)
    files = previews.write(made, out)
    if as_json:
        emit("preview", {"period": made.plan.period.key, "files": files, **look_payload(made)})
    else:
        if not made.plan.posts:
            say("nothing is new; this shows the newest posts instead")
        say(f"{made.plan.period.key}, {len(made.plan.shown)} posts")
        say("\n".join(look_lines(made)))
        for path in files:
            click.echo(path)
    if is_opened:
        click.launch(files[0].resolve().as_uri())
    return PROBLEMS if any(f.severity is Severity.ERROR for f in made.findings) else 0

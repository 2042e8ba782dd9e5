"""`publisher preview`: the next issue as files."""

from datetime import datetime
from pathlib import Path

import click

from publisher.bootstrap import open_app
from publisher.cli.console import emit, say
from publisher.cli.options import as_json, clock_at, config_of, rehearsed
from publisher.services import previews


@click.command(epilog="Example: publisher preview weekly --out /tmp/look")
@click.argument("newsletter")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("preview"),
    show_default=True,
    help="Folder for the files.",
)
@rehearsed
@as_json
@click.pass_context
def preview(
    context: click.Context, newsletter: str, out: Path, now: datetime | None, as_json: bool
) -> None:
    """Write NEWSLETTER's next issue as .html, .txt and .eml, without sending it."""
    with open_app(config_of(context), clock=clock_at(now)) as app:
        made = previews.preview(app, app.newsletter(newsletter), out=out, now=app.clock())
    if as_json:
        payload = {"subject": made.subject, "period": made.plan.period.key, "files": made.files}
        emit("preview", payload)
        return
    if not made.plan.posts:
        say("nothing is new; this shows the newest posts instead")
    say(f"{made.plan.period.key}: {made.subject} ({len(made.plan.shown)} posts)")
    for path in made.files:
        click.echo(path)

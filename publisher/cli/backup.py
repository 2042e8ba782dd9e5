"""`publisher backup` and `publisher restore`: copies of the database."""

from pathlib import Path

import click

from publisher.bootstrap import database_of, open_app
from publisher.cli.console import emit, local, say, table
from publisher.cli.options import as_json, config_of
from publisher.clock import system_clock
from publisher.services import backups
from publisher.services.backups import Backup
from publisher.services.lock import exclusive


@click.command(epilog="Example: publisher backup --to /mnt/safe/letters.db")
@click.option(
    "--to", type=click.Path(path_type=Path, dir_okay=False), default=None, help="Write it there."
)
@click.option("--list", "is_listing", is_flag=True, help="List the backups that there are.")
@as_json
@click.pass_context
def backup(context: click.Context, to: Path | None, is_listing: bool, as_json: bool) -> None:
    """Copy the database, also while the daemon is at work, and check the copy.

    The daemon does it every night. Keep config.toml, content/ and the secret key elsewhere too.
    """
    with open_app(config_of(context)) as app:
        found = backups.listing(app) if is_listing else [backups.take(app, to=to)]
        zone = app.site.zone
    if as_json:
        emit("backups", {"backups": [_payload(one) for one in found]})
    elif is_listing:
        rows = [(local(one.at, zone), f"{one.size:,}", str(one.path)) for one in found]
        table(("taken", "bytes", "file"), rows)
    else:
        click.echo(found[0].path)
        say(f"{found[0].size:,} bytes, checked")


@click.command(epilog="Example: publisher restore var/backups/publisher-20261120T021000Z.db")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def restore(context: click.Context, file: Path, yes: bool) -> None:
    """Put FILE in the place of the database. Not while the daemon is at work.

    Nothing is sent afterwards until `publisher resume`: what was mailed since the copy was made
    must not be mailed again.
    """
    place = database_of(config_of(context))  # not opened: it may be damaged
    with exclusive(place.parent):
        if not yes:
            click.confirm(f"Replace {place}?", abort=True, err=True)
        kept = backups.restore(place, file, now=system_clock())
    before = f"what was there before lies in {kept}" if kept else "there was none before"
    say(f"restored from {file}; {before}")
    say("nothing is sent until `publisher resume`")


def _payload(backup: Backup) -> dict[str, object]:
    return {"taken": backup.at, "file": backup.path, "bytes": backup.size}

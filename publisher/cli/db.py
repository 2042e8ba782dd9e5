"""`publisher db`: the database itself."""

import click

from publisher.bootstrap import database_of, open_app
from publisher.cli.console import emit, say
from publisher.cli.options import as_json, config_of
from publisher.services import backups
from publisher.services.lock import exclusive

PROBLEMS = 3


@click.group()
def db() -> None:
    """Look after the database."""


@db.command(epilog="Example: publisher db check")
@as_json
@click.pass_context
def check(context: click.Context, as_json: bool) -> int:
    """Read every page of the database and follow every reference. Changes nothing.

    Exits 3 if something is wrong.
    """
    path = database_of(config_of(context))
    found = backups.inspect(path)
    problems, revision = found.problems, found.revision
    if as_json:
        emit("db", {"file": path, "revision": revision, "problems": problems})
    else:
        for problem in problems:
            click.echo(problem)
        say(f"{path}: revision {revision}; {len(problems)} problems")
        if problems:
            say("put a backup in its place: `publisher backup --list`, `publisher restore FILE`")
    return PROBLEMS if problems else 0


@db.command(epilog="Example: publisher db migrate --check")
@click.option("--check", "is_check", is_flag=True, help="Only say whether it is needed: exit 3.")
@click.pass_context
def migrate(context: click.Context, is_check: bool) -> int:
    """Bring the database to this release's form. Every command does so by itself when it opens
    an older one; a copy from before is kept in var/backups/.
    """
    path = database_of(config_of(context))
    before = backups.inspect(path).revision
    if is_check:
        wanted = backups.present_form()
        say(f"{path}: revision {before}, this release has {wanted}")
        return 0 if before == wanted else PROBLEMS
    with open_app(config_of(context)) as app, exclusive(app.folders.state):
        after = backups.inspect(path).revision
    said = "nothing to do" if before == after else f"{before} became {after}"
    say(f"{path}: {said}")
    return 0


@db.command(epilog="Example: publisher db vacuum")
@click.pass_context
def vacuum(context: click.Context) -> None:
    """Give back the room of what was removed. Not while the daemon is at work."""
    with open_app(config_of(context)) as app, exclusive(app.folders.state):
        before, after = backups.vacuum(app)
    say(f"{before:,} bytes became {after:,}")

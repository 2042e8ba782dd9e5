"""`publisher suppressions`: addresses that are never mailed again."""

import click

from publisher.bootstrap import open_app
from publisher.cli.console import emit, local, say, table
from publisher.cli.options import as_json, config_of
from publisher.services import suppressions as service


@click.group()
def suppressions() -> None:
    """Look at addresses that are never mailed again; add and lift them."""


@suppressions.command("list", epilog="Example: publisher suppressions list --json")
@as_json
@click.pass_context
def list_suppressions(context: click.Context, as_json: bool) -> None:
    """List suppressions by address; of erased addresses only a hash is kept."""
    with open_app(config_of(context)) as app:
        found, zone = service.listing(app), app.site.zone
    if as_json:
        rows = [{"email": one.address, "reason": one.reason, "at": one.at} for one in found]
        emit("suppressions", {"suppressions": rows})
        return
    table(
        ("address", "reason", "since"),
        [(one.address or "(erased)", one.reason.value, local(one.at, zone)) for one in found],
    )


@suppressions.command(epilog="Example: publisher suppressions add ann@example.org")
@click.argument("email")
@click.pass_context
def add(context: click.Context, email: str) -> None:
    """Never mail EMAIL again, whoever asks."""
    with open_app(config_of(context)) as app:
        is_new = service.add(app, email)
    say(f"{email}: suppressed" if is_new else f"{email}: was suppressed already")


@suppressions.command(epilog="Example: publisher suppressions remove ann@example.org")
@click.argument("email")
@click.pass_context
def remove(context: click.Context, email: str) -> int:
    """Lift the suppression of EMAIL; it may sign up again, and gets what is still confirmed."""
    with open_app(config_of(context)) as app:
        lifted = service.remove(app, email)
    say(f"{email}: lifted" if lifted else f"{email}: was not suppressed")
    return 0 if lifted else 1

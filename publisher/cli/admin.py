"""`publisher admin`: who may use the operator page."""

import sys

import click

from publisher.bootstrap import open_app
from publisher.cli.console import emit, local, say, table
from publisher.cli.options import as_json, config_of
from publisher.services import admins


@click.group()
def admin() -> None:
    """Say who may use the operator page."""


@admin.command(epilog="Example: publisher admin add ann")
@click.argument("name")
@click.pass_context
def add(context: click.Context, name: str) -> None:
    """Add an operator. Asks for a password twice; in a pipe, reads one line."""
    with open_app(config_of(context)) as app:
        admins.add(app, name, _ask())
        say(f"{name} may log in at {app.site.link('admin')}")


@admin.command(epilog="Example: publisher admin passwd ann")
@click.argument("name")
@click.pass_context
def passwd(context: click.Context, name: str) -> None:
    """Give an operator another password. Every session of theirs ends."""
    with open_app(config_of(context)) as app:
        admins.get(app, name)
        admins.change_password(app, name, _ask(), who="command")
    say(f"{name} has another password; every session has ended")


@admin.command(epilog="Example: publisher admin remove ann")
@click.argument("name")
@click.pass_context
def remove(context: click.Context, name: str) -> None:
    """Take an operator away. Every session of theirs ends."""
    with open_app(config_of(context)) as app:
        admins.remove(app, name)
    say(f"{name} may not log in any more")


@admin.command("list", epilog="Example: publisher admin list --json")
@as_json
@click.pass_context
def list_admins(context: click.Context, as_json: bool) -> None:
    """List the operators and how many sessions each has open."""
    with open_app(config_of(context)) as app:
        found = admins.listing(app)
        zone = app.site.zone
    if as_json:
        payload = [
            {"name": one.name, "since": one.created_at, "sessions": count} for one, count in found
        ]
        emit("admins", {"admins": payload})
        return
    rows = [(one.name, local(one.created_at, zone), str(count)) for one, count in found]
    table(("name", "since", "sessions"), rows)


def _ask() -> str:
    if sys.stdin.isatty():
        password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return password
    return sys.stdin.readline().rstrip("\r\n")

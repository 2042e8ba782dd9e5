"""`publisher admin`: who may use the operator page."""

import sys
from textwrap import wrap

import click

from publisher.bootstrap import open_app
from publisher.cli.console import emit, local, say, table
from publisher.cli.options import as_json, config_of
from publisher.services import admins, second_factors


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


@admin.command(epilog="Example: publisher admin totp ann")
@click.argument("name")
@click.option("--code", default="", help="Confirm the secret: what the authenticator shows.")
@click.option("--off", is_flag=True, help="Ask this operator for no code any more.")
@click.pass_context
def totp(context: click.Context, name: str, code: str, off: bool) -> None:
    """Ask an operator for the code of an authenticator too (TOTP), or no more.

    Prints a secret for the authenticator. The first code confirms it; every session of the
    operator ends.
    """
    with open_app(config_of(context)) as app:
        found = admins.get(app, name)
        if off:
            second_factors.turn_off(app, found)
            say(f"{name} logs in without a code; every session has ended")
            return
        if not code:
            _show(second_factors.propose(app, found))
            if not sys.stdin.isatty():
                say("not asked for yet: confirm it by --code and what the authenticator shows")
                return
            code = click.prompt("The first code")
        second_factors.confirm(app, admins.get(app, name), code)
    say(f"{name} logs in with a code from now on; every session has ended")


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
            {
                "name": one.name,
                "since": one.created_at,
                "sessions": count,
                "second_factor": one.has_second_factor,
            }
            for one, count in found
        ]
        emit("admins", {"admins": payload})
        return
    rows = [
        (one.name, local(one.created_at, zone), str(count), "yes" if one.has_second_factor else "")
        for one, count in found
    ]
    table(("name", "since", "sessions", "second factor"), rows)


@admin.command(epilog="Example: publisher admin sessions --end 3f9a01bc")
@click.option("--end", "mark", metavar="SESSION", default="", help="End this one.")
@as_json
@click.pass_context
def sessions(context: click.Context, mark: str, as_json: bool) -> None:
    """List who is logged in to the operator page, or end a session."""
    with open_app(config_of(context)) as app:
        if mark:
            ended = admins.end_session(app, mark)
            say(f"a session of {ended.admin.name} has ended")
            return
        found = admins.sessions(app)
        zone = app.site.zone
    marks = [(one.key[: admins.MARK_LENGTH], one) for one in found]
    if as_json:
        payload = [
            {"session": mark, "name": one.admin.name, "since": one.created_at, "used": one.used_at}
            for mark, one in marks
        ]
        emit("sessions", {"sessions": payload})
        return
    rows = [
        (mark, one.admin.name, local(one.created_at, zone), local(one.used_at, zone))
        for mark, one in marks
    ]
    table(("session", "name", "since", "last used"), rows)


@admin.command(epilog="Example: publisher admin log --limit 100")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, help="So many (50).")
@as_json
@click.pass_context
def log(context: click.Context, limit: int, as_json: bool) -> None:
    """Show what operators did, newest first: at the page by name, at the command line."""
    with open_app(config_of(context)) as app:
        found = admins.deeds(app, limit)
        zone = app.site.zone
    if as_json:
        payload = [
            {"at": one.at, "who": one.who, "action": one.action, "detail": one.detail}
            for one in found
        ]
        emit("audit", {"deeds": payload})
        return
    rows = [(local(one.at, zone), one.who, one.action, one.detail) for one in found]
    table(("when", "who", "did", "to"), rows)


def _show(proposal: second_factors.Proposal) -> None:
    click.echo(proposal.uri)
    click.echo(" ".join(wrap(proposal.secret, 4)))


def _ask() -> str:
    if sys.stdin.isatty():
        password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return password
    return sys.stdin.readline().rstrip("\r\n")

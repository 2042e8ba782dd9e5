"""`publisher tokens`: who may use the programming interface."""

import click

from publisher.bootstrap import open_app
from publisher.cli.console import emit, local, say, table
from publisher.cli.options import as_json, config_of
from publisher.domain.api_tokens import Scope
from publisher.services import api_tokens as service


@click.group()
def tokens() -> None:
    """Make, list and revoke tokens for the programming interface."""


@tokens.command(epilog="Example: publisher tokens create shop --scope subscribers:write")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([scope.value for scope in Scope]),
    multiple=True,
    required=True,
    help="What it allows; may be repeated.",
)
@click.pass_context
def create(context: click.Context, name: str, scopes: tuple[str, ...]) -> None:
    """Make a token called NAME and print its secret, once."""
    with open_app(config_of(context)) as app:
        secret = service.create(app, name, frozenset(Scope(scope) for scope in scopes))
    say("keep it now: it is shown once, and only a hash of it is kept")
    click.echo(secret)


@tokens.command("list", epilog="Example: publisher tokens list")
@as_json
@click.pass_context
def list_tokens(context: click.Context, as_json: bool) -> None:
    """List tokens by name."""
    with open_app(config_of(context)) as app:
        found, zone = service.listing(app), app.site.zone
    if as_json:
        rows = [
            {"name": one.name, "scopes": sorted(one.scopes), "created_at": one.created_at}
            for one in found
        ]
        emit("tokens", {"tokens": rows})
        return
    table(
        ("name", "scopes", "made"),
        [(one.name, " ".join(sorted(one.scopes)), local(one.created_at, zone)) for one in found],
    )


@tokens.command(epilog="Example: publisher tokens revoke shop")
@click.argument("name")
@click.pass_context
def revoke(context: click.Context, name: str) -> None:
    """End the token called NAME at once."""
    with open_app(config_of(context)) as app:
        service.revoke(app, name)
    say(f"{name}: revoked")

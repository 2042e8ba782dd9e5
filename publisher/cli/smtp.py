"""`publisher smtp`: does the relay take our mail?"""

import click

from publisher.bootstrap import open_app
from publisher.cli.console import emit, say
from publisher.cli.options import as_json, config_of
from publisher.services import relays as service
from publisher.services.relays import RelayTrial


@click.group()
def smtp() -> None:
    """Look at the relays."""


@smtp.command("test", epilog="Example: publisher smtp test me@example.org")
@click.argument("address", required=False)
@as_json
@click.pass_context
def try_relays(context: click.Context, address: str | None, as_json: bool) -> int:
    """Connect to each relay, encrypt, log in, and show what it offers; send a message if asked.

    A relay that was paused is used again once this works.
    """
    with open_app(config_of(context)) as app:
        trials = service.try_out(app, address)
    if as_json:
        emit("relays", {"relays": [_payload(trial) for trial in trials]})
    else:
        for trial in trials:
            _print(trial)
    return 1 if any(trial.problem for trial in trials) else 0


def _print(trial: RelayTrial) -> None:
    click.echo(f"{trial.name}  {trial.address}")
    click.echo(f"  line     {trial.tls or 'plain text'}")
    click.echo(f"  login    {trial.login or 'none'}")
    for keyword, value in sorted(trial.offers.items()):
        click.echo(f"  offers   {keyword} {value}".rstrip())
    if trial.message:
        click.echo(f"  message  {trial.message}")
    if trial.problem:
        say(f"  problem  {trial.problem}")


def _payload(trial: RelayTrial) -> dict[str, object]:
    return {
        "relay": trial.name,
        "address": trial.address,
        "tls": trial.tls,
        "login": trial.login,
        "offers": dict(trial.offers),
        "message": trial.message,
        "problem": trial.problem,
    }

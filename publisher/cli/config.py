"""`publisher config`: the settings in force."""

import json

import click

from publisher.cli.console import emit
from publisher.cli.options import as_json, config_of
from publisher.settings import load_settings, masked


@click.group()
def config() -> None:
    """Look at the settings."""


@config.command(epilog="Example: publisher config show --json")
@as_json
@click.pass_context
def show(context: click.Context, as_json: bool) -> None:
    """Print every setting in force, secrets masked."""
    values = masked(load_settings(config_of(context)))
    if as_json:
        emit("config", values)
        return
    for section, keys in values.items():
        tables = keys if isinstance(keys, list) else [keys]
        for each in tables:
            click.echo(f"[[{section}]]" if isinstance(keys, list) else f"[{section}]")
            for key, value in each.items():
                click.echo(f"{key} = {json.dumps(value, ensure_ascii=False, default=str)}")
            click.echo()

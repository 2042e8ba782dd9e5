"""`publisher config`: the settings in force."""

import json
from collections.abc import Mapping
from typing import Any

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
            _print_table(f"[[{section}]]" if isinstance(keys, list) else f"[{section}]", each)
            for key, value in _tables(each).items():
                _print_table(f"[{section}.{key}]", value)


def _tables(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value and isinstance(value, dict)}


def _print_table(heading: str, values: Mapping[str, Any]) -> None:
    """One table as config.toml has it, without those within it."""
    click.echo(heading)
    for key, value in values.items():
        if key not in _tables(values):
            name = key if key.isidentifier() else json.dumps(key, ensure_ascii=False)
            click.echo(f"{name} = {json.dumps(value, ensure_ascii=False, default=str)}")
    click.echo()

"""`publisher dkim`: keys of our own, and what the DNS must say of them."""

import click

from publisher.bootstrap import open_app
from publisher.cli.console import emit, say
from publisher.cli.options import as_json, config_of
from publisher.services import dkim as service
from publisher.services.app import App

_selector = click.option(
    "--selector", default=None, help="The keys of this name, not those of the settings."
)


@click.group()
def dkim() -> None:
    """Sign mail with keys of your own."""


@dkim.command(epilog="Example: publisher dkim keygen --selector autumn2026")
@_selector
@as_json
@click.pass_context
def keygen(context: click.Context, selector: str | None, as_json: bool) -> None:
    """Make the keys that are missing, for each domain that mail is from.

    Existing keys stay as they are. Prints the DNS records to publish.
    """
    with open_app(config_of(context)) as app:
        name = _named(app, selector)
        made = service.keygen(app, name)
        active = app.dkim.selector
    if as_json:
        rows = [
            {"path": each.path, "new": each.is_new}
            | {"name": each.record.name, "value": each.record.value}
            for each in made
        ]
        emit("dkim-keys", {"selector": name, "keys": rows})
        return
    for each in made:
        say(f"{'made' if each.is_new else 'kept'} {each.path}")
        click.echo(each.record)
    if active != name:
        say(f'once these records are in the DNS, set selector = "{name}" in [dkim]')


@dkim.command(epilog="Example: publisher dkim show")
@_selector
@as_json
@click.pass_context
def show(context: click.Context, selector: str | None, as_json: bool) -> None:
    """Print the DNS records of the keys, as lines for a zone file."""
    with open_app(config_of(context)) as app:
        records = service.records(app, _named(app, selector))
    if as_json:
        emit("dkim", {"records": [{"name": r.name, "value": r.value} for r in records]})
        return
    for record in records:
        click.echo(record)


def _named(app: App, selector: str | None) -> str:
    return selector or app.dkim.selector or service.DEFAULT_SELECTOR

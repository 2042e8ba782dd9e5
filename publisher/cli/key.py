"""`publisher key`: the secret that links are made with."""

import click

from publisher.bootstrap import rotate_key
from publisher.cli.console import say
from publisher.cli.options import config_of


@click.group()
def key() -> None:
    """Look after the site's secret key."""


@key.command(epilog="Example: publisher key rotate")
@click.pass_context
def rotate(context: click.Context) -> None:
    """Make a new key for new links; old links go on working.

    Reload the daemon afterwards. To let old links die, remove the lines behind the first one.
    """
    count = rotate_key(config_of(context))
    say(f"a new key makes the links from now on; {count - 1} earlier ones are still accepted")
    say("reload the daemon (systemctl reload publisher), and copy the file to your backups")

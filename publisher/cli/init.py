"""`publisher init`: a new site."""

from pathlib import Path

import click

from publisher.bootstrap import found_site
from publisher.cli.console import say


@click.command(epilog="Example: publisher init mysite && cd mysite && publisher publish")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
@click.option("--empty", is_flag=True, help="No sample posts, no sample subscribers.")
def init(folder: Path, empty: bool) -> None:
    """Make FOLDER a site: config.toml, content/, a secret key and the database.

    What is there already stays as it is, so that repeating the command does no harm.
    """
    opening = found_site(folder, sample=not empty)
    for name in opening.created:
        say(f"created  {folder / name}")
    for name in opening.kept:
        say(f"kept     {folder / name}")
    if opening.subscribers:
        say(f"added    {opening.subscribers} sample subscribers at addresses that reach nobody")
    say("next: publisher publish")

"""`publisher init`: a new site."""

from pathlib import Path

import click
from click.core import ParameterSource

from publisher.bootstrap import found_site
from publisher.cli.console import say


@click.command(epilog="Example: publisher init mysite && cd mysite && publisher publish")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
@click.option("--empty", is_flag=True, help="For a site of your own: nothing of the sample.")
@click.pass_context
def init(context: click.Context, folder: Path, empty: bool) -> None:
    """Make FOLDER a site: config.toml, content/, a secret key and the database.

    What is there already stays as it is, so that repeating the command does no harm.
    """
    root = context.find_root()
    if root.get_parameter_source("config_file") is ParameterSource.COMMANDLINE:
        raise click.UsageError("init writes config.toml: leave --config out, or say -C")
    folder = root.params["directory"] / folder
    opening = found_site(folder, sample=not empty)
    for name in opening.created:
        say(f"created  {folder / name}")
    for name in opening.kept:
        say(f"kept     {folder / name}")
    if opening.subscribers:
        say(f"added    {opening.subscribers} sample subscribers at addresses that reach nobody")
    say(
        "next: go through config.toml, then publisher check" if empty else "next: publisher publish"
    )

"""The `publisher` command: all commands are named here, all errors become exit codes here."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import click

from publisher.cli.lazy import LazyCommand, LazyGroup
from publisher.errors import ConfigError, Locked, PublisherError
from publisher.logs import set_up

FAILED, USAGE, PROBLEMS, PARTLY, TRY_LATER, BAD_CONFIG, INTERRUPTED = 1, 2, 3, 4, 75, 78, 130
"""Exit codes besides 0 (sysexits.h where it has one); see docs/commands.md."""


COMMANDS = (
    "init", "new", "posts", "check", "preview", "config", "key",
    "build", "feeds", "plan", "publish", "run", "serve",
    "issues", "send", "deliveries", "resume", "smtp", "dkim",
    "subscribers", "suppressions",
    "admin", "tokens", "status", "doctor", "healthcheck", "backup", "restore", "db",
    "systemd-unit",
)  # fmt: skip
"""From an empty folder to a daemon that is looked after; each is a file of its name."""

_FILES = {"restore": "backup"}
"""But for these."""


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-C",
    "--directory",
    type=click.Path(path_type=Path),
    default=Path(),
    help="Work in this folder.",
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    default=Path("config.toml"),
    help="The config file, seen from the folder.",
)
@click.version_option(package_name="publisher")
@click.pass_context
def cli(context: click.Context, directory: Path, config_file: Path) -> None:
    """Markdown posts in a folder become feeds, and digests that reach each subscriber once.

    Start with `publisher init mysite`, then `publisher publish` inside it.
    """
    context.obj = directory / config_file


for name in COMMANDS:
    function = name.replace("-", "_")
    cli.add_command(LazyCommand(name, file=_FILES.get(name, function), function=function))


def run(arguments: Sequence[str]) -> int:
    """Runs one command line; returns its exit code and never raises."""
    set_up(level="warning", format="auto", stream=sys.stderr)
    try:
        code = cli.main(list(arguments), prog_name="publisher", standalone_mode=False) or 0
        if sys.stdout:
            sys.stdout.flush()
        return code
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return USAGE
    except PublisherError as error:
        click.echo(f"error: {error}", err=True)
        return exit_code(error)
    except BrokenPipeError:  # the reader of our pipe has gone
        sys.stderr.close()
        return FAILED
    except OSError as error:  # a full disk, or one that may not be written
        place = f"{error.filename}: " if error.filename else ""
        with suppress(OSError):
            click.echo(f"error: {place}{error.strerror or error}", err=True)
        return FAILED


def exit_code(error: PublisherError) -> int:
    """The exit code that an error means."""
    match error:
        case ConfigError():
            return BAD_CONFIG
        case Locked():
            return TRY_LATER
        case _:
            return FAILED


def main() -> None:
    """The entry point of the installed command."""
    code = run(sys.argv[1:])
    try:
        if sys.stdout:
            sys.stdout.flush()
    except OSError:  # it has been told; Python must not try once more when it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)

"""The `publisher` command: all commands are named here, all errors become exit codes here."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from publisher.cli import (
    admin,
    backup,
    build,
    check,
    config,
    db,
    deliveries,
    dkim,
    doctor,
    feeds,
    healthcheck,
    init,
    issues,
    key,
    new,
    plan,
    posts,
    preview,
    publish,
    resume,
    send,
    serve,
    smtp,
    status,
    subscribers,
    suppressions,
    systemd_unit,
    tokens,
)
from publisher.cli.run import run as run_pass
from publisher.errors import ConfigError, Locked, PublisherError
from publisher.logs import set_up

FAILED, USAGE, PROBLEMS, PARTLY, TRY_LATER, BAD_CONFIG, INTERRUPTED = 1, 2, 3, 4, 75, 78, 130
"""Exit codes besides 0 (sysexits.h where it has one); see docs/commands.md."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
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


for command in (
    init.init,
    check.check,
    doctor.doctor,
    build.build,
    plan.plan,
    preview.preview,
    publish.publish,
    resume.resume,
    run_pass,
    serve.serve,
    send.send,
    smtp.smtp,
    healthcheck.healthcheck,
    status.status,
    posts.posts,
    new.new,
    issues.issues,
    deliveries.deliveries,
    feeds.feeds,
    subscribers.subscribers,
    suppressions.suppressions,
    tokens.tokens,
    dkim.dkim,
    key.key,
    admin.admin,
    backup.backup,
    backup.restore,
    db.db,
    config.config,
    systemd_unit.systemd_unit,
):
    cli.add_command(command)


def run(arguments: Sequence[str]) -> int:
    """Runs one command line; returns its exit code and never raises."""
    set_up(level="warning", format="auto", stream=sys.stderr)
    try:
        return cli.main(list(arguments), prog_name="publisher", standalone_mode=False) or 0
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
    sys.exit(run(sys.argv[1:]))

"""`publisher systemd-unit`: the unit file for this installation."""

import shlex
import sys
from importlib.resources import files
from pathlib import Path

import click


@click.command(
    "systemd-unit", epilog="Example: publisher systemd-unit > /etc/systemd/system/publisher.service"
)
def systemd_unit() -> None:
    """Print a hardened systemd unit that runs this very program."""
    click.echo(_template().replace("/usr/bin/publisher", shlex.quote(_program())), nl=False)


def _program() -> str:
    beside = Path(sys.executable).with_name("publisher")
    return str(beside) if beside.exists() else "/usr/bin/publisher"


def _template() -> str:
    """The unit as shipped: inside an installed package, or beside the sources."""
    shipped = files("publisher").joinpath("_deploy", "publisher.service")
    if shipped.is_file():
        return shipped.read_text(encoding="utf-8")
    beside = Path(__file__).parents[2] / "deploy" / "publisher.service"
    return beside.read_text(encoding="utf-8")

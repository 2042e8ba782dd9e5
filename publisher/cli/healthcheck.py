"""`publisher healthcheck`: whether the daemon of this site is fit for work."""

import math
from typing import Any

import click

from publisher.cli.console import say
from publisher.cli.options import config_of
from publisher.net import http
from publisher.settings import load_settings

FAILED = 1
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # nosec B104  where it listens, seen from here


class Seconds(click.FloatRange):
    """A length of time; of "not a number" every range holds."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        seconds = float(super().convert(value, param, ctx))
        return self.fail(f"{value!r} is no number", param, ctx) if math.isnan(seconds) else seconds


@click.command(epilog="Example: publisher healthcheck")
@click.option(
    "--timeout",
    type=Seconds(0.1, 3600),
    default=5.0,
    show_default=True,
    help="Seconds to wait.",
)
@click.pass_context
def healthcheck(context: click.Context, timeout: float) -> int:
    """Ask the daemon on this machine whether it is fit for work. Exits 1 if not. For containers."""
    web = load_settings(config_of(context)).web
    host = _EVERYWHERE.get(web.host, web.host)
    place = f"[{host}]" if ":" in host else host
    asked = http.Request(
        method="GET",
        url=f"http://{place}:{web.port}/readyz",
        headers={"Host": "localhost"},  # the daemon answers to this, whatever its address
    )
    answer = http.send(asked, limits=http.Limits(seconds=timeout), allow_private=True)
    say(answer.body.decode("utf-8", "replace").strip())
    return 0 if answer.is_success else FAILED

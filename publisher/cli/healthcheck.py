"""`publisher healthcheck`: whether the daemon of this site is fit for work."""

import http.client

import click

from publisher.cli.console import say
from publisher.cli.options import config_of
from publisher.settings import load_settings

FAILED = 1
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  where it listens, seen from here


@click.command(epilog="Example: publisher healthcheck")
@click.option("--timeout", type=float, default=5.0, show_default=True, help="Seconds to wait.")
@click.pass_context
def healthcheck(context: click.Context, timeout: float) -> int:
    """Ask the daemon on this machine whether it is fit for work. Exits 1 if not. For containers."""
    web = load_settings(config_of(context)).web
    connection = http.client.HTTPConnection(
        _EVERYWHERE.get(web.host, web.host), web.port, timeout=timeout
    )
    try:
        connection.request("GET", "/readyz", headers={"Host": "localhost"})
        answer = connection.getresponse()
        words = answer.read(10_000).decode("utf-8", "replace").strip()
    except OSError as error:
        say(f"no answer at {web.host}:{web.port}: {error}")
        return FAILED
    finally:
        connection.close()
    say(words)
    return 0 if answer.status == 200 else FAILED

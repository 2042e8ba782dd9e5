"""`publisher serve`: the daemon, web and scheduler in one process."""

import asyncio
import signal
import sys

import click

from publisher.bootstrap import open_app
from publisher.cli.console import say
from publisher.cli.options import config_of
from publisher.jobs import local, notices
from publisher.logs import set_up
from publisher.services.app import App
from publisher.services.lock import exclusive
from publisher.services.publishing import refuse_public_inbox
from publisher.web import server


@click.command(epilog="Example: publisher serve")
@click.pass_context
def serve(context: click.Context) -> None:
    """Run the daemon: it sends what is due when it is due, and serves feeds and pages.

    Ends on SIGTERM or Ctrl-C after the message in hand.
    """
    with open_app(config_of(context)) as app, exclusive(app.folders.state):
        refuse_public_inbox(app)
        set_up(level=app.log.level, format=app.log.format, stream=sys.stderr)
        try:
            asyncio.run(_run(app))
        except ExceptionGroup as group:
            raise _first(group) from group


async def _run(app: App) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask(number: int) -> None:
        stop.set()
        loop.remove_signal_handler(number)  # the next one ends the process at once

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ask, number)
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve(app, stop, ready=lambda port: _greet(app, port)))
        group.create_task(local.work(app, stop))
        group.create_task(notices.work(app, stop))


def _first(group: ExceptionGroup[Exception]) -> Exception:
    """What ended the daemon, out of the wrapping that task groups put around it."""
    first = group.exceptions[0]
    return _first(first) if isinstance(first, ExceptionGroup) else first


def _greet(app: App, port: int) -> None:
    address = f"http://{app.listen.host}:{port}/"
    say(f"serving {app.site.title} at {address}")
    if app.relay is None:
        say(f"no relay is configured: mail goes to the built-in inbox, {address}inbox")

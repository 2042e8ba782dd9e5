"""`publisher serve`: the daemon, web and worker in one process.

One *generation* is an `App` at work. SIGHUP ends a generation, once the new settings are known to
be good, and the next one begins behind the same open sockets: nobody is refused meanwhile.
"""

import asyncio
import logging
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

import click

from publisher.bootstrap import open_app
from publisher.cli.console import say
from publisher.cli.options import config_of
from publisher.errors import ConfigError, PublisherError
from publisher.jobs.local import Worker, keep_polls
from publisher.jobs.systemd import Notifier
from publisher.logs import set_up
from publisher.services import admins, instances, status
from publisher.services.app import App
from publisher.services.lock import exclusive
from publisher.services.publishing import refuse_public_inbox
from publisher.services.vitals import Vitals
from publisher.settings import notify_address
from publisher.web import server
from publisher.web.app import build_app
from publisher.web.monitor import build_monitor

log = logging.getLogger(__name__)

ROLES = ("all", "web", "worker")
FORMATS = ("auto", "text", "json", "journald")


@click.command(epilog="Example: publisher serve --role all")
@click.option(
    "--role",
    type=click.Choice(ROLES),
    default="all",
    show_default=True,
    help="What this process does: the pages, the work, or both.",
)
@click.option(
    "--log-format", type=click.Choice(FORMATS), default=None, help="Instead of [log] format."
)
@click.pass_context
def serve(context: click.Context, role: str, log_format: str | None) -> None:
    """Run the daemon: it sends what is due when it is due, and serves feeds and pages.

    Ends on SIGTERM or Ctrl-C after the message in hand; on SIGHUP it reads its settings anew.
    """
    daemon = _Daemon(config_of(context), role=role, log_format=log_format)
    try:
        asyncio.run(daemon.run())
    except ExceptionGroup as group:
        raise _first(group) from group


class _Daemon:
    """Generation after generation, until somebody says stop."""

    def __init__(self, config: Path, *, role: str, log_format: str | None) -> None:
        self._config = config
        self._role = role
        self._log_format = log_format
        self._notifier = Notifier(notify_address())
        self._vitals = Vitals()
        self._is_ending = False
        self._stop = asyncio.Event()
        self._closing = asyncio.Event()
        self._now: _Opened | None = None
        self._next: _Opened | None = None

    async def run(self) -> None:
        """Works until SIGTERM or SIGINT. Raises `Locked`, and what opening an app raises."""
        self._now = _Opened(self._config, self._vitals)
        with ExitStack() as stack:
            stack.callback(self._close)
            app = self._now.app
            self._log_to(app)
            if self._role != "web":
                stack.enter_context(exclusive(app.folders.state))
                instances.start(app)
            sockets = stack.enter_context(_Sockets(app, self._role))
            self._handle_signals()
            while not self._is_ending:
                await self._generation(self._now, sockets)
                if self._next:
                    self._now = self._turn(self._now, self._next, sockets)
                    self._next = None

    def _close(self) -> None:
        for opened in (self._now, self._next):
            if opened:
                opened.close()

    def _turn(self, now: "_Opened", anew: "_Opened", sockets: "_Sockets") -> "_Opened":
        """The site that goes on: by its new settings, unless somebody else has their address."""
        try:
            sockets.change(anew.app)
        except PublisherError as error:
            self._refuse(error)
            anew.close()
            return now
        now.close()
        self._log_to(anew.app)
        log.info("config.reloaded")
        return anew

    async def _generation(self, opened: "_Opened", sockets: "_Sockets") -> None:
        app = opened.app
        self._stop.clear()
        self._closing.clear()
        async with asyncio.TaskGroup() as group:
            if self._role != "worker":
                web = server.serve(
                    opened.web, self._closing, sockets.web, ready=lambda: self._greet(app, sockets)
                )
                group.create_task(web)
                group.create_task(keep_polls(app, self._closing))
            if sockets.monitor:
                group.create_task(server.serve(build_monitor(app), self._closing, sockets.monitor))
            group.create_task(self._work(app))
            if self._role == "worker":
                self._notifier.ready()

    async def _work(self, app: App) -> None:
        """Works until told to stop; pages are served for as long as that takes to end."""
        if self._role == "web":
            await self._stop.wait()
        else:
            await Worker(app, self._stop, self._notifier).run()
        self._closing.set()

    def _greet(self, app: App, sockets: "_Sockets") -> None:
        self._notifier.ready()
        address = f"http://{app.listen.host}:{sockets.web.getsockname()[1]}/"
        say(f"serving {app.site.title} at {address}")
        if link := admins.invitation(app):
            say(f"there is no operator yet: make the first one within an hour at {link}")
        if app.relay is None:
            say(f"no relay is configured: mail goes to the built-in inbox, {address}inbox")

    def _log_to(self, app: App) -> None:
        format = self._log_format or app.log.format
        set_up(level=app.log.level, format=format, stream=sys.stderr)

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        handlers = {
            signal.SIGINT: lambda: self._end(signal.SIGINT),
            signal.SIGTERM: lambda: self._end(signal.SIGTERM),
            signal.SIGHUP: self._reload,
            signal.SIGUSR1: self._tell,
        }
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)

    def _end(self, number: signal.Signals) -> None:
        self._is_ending = True
        self._vitals.is_draining = True
        self._notifier.stopping()
        self._stop.set()
        self._closing.set()
        asyncio.get_running_loop().remove_signal_handler(number)  # the next one ends it at once

    def _reload(self) -> None:
        """Ends this generation if the settings are good; else all stays as it is."""
        self._notifier.reloading()
        try:
            candidate = self._open_anew()
        except Exception as error:  # the daemon outlives any one reload
            self._refuse(error)
            self._notifier.ready()
            return
        if self._next:
            self._next.close()
        self._next = candidate
        self._vitals.last_reload_succeeded = True
        self._stop.set()

    def _refuse(self, error: Exception) -> None:
        self._vitals.last_reload_succeeded = False
        trace = None if isinstance(error, PublisherError) else error
        log.error("config.refused", exc_info=trace, extra={"problem": str(error)})

    def _open_anew(self) -> "_Opened":
        """The site by its settings of now. Raises what is wrong with them."""
        candidate = _Opened(self._config, self._vitals)
        if self._now and candidate.app.folders.state != self._now.app.folders.state:
            candidate.close()
            problem = (
                "[state] folder needs a restart: the lock that we hold and the checks of a start "
                "belong to the old one"
            )
            raise ConfigError([problem])
        return candidate

    def _tell(self) -> None:
        """SIGUSR1: how things stand, into the log."""
        if self._now is None:
            return
        app = self._now.app
        for entry in status.status(app, now=app.clock()):
            log.info(
                "status.told",
                extra={
                    "newsletter": entry.newsletter.id,
                    "next": entry.next.slot if entry.next else None,
                    "last": entry.last.period if entry.last else None,
                    "status": entry.last.status.value if entry.last else None,
                    **{state.value: count for state, count in entry.deliveries.items()},
                },
            )


class _Opened:
    """An `App` and the closing of it. Raises what is wrong with its settings."""

    def __init__(self, config: Path, vitals: Vitals) -> None:
        with ExitStack() as stack:
            self.app = stack.enter_context(open_app(config, vitals=vitals))
            refuse_public_inbox(self.app)
            self.web = build_app(self.app)  # renders templates: before anybody depends on them
            self._stack = stack.pop_all()

    def close(self) -> None:
        """Closes the database."""
        self._stack.close()


class _Sockets:
    """The listening sockets, kept open from one generation to the next."""

    def __init__(self, app: App, role: str) -> None:
        self._role = role
        self._app = app

    def __enter__(self) -> "_Sockets":
        self._open(self._app)
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def change(self, app: App) -> None:
        """Other addresses, where the settings say so.

        Raises `PublisherError` where one cannot be had; those of before are open again then.
        """
        if (app.listen, app.monitor.listen) != (self._app.listen, self._app.monitor.listen):
            self._close()  # first: the new ones may be the old port on more addresses
            try:
                self._open(app)
            except PublisherError:
                self._close()
                self._open(self._app)
                raise
        self._app = app

    def _open(self, app: App) -> None:
        self._stack = ExitStack()
        if self._role != "worker":
            self.web = self._stack.enter_context(server.listen(app.listen))
        bind = app.monitor.listen
        self.monitor = self._stack.enter_context(server.listen(bind)) if bind else None

    def _close(self) -> None:
        self._stack.close()


def _first(group: ExceptionGroup[Exception]) -> Exception:
    """What ended the daemon, out of the wrapping that task groups put around it."""
    first = group.exceptions[0]
    return _first(first) if isinstance(first, ExceptionGroup) else first

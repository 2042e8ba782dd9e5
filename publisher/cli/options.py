"""Options that several commands share."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, time
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Any

import click

from publisher.clock import Clock, system_clock


class Instant(click.ParamType[datetime]):
    """An ISO 8601 instant with an offset, such as 2026-03-29T08:00:00+02:00."""

    name = "ISO"

    def convert(
        self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            instant = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no ISO 8601 date and time", param, ctx)
        if instant.tzinfo is None:
            hour = instant.time() if instant.time() != time() else time(9)
            whole = f"{instant.date()}T{hour:%H:%M}+08:00"
            self.fail(f"{value!r} needs a time and its offset, for example {whole}", param, ctx)
        if not 1900 <= instant.year < 9999:  # another zone may lead out of what there is
            self.fail(f"{value!r} is beyond what calendars here hold, 1900 to 9998", param, ctx)
        return instant


def config_of(context: click.Context) -> Path:
    """The config file that the command line names."""
    path: Path = context.find_root().obj
    return path


def clock_at(now: datetime | None) -> Clock:
    """The clock of a rehearsal: stands still at `now`; None means the real one."""
    return system_clock if now is None else lambda: now


Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

as_json: Decorator = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
rehearsed: Decorator = click.option(
    "--now", type=Instant(), default=None, help="Rehearse this moment (ISO 8601 with offset)."
)
newsletter_option: Decorator = click.option(
    "--newsletter", default=None, help="Only this newsletter (its id)."
)


@contextmanager
def stoppable() -> Iterator[Callable[[], bool]]:
    """SIGINT and SIGTERM ask to stop; the second one of them ends the process at once."""
    stop = Event()

    def ask(number: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    earlier = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop.is_set
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)

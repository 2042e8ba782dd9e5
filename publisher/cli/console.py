"""Words on stderr, data on stdout, as text or JSON."""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import Enum
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

import click

if TYPE_CHECKING:
    from rich.console import Console

PIPE_WIDTH = 10_000
"""Columns of a table that goes into a pipe: nothing is cut."""

QUIET_SECONDS = 5
"""Without a terminal, progress is a line this often."""


class Update(Protocol):
    """Shows how far something has come, in numbers and perhaps words."""

    def __call__(self, done: int, total: int, words: str = "") -> None: ...


def say(text: str = "") -> None:
    """A line for people, on stderr."""
    click.echo(text, err=True)


def emit(schema: str, payload: Mapping[str, object]) -> None:
    """One JSON document on stdout; `schema` names its form and version."""
    document = {"schema": f"publisher.{schema}/1", **payload}
    click.echo(json.dumps(document, ensure_ascii=False, indent=2, default=_plain))


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Aligned columns on stdout; han characters count double, as on a terminal."""
    from rich.table import Table  # noqa: PLC0415  # few commands draw, and it takes long to load

    grid = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        grid.add_column(heading, overflow="fold")
    for row in rows:
        grid.add_row(*(_visible(cell) for cell in row))
    _stdout().print(grid)


def local(instant: datetime | None, zone: ZoneInfo) -> str:
    """An instant as people read it, with its zone; empty for None."""
    return f"{instant.astimezone(zone):%a %Y-%m-%d %H:%M %Z}" if instant else ""


@contextmanager
def progress(label: str) -> Iterator[Update]:
    """A bar on a terminal, else a line every few seconds; call with (done, total, words)."""
    if sys.stderr.isatty():
        with _bar(label) as update:
            yield update
    else:
        yield _lines(label)


@contextmanager
def _bar(label: str) -> Iterator[Update]:
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
    )

    words = TextColumn("{task.fields[words]}")
    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), words)
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None, words="")

        def update(done: int, total: int, words: str = "") -> None:
            bar.update(task, completed=done, total=total, words=words)

        yield update


def _lines(label: str) -> Update:
    last = monotonic()

    def update(done: int, total: int, words: str = "") -> None:
        nonlocal last
        if monotonic() - last >= QUIET_SECONDS:
            last = monotonic()
            say(f"{label}: {done} of {total}{', ' if words else ''}{words}")

    return update


def _stdout() -> "Console":
    from rich.console import Console  # noqa: PLC0415

    return Console() if sys.stdout.isatty() else Console(width=PIPE_WIDTH, no_color=True)


def _visible(cell: str) -> str:
    """Control characters shown, rich's own markup off."""
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in cell)
    return shown.replace("[", "\\[")


def _plain(value: object) -> object:
    match value:
        case datetime():
            return value.isoformat()
        case Enum():
            return value.value
        case Path():
            return os.fspath(value)
        case _:
            return str(value)

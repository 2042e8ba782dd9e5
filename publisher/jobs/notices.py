"""Notices leave within seconds, also while an issue is being sent to many.

What time does to the data of subscribers (`services.retention`) happens here once a day.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from publisher.services import notices, retention, signups
from publisher.services.app import App

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
DAY = timedelta(days=1)


async def work(app: App, stop: asyncio.Event) -> None:
    """Decides what visitors asked for and sends notices, until `stop` is set."""
    await asyncio.to_thread(notices.recover, app)
    tidied = app.clock() - DAY
    while not stop.is_set():
        await asyncio.to_thread(_guarded, signups.work_off, app, stopping=stop.is_set)
        if app.clock() - tidied >= DAY:
            tidied = app.clock()
            await asyncio.to_thread(_guarded, retention.tidy, app)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_SECONDS)


def _guarded(work: Callable[..., object], app: App, **options: object) -> None:
    try:
        work(app, **options)
    except Exception:  # the daemon outlives any one notice
        log.exception("notices.crashed")

"""Notices leave within seconds, also while an issue is being sent to many."""

import asyncio
import logging
from contextlib import suppress

from publisher.services import notices, signups
from publisher.services.app import App

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0


async def work(app: App, stop: asyncio.Event) -> None:
    """Decides what visitors asked for and sends notices, until `stop` is set."""
    await asyncio.to_thread(notices.recover, app)
    while not stop.is_set():
        await asyncio.to_thread(_work_off, app, stop)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_SECONDS)


def _work_off(app: App, stop: asyncio.Event) -> None:
    try:
        signups.work_off(app, stopping=stop.is_set)
    except Exception:  # the daemon outlives any one notice
        log.exception("notices.crashed")

"""The built-in inbox: what was mailed while no relay is configured."""

from publisher.mail import inbox
from publisher.mail.inbox import Captured, Parts
from publisher.services.app import App


def listing(app: App) -> list[Captured]:
    """The captured messages, newest first."""
    return inbox.listing(app.folders.inbox)


def read(app: App, key: str) -> bytes:
    """One message as it was received. Raises `NotFound`."""
    return inbox.read(app.folders.inbox, key)


def parts(data: bytes) -> Parts:
    """The headers, the HTML and the text of a message."""
    return inbox.parts(data)

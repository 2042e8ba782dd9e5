"""How a handler answers: with something that nobody else may keep."""

from collections.abc import Mapping

from starlette.responses import HTMLResponse

PRIVATE = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}
"""For one person or one moment: no cache keeps it, no search engine lists it."""


def private(
    page: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> HTMLResponse:
    """A page with the `PRIVATE` headers and others."""
    return HTMLResponse(page, status_code=status, headers=PRIVATE | dict(headers or {}))

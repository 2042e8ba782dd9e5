"""A letter as different clients show it, for frames beside each other in one browser."""

import re
from enum import StrEnum

_STYLE = re.compile(r"<style\b.*?</style>", re.DOTALL | re.IGNORECASE)
_DARK_QUERY = re.compile(r"\(prefers-color-scheme:\s*dark\)")
_SCHEME = re.compile(r"color-scheme:\s*light dark|content=\"light dark\"")
_HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)


class Look(StrEnum):
    """One way to be shown."""

    LIGHT = "light"
    DARK = "dark"
    BARE = "bare"  # by a client that drops every style sheet, as QQ and 163 do


def as_seen(html: str, look: Look) -> str:
    """The letter for a frame that shows it so, whatever the browser prefers. Links open outside."""
    html = _HEAD.sub(r'\g<0><base target="_blank">', html, count=1)
    if look is Look.BARE:
        return _STYLE.sub("", html)
    query = "(min-width: 0px)" if look is Look.DARK else "(max-width: 0px)"
    html = _DARK_QUERY.sub(query, html)
    return _SCHEME.sub(lambda found: found[0].replace("light dark", look.value), html)

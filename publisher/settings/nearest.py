"""The name that somebody probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question to put behind a message, or nothing: `. Did you mean 'host'?`."""
    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f". Did you mean {close[0]!r}?" if close else ""

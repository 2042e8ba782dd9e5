"""Mail clients and what they can show: the data of caniemail.com, see `data/README.md`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_DATA = Path(__file__).with_name("data") / "caniemail.json"

OUTLOOK_CLASSIC = "Outlook classic"
"""Outlook for Windows as it was up to 2024: it shows mail by Word, and lives on until 2029."""

GMAIL = ("Gmail", "Gmail iOS", "Gmail Android")


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One thing that HTML or CSS can do.

    `slug` names it, also at caniemail.com; `tested` is the month of the last test (`2022-12`);
    `unsupported` and `partly` are clients by name, in the order of the data.
    """

    slug: str
    title: str
    tested: str
    unsupported: tuple[str, ...]
    partly: tuple[str, ...]

    @property
    def url(self) -> str:
        """Where the tests of it are shown."""
        return f"https://www.caniemail.com/features/{self.slug}/"


@lru_cache(maxsize=1)
def features() -> Mapping[str, Feature]:
    """Slug -> feature, all of them. Read once."""
    data = json.loads(_DATA.read_text(encoding="utf-8"))
    clients: list[str] = data["clients"]

    def named(letters: str, wanted: str) -> tuple[str, ...]:
        pairs = zip(clients, letters, strict=True)
        return tuple(client for client, letter in pairs if letter == wanted)

    return {
        slug: Feature(
            slug=slug,
            title=title,
            tested=tested,
            unsupported=named(letters, "n"),
            partly=named(letters, "a"),
        )
        for slug, (title, tested, letters) in data["features"].items()
    }

"""What pages and mails say besides what writers wrote: catalogues in TOML, a table a language."""

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from babel import Locale, UnknownLocaleError

from publisher.render.templates import Templates

FALLBACK = "en"
_RIGHT_TO_LEFT = frozenset({"ar", "dv", "fa", "he", "ku", "ps", "sd", "ug", "ur", "yi"})

Words = Mapping[str, Any]


def words_for(templates: Templates, catalogue: str, language: str) -> tuple[Words, Locale]:
    """The words of a catalogue nearest to a language, English if none, and the locale for dates.

    `catalogue` is a template's name, such as `pages/words.toml`. Raises `TemplateError`.
    """
    tables = _tables(templates.source(catalogue))
    primary = language.partition("-")[0].lower()
    if primary not in tables:
        return tables[FALLBACK], Locale(FALLBACK)
    try:
        return tables[primary], Locale.parse(language, sep="-")
    except (UnknownLocaleError, ValueError):
        return tables[primary], Locale(primary)


def languages_of(templates: Templates, catalogue: str) -> tuple[str, ...]:
    """The languages that a catalogue has, in its order."""
    return tuple(_tables(templates.source(catalogue)))


def direction(language: str) -> str:
    """Which way a language is written, as HTML says it."""
    return "rtl" if language.partition("-")[0] in _RIGHT_TO_LEFT else "ltr"


@lru_cache(maxsize=16)
def _tables(source: str) -> dict[str, Words]:
    return tomllib.loads(source)

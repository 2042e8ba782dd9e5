"""What pages say besides what writers wrote: a catalogue in TOML, a table a language.

Mails have catalogues of another kind (`render.words`), because whole sentences of theirs count.
"""

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from babel import Locale, UnknownLocaleError

from publisher.errors import TemplateError
from publisher.render.templates import Templates

CATALOGUE = "pages/words.toml"
"""The interface texts, as a template's name."""

FALLBACK = "en"

Table = Mapping[str, Any]


def page_words(templates: Templates, language: str) -> tuple[Table, Locale]:
    """The texts nearest to a language, English if there are none, and the locale for dates.

    Raises `TemplateError`.
    """
    tables = _tables(templates.source(CATALOGUE))
    primary = language.partition("-")[0].lower()
    if primary not in tables:
        primary = language = FALLBACK
    return tables[primary], _locale(language, primary)


def page_languages(templates: Templates) -> tuple[str, ...]:
    """The languages that pages can be shown in. Raises `TemplateError`."""
    return tuple(_tables(templates.source(CATALOGUE)))


@lru_cache(maxsize=64)
def _locale(language: str, primary: str) -> Locale:
    try:
        return Locale.parse(language, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale(primary)


@lru_cache(maxsize=4)
def _tables(source: str) -> dict[str, Table]:
    try:
        tables = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        raise TemplateError(CATALOGUE, 0, str(error)) from error
    if FALLBACK not in tables:
        raise TemplateError(CATALOGUE, 0, f"it must have a table [{FALLBACK}]")
    return tables

"""What mails say besides what writers wrote: gettext catalogues, read by Babel.

English stands in the templates and here; `email/words/<language>.po` holds the others. A site's
own folder may add a language, or change single messages of a shipped one (English too, as
`en.po`).
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from io import BytesIO, StringIO
from typing import Literal

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po
from babel.support import NullTranslations, Translations

from publisher.errors import TemplateError
from publisher.render.templates import Templates

_HAN = frozenset({"zh", "ja", "ko"})
_RIGHT_TO_LEFT = frozenset({"ar", "ckb", "dv", "fa", "he", "ks", "ps", "sd", "ug", "ur", "yi"})
_SCRIPTS_FROM_THE_RIGHT = frozenset({"Arab", "Hebr", "Nkoo", "Syrc", "Thaa"})


@dataclass(frozen=True, slots=True)
class Words:
    """One language's words and dates. `language` is the one asked for, as a BCP 47 tag."""

    language: str
    locale: Locale
    catalogue: NullTranslations

    @property
    def direction(self) -> str:
        """`rtl` or `ltr`; a script in the tag decides (`ku-Arab`), as in BCP 47."""
        primary, *others = self.language.split("-")
        script = next((each.title() for each in others if len(each) == 4 and each.isalpha()), "")
        if script:
            return "rtl" if script in _SCRIPTS_FROM_THE_RIGHT else "ltr"
        return "rtl" if primary in _RIGHT_TO_LEFT else "ltr"

    @property
    def is_han(self) -> bool:
        """Whether its type wants what Chinese does: no italics, and room between lines."""
        return self.language.partition("-")[0] in _HAN

    def text(self, message: str, /, **values: object) -> str:
        """The message in this language, its `%(name)s` filled in."""
        return self._filled(self.catalogue.gettext(message), values)

    def count(self, one: str, many: str, number: int, /, **values: object) -> str:
        """The message for a number, which is also its `%(num)s`."""
        chosen = self.catalogue.ngettext(one, many, number)
        return self._filled(chosen, {"num": number, **values})

    def date(self, day: date | datetime, form: Literal["full", "long", "medium"]) -> str:
        """A day as this language writes it."""
        return format_date(day, form, locale=self.locale)

    def _filled(self, message: str, values: dict[str, object]) -> str:
        return message % values if values else message


def words_for(templates: Templates, language: str) -> Words:
    """The words nearest to a language: `zh-TW` takes those of zh-Hant; none at all is English.

    Raises `TemplateError` for a catalogue that cannot be read.
    """
    locale = _locale(language)
    found = [
        (source, f"email/words/{name}.po", name)
        for name in _candidates(locale)
        for source in templates.sources(f"email/words/{name}.po")
    ]
    if not found:
        known = locale.language == "en"
        return Words(language, locale if known else Locale("en"), NullTranslations())
    return Words(language, locale, _merged(tuple(found)))


def language_for(templates: Templates, wanted: str, own: str) -> str:
    """The language to write to somebody in: theirs where there are words for it, else our own.

    A variety of our own (`en-GB` for `en`) is our own; one of another is the known tag of it.
    """
    primary = wanted.partition("-")[0].lower()
    if not primary or primary == own.partition("-")[0].lower():
        return own
    return known_language(templates, wanted) or own


def known_language(templates: Templates, wanted: str, also: Collection[str] = ()) -> str:
    """The tag under which we know a language, empty for none: `en` for `en-GB`.

    Known are those that there are words for (`zh-Hant` for `zh-TW`) and those of `also`. Text of
    a visitor never comes back, so that none gets into a mail or makes a rendering of its own.
    """
    if wanted in also:
        return wanted
    primary = wanted.partition("-")[0].lower()
    for name in _candidates(_locale(wanted)):
        is_theirs = name.partition("_")[0] == primary  # else it is English for want of a locale
        if is_theirs and (name == "en" or templates.sources(f"email/words/{name}.po")):
            return name.replace("_", "-")
    return primary if primary in also else ""


def _locale(language: str) -> Locale:
    try:
        return Locale.parse(language, sep="-")
    except (UnknownLocaleError, ValueError):
        pass
    try:
        return Locale(language.partition("-")[0].lower())
    except UnknownLocaleError:
        return Locale("en")


def _candidates(locale: Locale) -> Iterator[str]:
    """Catalogue names from the special to the general: `zh_Hant`, `zh`."""
    if locale.script:
        yield f"{locale.language}_{locale.script}"
    yield locale.language


@lru_cache(maxsize=16)
def _merged(found: tuple[tuple[str, str, str], ...]) -> Translations:
    """Catalogues as (text, file name, language), the first of them winning, as one."""
    *special, general = (_compiled(*each) for each in found)
    for catalogue in reversed(special):
        general.merge(catalogue)
    return general


def _compiled(source: str, name: str, language: str) -> Translations:
    compiled = BytesIO()
    try:
        # As text: whatever charset its header names, we have read it as UTF-8.
        catalogue = read_po(StringIO(source), locale=language, abort_invalid=True)
        catalogue.charset = "utf-8"
        write_mo(compiled, catalogue)
        compiled.seek(0)
        return Translations(compiled)
    except PoFileError as error:
        raise TemplateError(name, error.lineno, str(error)) from error
    except (UnknownLocaleError, LookupError, TypeError, ValueError) as error:
        raise TemplateError(name, 0, str(error)) from error

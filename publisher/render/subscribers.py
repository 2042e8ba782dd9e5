"""The pages of subscribers: signing up, confirming, choosing, leaving, their data.

Each is in the visitor's own language where there are words for it. Addresses are shown masked,
because whoever got a forwarded mail sees the page too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from babel import Locale, UnknownLocaleError
from babel.dates import format_date

from publisher.domain.addresses import mask
from publisher.domain.choices import NO_CHOICES, Choices
from publisher.domain.newsletters import Frequency, Newsletter
from publisher.domain.series import frequency_of, in_series, on_offer, rarer, series_of
from publisher.domain.sites import Site
from publisher.render.catalogues import page_languages, page_words
from publisher.render.pages import how_often, page
from publisher.render.templates import Templates

HONEYPOT = "website"
"""A field that people do not see, and that only programs fill in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The sign-up form as it stands: what was typed (`problem`: what is wrong with it), signed.

    `work_bits`: how much a browser must compute before it may be sent, 0 = nothing.
    """

    newsletters: Sequence[Newsletter]
    stamp: str
    address: str = ""
    chosen: str = ""
    problem: str = ""
    work_bits: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One newsletter on the preferences page."""

    newsletter: Newsletter
    receives: bool
    is_pending: bool
    paused_until: datetime | None
    chosen: Choices = NO_CHOICES


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What the privacy page says of the settings, in days."""

    confirm_days: int
    ip_days: int
    remember_erased: bool
    reconfirm_days: int
    sunset: bool


def languages(templates: Templates) -> tuple[str, ...]:
    """The languages that pages can be shown in."""
    return page_languages(templates)


def consent_text(templates: Templates, site: Site, language: str) -> str:
    """The words beside the form's button: what people agree to, kept as evidence."""
    words, _ = page_words(templates, language or site.language)
    return str(words["subscribe_consent"])


def subscribe(templates: Templates, site: Site, form: Form, *, language: str) -> bytes:
    """The sign-up form."""
    words, locale = page_words(templates, language or site.language)
    return page(
        templates,
        "subscribe",
        site,
        language=language,
        form=form,
        honeypot=HONEYPOT,
        languages=[
            {"code": code, "name": page_words(templates, code)[0]["language_name"]}
            for code in languages(templates)
        ],
        newsletters=[
            {"id": one.id, "title": one.title, "description": one.description}
            | {"language": one.language, "schedule": how_often(one.schedule, words, locale)}
            for one in form.newsletters
        ],
        frequencies=[
            (each.value, words[f"often_{each.value}"])
            for each in Frequency
            if any(each in one.frequencies for one in form.newsletters)
        ],
        chosen=form.chosen or (form.newsletters[0].id if form.newsletters else ""),
        url=site.link("/subscribe"),
    )


def said(
    templates: Templates,
    site: Site,
    name: str,
    *,
    language: str,
    newsletter: Newsletter | None = None,
    address: str = "",
    button: bool = False,
    feeds: bool = False,
    chosen: str = "",
) -> bytes:
    """A page that says one thing, and may have one button that does it.

    `name` is the table in the catalogue: its title, text, note, and button. `chosen` is the
    frequency that somebody has.
    """
    return page(
        templates,
        "said",
        site,
        language=language,
        said=_table(templates, site, language, name),
        newsletter=newsletter.title if newsletter else site.title,
        address=mask(address) if address else "",
        often=_often(templates, newsletter, chosen, language or site.language),
        has_button=button,
        shows_feeds=feeds,
    )


def unsubscribe(
    templates: Templates,
    site: Site,
    *,
    newsletter: Newsletter | None,
    address: str,
    here: str,
    language: str = "",
    chosen: str = "",
) -> bytes:
    """The page with the one button, and gentler ways below it. None: no longer configured.

    `here` is the path of the link, below which the other actions lie; `chosen` the frequency that
    a rarer one is offered for.
    """
    language = language or (newsletter.language if newsletter else site.language)
    less = rarer(newsletter, chosen) if newsletter else None
    return page(
        templates,
        "unsubscribe",
        site,
        language=language,
        less=_often(templates, newsletter, less, language) if less else "",
        newsletter=newsletter.title if newsletter else site.title,
        address=mask(address),
        here=here,
    )


def unsubscribed(
    templates: Templates,
    site: Site,
    *,
    newsletter: Newsletter | None,
    address: str,
    here: str,
    language: str = "",
) -> bytes:
    """What stands there once somebody has left, with a way back."""
    return page(
        templates,
        "unsubscribed",
        site,
        language=language or (newsletter.language if newsletter else site.language),
        newsletter=newsletter.title if newsletter else site.title,
        address=mask(address),
        here=here if newsletter else "",
    )


def preferences(
    templates: Templates,
    site: Site,
    *,
    address: str,
    choices: Sequence[Choice],
    here: str,
    language: str,
    pauses: Sequence[int],
    done: str = "",
) -> bytes:
    """What a person receives and may change. `done`: what has just happened, a word's name."""
    words, locale = page_words(templates, language or site.language)
    return page(
        templates,
        "preferences",
        site,
        language=language,
        address=mask(address),
        here=here,
        pauses=pauses,
        done=words[done] if done else "",
        languages=[
            {"code": code, "name": page_words(templates, code)[0]["language_name"]}
            for code in languages(templates)
        ],
        choices=[
            {
                "id": one.newsletter.id,
                "title": one.newsletter.title,
                "description": one.newsletter.description,
                "language": one.newsletter.language,
                "schedule": how_often(one.newsletter.schedule, words, locale),
                "receives": one.receives,
                "is_pending": one.is_pending,
                "paused": format_date(one.paused_until.astimezone(site.zone), "long", locale=locale)
                if one.paused_until
                else "",
                "frequencies": _frequencies(templates, one, language or site.language),
                "topics": [(name, name in one.chosen.topics) for name in one.newsletter.topics],
                "languages": [
                    (code, _language_name(code, locale), code in one.chosen.languages)
                    for code in one.newsletter.languages
                ],
            }
            for one in choices
        ],
    )


def new_address(
    templates: Templates, site: Site, *, address: str, language: str, problem: str = ""
) -> bytes:
    """Where to write the new address."""
    return page(
        templates,
        "new_address",
        site,
        language=language,
        address=mask(address),
        problem=problem,
    )


def privacy(templates: Templates, site: Site, kept: Retention, *, language: str) -> bytes:
    """What is kept about people, why, and how long."""
    return page(templates, "privacy", site, language=language, kept=kept, url=site.link("/privacy"))


def _table(templates: Templates, site: Site, language: str, name: str) -> Mapping[str, str]:
    words, _ = page_words(templates, language or site.language)
    table: Mapping[str, str] = words["said"][name]
    return table


def _frequencies(
    templates: Templates, choice: Choice, language: str
) -> list[tuple[str, str, bool]]:
    """What may be chosen: value, words, and whether it is; empty where there is no choice.

    The newsletter's own frequency has no value; the most frequent comes first.
    """
    newsletter = choice.newsletter
    if not newsletter.frequencies:
        return []
    own, now = frequency_of(newsletter.schedule), series_of(newsletter, choice.chosen.frequency)
    values = ["" if each is own else each.value for each in on_offer(newsletter)]
    if "" not in values:  # it waits for several posts
        values.insert(0, "")
    return [
        (value, _often(templates, newsletter, value, language), value == (now or ""))
        for value in values
    ]


def _often(templates: Templates, newsletter: Newsletter | None, chosen: str, language: str) -> str:
    """How often somebody gets a newsletter, in words."""
    if newsletter is None:
        return ""
    words, locale = page_words(templates, language)
    series = in_series(newsletter, Frequency(chosen)) if chosen else newsletter
    return how_often(series.schedule, words, locale)


def _language_name(code: str, locale: Locale) -> str:
    """What a language is called in another."""
    try:
        return Locale.parse(code, sep="-").get_display_name(locale) or code
    except (UnknownLocaleError, ValueError):
        return code

"""What handlers read out of forms and queries: text only, in bounds."""

from starlette.datastructures import FormData

from publisher.render import subscribers as pages
from publisher.render.words import known_language
from publisher.services.app import App

FORM_FIELDS = 10
"""How many fields a form of ours has at most; python-multipart refuses more."""


def text_of(form: FormData, name: str) -> str:
    """A field as text without blanks around it; empty where it is missing or a file."""
    return raw_text_of(form, name).strip()


def raw_text_of(form: FormData, name: str) -> str:
    """A field as it was typed: a password may begin with a blank."""
    return ["", *texts_of(form, name)][-1]


def texts_of(form: FormData, name: str) -> list[str]:
    """Every value of a field that may come several times.

    Half a character, which a form in UTF-7 can hold, becomes `?`: no database takes it.
    """
    found = [value for value in form.getlist(name) if isinstance(value, str)]
    return [value.encode("utf-8", "replace").decode() for value in found]


def language_of(app: App, wanted: str) -> str:
    """The language to answer in: the wanted one where we have its words, else the site's.

    Always a tag of our own, whatever was sent: it is kept, and written into mails.
    """
    own = {app.site.language, *(newsletter.language for newsletter in app.newsletters)}
    shown = pages.languages(app.templates)
    if wanted in own:
        return wanted
    if wanted.partition("-")[0].lower() not in shown:
        return app.site.language
    return known_language(app.templates, wanted, also=shown)

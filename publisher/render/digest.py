"""The digest of an issue: rendered once, with slots where a subscriber's own words go.

A slot is a token that no post can guess (`nl<nonce>_<name>`); `render.messages` puts the values
in.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape, unescape

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from markupsafe import Markup

from publisher.domain.newsletters import Newsletter, Period
from publisher.domain.posts import Image, Post
from publisher.domain.sites import Site
from publisher.render.inlining import inline
from publisher.render.templates import Templates

SLOTS = ("name", "unsubscribe")
"""What is filled in for each subscriber: what to call them, and their unsubscribe link."""

IMAGE_WIDTH = 536
HAN_A_MINUTE, WORDS_A_MINUTE = 400, 230
_FILLER = Markup("&#847;&zwnj;&nbsp;&#8199;&shy; ") * 40
_PREHEADER = 90
_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff\u3040-\u30ff\uac00-\ud7af\U00020000-\U0003ffff]")
_WORD = re.compile(r"[A-Za-z0-9\u00c0-\u052f]+")
_TAG = re.compile(r"<[^>]*>")
_RIGHT_TO_LEFT = frozenset({"ar", "dv", "fa", "he", "ku", "ps", "sd", "ug", "ur", "yi"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """A rendered issue. `html` has its styles inlined; `html` and `text` hold slot tokens."""

    subject: str
    html: str
    text: str
    nonce: str


def slot_token(nonce: str, name: str) -> str:
    """What stands for a subscriber's own value until the message is made."""
    return f"nl{nonce}_{name}"


def personal(text: str, nonce: str, values: Mapping[str, str], *, escaped: bool) -> str:
    """The text with its slots filled; `escaped` for markup."""
    for name, value in values.items():
        text = text.replace(slot_token(nonce, name), escape(value) if escaped else value)
    return text


def render_digest(
    templates: Templates,
    *,
    site: Site,
    newsletter: Newsletter,
    period: Period,
    posts: Sequence[Post],
    nonce: str,
) -> Digest:
    """Renders subject, HTML and text by the newsletter's template. Raises `TemplateError`."""
    folder = f"email/{newsletter.template}"
    words, locale = _words(templates, newsletter.language)
    values: dict[str, object] = {
        "site": site,
        "newsletter": newsletter,
        "language": newsletter.language,
        "direction": _direction(newsletter.language),
        "words": words,
        "date": format_date(
            period.slot.astimezone(newsletter.schedule.zone), "full", locale=locale
        ),
        "posts": [_card(templates, post, newsletter) for post in posts],
        "counted": len(posts) - 1 if words["counts"] == "others" else len(posts),
        "home": site.link("/"),
        "feeds": site.link("/feeds/"),
        "slots": {name: slot_token(nonce, name) for name in SLOTS},
    }
    subject = " ".join(templates.text(f"{folder}/subject.txt", **values).split())
    values |= {"subject": subject, "preheader": _preheader(posts), "filler": _FILLER}
    html = inline(
        templates.html(f"{folder}/body.html", **values),
        styles=templates.source(f"{folder}/inline.css"),
        head=templates.source(f"{folder}/head.css"),
        name=f"{folder}/body.html",
    )
    text = templates.text(f"{folder}/body.txt", **values)
    return Digest(subject=subject, html=html, text=text, nonce=nonce)


def reading_minutes(html: str) -> int:
    """How long a post takes to read, at least a minute: 400 han or 230 words a minute."""
    text = unescape(_TAG.sub(" ", html))
    minutes = len(_HAN.findall(text)) / HAN_A_MINUTE + len(_WORD.findall(text)) / WORDS_A_MINUTE
    return max(1, round(minutes))


def _card(templates: Templates, post: Post, newsletter: Newsletter) -> dict[str, object]:
    """One post as the templates see it, its small words in the post's own language."""
    language = post.language or newsletter.language
    words, locale = _words(templates, language)
    return {
        "title": post.title,
        "url": post.url,
        "language": language,
        "date": format_date(post.published, "long", locale=locale),
        "reading": words["minutes"].format(count=reading_minutes(post.html)),
        "more": words["more"],
        "category": " / ".join(post.categories[0]) if post.categories else "",
        "tags": post.tags,
        "image": post.image and _fitted(post.image),
        "description": post.description,
        "excerpt": Markup(post.excerpt.html),  # noqa: S704  # sanitised by content
        "text": post.excerpt.text,
    }


def _fitted(image: Image) -> dict[str, object]:
    """The image at the width of the column; its height only where its true size is known."""
    height = round(IMAGE_WIDTH * image.height / image.width) if image.width else 0
    return {"url": image.url, "alt": image.alt, "height": height}


def _preheader(posts: Sequence[Post]) -> str:
    """What a mailbox shows behind the subject: the first description, then titles."""
    first = posts[0].description or posts[0].excerpt.text if posts else ""
    return first if len(first) <= _PREHEADER else first[:_PREHEADER].rstrip() + "…"


def _direction(language: str) -> str:
    return "rtl" if language.partition("-")[0] in _RIGHT_TO_LEFT else "ltr"


def _words(templates: Templates, language: str) -> tuple[Mapping[str, str], Locale]:
    """The words nearest to a language, English if there are none, and the locale for dates."""
    catalogue = _catalogue(templates.source("email/words.toml"))
    primary = language.partition("-")[0].lower()
    if primary not in catalogue:
        return catalogue["en"], Locale("en")
    try:
        return catalogue[primary], Locale.parse(language, sep="-")
    except (UnknownLocaleError, ValueError):
        return catalogue[primary], Locale(primary)


@lru_cache(maxsize=4)
def _catalogue(source: str) -> dict[str, dict[str, str]]:
    return tomllib.loads(source)

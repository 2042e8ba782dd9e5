"""The digest of an issue: rendered once, with slots where a subscriber's own words go.

    posts ──▶ cards ──▶ templates ──▶ inlining ──▶ Digest ──▶ render.messages
                 ▲                        │
                 └── with less detail ◀───┘ as long as Gmail would clip it

A slot is a token that no post can guess (`nl<nonce>_<name>`); `render.messages` puts the values
in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from markupsafe import Markup

from publisher.columns import shorten, width
from publisher.domain.issues import archive_path, issue_path
from publisher.domain.newsletters import Newsletter, Period
from publisher.domain.posts import Post
from publisher.domain.series import frequency_of
from publisher.domain.sites import Site
from publisher.errors import TemplateError
from publisher.render.cards import Card, Detail
from publisher.render.inlining import inline
from publisher.render.mail_html import COLUMN, Pictures
from publisher.render.templates import Templates
from publisher.render.words import words_for

SLOTS = ("name", "unsubscribe", "preferences")
"""What is filled in for each subscriber: what to call them, and their links."""

SIZE_GOAL = 90_000
"""Bytes of the encoded HTML that an issue stays below; Gmail clips at about 102 kB."""

FILLER = Markup("&#847;&zwnj;&nbsp;&#8199;&shy; ") * 40
_PREHEADER = (60, 90)
_AT_LENGTH, _MOST_TITLES = 5, 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """A rendered issue. `html` has its styles inlined; `html` and `text` hold slot tokens.

    `detail` says how much of the posts there was room for.
    """

    subject: str
    html: str
    text: str
    nonce: str
    detail: Detail = Detail.FULL


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """What an issue is made of, but for how it looks. `posts` in their order, at least one.

    `pictures`: the sizes of those whose files are at hand. `is_part`: only the posts that its
    readers chose.
    """

    site: Site
    newsletter: Newsletter
    period: Period
    posts: Sequence[Post]
    nonce: str
    pictures: Pictures
    is_part: bool = False


def slot_token(nonce: str, name: str) -> str:
    """What stands for a subscriber's own value until the message is made."""
    return f"nl{nonce}_{name}"


def personal(text: str, nonce: str, values: Mapping[str, str], *, escaped: bool) -> str:
    """The text with its slots filled; `escaped` for markup."""
    for name, value in values.items():
        text = text.replace(slot_token(nonce, name), escape(value) if escaped else value)
    return text


def render_digest(templates: Templates, edition: Edition) -> Digest:
    """Renders subject, HTML and text by the newsletter's template. Raises `TemplateError`.

    Where the HTML would be clipped, with less and less detail.
    """
    digest = _render(templates, edition, Detail.FULL)
    for detail in list(Detail)[1:]:
        if encoded_size(digest.html) < SIZE_GOAL:
            break
        digest = _render(templates, edition, detail)
    return digest


def encoded_size(html: str) -> int:
    """Bytes of a part in base64: what Gmail counts is unknown, so the larger number counts."""
    size = len(html.encode()) + html.count("\n")
    characters = -(-size // 3) * 4
    return characters + -(-characters // 76) * 2


def preheader(posts: Sequence[Post]) -> str:
    """What a mailbox shows behind the subject: the first opening, then titles, 90 columns."""
    first = posts[0].description or posts[0].excerpt.text
    parts = [" ".join(first.split()), *(post.title for post in posts[1:])]
    shown = ""
    for part in filter(None, parts):
        if width(shown) >= _PREHEADER[0]:
            break
        shown += f" · {part}" if shown else part
    return shorten(shown, _PREHEADER[1])


def _render(templates: Templates, edition: Edition, detail: Detail) -> Digest:
    folder = f"email/{edition.newsletter.template}"
    values = _values(templates, edition, detail)
    subject = " ".join(templates.text(f"{folder}/subject.txt", **values).split())
    if slot_token(edition.nonce, "") in subject:
        problem = "a slot stands in it; the subject is the same for all subscribers"
        raise TemplateError(f"{folder}/subject.txt", 0, problem)
    values |= {"subject": subject, "preheader": preheader(edition.posts), "filler": FILLER}
    return Digest(
        subject=subject,
        html=inline(templates, folder, templates.html(f"{folder}/body.html", **values)),
        text=templates.text(f"{folder}/body.txt", **values).strip() + "\n",
        nonce=edition.nonce,
        detail=detail,
    )


def _values(templates: Templates, edition: Edition, detail: Detail) -> dict[str, object]:
    """Everything that a template may name; docs/templates.md lists it."""
    site, newsletter, posts = edition.site, edition.newsletter, edition.posts
    words = words_for(templates, newsletter.language)
    cards = [
        Card(
            post,
            words_for(templates, post.language or newsletter.language),
            pictures=edition.pictures,
            detail=detail,
        )
        for post in posts
    ]
    at_length = _AT_LENGTH if detail is Detail.TITLES else len(cards)
    titles = cards[at_length : at_length + _MOST_TITLES]
    archive, online = archive_path(newsletter.id), issue_path(newsletter.id, edition.period.key)
    return {
        "site": site,
        "newsletter": newsletter,
        "language": newsletter.language,
        "direction": words.direction,
        "_": words.text,
        "ngettext": words.count,
        "date": words.date(
            edition.period.slot.astimezone(newsletter.schedule.zone), "full"
        ),
        "posts": cards[:at_length],
        "titles": titles,
        "more": len(cards) - at_length - len(titles),
        "count": len(cards),
        "frequency": _frequency(newsletter),
        "is_part": edition.is_part,
        "first": posts[0].title,
        "column": COLUMN,
        "home": site.link("/"),
        "feeds": site.link("/feeds/"),
        "archive": site.link(archive) if newsletter.is_archived else "",
        "online": site.link(online) if newsletter.is_archived else "",
        "slots": {name: slot_token(edition.nonce, name) for name in SLOTS},
    }  # fmt: skip


def _frequency(newsletter: Newsletter) -> str:
    """How often its readers chose to get it; empty where there is nothing to choose."""
    if not newsletter.frequencies:
        return ""
    return frequency_of(newsletter.schedule) or ""

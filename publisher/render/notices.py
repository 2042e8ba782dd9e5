"""Short mails to one person about their own subscription, a folder of templates a kind.

They hold nothing that a visitor typed but the address in To: strangers type the addresses of
others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from publisher.columns import shorten
from publisher.domain.newsletters import Newsletter
from publisher.domain.notices import NoticeKind
from publisher.domain.sites import Site
from publisher.render.digest import FILLER
from publisher.render.inlining import inline
from publisher.render.templates import Templates
from publisher.render.words import words_for

_OPTIONAL_LINKS = {
    NoticeKind.WELCOME: ("preferences", "archive"),
    NoticeKind.GOODBYE: ("subscribe",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A rendered one, its links in it."""

    subject: str
    html: str
    text: str


def render_notice(
    templates: Templates,
    kind: NoticeKind,
    *,
    site: Site,
    newsletter: Newsletter,
    links: Mapping[str, str],
    next_at: datetime | None = None,
) -> Notice:
    """Renders it in the newsletter's language. Raises `TemplateError`.

    `links`: `confirm` for a confirmation; `unsubscribe` and, where there are such pages,
    `preferences` and `archive` for a welcome; `subscribe` for a goodbye; `act` for all others.
    `next_at` is the slot of the next issue.
    """
    folder, words = f"email/{kind}", words_for(templates, newsletter.language)
    shown = (
        dict.fromkeys(_OPTIONAL_LINKS.get(kind, ()), "")
        | {"feeds": site.link("/feeds/")}
        | dict(links)
    )
    local = next_at.astimezone(newsletter.schedule.zone) if next_at else None
    values: dict[str, object] = {
        "site": site,
        "newsletter": newsletter,
        "language": newsletter.language,
        "direction": words.direction,
        "_": words.text,
        "ngettext": words.count,
        "next_date": words.date(local, "full") if local else "",
        "home": site.link("/"),
        "links": shown,
    }
    subject = " ".join(templates.text(f"{folder}/subject.txt", **values).split())
    text = templates.text(f"{folder}/body.txt", **values).strip() + "\n"
    about = newsletter.description or site.description or newsletter.title
    values |= {"subject": subject, "preheader": shorten(about, 90), "filler": FILLER}
    html = inline(templates, folder, templates.html(f"{folder}/body.html", **values))
    return Notice(subject=subject, html=html, text=text)

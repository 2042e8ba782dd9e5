"""Mails to the operator about issues: what happened, why, and what to do.

A memo about an issue that waits for a word shows the issue itself below its words, as a reader
would get it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from publisher.columns import shorten
from publisher.domain.issues import Issue
from publisher.domain.memos import Matter
from publisher.domain.newsletters import Newsletter
from publisher.domain.sites import Site
from publisher.render.digest import FILLER
from publisher.render.inlining import inline
from publisher.render.notices import Notice
from publisher.render.templates import Templates
from publisher.render.words import words_for

_FOLDER = "email/memo"
_BODY = re.compile(r"<body\b[^>]*>(.*)</body>", re.DOTALL)
_BODY_TAG = re.compile(r"<body\b[^>]*>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    """An issue as one reader would get it."""

    html: str
    text: str


def render_memo(
    templates: Templates,
    matter: Matter,
    issues: Sequence[Issue],
    *,
    site: Site,
    newsletter: Newsletter,
    language: str,
    recipients: int = 0,
    shown: Enclosure | None = None,
) -> Notice:
    """The memo about issues of one newsletter that share a matter. Raises `TemplateError`.

    `recipients`: to how many people an issue that waits would go.
    """
    words = words_for(templates, language)
    values: dict[str, object] = {
        "site": site,
        "newsletter": newsletter,
        "language": language,
        "direction": words.direction,
        "is_han": words.is_han,
        "_": words.text,
        "ngettext": words.count,
        "home": site.link("/"),
        "matter": matter,
        "issues": issues,
        "recipients": recipients,
        "page": site.link(f"admin#issue-{issues[0].id}"),
    }
    subject = " ".join(templates.text(f"{_FOLDER}/subject.txt", **values).split())
    text = templates.text(f"{_FOLDER}/body.txt", **values).strip() + "\n"
    values |= {
        "subject": subject,
        "preheader": shorten(issues[0].subject or issues[0].reason, 90),
        "filler": FILLER,
    }
    html = inline(templates, _FOLDER, templates.html(f"{_FOLDER}/body.html", **values))
    if shown is None:
        return Notice(subject=subject, html=html, text=text)
    return Notice(subject=subject, html=_above(html, shown.html), text=f"{text}\n\n{shown.text}")


def _above(memo: str, letter: str) -> str:
    """The letter's document with the memo's words on top; both have the same sheets."""
    found = _BODY.search(memo)
    words = found[1] if found else ""
    return _BODY_TAG.sub(lambda tag: tag[0] + words, letter, count=1)

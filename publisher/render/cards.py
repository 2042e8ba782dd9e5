"""A post as the templates of mails see it, with as much of it as there is room for."""

import re
from collections.abc import Mapping
from enum import StrEnum
from html import unescape

from markupsafe import Markup

from publisher.columns import shorten
from publisher.domain.posts import Post
from publisher.render.mail_html import Pictures, fit, plain_text, scaled
from publisher.render.words import Words

HAN_A_MINUTE, WORDS_A_MINUTE = 400, 230

_SHORT = 110
_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff\u3040-\u30ff\uac00-\ud7af\U00020000-\U0003ffff]")
_WORD = re.compile(r"[A-Za-z0-9\u00c0-\u052f]+")
_TAG = re.compile(r"<[^>]*>")


class Detail(StrEnum):
    """How much of its posts an issue shows, from all to least."""

    FULL = "everything"
    LEAN = "without pictures and tags"
    SHORT = "with short excerpts"
    TITLES = "titles only, but for the first posts"


def card(post: Post, words: Words, *, pictures: Pictures, detail: Detail) -> Mapping[str, object]:
    """The values of one post. `words` are in its language.

    `body` is the whole post, for templates that show it; `excerpt` its opening. Both are empty
    where there is no room, and `text`, a short excerpt without markup, has to do.
    """
    is_full, is_short = detail is Detail.FULL, detail in (Detail.SHORT, Detail.TITLES)

    def fitted(html: str) -> Markup:
        whole = fit(html, url=post.url, pictures=pictures, words=words, has_images=is_full)
        return Markup(whole)  # noqa: S704  # sanitised by content

    opening = post.description or post.excerpt.text
    return {
        "title": post.title,
        "url": post.url,
        "language": words.language,
        "words": words,
        "date": words.date(post.published, "long"),
        "minutes": reading_minutes(post.html),
        "category": " / ".join(post.categories[0]) if post.categories else "",
        "tags": post.tags if is_full else (),
        "image": scaled(post.image, pictures, alt=post.title) if post.image and is_full else None,
        "description": shorten(opening, _SHORT) if is_short else post.description,
        "excerpt": "" if is_short else fitted(post.excerpt.html),
        "text": "" if is_short else post.excerpt.text,
        "body": "" if is_short else fitted(post.mail_html),
        "body_text": "" if is_short else plain_text(post.html),
    }


def reading_minutes(html: str) -> int:
    """How long a post takes to read, at least a minute: 400 han or 230 words a minute."""
    text = unescape(_TAG.sub(" ", html))
    minutes = len(_HAN.findall(text)) / HAN_A_MINUTE + len(_WORD.findall(text)) / WORDS_A_MINUTE
    return max(1, round(minutes))

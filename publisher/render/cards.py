"""A post as the templates of mails see it, with as much of it as there is room for."""

import re
from enum import StrEnum
from functools import cached_property
from html import unescape

from markupsafe import Markup

from publisher.columns import shorten
from publisher.domain.posts import Image, Post
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


class Card:
    """The values of one post. `words` are in its language.

    `body` is the whole post, for templates that show it; `excerpt` its opening. Both are empty
    where there is no room, and `description`, a short opening without markup, has to do. What
    takes time is made when a template asks for it.
    """

    def __init__(self, post: Post, words: Words, *, pictures: Pictures, detail: Detail) -> None:
        self._post = post
        self._pictures = pictures
        self._is_full = detail is Detail.FULL
        self._is_short = detail in (Detail.SHORT, Detail.TITLES)
        self.words = words
        self.language = words.language
        self.title = post.title
        self.url = post.url
        self.category = " / ".join(post.categories[0]) if post.categories else ""
        self.tags = post.tags if self._is_full else ()

    @property
    def date(self) -> str:
        """The day of publication in words."""
        return self.words.date(self._post.published, "long")

    @cached_property
    def minutes(self) -> int:
        """How long it takes to read."""
        return reading_minutes(self._post.body.html)

    @property
    def image(self) -> Image | None:
        """The cover, as wide as the column at most."""
        cover = self._post.image if self._is_full else None
        return cover and scaled(cover, self._pictures, alt=self.title)

    @property
    def description(self) -> str:
        """What the writer says it is about; where there is little room, any opening, short."""
        post = self._post
        return (
            shorten(post.description or post.excerpt.text, _SHORT)
            if self._is_short
            else post.description
        )

    @cached_property
    def excerpt(self) -> Markup:
        """The opening."""
        return self._fitted(self._post.excerpt.html)

    @cached_property
    def body(self) -> Markup:
        """The whole post."""
        return self._fitted(self._post.body.mail_html)

    @property
    def text(self) -> str:
        """The opening for the text part."""
        return "" if self._is_short else self._post.excerpt.text

    @property
    def body_text(self) -> str:
        """The whole post for the text part."""
        return "" if self._is_short else plain_text(self._post.body.html)

    def _fitted(self, html: str) -> Markup:
        if self._is_short:
            return Markup()
        whole = fit(
            html,
            url=self.url,
            pictures=self._pictures,
            words=self.words,
            has_images=self._is_full,
            above=self._post.image.url if self._post.image else "",
        )
        return Markup(whole)  # noqa: S704  # sanitised by content


def reading_minutes(html: str) -> int:
    """How long a post takes to read, at least a minute: 400 han or 230 words a minute."""
    text = unescape(_TAG.sub(" ", html))
    minutes = len(_HAN.findall(text)) / HAN_A_MINUTE + len(_WORD.findall(text)) / WORDS_A_MINUTE
    return max(1, round(minutes))

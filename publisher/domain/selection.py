"""Which posts go where, and why.

Every function here answers for every post it was given: a post that is left out has a reason, so
that a writer never has to guess.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from publisher.domain.posts import Post, newest_first


class Order(StrEnum):
    """How the posts of an issue follow each other; pinned ones come first in either."""

    NEWEST = "newest"
    OLDEST = "oldest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which posts a newsletter carries; an empty rule lets everything through.

    A post is in with *any* of `tags` and any of `categories` (a name anywhere on the category's
    path), written in `language` or a variety of it, with none of `without_tags`. Those with one
    of the tags `pinned` come first. `most`: no more than so many in one issue, 0 = no limit; the
    others wait for the next. `least`: with fewer the issue is skipped, and they wait too.
    """

    tags: frozenset[str] = frozenset()
    without_tags: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    language: str = ""
    pinned: frozenset[str] = frozenset()
    least: int = 1
    most: int = 0
    order: Order = Order.NEWEST


EVERYTHING = Selection()
"""Every post, newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One post, in or out, and the reason in words."""

    post: Post
    chosen: bool
    reason: str


def for_issue(
    posts: Sequence[Post],
    *,
    start: datetime,
    slot: datetime,
    mailed: Collection[str],
    rule: Selection = EVERYTHING,
) -> list[Choice]:
    """The posts dated from `start` up to `slot` and never mailed before, in the rule's order.

    `mailed` holds the ids of posts that an earlier issue carried. A back-dated post is in as long
    as it is dated since `start`; an archive from before `start` never is.
    """
    choices = []
    room = rule.most or len(posts)
    for post in in_order(posts, rule):
        reason = _against(post, start=start, slot=slot, mailed=mailed, rule=rule)
        if not reason and not room:
            reason = f"more than {rule.most} new posts: it waits for the next issue"
        room -= not reason
        choices.append(
            Choice(post=post, chosen=not reason, reason=reason or "new, never mailed before")
        )
    return choices


def chosen(choices: Sequence[Choice]) -> list[Post]:
    """The posts that are in, in their order."""
    return [choice.post for choice in choices if choice.chosen]


def in_order(posts: Sequence[Post], rule: Selection) -> list[Post]:
    """Pinned posts first, then by date."""
    dated = newest_first(posts)
    if rule.order is Order.OLDEST:
        dated.reverse()
    # Sorting keeps those that are equal in their order.
    return sorted(dated, key=lambda post: not _tags(post.tags) & _tags(rule.pinned))


def has_tag(post: Post, tag: str) -> bool:
    """Whether a post has a tag, in any case."""
    return tag.casefold() in _tags(post.tags)


def is_written_in(language: str, wanted: str) -> bool:
    """`zh` takes `zh-CN` too (RFC 4647, basic filtering)."""
    return f"{language.casefold()}-".startswith(f"{wanted.casefold()}-")


def _against(
    post: Post, *, start: datetime, slot: datetime, mailed: Collection[str], rule: Selection
) -> str:
    """Why a post is out; empty if nothing speaks against it."""
    if post.id in mailed:
        return "was in an earlier issue"
    if post.published < start:
        return f"dated before the newsletter's start, {_day(start, post)}"
    if post.published > slot:
        return f"dated after this issue's slot, {_day(slot, post)}"
    return _against_rule(post, rule)


def _against_rule(post: Post, rule: Selection) -> str:
    tags = _tags(post.tags)
    unwanted = sorted(tag for tag in post.tags if _tags([tag]) & _tags(rule.without_tags))
    if unwanted:
        return f"has the tag {unwanted[0]}"
    if rule.tags and not tags & _tags(rule.tags):
        return f"has none of the tags {_names(rule.tags)}"
    categories = _tags(name for path in post.categories for name in path)
    if rule.categories and not categories & _tags(rule.categories):
        return f"is in none of the categories {_names(rule.categories)}"
    if rule.language and not is_written_in(post.language, rule.language):
        return f"is written in {post.language}, not in {rule.language}"
    return ""


def _tags(names: Iterable[str]) -> set[str]:
    """The names as they are compared: in any case."""
    return {name.casefold() for name in names}


def _names(names: Collection[str]) -> str:
    return ", ".join(sorted(names))


def _day(instant: datetime, post: Post) -> str:
    return f"{instant.astimezone(post.published.tzinfo):%Y-%m-%d %H:%M}"

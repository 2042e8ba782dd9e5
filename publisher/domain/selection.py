"""Which posts go where, and why.

Every function here answers for every post it was given: a post that is left out has a reason, so
that a writer never has to guess.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from publisher.domain.posts import Post, newest_first


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One post, in or out, and the reason in words."""

    post: Post
    chosen: bool
    reason: str


def for_feed(posts: Sequence[Post], *, limit: int) -> list[Choice]:
    """The newest `limit` posts, newest first; the others follow with their reason."""
    return [
        Choice(
            post=post,
            chosen=place <= limit,
            reason=f"number {place} of the newest {limit}"
            if place <= limit
            else f"older than the newest {limit}",
        )
        for place, post in enumerate(newest_first(posts), start=1)
    ]


def for_issue(
    posts: Sequence[Post], *, start: datetime, slot: datetime, mailed: Collection[str]
) -> list[Choice]:
    """The posts dated from `start` up to `slot` and never mailed before, newest first.

    `mailed` holds the ids of posts that an earlier issue carried. A back-dated post is in as long
    as it is dated since `start`; an archive from before `start` never is.
    """
    return [_judge(post, start, slot, mailed) for post in newest_first(posts)]


def chosen(choices: Sequence[Choice]) -> list[Post]:
    """The posts that are in, in their order."""
    return [choice.post for choice in choices if choice.chosen]


def _judge(post: Post, start: datetime, slot: datetime, mailed: Collection[str]) -> Choice:
    if post.id in mailed:
        return Choice(post=post, chosen=False, reason="was in an earlier issue")
    if post.published < start:
        return Choice(
            post=post,
            chosen=False,
            reason=f"dated before the newsletter's start, {_day(start, post)}",
        )
    if post.published > slot:
        return Choice(
            post=post, chosen=False, reason=f"dated after this issue's slot, {_day(slot, post)}"
        )
    return Choice(post=post, chosen=True, reason="new, never mailed before")


def _day(instant: datetime, post: Post) -> str:
    return f"{instant.astimezone(post.published.tzinfo):%Y-%m-%d %H:%M}"

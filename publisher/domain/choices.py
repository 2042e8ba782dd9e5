"""What a subscriber chose of a newsletter, which posts that makes theirs, and each of them once.

Everybody in a series has had the posts that the series carried; that is no row a person. Only
who changes from one series to another has a *balance*: what they had ahead of the new series,
and what it carried before they came and still owes them.

    had by a person = (carried by their series - owed) + had ahead
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from publisher.domain.newsletters import Newsletter
from publisher.domain.posts import Post
from publisher.domain.selection import has_tag, in_order, is_written_in

_BETWEEN = "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a subscriber chose; empty is what the newsletter does by itself, or everything.

    `frequency` is one of `Frequency`; `topics` are tags, `languages` those of posts.
    """

    frequency: str = ""
    topics: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()

    def __str__(self) -> str:
        """On one line, for evidence: `monthly; topics: sea, stars; posts in: zh`."""
        parts = [self.frequency] if self.frequency else []
        for name, values in (("topics", self.topics), ("posts in", self.languages)):
            if values:
                parts.append(f"{name}: {', '.join(sorted(values))}")
        return "; ".join(parts) or "everything, as it comes"


NO_CHOICES = Choices()


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Where somebody stands beside their series, by ids of posts. Empty for almost everybody."""

    had: frozenset[str] = field(default_factory=frozenset)
    owed: frozenset[str] = field(default_factory=frozenset)


EVEN = Balance()


class Taste(NamedTuple):
    """All that decides what somebody gets of an issue. Lists are written as `join_names` does."""

    language: str
    topics: str
    languages: str
    balance: Balance = EVEN


def join_names(values: Iterable[str]) -> str:
    """A set of names as one text, the same for the same set."""
    return _BETWEEN.join(sorted(values))


def split_names(text: str) -> frozenset[str]:
    """The set that `join_names` wrote."""
    return frozenset(filter(None, text.split(_BETWEEN)))


def offered(newsletter: Newsletter, choices: Choices) -> Choices:
    """The choices without what is not on offer."""
    return Choices(
        frequency=choices.frequency if choices.frequency in newsletter.frequencies else "",
        topics=choices.topics & frozenset(newsletter.topics),
        languages=choices.languages & frozenset(newsletter.languages),
    )


def change_series(balance: Balance, *, before: Collection[str], after: Collection[str]) -> Balance:
    """The balance of somebody who goes from a series to another, by what each has carried.

    Nothing that they had comes again, nothing that they were still to get is lost.
    """
    had = (set(before) - balance.owed) | balance.had
    return Balance(had=frozenset(had - set(after)), owed=frozenset(set(after) - had))


def theirs(
    newsletter: Newsletter, taste: Taste, carried: Sequence[Post], owed: Sequence[Post] = ()
) -> list[Post]:
    """The posts of an issue for a taste, in the newsletter's order; may be empty.

    `carried` are the issue's own, `owed` those of the balance that can still be found.
    """
    chosen = offered(
        newsletter,
        Choices(topics=split_names(taste.topics), languages=split_names(taste.languages)),
    )
    new = [post for post in carried if post.id not in taste.balance.had]
    late = [post for post in owed if post.id not in {each.id for each in new}]
    found = [post for post in (*new, *late) if _matches(post, chosen)]
    return in_order(found, newsletter.selection) if late else found


def _matches(post: Post, chosen: Choices) -> bool:
    by_topic = not chosen.topics or any(has_tag(post, topic) for topic in chosen.topics)
    by_language = not chosen.languages or any(
        is_written_in(post.language, language) for language in chosen.languages
    )
    return by_topic and by_language

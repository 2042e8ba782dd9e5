"""Labels: what posts are filed under - tags, categories, authors, languages - and their addresses.

A label gets its slug when it is first seen and keeps it for good: addresses of feeds are in many
readers. Labels that differ only in case, width or blanks are one label, so that correcting
`Deep Sea` to `deep sea` moves nothing.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from urllib.parse import quote

from publisher.domain.compact import Compact
from publisher.domain.posts import Post

_LONGEST = 60


class LabelKind(StrEnum):
    """What kind of thing posts are filed under."""

    TAG = "tag"
    CATEGORY = "category"
    AUTHOR = "author"
    LANGUAGE = "language"


FOLDERS = {
    LabelKind.TAG: "tags",
    LabelKind.CATEGORY: "categories",
    LabelKind.AUTHOR: "authors",
    LabelKind.LANGUAGE: "languages",
}
"""Kind -> the folder of its pages and feeds, below the site."""


class Label(Compact, frozen=True, kw_only=True):
    """One label. `key` recognises it, `name` is how it is written now, `slug` never changes.

    A category's name is its path, `life/growth`. Slugs are unique within a kind.
    """

    kind: LabelKind
    key: str
    name: str
    slug: str

    @property
    def folder(self) -> str:
        """Where its page and feeds lie, below the output folder, without a final slash."""
        return f"{FOLDERS[self.kind]}/{self.slug}"

    @property
    def path(self) -> str:
        """The same as the path of an address: percent-encoded, with a final slash."""
        return f"/{quote(self.folder)}/"


class Filed(Compact, frozen=True, kw_only=True):
    """A label and the posts that are filed under it, in the order of the posts."""

    label: Label
    posts: tuple[Post, ...]


def key_of(name: str) -> str:
    """What a label is recognised by."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def names_of(post: Post, author: str) -> Iterator[tuple[LabelKind, str]]:
    """What a post is filed under; `author` is whose it is unless the post says.

    A category's ancestors are among them: a post in `life/growth` is in `life`.
    """
    for tag in post.tags:
        yield LabelKind.TAG, tag
    for path in post.categories:
        for depth in range(1, len(path) + 1):
            yield LabelKind.CATEGORY, "/".join(path[:depth])
    for name in post.authors or (author,):
        yield LabelKind.AUTHOR, name
    yield LabelKind.LANGUAGE, post.language


def file_posts(posts: Sequence[Post], known: Sequence[Label], *, author: str) -> list[Filed]:
    """Files the posts; a label not in `known` gets a slug that none of its kind ever had.

    The labels come back by kind and slug. A label is written as its first post writes it. Of
    authors and languages there are none where all posts have the same one: its feed would be the
    main feed once more.
    """
    found: dict[tuple[LabelKind, str], tuple[str, list[Post]]] = {}
    as_written: dict[tuple[LabelKind, str], list[Post]] = {}
    for post in posts:
        for written in names_of(post, author):
            filed = as_written.get(written)
            if filed is None:
                kind, name = written
                _, filed = found.setdefault((kind, key_of(name)), (name, []))
                as_written[written] = filed
            if not filed or filed[-1] is not post:
                filed.append(post)
    slugs = {(label.kind, label.key): label.slug for label in known}
    taken = {(label.kind, label.slug) for label in known}
    result = []
    for (kind, key), (name, filed) in sorted(found.items()):
        if kind in {LabelKind.AUTHOR, LabelKind.LANGUAGE} and len(filed) == len(posts):
            continue
        slug = slugs.get((kind, key)) or _free(slug_of(name), kind, taken)
        label = Label(kind=kind, key=key, name=name, slug=slug)
        result.append(Filed(label=label, posts=tuple(filed)))
    return sorted(result, key=lambda item: (item.label.kind, item.label.slug))


def slug_of(name: str) -> str:
    """A name as part of an address: small letters of any script, digits, hyphens; `/` stays."""
    parts = (_slug_of_part(part) for part in name.split("/"))
    return "/".join(part for part in parts if part) or "-"


def _slug_of_part(part: str) -> str:
    text = unicodedata.normalize("NFKC", part).casefold()
    fit = (mark if unicodedata.category(mark)[0] in "LNM" else "-" for mark in _spelt(text))
    return re.sub("-+", "-", "".join(fit))[:_LONGEST].strip("-")


def _spelt(text: str) -> str:
    """`c++` and `c#` are not `c`."""
    return re.sub(r"(?<=\w)\++", lambda found: "-plus" * len(found[0]), text).replace("#", "-sharp")


def _free(slug: str, kind: LabelKind, taken: set[tuple[LabelKind, str]]) -> str:
    candidate, number = slug, 1
    while (kind, candidate) in taken:
        number += 1
        candidate = f"{slug}-{number}"
    taken.add((kind, candidate))
    return candidate


def labels_of(filed: Iterable[Filed]) -> list[Label]:
    """The labels alone."""
    return [item.label for item in filed]

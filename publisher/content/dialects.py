"""What the fields of a file mean: each generator's habits become one set of facts.

The table below is the whole knowledge of keys; docs/writing.md shows it to writers, and a test
keeps the two equal.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

from publisher.content.dates import date_of_name, is_naive, parse_date, zone_without_meaning
from publisher.content.decoding import shown
from publisher.content.media import read_media
from publisher.content.privacy import Marks, is_draft, is_hidden, is_protected
from publisher.content.values import Fields, Plain, Value, look_up, texts
from publisher.domain.compact import Compact
from publisher.domain.posts import Media

Paths = tuple[tuple[str, ...], ...]
Keys = tuple[str, ...]

IDS: Keys = ("feed_id", "id", "abbrlink", "uuid", "guid")
"""The keys of an id, in every dialect; the value is opaque text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """The keys that a generator reads, in their order, and how it reads labels.

    `split` parts the tags of one string: a regular expression, empty = one string is one tag; of
    `;` and `,` only the first where both stand.
    `is_path`: a flat list of categories is one path from the general to the special.
    `whole`: the keys of which one text is one label, whatever stands in it.
    """

    title: Keys = ("title",)
    date: Keys = ("date",)
    updated: Keys = ("updated",)
    opens: Keys = ()
    expires: Keys = ()
    tags: Keys = ("tags", "tag")
    categories: Keys = ("categories", "category")
    address: Keys = ("permalink",)
    slug: Keys = ()
    description: Keys = ("description",)
    image: Keys = ("cover", "image")
    language: Keys = ("lang", "language")
    author: Keys = ("author", "authors")
    split: str = ""
    is_path: bool = False
    whole: Keys = ()


DIALECTS = {
    "hexo": Dialect(
        image=("cover", "thumbnail", "index_img", "top_img", "banner", "photos", "image"),
        is_path=True,
    ),
    "jekyll": Dialect(
        updated=("last_modified_at", "updated"),
        slug=("slug",),
        description=("description",),
        image=("image", "image.path", "header.image", "header.teaser", "cover"),
        split=r"\s+",
        whole=("tag", "category"),
    ),
    "hugo": Dialect(
        date=("date", "publishdate", "pubdate", "published", "lastmod"),
        updated=("lastmod", "modified"),
        opens=("publishdate",),
        expires=("expirydate", "unpublishdate"),
        address=("url",),
        slug=("slug",),
        description=("description", "summary"),
        image=("images", "featuredimage", "cover", "cover.image", "image"),
    ),
    "pelican": Dialect(
        updated=("modified", "update", "updated"),
        address=("save_as", "url"),
        slug=("slug",),
        description=("summary", "description"),
        split=r";|,",
    ),
    "plain": Dialect(
        date=("date", "pubdate", "published", "pubdatetime", "publishdate"),
        updated=("updateddate", "updated", "lastmod", "modified", "last_modified_at"),
        opens=("publishdate",),
        expires=("expirydate", "unpublishdate", "expires"),
        tags=("tags", "tag", "taxonomies.tags"),
        categories=("categories", "category", "taxonomies.categories"),
        address=("permalink", "path", "url"),
        slug=("slug",),
        description=("description", "summary"),
        image=(
            "heroimage", "image", "cover", "thumbnail", "banner", "featuredimage", "cover.image",
            "images",
        ),
    ),
    "auto": Dialect(
        date=("date", "pubdate", "published", "pubdatetime", "publishdate"),
        updated=("updated", "lastmod", "last_modified_at", "modified", "updateddate"),
        opens=("publishdate",),
        expires=("expirydate", "unpublishdate", "expires"),
        tags=("tags", "tag", "taxonomies.tags"),
        categories=("categories", "category", "taxonomies.categories"),
        address=("permalink", "url"),
        slug=("slug",),
        description=("description", "summary"),
        image=(
            "cover", "image", "thumbnail", "index_img", "top_img", "banner", "photos",
            "featuredimage", "cover.image", "images", "heroimage",
        ),
        is_path=True,
    ),
}  # fmt: skip
"""Dialect -> its keys, all in lower case: they match in any case."""

COMMON_LANGUAGES = frozenset({
    "ar", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "et", "eu", "fa", "fi", "fr",
    "ga", "gl", "he", "hi", "hr", "hu", "id", "is", "it", "ja", "ka", "ko", "lt", "lv", "ms",
    "nb", "nl", "no", "pl", "pt", "ro", "ru", "sk", "sl", "sr", "sv", "th", "tr", "uk", "ur",
    "vi", "zh",
})  # fmt: skip
_DATED_NAME = re.compile(r"^\d{4}-\d{1,2}-\d{1,2}-?")
_LANGUAGE_TAG = re.compile(r"([A-Za-z]{2,3})((?:[-_](?:[A-Za-z]{2,4}|[0-9]{3})){0,2})")
_FIRST_HEADING = re.compile(r"\A\s*#[ \t]+(\S[^\n]*)")
_JOINERS = re.compile("[、，,]")


class Meaning(Compact, frozen=True, kw_only=True):
    """What the front matter of one file says, in Publisher's words.

    `address` is a whole path that the writer chose, `slug` the last part only; both may be empty.
    `media` has its address as it is written.
    """

    id: str | None
    title: str
    published: datetime | None
    updated: datetime | None
    tags: tuple[str, ...] = ()
    categories: Paths = ()
    authors: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    language: str = ""
    description: str = ""
    excerpt: str = ""
    image: str = ""
    media: Media | None = None
    address: str = ""
    slug: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A field that may not mean what it says. `key` leads to its line."""

    key: str
    problem: str
    remedy: str


def understand(
    fields: Fields, path: str, body: str, *, dialect: str, zone: ZoneInfo
) -> tuple[Meaning, list[Doubt]]:
    """Reads the fields as the dialect does. `path` is relative to the content folder."""
    keys = DIALECTS[dialect]
    pure = PurePosixPath(path)
    doubts: list[Doubt] = []
    tags = _tags(fields, keys, doubts)
    meaning = Meaning(
        id=_first(fields, IDS) or None,
        title=_first(fields, keys.title) or _title(pure, body),
        published=_date(fields, keys.date, dialect, zone, doubts) or _dated_name(pure, zone),
        updated=_date(fields, keys.updated, dialect, zone, doubts),
        tags=tags,
        categories=_categories(fields, keys, pure, dialect),
        authors=_authors(fields, keys, dialect),
        keywords=_first_texts(fields, ("keywords",)),
        language=_language(fields, keys, pure),
        description=_first(fields, keys.description),
        excerpt=_first(fields, ("excerpt",)),
        image=_image(fields, keys),
        media=read_media(fields),
        address=_first(fields, keys.address),
        slug=_first(fields, keys.slug),
    )
    return meaning, doubts


def marks_of(
    fields: Fields,
    path: str,
    body: str,
    *,
    meaning: Meaning,
    dialect: str,
    zone: ZoneInfo,
    protected_tags: frozenset[str],
) -> Marks:
    """Who may read the file, and from when to when."""
    keys = DIALECTS[dialect]
    opens = [meaning.published, _date(fields, keys.opens, dialect, zone, [])]
    return Marks(
        is_protected=is_protected(fields, body, protected_tags),
        is_draft=is_draft(fields, path),
        is_hidden=is_hidden(fields),
        opens=max(filter(None, opens), default=None),
        expires=_date(fields, keys.expires, dialect, zone, []),
    )


def unreadable_date(fields: Fields, dialect: str) -> str:
    """The key of a "not before" or an "expires" that holds no date; empty where all is well.

    Without it a post would be public at a time that nobody wrote.
    """
    keys = DIALECTS[dialect]
    given = ((key, _first(fields, (key,))) for key in (*keys.opens, *keys.expires))
    return next((key for key, text in given if text and not parse_date(text, UTC)), "")


def slug_of(path: PurePosixPath) -> str:
    """The file's own name in an address: without date, ending and language."""
    name, _ = named_language(path.stem)
    if name in {"index", "_index"}:
        name, _ = named_language(path.parent.name)
    return _DATED_NAME.sub("", name) or name


def named_language(name: str) -> tuple[str, str]:
    """A name and the language behind it: `post.zh` is `post` and `zh`, `post` has none."""
    stem, _, tail = name.rpartition(".")
    return (stem, tail) if stem and _is_language(tail) else (name, "")


def _first(fields: Fields, keys: Iterable[str]) -> str:
    """The first of the keys that holds text, trimmed; of a list its first item; else empty."""
    return next((found[0] for key in keys if (found := texts(look_up(fields, key)))), "")


def _first_texts(fields: Fields, keys: Iterable[str]) -> tuple[str, ...]:
    return next((found for key in keys if (found := texts(look_up(fields, key)))), ())


def _first_value(fields: Fields, keys: Iterable[str]) -> tuple[str, Value]:
    """The first of the keys that holds anything, and what it holds."""
    values = ((key, look_up(fields, key)) for key in keys)
    return next(((key, value) for key, value in values if value not in (None, "", [])), ("", None))


def _title(path: PurePosixPath, body: str) -> str:
    """Without a title: a folder's name, else the heading that opens the text, else the file's."""
    if named_language(path.stem)[0] == "index" and path.parent.name:
        return path.parent.name
    heading = _FIRST_HEADING.match(body[:1000])
    words = shown(heading[1]).rstrip(" \t").rstrip("#").strip() if heading else ""
    return words or shown(slug_of(path)).strip() or "post"


def _dated_name(path: PurePosixPath, zone: ZoneInfo) -> datetime | None:
    name = path.parent.name if named_language(path.stem)[0] == "index" else path.name
    return date_of_name(name, zone)


def _date(
    fields: Fields, keys: Keys, dialect: str, zone: ZoneInfo, doubts: list[Doubt]
) -> datetime | None:
    for key in keys:
        value = _first(fields, (key,))
        if not value:
            continue
        raw = look_up(fields, key)
        text = value.replace("_", " ") if dialect == "pelican" else value
        # Jekyll reads an unquoted time without a zone as UTC (jekyll #1273, #3879, #4010).
        is_utc = dialect == "jekyll" and isinstance(raw, Plain) and is_naive(text)
        found = parse_date(text, ZoneInfo("UTC") if is_utc else zone)
        if found:
            if named := zone_without_meaning(text):
                problem = f"{named} names no one zone; the date was read in {zone.key}"
                doubts.append(Doubt(key=key, problem=problem, remedy="write an offset: +08:00"))
            return found.astimezone(zone)
    return None


def _tags(fields: Fields, keys: Dialect, doubts: list[Doubt]) -> tuple[str, ...]:
    key, value = _first_value(fields, keys.tags)
    if isinstance(value, list) or key in keys.whole:
        return texts(value)
    if not isinstance(value, str):
        return ()
    if keys.split:
        return texts(_parted(value, keys.split))
    if _JOINERS.search(value):
        doubts.append(
            Doubt(key=keys.tags[0], problem="several tags in one text were read as one tag",
                  remedy="write a list: [one, two]")
        )  # fmt: skip
    return texts(value)


def _categories(fields: Fields, keys: Dialect, path: PurePosixPath, dialect: str) -> Paths:
    key, value = _first_value(fields, keys.categories)
    if value is None:
        return tuple((part,) for part in _folders(path, dialect))
    if isinstance(value, list) and any(isinstance(item, list) for item in value):
        paths = (texts(item if isinstance(item, list) else [item]) for item in value)
        return tuple(filter(None, dict.fromkeys(paths)))
    if dialect == "jekyll" and isinstance(value, str) and key not in keys.whole:
        return tuple((label,) for label in texts([*value.split()]))
    labels = texts(value)
    if keys.is_path:
        return (labels,) if labels else ()
    return tuple((label,) for label in labels)


def _folders(path: PurePosixPath, dialect: str) -> Iterator[str]:
    """Pelican takes the folder for a category, Jekyll those above `_posts`."""
    parts = path.parts[:-1]
    if dialect == "pelican" and parts:
        yield parts[-1]
    if dialect == "jekyll" and "_posts" in parts:
        yield from (part for part in parts[: parts.index("_posts")] if part != "docs")


def _authors(fields: Fields, keys: Dialect, dialect: str) -> tuple[str, ...]:
    found = _first_texts(fields, keys.author)
    if dialect == "pelican" and found == _first_texts(fields, ("authors",)):
        return texts([part for text in found for part in _parted(text, keys.split)])
    return found


def _parted(text: str, split: str) -> list[Value]:
    return [*re.split(";" if ";" in text and ";" in split else split, text)]


def _language(fields: Fields, keys: Dialect, path: PurePosixPath) -> str:
    named = _first(fields, keys.language)
    if not named:
        _, named = named_language(path.stem)
    if not named and len(path.parts) > 1:
        head = next((part for part in path.parts[:-1] if part not in {"source", "_posts"}), "")
        named = head if _is_language(head) else ""
    found = _LANGUAGE_TAG.fullmatch(named)
    return found[1].lower() + found[2].replace("_", "-") if found else ""


def _is_language(text: str) -> bool:
    """`zh`, `zh-cn`: few folders and name parts of two letters are anything else."""
    return (
        _LANGUAGE_TAG.fullmatch(text) is not None
        and text[:2] in COMMON_LANGUAGES
        and (len(text) == 2 or text[2] in "-_")
    )


def _image(fields: Fields, keys: Dialect) -> str:
    image = _first(fields, keys.image)
    return "" if image.lower() in {"false", "true", "transparent"} or image[:1] == "#" else image

"""What the fields of a file mean: each generator's habits become one set of facts.

Privacy fails closed, in `kept_back` alone: whatever is not clearly public is not published.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from urllib.parse import quote
from zoneinfo import ZoneInfo

from publisher.content.dates import date_of_name, parse_date
from publisher.content.front_matter import Value
from publisher.domain.posts import SkipReason

Fields = Mapping[str, Value]
Paths = tuple[tuple[str, ...], ...]

PERMALINKS = {
    "hexo": ":year/:month/:day/:title/",
    "hugo": ":folder/:slug/",
    "jekyll": ":categories/:year/:month/:day/:slug.html",
    "pelican": ":slug.html",
    "plain": "posts/:slug/",
}
"""Dialect -> the form of a post's address where the site sets none."""

_FALSE = frozenset({"false", "no", "off", "0", "n", "f", "none", ""})
_TRUE = frozenset({"true", "yes", "on", "1", "y", "t"})
_DATE_KEYS = ("date", "publishdate", "pubdate", "pubdatetime", "published")
_PROTECTING = ("password", "encrypt", "encrypted", "enc_pwd", "private", "secret")
_HIDING = ("hidden", "hide", "unlisted", "hiddenfromhomepage", "hiddenfromrss")
_DATED_NAME = re.compile(r"^\d{4}-\d{1,2}-\d{1,2}-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What the front matter of one file says, in Publisher's words."""

    id: str | None
    title: str
    published: datetime | None
    updated: datetime | None
    tags: tuple[str, ...]
    categories: Paths
    authors: tuple[str, ...]
    keywords: tuple[str, ...]
    language: str
    description: str
    excerpt: str
    image: str


def understand(fields: Fields, path: str, *, dialect: str, zone: ZoneInfo) -> Meaning:
    """Reads the fields as the dialect does. `path` is relative to the content folder."""
    pure = PurePosixPath(path)
    return Meaning(
        id=_first(fields, "feed_id", "id", "abbrlink", "uuid", "guid") or None,
        title=_first(fields, "title") or _title_of_name(pure),
        published=_date(fields, _DATE_KEYS, zone) or date_of_name(pure.name, zone),
        updated=_date(fields, ("updated", "lastmod", "last_modified_at", "modified"), zone),
        tags=_labels(fields, ("tags", "tag"), dialect),
        categories=_categories(fields, dialect),
        authors=_texts(fields, "author", "authors"),
        keywords=_texts(fields, "keywords"),
        language=_first(fields, "lang", "language"),
        description=_first(fields, "description", "summary"),
        excerpt=_first(fields, "excerpt"),
        image=_image(fields),
    )


def kept_back(
    fields: Fields, path: str, meaning: Meaning, *, now: datetime, zone: ZoneInfo
) -> tuple[SkipReason, str] | None:
    """Why a file is not published, and in words; None where nothing stands against it.

    Absent, null and `""` are no password; `0` and `false` are. For every other mark anything that
    is not clearly false counts.
    """
    if any(_is_protected(fields, key) for key in _PROTECTING):
        return SkipReason.PROTECTED, "protected by a password"
    expires = _date(fields, ("expirydate", "expires", "unpublishdate"), zone)
    if expires and expires <= now:
        return SkipReason.EXPIRED, f"expired on {expires:%Y-%m-%d %H:%M}"
    opens = max(
        filter(None, (meaning.published, _date(fields, ("publishdate",), zone))), default=None
    )
    if opens and opens > now:
        return SkipReason.FUTURE, f"dated {opens:%Y-%m-%d %H:%M}, which is still to come"
    if _is_draft(fields, path, zone):
        return SkipReason.DRAFT, "a draft"
    if any(_is_set(fields, key) for key in _HIDING):
        return SkipReason.HIDDEN, "hidden"
    return None


def permalink(meaning: Meaning, path: str, template: str) -> str:
    """The path of a post's address: the template with the post's values, percent-encoded."""
    pure = PurePosixPath(path)
    slug = _DATED_NAME.sub("", pure.parent.name if pure.stem == "index" else pure.stem)
    day = meaning.published
    values = {
        "year": f"{day:%Y}" if day else "",
        "month": f"{day:%m}" if day else "",
        "day": f"{day:%d}" if day else "",
        "title": str(pure.with_name(slug)).removeprefix("_posts/"),
        "slug": slug,
        "name": slug,
        "folder": "/".join(pure.parent.parts),
        "categories": "/".join(meaning.categories[0]) if meaning.categories else "",
        "abbrlink": meaning.id or slug,
        "id": meaning.id or slug,
    }
    filled = re.sub(r":(\w+)", lambda found: values.get(found[1], found[0]), template)
    return quote(re.sub(r"/{2,}", "/", filled).lstrip("/"), safe="/~!$&'()*+,;=:@")


def _is_protected(fields: Fields, key: str) -> bool:
    value = fields.get(key)
    if key == "password":
        return value not in {None, ""} if isinstance(value, str | None) else True
    return _is_set(fields, key)


def _is_set(fields: Fields, key: str) -> bool:
    value = fields.get(key)
    return value is not None and (not isinstance(value, str) or value.lower() not in _FALSE)


def _is_draft(fields: Fields, path: str, zone: ZoneInfo) -> bool:
    if {"_drafts", "drafts"} & set(PurePosixPath(path).parts) or _is_set(fields, "draft"):
        return True
    published = fields.get("published")
    if isinstance(published, str) and published and not parse_date(published, zone):
        return published.lower() not in _TRUE
    status = fields.get("status")
    return isinstance(status, str) and status.lower() not in {"published", ""}


def _first(fields: Fields, *keys: str) -> str:
    """The first of the keys that holds text, trimmed; else empty."""
    for key in keys:
        value = fields.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ""


def _texts(fields: Fields, *keys: str) -> tuple[str, ...]:
    for key in keys:
        value = fields.get(key)
        items = value if isinstance(value, list) else [value]
        found = [item.strip() for item in items if isinstance(item, str)]
        if any(found):
            return tuple(dict.fromkeys(filter(None, found)))
    return ()


def _labels(fields: Fields, keys: tuple[str, ...], dialect: str) -> tuple[str, ...]:
    """Tags: a list, or one string that Jekyll splits at blanks and Pelican at commas."""
    found = _texts(fields, *keys)
    single = next((fields[key] for key in keys if isinstance(fields.get(key), str)), None)
    if single is None:
        return found
    match dialect:
        case "jekyll":
            return _distinct(found[0].split()) if found else ()
        case "pelican":
            return _distinct(re.split("[;]" if found and ";" in found[0] else ",", found[0]))
        case _:
            return found


def _distinct(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item.strip() for item in items if item.strip()))


def _categories(fields: Fields, dialect: str) -> Paths:
    """Category paths. Hexo reads a flat list as one path from the general to the special."""
    value = fields.get("categories") or fields.get("category")
    if isinstance(value, list) and any(isinstance(item, list) for item in value):
        paths = (_path(item if isinstance(item, list) else [item]) for item in value)
        return tuple(filter(None, paths))
    labels = _labels(fields, ("categories", "category"), dialect)
    if dialect in {"hexo", "auto"}:
        return (labels,) if labels else ()
    return tuple((label,) for label in labels)


def _path(items: list[Value]) -> tuple[str, ...]:
    return tuple(item.strip() for item in items if isinstance(item, str) and item.strip())


def _date(fields: Fields, keys: Iterable[str], zone: ZoneInfo) -> datetime | None:
    for key in keys:
        value = fields.get(key)
        if isinstance(value, str) and (found := parse_date(value, zone)):
            return found
    return None


def _image(fields: Fields) -> str:
    image = _first(fields, "cover", "image", "thumbnail", "banner", "top_img", "featuredimage")
    return "" if image.lower() in {"false", "transparent"} else image


def _title_of_name(path: PurePosixPath) -> str:
    return _DATED_NAME.sub("", path.parent.name if path.stem == "index" else path.stem)

"""The address of a post, as its generator would make it.

Hexo's `:title` is the path below `_posts`, folders included; a token without a value fails the
post, because an address that is made up today is a broken link tomorrow.
"""

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from math import isfinite
from pathlib import PurePosixPath
from urllib.parse import quote
from zoneinfo import ZoneInfo

from publisher.content.dialects import Meaning, named_language, slug_of
from publisher.content.values import Fields, Plain, look_up, texts
from publisher.errors import ContentError

PERMALINKS = {
    "hexo": ":year/:month/:day/:title/",
    "hugo": ":folder/:slugorfilename/",
    "jekyll": ":categories/:year/:month/:day/:title.html",
    "pelican": ":slug.html",
    "plain": "posts/:slug/",
    "auto": "posts/:slug/",
}
"""Dialect -> the form of a post's address where the site sets none."""

JEKYLL_STYLES = {
    "date": ":categories/:year/:month/:day/:title.html",
    "pretty": ":categories/:year/:month/:day/:title/",
    "ordinal": ":categories/:year/:y_day/:title.html",
    "none": ":categories/:title.html",
}

_TOKEN = re.compile(r":(\w+)")
_JEKYLL_TOKEN = re.compile(r":([a-z_]+)")
_TELLING = frozenset({"lang"})
"""Tokens that tell two languages of one post apart."""

_PUNCTUATION = re.compile(r"""[\s~`!@#$%^&*()\-_+=\[\]{}|\\;:"'<>,.?/]+""")
_HUGO_DROPS = re.compile(r"[^\w\s./\\#+~@%-]")
_JEKYLL_PRETTY = re.compile(r"[^\w.~!$&'()+,;=@]+")
_JEKYLL_PLAIN = re.compile(r"[\W_]+")
_HEXO_SEGMENTS = {
    "year": r"\d{4}", "month": r"\d{2}", "day": r"\d{2}", "i_month": r"\d{1,2}",
    "i_day": r"\d{1,2}", "hash": r"[0-9a-f]{12}",
}  # fmt: skip
_HEXO_TOKEN = re.compile(r":(\w*[^_\W])", re.ASCII)
_PELICAN_QUOTES = str.maketrans(dict.fromkeys("‘’“”", "") | dict.fromkeys("–—", "-"))
_SAFE = "/~!$&'()*+,;=:@"
_NUMBER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)")


def permalink(
    meaning: Meaning,
    fields: Fields,
    path: str,
    *,
    template: str,
    dialect: str,
    zone: ZoneInfo,
    language: str,
    default_category: str = "",
    naming: str = "",
) -> str:
    """The path of a post's address, percent-encoded, without a slash at its start.

    `zone` decides the year, month and day in it (Hexo builds them in the zone of the machine:
    hexo #2063, #3282, #4548); `language` is that of the site, `naming` as in `ContentOptions`.
    Raises `ContentError` for a token without a value.
    """
    token, chosen = _TOKEN, meaning.address.removesuffix("index.html")
    if meaning.address and dialect != "jekyll":
        return encode_path(chosen)
    if meaning.address:  # which Jekyll fills as it does the site's own form
        token, template = _JEKYLL_TOKEN, chosen
    values = _values(meaning, path, dialect, zone, default_category, naming=naming)

    def filled(match: re.Match[str]) -> str:
        value = values.get(match[1])
        if value is None:
            value = _from_field(fields, match[1])
        if value is None:
            raise ContentError("", 0, f"the address needs :{match[1]}, which is not given")
        return value

    made = token.sub(filled, template)
    made = _hugo_path(made) if dialect == "hugo" else made
    other = "" if meaning.address or dialect == "hexo" else _other_language(path, language)
    is_told = not _TELLING.isdisjoint(_TOKEN.findall(template))
    return encode_path(f"{other}/{made}" if other and not is_told else made)


def encode_path(path: str) -> str:
    """A path for a URL: composed (NFC), percent-encoded, single slashes, none at its start."""
    composed = unicodedata.normalize("NFC", re.sub(r"/{2,}", "/", path.strip()))
    return quote(composed.lstrip("/"), safe=_SAFE)


def _values(
    meaning: Meaning,
    path: str,
    dialect: str,
    zone: ZoneInfo,
    default_category: str,
    *,
    naming: str,
) -> Mapping[str, str]:
    pure = PurePosixPath(path)
    slug = meaning.slug or slug_of(pure)
    below = _below_posts(pure)
    if naming and dialect == "hexo":
        below = _hexo_title(below, naming)
    if naming and dialect == "pelican":
        slug = meaning.slug or _pelican_slug(meaning.title) or slug
    last = meaning.categories[-1] if meaning.categories else ()
    stem, _ = named_language(pure.stem)
    is_index = stem == "index"
    values = {
        "title": below,
        "name": below.rpartition("/")[2],
        "filename": pure.stem,
        "slug": slug,
        "post_title": _slugized(meaning.title).lower(),
        "folder": "/".join(pure.parent.parts[:-1] if is_index else pure.parent.parts),
        "section": pure.parts[0] if len(pure.parts) > 1 else "",
        "categories": "/".join(label for path in meaning.categories for label in path),
        "category": "/".join(map(_slugized, last)) or default_category,
        "lang": meaning.language,
    }
    values["sections"] = values["folder"]
    match dialect:
        case "hugo":
            named = {"slugorfilename": slug, "slugorcontentbasename": slug}
            named["filename"] = named_language(pure.parent.name)[0] if is_index else stem
            values |= {"title": meaning.title, "slug": meaning.slug or meaning.title, **named}
        case "jekyll":
            values["title"] = _JEKYLL_PRETTY.sub("-", slug).strip("-")
            values["slug"] = _JEKYLL_PLAIN.sub("-", slug).strip("-").lower()
            values["categories"] = values["categories"].lower()
        case _:
            pass
    if meaning.published:
        day = meaning.published.astimezone(zone)
        seconds = int(meaning.published.timestamp())
        digest = hashlib.sha1(f"{below}{seconds}".encode(), usedforsecurity=False).hexdigest()
        values |= {
            "year": f"{day:%Y}", "month": f"{day:%m}", "day": f"{day:%d}", "hour": f"{day:%H}",
            "minute": f"{day:%M}", "second": f"{day:%S}", "i_month": str(day.month),
            "i_day": str(day.day), "y_day": f"{day:%j}", "short_year": f"{day:%y}",
            "timestamp": str(seconds), "hash": digest[:12],
        }  # fmt: skip
    return values


def _other_language(path: str, language: str) -> str:
    """The language in a file's name, in lower case, where it is not the site's own; else empty.

    Hugo puts it before the path: else two languages of one post would have one address.
    """
    named = named_language(PurePosixPath(path).stem)[1].lower().replace("_", "-")
    site = language.lower().replace("_", "-")
    return "" if named in {site, site.partition("-")[0]} else named


def _below_posts(path: PurePosixPath) -> str:
    """Hexo's `:title`: the path below `_posts` without its ending, folders included."""
    parts = [*path.parts[:-1], path.stem]
    return "/".join(parts[parts.index("_posts") + 1 :] if "_posts" in parts else parts)


def _hexo_title(below: str, form: str) -> str:
    """The part of a file's name that is Hexo's `:title`, by the form in which new ones are named.

    A name of another form is one word as a whole.
    """
    escaped = re.escape(form)
    names = _HEXO_TOKEN.findall(escaped)
    pattern = _HEXO_TOKEN.sub(lambda found: f"({_HEXO_SEGMENTS.get(found[1], '.+?')})", escaped)
    found = re.fullmatch(pattern, below, re.ASCII)
    parts = dict(zip(names, found.groups(), strict=True)) if found else {}
    return parts.get("title") or _slugized(below)


def _pelican_slug(title: str) -> str:
    """A title as Pelican makes a slug of it; empty where only its table of signs would tell."""
    plain = unicodedata.normalize("NFKD", title.translate(_PELICAN_QUOTES))
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    if not plain.isascii() or "_" in plain or "<" in plain:
        return ""
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip()).lower()


def _hugo_path(path: str) -> str:
    """The path in lower case; blanks become `-`, signs that Hugo drops go."""
    return re.sub(r"\s+-?\s*|-\s+", "-", _HUGO_DROPS.sub("", path)).lower()


def _slugized(text: str) -> str:
    """Words as Hexo joins them in addresses: blanks and punctuation become one `-`, accents go."""
    plain = "".join(c for c in unicodedata.normalize("NFD", text) if not 0x300 <= ord(c) < 0x370)
    return _PUNCTUATION.sub("-", unicodedata.normalize("NFC", plain)).strip("-")


def _from_field(fields: Fields, name: str) -> str | None:
    """Any other token is a field. Hexo's YAML makes a bare `00001` the number 1."""
    value = look_up(fields, name.lower())
    if value is None and name == "id":
        value = look_up(fields, "abbrlink")
    found = texts(value)
    if not found:
        return None
    is_number = isinstance(value, Plain) and _NUMBER.fullmatch(value) is not None
    return _as_javascript(found[0]) if is_number else found[0]


def _as_javascript(text: str) -> str:
    number = float(int(text, 16)) if text.lower().startswith("0x") else float(text)
    return str(int(number)) if isfinite(number) and number.is_integer() else repr(number)

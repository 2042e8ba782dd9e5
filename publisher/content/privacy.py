"""Why a post is kept back. One function, and it fails closed.

Whatever is not clearly public is not published: `draft: maybe` is a draft, `published: no` too
(Hexo would publish it), and `password: 0` is a password (hexo-blog-encrypt encrypts with "0").
"""

import re
from datetime import datetime, tzinfo
from pathlib import PurePosixPath

from publisher.content.markdown import code_of
from publisher.content.values import (
    HIDING,
    PROTECTING,
    Fields,
    is_set,
    look_up,
    texts,
    withholds,
)
from publisher.domain.compact import Compact
from publisher.domain.posts import SkipReason

_DRAFT_FOLDERS = frozenset({"_drafts", "drafts"})
_ENCRYPTING = frozenset({"hugo-encryptor", "encrypt", "password", "secret", "private", "hbe"})
_TAG = re.compile(r"\{(?:\{[<%]|%)-?\s*+(?:/\s*+)?([\w-]+)")


class Marks(Compact, frozen=True, kw_only=True):
    """What a file says about who may read it. `opens` and `expires` bound its public time."""

    is_protected: bool
    is_draft: bool
    is_hidden: bool
    opens: datetime | None
    expires: datetime | None


def is_protected(fields: Fields, body: str, protected_tags: frozenset[str]) -> bool:
    """Whether a password, an encryption mark, a tag or a shortcode protects the post.

    Absent, null and `""` are no password; everything else is. `protected_tags` come from the
    site's own configuration (hexo-blog-encrypt); `password: ""` opens a post that has one. A
    shortcode that encrypts a part protects the whole.
    """
    password = fields.get("password")
    if password not in (None, ""):
        return True
    if any(is_set(fields.get(key)) for key in PROTECTING if key != "password"):
        return True
    opened = password == ""
    if not opened and protected_tags & set(texts(fields.get("tags")) + texts(fields.get("tag"))):
        return True
    return _has_encrypting_tag(body)


def is_draft(fields: Fields, path: str) -> bool:
    """Whether the file is a draft by its folder, `draft`, `published` or `status`."""
    if _DRAFT_FOLDERS & {part.lower() for part in PurePosixPath(path).parts}:
        return True
    return (
        is_set(fields.get("draft"))
        or withholds("published", fields.get("published"))
        or withholds("status", fields.get("status"))
    )


def is_hidden(fields: Fields) -> bool:
    """Whether the file is to be reachable by its address alone."""
    build = look_up(fields, "build.list") or look_up(fields, "_build.list")
    if isinstance(build, str) and build.lower() in {"never", "false", "local"}:
        return True
    excluded = is_set(fields.get("eleventyexcludefromcollections"))
    return excluded or any(is_set(fields.get(key)) for key in HIDING)


def kept_back(marks: Marks, now: datetime, zone: tzinfo) -> tuple[SkipReason, str] | None:
    """Why a post is not published as of `now`, and in words; None where nothing stands against.

    The words name times of `zone`.
    """
    if marks.is_protected:
        return SkipReason.PROTECTED, "protected by a password"
    if marks.expires and marks.expires <= now:
        return SkipReason.EXPIRED, f"expired on {_shown(marks.expires, zone)}"
    if marks.opens and marks.opens > now:
        return SkipReason.FUTURE, f"dated {_shown(marks.opens, zone)}, which is still to come"
    if marks.is_draft:
        return SkipReason.DRAFT, "a draft"
    if marks.is_hidden:
        return SkipReason.HIDDEN, "hidden"
    return None


def _shown(instant: datetime, zone: tzinfo) -> str:
    return f"{instant.astimezone(zone):%Y-%m-%d %H:%M}"


def _has_encrypting_tag(body: str) -> bool:
    """Template tags that encrypt, outside code.

    What is code is asked of the parser that renders the post: a pattern of our own would take for
    a fence what is none. A tag that is not found in code protects, whatever it stands in.
    """
    tags = _encrypting_tags(body)
    if not tags or not ("`" in body or "~~~" in body):
        return tags > 0
    try:
        return tags > sum(map(_encrypting_tags, code_of(body)))
    except RecursionError:  # such a text cannot be rendered either
        return True


def _encrypting_tags(text: str) -> int:
    return sum(found[1].lower() in _ENCRYPTING for found in _TAG.finditer(text))

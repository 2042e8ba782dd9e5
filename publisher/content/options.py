"""Where the posts are and how to read them."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

from publisher.content.permalinks import PERMALINKS

ROOTS = frozenset({"_posts", "_drafts"})
"""Folders that are read although their names begin with `_`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentOptions:
    """How a folder of posts is read.

    `dialect`: whose habits they follow. `permalink` (a template) and `encoding` may be empty: the
    dialect's usual form; UTF-8, else what can be proved. `permalink_zone` decides the day in an
    address, None = `zone`. `roots`: folders in which `/images/a.png` may lie, beside the content
    folder. `protected_tags` protect every post that has one. `cache`: a folder of parsed posts
    that may be deleted at any time; None = none.
    """

    folder: Path
    zone: ZoneInfo
    base_url: str
    language: str
    dialect: str = "auto"
    permalink: str = ""
    permalink_zone: ZoneInfo | None = None
    encoding: str = ""
    roots: tuple[Path, ...] = ()
    default_category: str = "uncategorized"
    protected_tags: frozenset[str] = frozenset()
    cache: Path | None = None

    @property
    def template(self) -> str:
        """The form of a post's address."""
        return self.permalink or PERMALINKS[self.dialect]

    @property
    def has_pages(self) -> bool:
        """Whether nothing outside of `ROOTS` is a post.

        Hexo makes posts of `_posts` and `_drafts` alone: what else lies in the source folder of a
        site, which is one of its roots too, are pages.
        """
        is_site = self.dialect == "hexo" and self.folder in self.roots
        return is_site and (self.folder / "_posts").is_dir()

    def fingerprint(self) -> bytes:
        """A digest of all that changes what a file becomes."""
        shown = (
            self.folder.resolve(), self.zone, self.base_url, self.language, self.dialect,
            self.permalink, self.permalink_zone, self.encoding, self.roots, self.default_category,
            sorted(self.protected_tags), self.has_pages,
        )  # fmt: skip
        return sha256(repr(shown).encode()).digest()

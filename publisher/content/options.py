"""Where the posts are and how to read them."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

from publisher.content.permalinks import PERMALINKS
from publisher.content.places import EVERYWHERE, Places


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentOptions:
    """How a folder of posts is read.

    `dialect`: whose habits they follow. `permalink` (a template) and `encoding` may be empty: the
    dialect's usual form; UTF-8, else what can be proved. `permalink_zone` decides the day in an
    address, None = `zone`. `roots`: folders in which `/images/a.png` may lie, beside the content
    folder. `places`: where posts lie, if the folder is that of a site. `naming`: what a site makes
    names in addresses of; for Hexo the form of its files' names (`:year-:title`), for Pelican
    `:title`; empty: the file's name. `protected_tags` protect every post that has one. `cache`: a
    folder of parsed posts that may be deleted at any time; None = none.
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
    places: Places = EVERYWHERE
    naming: str = ""
    default_category: str = "uncategorized"
    protected_tags: frozenset[str] = frozenset()
    cache: Path | None = None

    @property
    def template(self) -> str:
        """The form of a post's address."""
        return self.permalink or PERMALINKS[self.dialect]

    def fingerprint(self) -> bytes:
        """A digest of all that changes what a file becomes."""
        shown = (
            self.folder.resolve(), self.zone, self.base_url, self.language, self.dialect,
            self.permalink, self.permalink_zone, self.encoding, self.roots, self.naming,
            self.default_category, sorted(self.protected_tags),
        )  # fmt: skip
        return sha256(repr(shown).encode()).digest()

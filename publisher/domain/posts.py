"""What a writer wrote, and what became of each file.

Every file of the content folder ends as exactly one of `Post` (may be published), `Skipped` (kept
back on purpose) or `Failed` (cannot be understood). All three carry the path, so that a report
can name every file.
"""

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from operator import attrgetter

from msgspec.structs import replace

from publisher.domain.compact import Compact
from publisher.domain.packing import NOTHING, Held, Packed, pack


class SkipReason(StrEnum):
    """Why a post is kept back although it was understood."""

    PROTECTED = "protected"  # a password or an encryption mark: path and reason are all we tell
    EXPIRED = "expired"
    FUTURE = "future"
    DRAFT = "draft"
    HIDDEN = "hidden"
    EMPTY = "empty"


class Facts(Compact, frozen=True, kw_only=True):
    """What the front matter says of a post, for listings."""

    id: str | None
    title: str
    published: datetime | None
    updated: datetime | None
    tags: tuple[str, ...] = ()
    categories: tuple[tuple[str, ...], ...] = ()
    language: str = ""
    is_draft: bool = False
    is_hidden: bool = False


class Excerpt(Compact, frozen=True, kw_only=True):
    """The opening of a post, packed like the whole. `is_manual`: the writer marked its end."""

    packed: Packed
    is_manual: bool

    @classmethod
    def of(cls, html: str, text: str, *, is_manual: bool) -> "Excerpt":
        """Neither form may hold NUL."""
        return cls(packed=Held(pack(f"{html}\0{text}")), is_manual=is_manual)

    @property
    def html(self) -> str:
        return self.packed.text().partition("\0")[0]

    @property
    def text(self) -> str:
        return self.packed.text().partition("\0")[2]


NO_EXCERPT = Excerpt(packed=NOTHING, is_manual=False)


class Body(Compact, frozen=True):
    """A whole text, as HTML for feeds and as HTML for mails and pages.

    Kept packed, both forms in one, and unpacked for whoever asks. `size` is that of the first, in
    bytes.
    """

    packed: Packed = NOTHING
    size: int = 0

    @classmethod
    def of(cls, html: str, mail_html: str | None = None) -> "Body":
        """The two forms, the same for both unless a second one is given. Neither may hold NUL."""
        both = html if mail_html in {None, html} else f"{html}\0{mail_html}"
        return cls(packed=Held(pack(both)), size=len(html.encode("utf-8", "surrogatepass")))

    @property
    def html(self) -> str:
        return self.packed.text().split("\0")[0]

    @property
    def mail_html(self) -> str:
        return self.packed.text().split("\0")[-1]


class Image(Compact, frozen=True, kw_only=True):
    """A picture. `url` is absolute; width and height are pixels, 0 where unknown."""

    url: str
    alt: str = ""
    width: int = 0
    height: int = 0


class Media(Compact, frozen=True, kw_only=True):
    """A recording that a post carries. `url` is absolute, `length` in bytes, 0 where unknown.

    `seconds` is how long it lasts, 0 where unknown.
    """

    url: str
    type: str
    length: int = 0
    seconds: int = 0


class Asset(Compact, frozen=True, kw_only=True):
    """A file beside a post that its page needs: `source` on disk, `url` where it is published."""

    source: str
    url: str


class Post(Compact, frozen=True, kw_only=True):
    """One Markdown file that may be published.

    `id` is stable: what the front matter declares, else the path at first sight (see
    `settle_ids`). `path` is relative to the content folder, with forward slashes. Dates are aware
    and in the site's zone. Each of `categories` is one path from the general to the special.
    `body` is the whole post, sanitised, URLs absolute. `body_hash` is the SHA-256 (hex) of the
    body as written; it recognises a renamed file. `content_hash` is that of what the body became:
    it changes whenever one of the HTML fields does.
    """

    id: str
    declares_id: bool
    path: str
    title: str
    published: datetime
    updated: datetime
    url: str
    language: str
    body_hash: str
    tags: tuple[str, ...] = ()
    categories: tuple[tuple[str, ...], ...] = ()
    authors: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    description: str = ""
    image: Image | None = None
    media: Media | None = None
    excerpt: Excerpt = NO_EXCERPT
    body: Body = Body()
    content_hash: str = ""
    assets: tuple[Asset, ...] = ()


class Skipped(Compact, frozen=True, kw_only=True):
    """A file kept back on purpose. `facts` is None where nothing may be told (protected)."""

    path: str
    reason: SkipReason
    explanation: str
    facts: Facts | None = None


class Failed(Compact, frozen=True, kw_only=True):
    """A file that cannot be published. `line` counts from 1, 0 = the whole file."""

    path: str
    line: int
    problem: str
    remedy: str
    facts: Facts | None = None


class Warned(Compact, frozen=True, kw_only=True):
    """Something in a file that was understood, but perhaps not as it was meant."""

    path: str
    line: int
    problem: str
    remedy: str


class Library(Compact, frozen=True, kw_only=True):
    """All that a content folder holds, each part sorted by path."""

    posts: tuple[Post, ...]
    skipped: tuple[Skipped, ...] = ()
    failed: tuple[Failed, ...] = ()
    warnings: tuple[Warned, ...] = ()


class KnownPost(Compact, frozen=True, kw_only=True):
    """One row of the id registry: this id was first seen at, or has moved to, `path`.

    `gone_at`: since when no file lies there.
    """

    id: str
    path: str
    body_hash: str
    gone_at: datetime | None = None


class News(Compact, frozen=True, kw_only=True):
    """What the id registry does not know yet: new posts, those that moved or were written anew,
    and the ids of those that are gone, sorted.
    """

    new: tuple[Post, ...]
    changed: tuple[Post, ...]
    gone: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.new or self.changed or self.gone)


def news_of(known: Sequence[KnownPost], posts: Sequence[Post], *, present: Collection[str]) -> News:
    """What is to be noted of posts whose ids are settled.

    `present`: the paths of all files, also of those that are no posts today.
    """
    before = {row.id: row for row in known}
    new, changed, seen = [], [], set()
    for post in posts:
        row = before.get(post.id)
        seen.add(post.id)
        if row is None:
            new.append(post)
        elif (row.path, row.body_hash, row.gone_at) != (post.path, post.body_hash, None):
            changed.append(post)
    gone = {row.id for row in known if not row.gone_at and row.path not in present} - seen
    return News(new=tuple(new), changed=tuple(changed), gone=tuple(sorted(gone)))


BURNT_AFTER = timedelta(days=1)
"""How long a file must be gone until another text at its path is another post. An editor that
saves by removing and writing anew, or a branch that was checked out for an hour, changes no id.
"""


def body_hash(body: str) -> str:
    """The SHA-256 of a post's body, hex."""
    return hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()


def newest_first(posts: Sequence[Post]) -> list[Post]:
    """The posts by date, newest first; ties by id, so that the order never depends on the disk."""
    return sorted(posts, key=attrgetter("published", "id"), reverse=True)


def each_id_once(posts: Sequence[Post]) -> tuple[list[Post], list[Failed]]:
    """Parts posts from those that declare the id of another, the later by date and path failing.

    A translation is not a copy: in another language the id gets `:zh` behind it. (Blogs copy an
    `abbrlink` with the file: of 25 such pairs 15 were translations.)
    """
    holders: dict[str, Post] = {}
    kept, failed = [], []
    for post in sorted(posts, key=attrgetter("published", "path")):
        holder = holders.get(post.id) if post.declares_id else None
        own = post
        if holder is not None and holder.language != post.language:
            own = replace(post, id=f"{post.id}:{post.language}")
        if post.declares_id and own.id in holders:
            failed.append(_copy_of(holders[own.id], post))
            continue
        holders.setdefault(own.id, own)
        kept.append(own)
    by_path = attrgetter("path")
    return sorted(kept, key=by_path), sorted(failed, key=by_path)


def _copy_of(holder: Post, post: Post) -> Failed:
    return Failed(
        path=post.path,
        line=1,
        problem=f"has the id of {holder.path}",
        remedy="give one of them an id of its own",
    )


def settle_ids(
    posts: Sequence[Post],
    known: Sequence[KnownPost],
    *,
    present: Collection[str] = (),
    now: datetime,
) -> list[Post]:
    """Gives each post its lasting id; the posts come back sorted by path.

    `present`: the paths of other files that are there, though they are no posts today: a draft has
    not gone.

    A declared id wins. Else the id under which the path is known; else, if a known path is gone
    and its body stands here, the id has moved with the file; else the path itself, with `~2`,
    `~3` behind it if that id was given before. No id is given twice (DESIGN: "Each post once"),
    as long as no two posts declare the same one; nor is that of a post that was taken down.
    """
    declared = {post.id for post in posts if post.declares_id}
    present = {*present, *(post.path for post in posts)}
    free = [row for row in known if row.id not in declared]
    free.sort(key=lambda row: (row.path, row.gone_at is None))
    by_path = {row.path: row for row in free}
    lost = [row for row in free if row.path not in present]
    burnt = declared | {row.id for row in known}
    settled = []
    for post in sorted(posts, key=attrgetter("path")):
        if post.declares_id:
            settled.append(post)
            continue
        own = by_path.get(post.path)
        if own and not _is_another(post, own, now):
            new_id = own.id
        else:
            new_id = _moved(post, lost) or _unused(post.path, burnt)
        burnt.add(new_id)
        settled.append(post if post.id == new_id else replace(post, id=new_id))
    return settled


def _is_another(post: Post, row: KnownPost, now: datetime) -> bool:
    """Whether a file that lies where one was taken down is a post of its own."""
    is_long_gone = row.gone_at is not None and now - row.gone_at > BURNT_AFTER
    return is_long_gone and row.body_hash != post.body_hash


def _moved(post: Post, lost: list[KnownPost]) -> str | None:
    """The id of the lost file that had the body of this post; it is lost no longer."""
    for row in lost:
        if row.body_hash == post.body_hash:
            lost.remove(row)
            return row.id
    return None


def _unused(path: str, burnt: set[str]) -> str:
    candidate, number = path, 1
    while candidate in burnt:
        number += 1
        candidate = f"{path}~{number}"
    return candidate

"""The content folder as a library of posts with lasting ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from pathlib import Path, PurePosixPath

from msgspec.structs import replace

from publisher.collector import seldom
from publisher.content import loader, writing
from publisher.content.folder import find
from publisher.content.sources import Text, read_source
from publisher.content.values import Value
from publisher.domain.permalinks import each_address_once
from publisher.domain.posts import KnownPost, Library, each_id_once, news_of, settle_ids
from publisher.errors import Conflict, ContentError, NotFound
from publisher.services.app import App
from publisher.services.output import write_file
from publisher.store import posts as rows

_LONGEST_NAME = 200  # bytes


def read(app: App, *, now: datetime) -> Library:
    """The library as of `now`. Writes nothing: ids not yet known are those that would be given."""
    return _read(app, now=now)[0]


def load(app: App, *, now: datetime) -> Library:
    """The library as of `now`, its ids kept for good (a later rename changes none of them)."""
    library, known = _read(app, now=now)
    if news := news_of(known, library.posts, present=_paths_of(library)):
        with app.store.begin() as tx:
            rows.remember(tx, news, now=now)
    return library


@seldom()
def _read(app: App, *, now: datetime) -> tuple[Library, list[KnownPost]]:
    """The library, and what the id registry knew."""
    library = loader.load(app.content, now=now)
    kept, copies = each_id_once(library.posts)
    kept, homeless = each_address_once(kept, app.site)
    with app.store.read() as tx:
        known = rows.known(tx)
    failed = sorted((*library.failed, *copies, *homeless), key=attrgetter("path"))
    found = replace(library, posts=tuple(kept), failed=tuple(failed))
    settled = settle_ids(kept, known, present=_paths_of(found), now=now)
    return replace(found, posts=tuple(settled)), known


def _paths_of(library: Library) -> set[str]:
    kept_back = {item.path for item in library.skipped} | {item.path for item in library.failed}
    return kept_back | {post.path for post in library.posts}


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The id of one file and where it comes from: `declared`, `remembered` or `proposed`."""

    path: str
    id: str
    origin: str


def paths(app: App) -> list[str]:
    """All files that are read as posts, relative to the content folder."""
    return find(app.content.folder, app.content.places)


def identity(app: App, path: str) -> Identity:
    """The id of a file: what it declares, else what was remembered, else what it would be given.

    `path` may be given below the content folder or below the working directory. Raises
    `NotFound`, and `ContentError` for a file that cannot be read.
    """
    path = _relative(app, path)
    text = _text(app, path)
    if text.source.meaning.id:
        return Identity(path=path, id=text.source.meaning.id, origin="declared")
    with app.store.read() as tx:
        known = {row.path: row.id for row in rows.known(tx)}
    if path in known:
        return Identity(path=path, id=known[path], origin="remembered")
    return Identity(path=path, id=writing.mint_id(path, text.body), origin="proposed")


def declare(app: App, path: str, *, new_id: str = "", force: bool = False) -> Identity:
    """Writes an id into a file's front matter, so that it goes with the file; by default the one
    in use. Every other byte of the file stays.

    Raises `Conflict` if the file declares one, if another post has it, or if readers know the
    post by another id, unless `force`: they would all see it as new.
    """
    now = identity(app, path)
    wanted = new_id or now.id
    if now.origin == "declared":
        if not new_id or new_id == now.id:
            return now
        raise Conflict("post", now.path, f"declares the id {now.id}; edit the file to change it")
    if now.origin == "remembered" and wanted != now.id and not force:
        problem = f"is known as {now.id}: with another id every reader would see it as new"
        raise Conflict("post", now.path, f"{problem}; say --force if you mean it")
    _refuse_taken(app, now.path, wanted)
    file = app.content.folder / now.path
    data = writing.declare_id(
        file.read_bytes(), wanted, dialect=app.content.dialect, encoding=app.content.encoding
    )
    write_file(file, data, mode=file.stat().st_mode & 0o777)
    return Identity(path=now.path, id=wanted, origin="declared")


def create(
    app: App,
    title: str,
    *,
    now: datetime,
    folder: str = "",
    tags: Sequence[str] = (),
    categories: Sequence[str] = (),
    is_draft: bool = False,
) -> Path:
    """Writes a new post with title, date and id, as the site's generator names such files.

    Raises `Conflict` if the file is there already, or would lie outside the content folder.
    """
    dialect = app.content.dialect
    local = now.astimezone(app.content.zone)
    name = f"{_short(writing.slug(title))}.md"
    if dialect == "jekyll" and not is_draft:
        name = f"{local:%Y-%m-%d}-{name}"
    place = PurePosixPath(folder or _usual_folder(app, is_draft)) / name
    file = app.content.folder / place
    if place.is_absolute() or ".." in place.parts:
        raise Conflict("post", str(place), "would lie outside the content folder")
    if file.exists():
        raise Conflict("post", str(place), "is there already; choose another title or folder")
    fields: dict[str, Value] = {
        "title": title,
        "date": writing.date_field(local, dialect),
        writing.KEY: writing.mint_id(str(place), title + local.isoformat()),
    }
    if tags:
        fields["tags"] = [*tags]
    if categories:
        fields["categories"] = [*categories]
    if is_draft and "_drafts" not in place.parts:
        fields["draft"] = "true"
    write_file(file, (writing.new_post(fields) + "\n").encode())
    return file


def _short(name: str) -> str:
    """A name cut to what any disk takes, with room for a date before it."""
    return name.encode()[:_LONGEST_NAME].decode(errors="ignore")


def _usual_folder(app: App, is_draft: bool) -> str:
    """Where the site keeps such posts, as far as the folders that are there tell."""
    folder, places = app.content.folder, app.content.places
    is_hugo = places.generator == "hugo"
    kept = (*places.only, "_posts", "posts", "post")
    wanted = ("_drafts",) if is_draft and not is_hugo else kept
    found = next((name for name in wanted if (folder / name).is_dir()), "")
    if found or not places.generator:
        return found
    if is_hugo:  # at the top it would be a page, if there are sections
        return next((path.partition("/")[0] for path in paths(app) if "/" in path), "")
    return f"_{'drafts' if is_draft else 'posts'}" if places.generator == "jekyll" else ""


def _relative(app: App, path: str) -> str:
    folder = app.content.folder.resolve()
    for candidate in (folder / path, Path(path).resolve()):
        if candidate.is_file() and candidate.resolve().is_relative_to(folder):
            return candidate.resolve().relative_to(folder).as_posix()
    raise NotFound("post", path)


def _text(app: App, path: str) -> Text:
    found = read_source((app.content.folder / path).read_bytes(), path, app.content)
    if not isinstance(found, Text):
        raise ContentError(path, found.line, f"{found.problem}; {found.remedy}")
    return found


def _refuse_taken(app: App, path: str, wanted: str) -> None:
    with app.store.read() as tx:
        holders = {row.id: row.path for row in rows.known(tx)}
    if holders.get(wanted, path) != path:
        raise Conflict("post", path, f"{wanted} is the id of {holders[wanted]}")

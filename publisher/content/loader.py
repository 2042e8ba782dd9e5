"""A folder of Markdown files becomes a library.

    bytes -> Text -> (may it be read now?) -> Rendering -> Post

Every file ends as a post, skipped or failed, and stops only itself. What was parsed before is
taken from the cache, as long as the file, the settings and all that it refers to are the same.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from publisher.content.cache import Cache, Entry
from publisher.content.options import ContentOptions
from publisher.content.privacy import kept_back
from publisher.content.references import POSTS, Index, References, index_of
from publisher.content.rendering import Rendering
from publisher.content.sources import MAX_BYTES, Source, Text
from publisher.content.workers import File, Workers
from publisher.domain.posts import Facts, Failed, Library, Post, Skipped, SkipReason, Warned

__all__ = ["ContentOptions", "load"]

ROOTS = frozenset({"_posts", "_drafts"})
"""Folders that are read although their names begin with `_`."""

Outcome = Post | Skipped | Failed


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """One file that was read: what it says, its bytes' key, and what the cache holds of it.

    `text` is None while the cache has spared us the parsing.
    """

    file: File
    key: str
    source: Source
    text: Text | None = None
    rendering: Rendering | None = None


def load(options: ContentOptions, *, now: datetime) -> Library:
    """Every Markdown file below the folder, as of `now`; each part sorted by path."""
    cache = Cache(options)
    files, failed = _files(options)
    with Workers(options) as workers:
        read, unreadable = _understand(cache, workers, files)
        held = [_held_back(item.source, now) for item in read]
        public = [item for item, outcome in zip(read, held, strict=True) if outcome is None]
        rendered = _render(options, cache, workers, public)
    kept_back_ones = [outcome for outcome in held if outcome is not None]
    outcomes: list[Outcome] = [*failed, *unreadable, *kept_back_ones]
    for item, rendering in zip(public, rendered, strict=True):
        outcomes.append(
            replace(rendering, facts=facts_of(item.source))
            if isinstance(rendering, Failed)
            else _post(item.source, rendering, options)
        )
    _keep(cache, read, {item.key for item in public})
    outcomes.sort(key=lambda item: item.path)
    return Library(
        posts=tuple(item for item in outcomes if isinstance(item, Post)),
        skipped=tuple(item for item in outcomes if isinstance(item, Skipped)),
        failed=tuple(item for item in outcomes if isinstance(item, Failed)),
        warnings=tuple(_warnings(read, rendered)),
    )


def find(options: ContentOptions) -> list[str]:
    """The paths of all posts below the folder, sorted, relative to it, with forward slashes."""
    return sorted(_walk(os.fspath(options.folder), ""))


def _walk(folder: str, prefix: str) -> Iterator[str]:
    """Leaves out names that begin with `_` or `.`, or end in `~` or `%`, and links to folders."""
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if (name[0] in "._" and name not in ROOTS) or name[-1] in "~%":
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path, f"{prefix}{name}/")
            elif name[name.rfind(".") :].lower() in POSTS and entry.is_file():
                yield f"{prefix}{name}"


def _files(options: ContentOptions) -> tuple[list[File], list[Failed]]:
    files, failed = [], []
    for path in find(options):
        try:
            with open(options.folder / path, "rb") as file:
                files.append(File(path=path, data=file.read(MAX_BYTES + 1)))
        except OSError as error:
            problem = f"cannot be read: {error.strerror}"
            failed.append(_failed(path, 0, problem, "check the file's rights"))
    return files, failed


def _understand(
    cache: Cache, workers: Workers, files: Sequence[File]
) -> tuple[list[_Read], list[Failed]]:
    """What each file says, from the cache or read anew; by path."""
    read, failed, fresh = [], [], []
    for file in files:
        key = cache.key(file.path, file.data)
        if entry := cache.get(key):
            read.append(_Read(file=file, key=key, source=entry.source, rendering=entry.rendering))
        else:
            fresh.append((file, key))
    found = workers.read([file for file, _ in fresh])
    for (file, key), text in zip(fresh, found, strict=True):
        if isinstance(text, Failed):
            failed.append(text)
        else:
            read.append(_Read(file=file, key=key, source=text.source, text=text))
    read = [item for item in read if not item.source.is_ignored]
    return sorted(read, key=lambda item: item.file.path), failed


def _held_back(source: Source, now: datetime) -> Skipped | Failed | None:
    """Why a file is not published as of `now`; None if it is."""
    if held := kept_back(source.marks, now):
        reason, words = held
        told = None if reason is SkipReason.PROTECTED else facts_of(source)
        return Skipped(path=source.path, reason=reason, explanation=words, facts=told)
    told = facts_of(source)
    if source.meaning.published is None:
        problem = "has a date that cannot be read" if source.has_date_text else "has no date"
        remedy = "write date: 2025-10-11 06:16:29"
        return _failed(source.path, source.date_line, problem, remedy, told)
    if source.url_problem:
        remedy = "give the post that field, or set content.permalink"
        return _failed(source.path, 1, source.url_problem, remedy, told)
    if source.is_empty:
        words = "nothing is written below the front matter"
        return Skipped(path=source.path, reason=SkipReason.EMPTY, explanation=words, facts=told)
    return None


def _render(
    options: ContentOptions, cache: Cache, workers: Workers, public: Sequence[_Read]
) -> list[Rendering | Failed]:
    """What each public file became; only what changed, or refers to what changed, is rendered."""
    index = index_of(item.source for item in public)
    kept = [_still_valid(item, options, index) for item in public]
    stale = [item for item, rendering in zip(public, kept, strict=True) if rendering is None]
    unread = workers.read([item.file for item in stale if item.text is None])
    again = iter(unread)
    texts = [item.text or next(again) for item in stale]
    ready = [text for text in texts if isinstance(text, Text)]
    made = iter(workers.render(ready, index))
    anew = iter([next(made) if isinstance(text, Text) else text for text in texts])
    rendered = [rendering or next(anew) for rendering in kept]
    for item, old, new in zip(public, kept, rendered, strict=True):
        if old is None and isinstance(new, Rendering):
            cache.put(item.key, Entry(source=item.source, rendering=new))
    return rendered


def _still_valid(item: _Read, options: ContentOptions, index: Index) -> Rendering | None:
    """The cached rendering, if all that it refers to is as it was."""
    rendering = item.rendering
    if rendering is None:
        return None
    references = References(options, item.source, index)
    return rendering if references.still_hold(rendering.asked) else None


def _keep(cache: Cache, read: Sequence[_Read], public: set[str]) -> None:
    """Remembers what nobody may read yet, so that it need not be parsed at every load."""
    for item in read:
        if item.text is not None and item.key not in public:
            cache.put(item.key, Entry(source=item.source, rendering=None))
    cache.sweep()


def _post(source: Source, rendering: Rendering, options: ContentOptions) -> Post:
    meaning = source.meaning
    if meaning.published is None:
        raise RuntimeError(f"{source.path}: a post without a date came through")
    published = meaning.published.astimezone(options.zone)
    updated = meaning.updated.astimezone(options.zone) if meaning.updated else published
    return Post(
        id=meaning.id or source.path,
        declares_id=meaning.id is not None,
        path=source.path,
        title=meaning.title,
        published=published,
        updated=updated,
        url=source.url,
        language=meaning.language or options.language,
        body_hash=source.body_hash,
        tags=meaning.tags,
        categories=meaning.categories,
        authors=meaning.authors,
        keywords=meaning.keywords,
        description=meaning.description,
        image=rendering.image,
        media=rendering.media,
        content_hash=rendering.content_hash,
        excerpt=rendering.excerpt,
        html=rendering.html,
        mail_html=rendering.mail_html or rendering.html,
        assets=rendering.assets,
    )


def _warnings(read: Sequence[_Read], rendered: Sequence[Rendering | Failed]) -> list[Warned]:
    """All doubts by path and line. Of a post that nobody may read yet those of its fields."""
    found = [warned for item in read for warned in item.source.warnings]
    for rendering in rendered:
        if isinstance(rendering, Rendering):
            found += rendering.warnings
    return sorted(found, key=lambda warned: (warned.path, warned.line))


def facts_of(source: Source) -> Facts:
    """What the front matter of a file says, for listings."""
    meaning = source.meaning
    return Facts(
        id=meaning.id,
        title=meaning.title,
        published=meaning.published,
        updated=meaning.updated,
        tags=meaning.tags,
        categories=meaning.categories,
        language=meaning.language,
        is_draft=source.marks.is_draft,
        is_hidden=source.marks.is_hidden,
    )


def _failed(path: str, line: int, problem: str, remedy: str, facts: Facts | None = None) -> Failed:
    return Failed(path=path, line=line, problem=problem, remedy=remedy, facts=facts)

"""A folder of Markdown files becomes a library.

    bytes -> Text -> (may it be read now?) -> Rendering -> Post

Every file ends as a post, skipped or failed, and stops only itself. What was parsed before is
taken from the cache, as long as the file, the settings and all that it refers to are the same.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from publisher.content.cache import Cache, Entry
from publisher.content.folder import File, read_file, read_files
from publisher.content.options import ContentOptions
from publisher.content.publication import facts_of, held_back, post_of
from publisher.content.references import Index, References, index_of
from publisher.content.rendering import Rendering
from publisher.content.sources import Source, Text
from publisher.content.workers import Workers
from publisher.domain.posts import Failed, Library, Post, Skipped, Warned

__all__ = ["ContentOptions", "load"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """One file that was read: what it says, its bytes' key, and what the cache holds of it.

    `text` is None while the cache has spared us the parsing; `file` is there where nobody has
    rendered it yet.
    """

    key: str
    source: Source
    text: Text | None = None
    file: File | None = None
    rendering: Rendering | None = None


def load(options: ContentOptions, *, now: datetime) -> Library:
    """Every Markdown file below the folder, as of `now`; each part sorted by path."""
    cache = Cache(options)
    with Workers(options) as workers:
        read, failed = _understand(cache, workers, options.folder)
        held = [held_back(item.source, now=now, zone=options.zone) for item in read]
        public = [item for item, outcome in zip(read, held, strict=True) if outcome is None]
        rendered = _render(options, cache, workers, public)
    outcomes: list[Post | Skipped | Failed] = [*failed]
    outcomes += [outcome for outcome in held if outcome]
    for item, rendering in zip(public, rendered, strict=True):
        outcomes.append(
            replace(rendering, facts=facts_of(item.source, options.zone))
            if isinstance(rendering, Failed)
            else post_of(item.source, rendering, options)
        )
    _keep(cache, read, {item.key for item in public})
    outcomes.sort(key=lambda item: item.path)
    return Library(
        posts=tuple(item for item in outcomes if isinstance(item, Post)),
        skipped=tuple(item for item in outcomes if isinstance(item, Skipped)),
        failed=tuple(item for item in outcomes if isinstance(item, Failed)),
        warnings=tuple(_warnings(read, rendered)),
    )


def _understand(cache: Cache, workers: Workers, folder: Path) -> tuple[list[_Read], list[Failed]]:
    """What each file says, from the cache or read anew; by path."""
    read: list[_Read] = []
    failed: list[Failed] = []
    keys: list[str] = []

    def fresh() -> Iterator[File]:
        for file in read_files(folder):
            if isinstance(file, Failed):
                failed.append(file)
                continue
            key = cache.key(file.path, file.data)
            if entry := cache.get(key):
                found, kept = entry.rendering, None if entry.rendering else file
                read.append(_Read(key=key, source=entry.source, file=kept, rendering=found))
            else:
                keys.append(key)
                yield file

    for place, text in enumerate(workers.read(fresh())):
        if isinstance(text, Failed):
            failed.append(text)
        else:
            read.append(_Read(key=keys[place], source=text.source, text=text))
    read = [item for item in read if not item.source.is_ignored]
    return sorted(read, key=lambda item: item.source.path), failed


def _render(
    options: ContentOptions, cache: Cache, workers: Workers, public: Sequence[_Read]
) -> list[Rendering | Failed]:
    """What each public file became; only what changed, or refers to what changed, is rendered."""
    index = index_of(item.source for item in public)
    items = [_judged(item, options, cache, index) for item in public]
    unread = workers.read(item.file for item in items if item.file)
    texts = [item.text or next(unread) for item in items if item.rendering is None]
    made = workers.render([text for text in texts if isinstance(text, Text)], index)
    anew = (next(made) if isinstance(text, Text) else text for text in texts)
    rendered = [item.rendering or next(anew) for item in items]
    for item, new in zip(items, rendered, strict=True):
        if item.rendering is None and isinstance(new, Rendering):
            cache.put(item.key, Entry(source=item.source, rendering=new))
    return rendered


def _judged(item: _Read, options: ContentOptions, cache: Cache, index: Index) -> _Read:
    """The file without its cached rendering, if what that refers to is not as it was.

    A file that was changed in this very moment stays as it was read; the next load sees it.
    """
    rendering = item.rendering
    if rendering is None or not rendering.asked:
        return item
    if References(options, item.source, index).still_hold(rendering.asked):
        return item
    file = read_file(os.fspath(options.folder), item.source.path)
    if isinstance(file, Failed) or cache.key(file.path, file.data) != item.key:
        return item
    return replace(item, rendering=None, file=file)


def _keep(cache: Cache, read: Sequence[_Read], public: set[str]) -> None:
    """Remembers what nobody may read yet, so that it need not be parsed at every load."""
    for item in read:
        if item.text is not None and item.key not in public:
            cache.put(item.key, Entry(source=item.source, rendering=None))
    cache.save()


def _warnings(read: Sequence[_Read], rendered: Sequence[Rendering | Failed]) -> list[Warned]:
    """All doubts by path and line. Of a post that nobody may read yet those of its fields."""
    found = [warned for item in read for warned in item.source.warnings]
    for rendering in rendered:
        if isinstance(rendering, Rendering):
            found += rendering.warnings
    return sorted(found, key=lambda warned: (warned.path, warned.line))

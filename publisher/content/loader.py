"""A folder of Markdown files becomes a library.

    bytes -> Text -> (may it be read now?) -> Rendering -> Post

Every file ends as a post, skipped or failed, and stops only itself. What was parsed before is
taken from the cache, as long as the file, the settings and all that it refers to are the same.
"""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime
from operator import attrgetter

from msgspec.structs import replace

from publisher.content.cache import Cache, digest_of
from publisher.content.cache_index import Entry
from publisher.content.folder import File, look, read_file
from publisher.content.options import ContentOptions
from publisher.content.publication import facts_of, held_back, post_of
from publisher.content.references import Index, SourceIndex, still_hold
from publisher.content.rendering import Rendering
from publisher.content.sources import Source, Text
from publisher.content.workers import Workers
from publisher.domain.compact import Compact
from publisher.domain.posts import Failed, Library, Post, Skipped, Warned

__all__ = ["ContentOptions", "load"]


class _Read(Compact, frozen=True, kw_only=True):
    """One file that was read, as the cache has it or would.

    `text` is None while the cache has spared us the parsing; `file` is there where it cannot.
    """

    entry: Entry
    text: Text | None = None
    file: File | Failed | None = None

    @property
    def source(self) -> Source:
        return self.entry.source


def load(options: ContentOptions, *, now: datetime) -> Library:
    """Every Markdown file below the folder, as of `now`; each part sorted by path."""
    cache = Cache(options)
    with Workers(options) as workers:
        read, failed = _understand(cache, workers, options)
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
    _keep(cache, read, {item.source.path for item in public})
    outcomes.sort(key=attrgetter("path"))
    return Library(
        posts=tuple(item for item in outcomes if isinstance(item, Post)),
        skipped=tuple(item for item in outcomes if isinstance(item, Skipped)),
        failed=tuple(item for item in outcomes if isinstance(item, Failed)),
        warnings=tuple(_warnings(read, rendered)),
    )


def _understand(
    cache: Cache, workers: Workers, options: ContentOptions
) -> tuple[list[_Read], list[Failed]]:
    """What each file says, from the cache or read anew; by path."""
    folder = options.folder
    read: list[_Read] = []
    failed: list[Failed] = []
    files: deque[File] = deque()

    def fresh() -> Iterator[File]:
        for seen in look(folder, options.places):
            if isinstance(seen, Failed):
                failed.append(seen)
            elif entry := cache.recall(seen):
                read.append(_Read(entry=entry))
            elif isinstance(file := read_file(os.fspath(folder), seen.path), Failed):
                failed.append(file)
            elif entry := cache.recognise(file):
                read.append(_Read(entry=entry))
            else:
                files.append(file)
                yield file

    for text in workers.read(fresh()):
        file = files.popleft()
        if isinstance(text, Failed):
            failed.append(text)
        else:
            read.append(_Read(entry=cache.entry(file, text.source), text=text))
    read = [item for item in read if not item.source.is_ignored]
    return sorted(read, key=attrgetter("entry.source.path")), failed


def _render(
    options: ContentOptions, cache: Cache, workers: Workers, public: Sequence[_Read]
) -> list[Rendering | Failed]:
    """What each public file became; only what changed, or refers to what changed, is rendered."""
    index = SourceIndex([item.source for item in public])
    common: dict[str, str] = {}
    items = [_judged(item, options, index, common) for item in public]
    unread = workers.read(item.file for item in items if isinstance(item.file, File))
    texts = [_text(item, unread) for item in items if item.entry.rendering is None]
    made = workers.render([text for text in texts if isinstance(text, Text)], index)
    anew = (next(made) if isinstance(text, Text) else text for text in texts)
    rendered: list[Rendering | Failed] = []
    for item in items:
        done = item.entry.rendering or next(anew)
        if isinstance(done, Rendering) and item.entry.rendering is None:
            done = cache.put(replace(item.entry, rendering=done)).rendering or done
        rendered.append(done)
    return rendered


def _judged(item: _Read, options: ContentOptions, index: Index, common: dict[str, str]) -> _Read:
    """The file without its cached rendering, if what that refers to is not as it was.

    A file that was changed in this very moment stays as it was read; the next load sees it.
    """
    rendering = item.entry.rendering
    if item.text is not None:
        return item
    if rendering and still_hold(rendering.asked, options, item.source, index=index, common=common):
        return item
    file = read_file(os.fspath(options.folder), item.source.path)
    if isinstance(file, File) and digest_of(file) == item.entry.digest:
        return replace(item, entry=replace(item.entry, rendering=None), file=file)
    return item if rendering else replace(item, file=_changed(item.source.path))


def _text(item: _Read, unread: Iterator[Text | Failed]) -> Text | Failed:
    if item.text is not None:
        return item.text
    return item.file if isinstance(item.file, Failed) else next(unread)


def _changed(path: str) -> Failed:
    problem = "was changed while it was read"
    return Failed(path=path, line=0, problem=problem, remedy="build once more")


def _keep(cache: Cache, read: Sequence[_Read], public: set[str]) -> None:
    """Remembers what nobody may read yet, so that it need not be parsed at every load."""
    for item in read:
        if item.text is not None and item.source.path not in public:
            cache.put(item.entry)
    cache.save()


def _warnings(read: Sequence[_Read], rendered: Sequence[Rendering | Failed]) -> list[Warned]:
    """All doubts by path and line. Of a post that nobody may read yet those of its fields."""
    found = [warned for item in read for warned in item.source.warnings]
    for rendering in rendered:
        if isinstance(rendering, Rendering):
            found += rendering.warnings
    return sorted(found, key=attrgetter("path", "line"))

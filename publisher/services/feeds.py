"""Builds what the world may see: feeds, pages and pictures, under the output folder."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from publisher.domain import selection
from publisher.domain.feeds import FEED_FILES, Feed, main_feed
from publisher.domain.posts import Library, Post, newest_first
from publisher.domain.selection import Choice
from publisher.domain.sites import Site
from publisher.render import pages
from publisher.render.feeds import atom, rss
from publisher.render.json_feed import json_feed
from publisher.services import posts, signups
from publisher.services.app import App
from publisher.services.output import OutputFile, Written, publish_files

_RENDERERS = {"rss": rss, "atom": atom, "json": json_feed}


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """One build: what was read, which posts the feeds hold and why, which files there are now."""

    library: Library
    choices: tuple[Choice, ...]
    written: tuple[Written, ...]
    removed: tuple[str, ...]

    @property
    def feeds(self) -> list[Written]:
        """The feed files among the written ones."""
        return [file for file in self.written if file.path in FEED_FILES.values()]


def build(app: App, *, now: datetime) -> BuildReport:
    """Loads the posts as of `now` and writes feeds and pages. A failed build leaves the old one."""
    return build_library(app, posts.load(app, now=now))


def build_library(app: App, library: Library) -> BuildReport:
    """Writes feeds and pages of a library that is loaded already."""
    choices = selection.for_feed(library.posts, limit=app.feeds.entries)
    feed = main_feed(app.site, selection.chosen(choices), full=app.feeds.full)
    # Rendered whole before the first byte is written: an error in a template changes nothing on
    # disk.
    files = [*_pages(app, library.posts, feed), *_pictures(library.posts, app.site), *_feeds(feed)]
    written, removed = publish_files(files, output=app.folders.output, state=app.folders.state)
    return BuildReport(
        library=library, choices=tuple(choices), written=tuple(written), removed=tuple(removed)
    )


def _feeds(feed: Feed) -> Iterator[OutputFile]:
    for kind, name in FEED_FILES.items():
        yield OutputFile(path=name, data=_RENDERERS[kind](feed))


def _pages(app: App, library: Sequence[Post], feed: Feed) -> Iterator[OutputFile]:
    ordered = newest_first(library)
    yield OutputFile(path="assets/page.css", data=pages.stylesheet(app.templates))
    for place, post in enumerate(ordered):
        path = local_path(app.site, post.url)
        if path is None:  # the post lives on a site of its own
            continue
        data = pages.post(
            app.templates,
            app.site,
            post,
            newer=ordered[place - 1] if place else None,
            older=ordered[place + 1] if place + 1 < len(ordered) else None,
        )
        yield OutputFile(path=path, data=data)
    home = pages.home(app.templates, app.site, newsletters=signups.offered(app), posts=ordered)
    yield OutputFile(path="feeds/index.html", data=pages.feeds(app.templates, app.site, feed))
    yield OutputFile(path="index.html", data=home)


def _pictures(library: Sequence[Post], site: Site) -> Iterator[OutputFile]:
    seen: set[str] = set()
    for post in library:
        for asset in post.assets:
            path = local_path(site, asset.url)
            if path is not None and path not in seen:
                seen.add(path)
                yield OutputFile(path=path, data=Path(asset.source).read_bytes())


def local_path(site: Site, url: str) -> str | None:
    """The output path of a URL on this site, None for one elsewhere; a folder gets `index.html`."""
    if not url.startswith(site.base_url + "/"):
        return None
    path = unquote(urlsplit(url[len(site.base_url) + 1 :]).path)
    return f"{path}index.html" if path.endswith("/") or not path else path

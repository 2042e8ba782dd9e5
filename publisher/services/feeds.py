"""Builds what the world may see: feeds, pages and pictures, under the output folder."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from operator import attrgetter
from pathlib import Path

from publisher.collector import seldom
from publisher.domain.documents import Document
from publisher.domain.feeds import Feed, PostEntries, issue_entry, issues_feed, site_feeds
from publisher.domain.issues import Issue
from publisher.domain.labels import Filed, Label, file_posts, labels_of
from publisher.domain.newsletters import Newsletter
from publisher.domain.permalinks import page_of, path_of
from publisher.domain.posts import Library, Post, newest_first
from publisher.domain.sites import Site
from publisher.errors import NotFound
from publisher.lint.feeds import INCURABLE, lint_feed
from publisher.lint.findings import Finding
from publisher.render import fingerprint, pages
from publisher.render.feeds import atom, rss
from publisher.render.json_feed import json_feed
from publisher.services import archive, posts, signups
from publisher.services.app import App
from publisher.services.documents import Written, publish
from publisher.services.makers import OutputFile
from publisher.store import documents as document_rows
from publisher.store import issues as issue_rows
from publisher.store import labels as label_rows
from publisher.store import pings as ping_rows
from publisher.store.pings import Ping

_TOLD = attrgetter(*(name for name in Post.__struct_fields__ if name not in {"body", "excerpt"}))
"""All of a post but its texts, for which `content_hash` stands."""

FEED_SECONDS = 900
CLOSED_SECONDS = 604_800
"""How long a feed is taken as new; an archive to which nothing is added any more, a week."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultyFeed:
    """A feed document in which something is wrong. `path` is below the output folder."""

    path: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """One build: what was read, and which files there are now.

    `made_of`: every feed there is, the main feed first. `faulty`: the feed documents made in this
    build that are not as readers need them.
    """

    library: Library
    made_of: tuple[Feed, ...]
    written: tuple[Written, ...]
    removed: tuple[str, ...]
    faulty: tuple[FaultyFeed, ...] = ()

    @property
    def feeds(self) -> list[Written]:
        """The feed documents among the written files."""
        documents = {path for feed in self.made_of for path in feed.paths.values()}
        return [file for file in self.written if file.path in documents]


def build(app: App, *, now: datetime) -> BuildReport:
    """Loads the posts as of `now` and writes feeds and pages. A failed build leaves the old one."""
    return build_library(app, posts.load(app, now=now), now=now)


@seldom()
def build_library(app: App, library: Library, *, now: datetime) -> BuildReport:
    """Writes feeds and pages of a library that is loaded already.

    Only what is made of other things than last time is made again. Rendered whole before the
    first file takes its place: an error in a template changes nothing.
    """
    ordered = newest_first(library.posts)
    filed = _file(app, ordered, now=now)
    feeds = _feeds(app, ordered, filed)
    shelf = _Shelf(app=app, makers=fingerprint.makers(app.templates), now=now)
    files = shelf.files(ordered, filed, feeds)
    written, removed = publish(app, files, now=now)
    bad = [each for each in written if each.findings]
    return BuildReport(
        library=library,
        made_of=tuple(feeds),
        written=tuple(written),
        removed=tuple(removed),
        faulty=tuple(FaultyFeed(path=each.path, findings=each.findings) for each in bad),
    )


def site_feeds_of(app: App, library: Library) -> list[Feed]:
    """Every feed of the site as it would be built of this library. Writes nothing."""
    with app.store.read() as tx:
        known = label_rows.known(tx)
    ordered = newest_first(library.posts)
    return _feeds(app, ordered, file_posts(ordered, known, author=app.site.author.name))


def validate(app: App, target: str = "") -> list[FaultyFeed]:
    """What is wrong with a file, with a URL of this site, or with every feed that is published.

    A document without a finding is not in the list. Raises `NotFound`.
    """
    now = app.clock()
    feeds = site_feeds_of(app, posts.read(app, now=now))
    urls = {path: feed.urls[form] for feed in feeds for form, path in feed.paths.items()}
    if target:
        file, url = _named(app, target, urls)
        documents = [(target, file, url)]
    else:
        documents = [(path, app.folders.output / path, url) for path, url in urls.items()]
    faulty = []
    for name, file, url in documents:
        try:
            data = file.read_bytes()
        except OSError as error:
            problem = f"{error.strerror}; `publisher build` makes it"
            raise NotFound("feed", str(file), problem=problem) from error
        if found := lint_feed(data, url=url, now=now):
            faulty.append(FaultyFeed(path=name, findings=tuple(found)))
    return faulty


def _named(app: App, target: str, urls: Mapping[str, str]) -> tuple[Path, str]:
    """The file that a name on the command line means, and where it is published, if it is."""
    path = path_of(app.site, target)
    if path is None and "://" in target:
        problem = "not an address of this site; save it and name the file"
        raise NotFound("feed", target, problem=problem)
    if path is not None:
        return app.folders.output / path, urls.get(path, target)
    file = Path(target)
    inside = file.resolve()
    if inside.is_relative_to(app.folders.output.resolve()):
        return file, urls.get(inside.relative_to(app.folders.output.resolve()).as_posix(), "")
    return file, ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One feed document. `document` is None until it is built; `ping` until a hub was told."""

    feed: Feed
    form: str
    document: Document | None
    ping: Ping | None


def listing(app: App, *, now: datetime) -> list[Listed]:
    """Every feed document that the posts of now make, with what is published of it."""
    feeds = site_feeds_of(app, posts.read(app, now=now))
    with app.store.read() as tx:
        known, told = document_rows.known(tx), ping_rows.known(tx)
    return [
        Listed(feed=feed, form=form, document=known.get(path), ping=told.get(path))
        for feed in feeds
        for form, path in feed.paths.items()
    ]


def _file(app: App, ordered: Sequence[Post], *, now: datetime) -> list[Filed]:
    """The posts, newest first, by label; slugs of new labels are kept for good."""
    with app.store.begin() as tx:
        known = label_rows.known(tx)
        filed = file_posts(ordered, known, author=app.site.author.name)
        label_rows.remember(tx, labels_of(filed), now=now)
    return filed


def _feeds(app: App, library: Sequence[Post], filed: Sequence[Filed]) -> list[Feed]:
    by_id = {post.id: post for post in library}
    found = site_feeds(app.site, library, filed, app.feeds)
    for newsletter in (each for each in app.newsletters if each.is_archived):
        entries = [
            issue_entry(app.site, newsletter, issue, [by_id[key] for key in keys if key in by_id])
            for issue, keys in _sent(app, newsletter)
        ]
        found.append(issues_feed(app.site, newsletter, entries, app.feeds))
    return found


def _sent(app: App, newsletter: Newsletter) -> list[tuple[Issue, list[str]]]:
    """The issues that went out whole, newest first, each with the ids of its posts.

    Those of the newsletter's own schedule: the further series hold the same posts again.
    """
    with app.store.read() as tx:
        known = issue_rows.listing(tx, newsletter.id)
        issues = [row for row in known if row.sent_at and not row.series]
        return [(issue, issue_rows.posts_of(tx, issue.id)) for issue in issues[: app.feeds.entries]]


def _look(data: bytes, *, url: str, now: datetime) -> list[Finding]:
    """What can be mended in a feed document."""
    return [each for each in lint_feed(data, url=url, now=now) if each.rule not in INCURABLE]


@dataclass
class _Shelf:
    """Names every file of the output, each with a fingerprint of what it is made of."""

    app: App
    makers: str
    now: datetime

    def __post_init__(self) -> None:
        self._base = fingerprint.of_values(self.makers, self.app.site)
        self._posts: dict[str, bytes] = {}
        self._titles: dict[str, bytes] = {"": b""}

    def files(
        self, ordered: Sequence[Post], filed: Sequence[Filed], feeds: Sequence[Feed]
    ) -> Iterator[OutputFile]:
        """All files; feeds last, so that what they link to is there before them."""
        for post in ordered:
            self._posts[post.id] = fingerprint.encoded(_TOLD(post))
            self._titles[post.id] = fingerprint.encoded(pages.in_lists(post))
        templates = self.app.templates
        for name, read in (
            ("page.css", pages.stylesheet),
            ("feed.css", pages.feed_stylesheet),
            ("copy.js", pages.copy_script),
            ("work.js", pages.work_script),
        ):
            data = partial(read, templates)
            yield OutputFile(path=f"assets/{name}", source=self._print(name), data=data)
        yield from self._post_pages(ordered, filed)
        yield from self._label_pages(filed, feeds)
        yield from self._overviews(ordered, feeds)
        yield from archive.files(self.app, makers=self.makers)
        yield from _pictures(ordered, self.app.site)
        for feed in feeds:
            yield from self._documents(feed)

    def _post_pages(self, ordered: Sequence[Post], filed: Sequence[Filed]) -> Iterator[OutputFile]:
        labels: dict[str, list[Label]] = {}
        for item in filed:
            for post in item.posts:
                labels.setdefault(post.id, []).append(item.label)
        for place, post in enumerate(ordered):
            path = page_of(self.app.site, post.url)
            if path is None:  # the post lives on a site of its own
                continue
            newer = ordered[place - 1] if place else None
            older = ordered[place + 1] if place + 1 < len(ordered) else None
            mine = labels.get(post.id, [])
            yield OutputFile(
                path=path,
                owner=post.id,
                source=self._print(
                    self._posts[post.id],
                    self._titles[newer.id if newer else ""],
                    self._titles[older.id if older else ""],
                    mine,
                ),
                data=partial(
                    pages.post,
                    self.app.templates,
                    self.app.site,
                    post,
                    newer=newer,
                    older=older,
                    labels=mine,
                ),
                is_portable=True,
            )

    def _label_pages(self, filed: Sequence[Filed], feeds: Sequence[Feed]) -> Iterator[OutputFile]:
        by_folder = {feed.paths["rss"].rpartition("/")[0]: feed for feed in feeds}
        for item in filed:
            feed = by_folder[item.label.folder]
            draw = partial(pages.label, self.app.templates, self.app.site, item, feed=feed)
            yield OutputFile(
                path=f"{item.label.folder}/index.html",
                source=self._print(item.label, *(self._titles[post.id] for post in item.posts)),
                data=draw,
            )

    def _overviews(self, ordered: Sequence[Post], feeds: Sequence[Feed]) -> Iterator[OutputFile]:
        templates, site = self.app.templates, self.app.site
        titles = [self._titles[post.id] for post in ordered]
        newest = [self._posts[post.id] for post in ordered[: pages.POSTS_AT_LENGTH]]
        yield OutputFile(
            path="feeds/index.html",
            source=self._print(
                "feeds", [(feed.title, feed.urls, len(feed.entries)) for feed in feeds], newest
            ),
            data=partial(pages.feeds, templates, site, feeds),
        )
        yield OutputFile(
            path="index.html",
            source=self._print(
                "home", signups.offered(self.app), newest, titles[: pages.POSTS_AT_HOME]
            ),
            data=partial(
                pages.home, templates, site, newsletters=signups.offered(self.app), posts=ordered
            ),
        )

        yield OutputFile(
            path="archives/index.html",
            source=self._print("posts", titles),
            data=partial(pages.posts, templates, site, ordered),
        )

    def _documents(self, feed: Feed) -> Iterator[OutputFile]:
        """The three documents of one feed."""
        look = self.app.site.link("assets/feed.css")
        renderers: dict[str, Callable[[Feed], bytes]] = {
            "rss": partial(rss, stylesheet=look),
            "atom": partial(atom, stylesheet=look),
            "json": json_feed,
        }
        if isinstance(feed.entries, PostEntries):
            told = [self._posts[post.id] for post in feed.entries.posts]
            source = self._print(replace(feed, entries=()), self.app.feeds.full, *told)
        else:
            source = self._print(feed)
        for form, path in feed.paths.items():
            yield OutputFile(
                path=path,
                source=source,
                data=partial(renderers[form], feed),
                look=partial(_look, url=feed.urls[form], now=self.now),
                max_age=CLOSED_SECONDS if feed.is_closed else FEED_SECONDS,
                is_packed=True,
                is_portable=True,
            )

    def _print(self, *values: object) -> str:
        return fingerprint.of_values(self._base, *values)


def _pictures(library: Sequence[Post], site: Site) -> Iterator[OutputFile]:
    seen: set[str] = set()
    for post in library:
        for asset in post.assets:
            path = path_of(site, asset.url)
            if path is not None and path not in seen:
                seen.add(path)
                file = Path(asset.source)
                found = file.stat()
                yield OutputFile(
                    path=path,
                    source=fingerprint.of_values(found.st_size, found.st_mtime_ns),
                    data=file.read_bytes,
                )

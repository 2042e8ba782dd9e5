"""What a post refers to: pictures on disk, other posts of the folder.

A picture is looked for in the post's own folder (`post.md`, `post/a.png`), beside the post, and
below the site's roots. Nothing outside those folders is ever found, whatever the post says.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from os.path import isfile, splitext
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote

from publisher.content.dialects import slug_of
from publisher.content.media import TYPES
from publisher.content.options import ContentOptions
from publisher.content.sources import Source
from publisher.domain.posts import Asset, Warned

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".avif", ".bmp", ".ico"})
FILES = PICTURES | frozenset(TYPES)
"""What may lie beside a post and is published with it."""

POSTS = frozenset({".md", ".markdown", ".mkd", ".mdx"})

_PELICAN = re.compile(r"^(?:[{|]|%7[BC])(?:filename|static|attach)(?:[}|]|%7[CD])", re.IGNORECASE)
_UNSHOWABLE = re.compile(
    r"""(?:\]\(|src=["']?)((?:data:image/|file:|[A-Za-z]:\\)[^,;)\s"']{0,40})"""
)
_SIGNED = re.compile(r"[?&](?:X-Amz-Signature|X-Amz-Expires|Signature|Expires|sign|token)=")

_COMMON = ("file:/", "size:/")

Index = Mapping[str, str]
"""Name of a post (path, path below `_posts`, file name; with and without ending and date) -> its
URL.
"""


class SourceIndex(Mapping[str, str]):
    """The names by which posts may be linked; of two posts of one name the first path has it.

    Made when the first name is looked up: most loads look up none.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources

    @cached_property
    def _urls(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for source in self._sources:
            for name in _names(source.path):
                found.setdefault(name, source.url)
        for source in self._sources:  # Hexo may take the date of a file's name for no part of it
            found.setdefault(slug_of(PurePosixPath(source.path)), source.url)
        return found

    def __getitem__(self, name: str) -> str:
        return self._urls[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._urls)

    def __len__(self) -> int:
        return len(self._urls)


def _names(path: str) -> Iterator[str]:
    folder, _, name = path.rpartition("/")
    stem = name.rpartition(".")[0]
    below = f"/{path}".partition("/_posts/")[2] or path
    yield from (path, below, below.rpartition(".")[0], name, stem)
    if stem in {"index", "_index"} and folder:
        yield folder.rpartition("/")[2]


class References:
    """What one post asked for while it was rendered, with the answers.

    `asked` lets a cached rendering be checked (`still_hold`).
    """

    def __init__(self, options: ContentOptions, source: Source, index: Index) -> None:
        self._options = options
        self._source = source
        self._index = index
        self._folder = source.path[: source.path.rfind("/") + 1]
        self._own = f"{splitext(source.path)[0]}/"
        self.asked: dict[str, str] = {}
        self.assets: dict[str, Asset] = {}
        self.doubts: list[tuple[str, str, str]] = []

    def post(self, name: str) -> str | None:
        """The address of another post, by its file name or path."""
        url = self.answer(f"post:{name}")
        return url or None

    def resolve(self, value: str) -> str:
        """The public address of a local picture or post; any other address as it is."""
        value = _PELICAN.sub("", value)
        path = unquote(value.partition("?")[0].partition("#")[0])
        suffix = splitext(path)[1].lower()
        if "://" in value or value.startswith(("//", "#", "data:", "mailto:", "tel:")):
            self._inspect(value, suffix)
            return value
        if suffix in POSTS:
            fragment = value.partition("#")[2]
            url = self.answer(f"post:{path.removeprefix('./').lstrip('/')}")
            return (f"{url}#{fragment}" if fragment else url) if url else value
        if suffix in FILES:
            url = self.answer(f"file:{path}")
            if not url:
                self._doubt(value, f"shows {path!r}, and there is no such file", "add the file")
            return url or value
        return value

    def answer(self, question: str) -> str:
        """What a question leads to today - an address, a size; it is kept in `asked`."""
        kind, _, name = question.partition(":")
        found = {"post": self._find_post, "file": self._find_file, "size": self._find_size}
        self.asked[question] = found[kind](name)
        return self.asked[question]

    def size(self, value: str) -> int:
        """The bytes of a local file; 0 for one that lies elsewhere."""
        path = unquote(value.partition("?")[0].partition("#")[0])
        return 0 if "://" in value else int(self.answer(f"size:{path}") or 0)

    def _find_post(self, name: str) -> str:
        beside = _normal(self._folder + name)
        name = name.strip("/")
        return (
            self._index.get(beside)
            or self._index.get(name)
            or self._index.get(name.rpartition("/")[2], "")
        )

    def _find_file(self, name: str) -> str:
        for root, relative, url in self._candidates(name):
            source = f"{root}/{relative}"
            if isfile(source) and Path(source).resolve().is_relative_to(Path(root).resolve()):
                self.assets[url] = Asset(source=source, url=url)
                return url
        return ""

    def _find_size(self, name: str) -> str:
        asset = self.assets.get(self._find_file(name))
        return str(Path(asset.source).stat().st_size) if asset else ""

    def _candidates(self, name: str) -> Iterator[tuple[str, str, str]]:
        """Root, path below it, and public address, the likeliest first."""
        folder, base_url = os.fspath(self._options.folder), self._options.base_url
        places = [_normal(name)]
        if not name.startswith("/"):
            yield folder, _normal(self._own + name), f"{self._page_folder()}{quote(places[0])}"
            places.insert(0, _normal(self._folder + name))
        for relative in places:
            for root in (folder, *map(os.fspath, self._options.roots)):
                yield root, relative, f"{base_url}/{quote(relative)}"

    def _page_folder(self) -> str:
        """The folder of the post's page: its own address, or that without `.html`."""
        url = self._source.url
        return url if url.endswith("/") else f"{re.sub(r'[.][a-z]+$', '', url)}/"

    def _inspect(self, value: str, suffix: str) -> None:
        """Names a picture that lies elsewhere and may not be seen; our own come here too, for the
        sanitiser may read what it wrote.
        """
        if suffix not in PICTURES or value.startswith(f"{self._options.base_url}/"):
            return
        if value.startswith("http:"):
            self._doubt(value, "shows a picture over plain http", "use https, or keep a copy here")
        elif _SIGNED.search(value):
            self._doubt(value, "shows a picture whose address expires", "keep a copy here")

    def _doubt(self, value: str, problem: str, remedy: str) -> None:
        doubt = (value, problem, remedy)
        if doubt not in self.doubts:
            self.doubts.append(doubt)

    def warnings(self, body: str) -> list[Warned]:
        """The doubts, each with the line on which its address stands."""
        for value in _UNSHOWABLE.findall(body):  # the sanitiser drops those before it asks us
            is_data = value.startswith("data:")
            where = "in the text itself" if is_data else "on the writer's own machine"
            self._doubt(value, f"points at what lies {where}", "put a file beside the post")
        return [
            Warned(
                path=self._source.path,
                line=self._source.body_line + body.count("\n", 0, max(body.find(value), 0)),
                problem=problem,
                remedy=remedy,
            )
            for value, problem, remedy in self.doubts
        ]


def still_hold(
    asked: Mapping[str, str],
    options: ContentOptions,
    source: Source,
    *,
    index: Index,
    common: dict[str, str],
) -> bool:
    """Whether every question that a post asked still has the answer of then: nothing that it
    refers to has come, gone or moved.

    `common` collects, for the length of one load, the answers that all posts get alike: those
    about files by their path below a root.
    """
    references: References | None = None
    for question, then in asked.items():
        now = common.get(question)
        if now is None:
            references = references or References(options, source, index)
            now = references.answer(question)
            if question.startswith(_COMMON):
                common[question] = now
        if now != then:
            return False
    return True


def _normal(path: str) -> str:
    """The path without `.` and `..`; what leads above its root stays below it."""
    kept: list[str] = []
    for part in path.split("/"):
        if part == ".." and kept:
            kept.pop()
        elif part not in {".", "..", ""}:
            kept.append(part)
    return "/".join(kept)

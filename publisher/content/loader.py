"""A folder of Markdown files becomes a library: bytes → text → fields → meaning → HTML.

Every file ends as a post, skipped or failed, and stops only itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo

from publisher.content import excerpts, markdown
from publisher.content.decoding import decode
from publisher.content.dialects import PERMALINKS, Meaning, kept_back, permalink, understand
from publisher.content.front_matter import FrontMatter, read_front_matter
from publisher.content.sanitise import address, sanitise
from publisher.domain.posts import (
    Asset,
    Facts,
    Failed,
    Image,
    Library,
    Post,
    Skipped,
    SkipReason,
    Warned,
    body_hash,
)
from publisher.errors import ContentError

ENDINGS = frozenset({".md", ".markdown", ".mkd", ".mdx"})
ROOTS = frozenset({"_posts", "_drafts"})
PICTURES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".avif"})
MAX_BYTES = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentOptions:
    """Where the posts are and how to read them.

    `permalink` and `encoding` may be empty: the dialect's usual form, and UTF-8. `cache` is
    reserved for parsed posts.
    """

    folder: Path
    dialect: str = "auto"
    zone: ZoneInfo
    base_url: str
    language: str
    permalink: str = ""
    encoding: str = ""
    cache: Path | None = None


Outcome = Post | Skipped | Failed


def load(options: ContentOptions, *, now: datetime) -> Library:
    """Every Markdown file below the folder, as of `now`; each part sorted by path."""
    results: list[Outcome] = []
    warnings: list[Warned] = []
    for path in sorted(_files(options.folder)):
        results.append(_read(options, path, now, warnings))
    results = list(_each_id_once(results))
    return Library(
        posts=tuple(item for item in results if isinstance(item, Post)),
        skipped=tuple(item for item in results if isinstance(item, Skipped)),
        failed=tuple(item for item in results if isinstance(item, Failed)),
        warnings=tuple(warnings),
    )


def _files(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        relative = path.relative_to(folder)
        hidden = any(
            (part.startswith((".", "_")) and part not in ROOTS) or part.endswith(("~", "%"))
            for part in relative.parts
        )
        if path.suffix.lower() in ENDINGS and not hidden and path.is_file():
            yield relative.as_posix()


def _read(options: ContentOptions, path: str, now: datetime, warnings: list[Warned]) -> Outcome:
    try:
        data = (options.folder / path).read_bytes()
    except OSError as error:
        return _failed(path, 0, f"cannot be read: {error.strerror}", "check the file's rights")
    if len(data) > MAX_BYTES:
        return _failed(path, 0, f"is larger than {MAX_BYTES} bytes", "split it")
    decoded = decode(data, options.encoding)
    if decoded is None:
        return _failed(path, 0, "is in an unknown encoding", "save it as UTF-8")
    if decoded.guessed:
        warnings.append(_warned(path, 0, f"was read as {decoded.guessed}", "save it as UTF-8"))
    try:
        matter = read_front_matter(decoded.text)
        return _publishable(options, path, matter, now)
    except ContentError as error:
        return _failed(path, error.line, error.problem, "mend the front matter at this line")


def _publishable(options: ContentOptions, path: str, matter: FrontMatter, now: datetime) -> Outcome:
    meaning = understand(matter.fields, path, dialect=options.dialect, zone=options.zone)
    facts = _facts(meaning)
    held = kept_back(matter.fields, path, meaning, now=now, zone=options.zone)
    if held:
        reason, words = held
        told = None if reason is SkipReason.PROTECTED else facts
        return Skipped(path=path, reason=reason, explanation=words, facts=told)
    if meaning.published is None:
        line = matter.lines.get("date", 1)
        return _failed(path, line, "has no date", "write date: 2025-10-11 06:16:29", facts)
    if not matter.body.strip():
        words = "nothing is written below the front matter"
        return Skipped(path=path, reason=SkipReason.EMPTY, explanation=words, facts=facts)
    return _post(options, path, matter, meaning, meaning.published)


def _post(
    options: ContentOptions, path: str, matter: FrontMatter, meaning: Meaning, published: datetime
) -> Post:
    template = options.permalink or PERMALINKS.get(options.dialect, PERMALINKS["plain"])
    url = f"{options.base_url}/{permalink(meaning, path, template)}"
    pictures = _Pictures(options, path, url)
    whole, opening = markdown.render(
        matter.body, key=meaning.id or path, breaks=options.dialect == "hexo"
    )
    html = sanitise(whole, base=url, resolve=pictures.resolve)
    if meaning.excerpt:
        excerpt = excerpts.manual(sanitise(meaning.excerpt, base=url, resolve=pictures.resolve))
    elif opening is not None:
        excerpt = excerpts.manual(sanitise(opening, base=url, resolve=pictures.resolve))
    else:
        excerpt = excerpts.automatic(html)
    cover = address(meaning.image, url, pictures.resolve) if meaning.image else None
    return Post(
        id=meaning.id or path,
        declares_id=meaning.id is not None,
        path=path,
        title=meaning.title,
        published=published,
        updated=meaning.updated or published,
        url=url,
        language=meaning.language or options.language,
        body_hash=body_hash(matter.body),
        tags=meaning.tags,
        categories=meaning.categories,
        authors=meaning.authors,
        keywords=meaning.keywords,
        description=meaning.description,
        image=Image(url=cover, alt="") if cover else None,
        excerpt=excerpt,
        html=html,
        mail_html=html,
        assets=pictures.found(),
    )


class _Pictures:
    """The local pictures that one post refers to, and where they are published."""

    def __init__(self, options: ContentOptions, path: str, url: str) -> None:
        self._options = options
        self._folder = PurePosixPath(path).parent
        self._stem = PurePosixPath(path).stem
        self._url = url
        self._found: dict[str, Asset] = {}

    def resolve(self, value: str) -> str:
        """The public address of a local picture; any other address as it is."""
        name = unquote(value.partition("?")[0].partition("#")[0])
        if "://" in value or PurePosixPath(name).suffix.lower() not in PICTURES:
            return value
        for relative in self._candidates(name):
            source = (self._options.folder / relative).resolve()
            inside = source.is_relative_to(self._options.folder.resolve())
            if inside and source.is_file():
                public = f"{self._options.base_url}/{quote(str(relative))}"
                self._found[public] = Asset(source=str(source), url=public)
                return public
        return value

    def found(self) -> tuple[Asset, ...]:
        return tuple(self._found.values())

    def _candidates(self, name: str) -> Iterator[PurePosixPath]:
        if name.startswith("/"):
            yield PurePosixPath(name.lstrip("/"))
        else:
            yield self._folder / self._stem / name
            yield self._folder / name


def _each_id_once(results: list[Outcome]) -> Iterator[Outcome]:
    """Of two posts that declare one id, the one whose path comes later fails."""
    holders: dict[str, str] = {}
    for item in results:
        if isinstance(item, Post) and item.declares_id:
            holder = holders.setdefault(item.id, item.path)
            if holder != item.path:
                yield _failed(
                    item.path, 1, f"has the id of {holder}", "give one of them an id of its own"
                )
                continue
        yield item


def _facts(meaning: Meaning) -> Facts:
    return Facts(
        id=meaning.id,
        title=meaning.title,
        published=meaning.published,
        updated=meaning.updated,
        tags=meaning.tags,
        categories=meaning.categories,
        language=meaning.language,
    )


def _failed(path: str, line: int, problem: str, remedy: str, facts: Facts | None = None) -> Failed:
    return Failed(path=path, line=line, problem=problem, remedy=remedy, facts=facts)


def _warned(path: str, line: int, problem: str, remedy: str) -> Warned:
    return Warned(path=path, line=line, problem=problem, remedy=remedy)

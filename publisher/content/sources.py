"""What one file says, whatever the time and whatever else the folder holds."""

from collections.abc import Mapping
from dataclasses import dataclass

from publisher.content.decoding import decode, without_controls
from publisher.content.dialects import Doubt, Meaning, marks_of, understand, unreadable_date
from publisher.content.front_matter import FrontMatter, read_front_matter
from publisher.content.options import ContentOptions
from publisher.content.permalinks import permalink
from publisher.content.privacy import Marks
from publisher.domain.compact import Compact
from publisher.domain.packing import pack, unpack
from publisher.domain.posts import Failed, Warned, body_hash
from publisher.errors import ContentError

MAX_BYTES = 2_000_000

_PROTECTED = Meaning(id=None, title="", published=None, updated=None)


class Obstacle(Compact, frozen=True, kw_only=True):
    """Why a file that was read can be no post, at which line, and what to do."""

    line: int
    problem: str
    remedy: str


class Source(Compact, frozen=True, kw_only=True):
    """A file that was read. Of a protected one nothing but its path and its marks is kept.

    `obstacle`: what is missing for a post, such as a date. `is_ignored`: a page or a fragment, no
    post. The dates are instants in any zone; `facts_of` gives them the site's.
    """

    path: str
    meaning: Meaning
    marks: Marks
    url: str = ""
    body_hash: str = ""
    body_line: int = 1
    obstacle: Obstacle | None = None
    is_empty: bool = False
    is_ignored: bool = False
    warnings: tuple[Warned, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A source and its body, before it is rendered. `size` is that of the file, in bytes."""

    source: Source
    packed: bytes
    size: int

    @property
    def body(self) -> str:
        return unpack(self.packed)


_IGNORED_LAYOUTS = frozenset({"page", "wiki", "fragment"})


def read_source(data: bytes, path: str, options: ContentOptions) -> Text | Failed:
    """Reads one file's bytes. `path` is relative to the content folder."""
    if len(data) > MAX_BYTES:
        return _failed(path, 0, f"is larger than {MAX_BYTES:,} bytes", "split it")
    decoded = decode(data, options.encoding)
    if decoded is None:
        return _failed(path, 0, "is in an unknown encoding", "save it as UTF-8")
    try:
        matter = read_front_matter(without_controls(decoded.text), options.dialect)
    except ContentError as error:
        remedy = "mend the front matter at this line"
        return _failed(path, error.line, error.problem, remedy)
    warnings = [*_warnings(path, matter)]
    if decoded.is_guessed:
        problem = f"was read as {decoded.encoding}, which nothing declares"
        warnings.insert(0, _warned(path, 0, problem, "save it as UTF-8"))
    return _understood(path, matter, options, warnings, size=len(data))


def _understood(
    path: str, matter: FrontMatter, options: ContentOptions, warnings: list[Warned], *, size: int
) -> Text:
    fields, body = matter.fields, matter.body
    meaning, doubts = understand(fields, path, body, dialect=options.dialect, zone=options.zone)
    held = marks_of(
        fields,
        path,
        body,
        meaning=meaning,
        dialect=options.dialect,
        zone=options.zone,
        protected_tags=options.protected_tags,
    )
    if held.is_protected:
        source = Source(path=path, meaning=_PROTECTED, marks=held)
        return Text(source=source, packed=b"", size=0)
    url, no_address = _address(meaning, matter, path, options)
    source = Source(
        path=path,
        meaning=meaning,
        marks=held,
        url=url,
        body_hash=body_hash(body),
        body_line=matter.body_line,
        obstacle=_bad_date(meaning, matter, options) or no_address,
        is_empty=not body.strip(),
        is_ignored=_layout(fields) in _IGNORED_LAYOUTS,
        warnings=(*warnings, *_doubted(path, matter.lines, doubts)),
    )
    return Text(source=source, packed=pack(body), size=size)


def _address(
    meaning: Meaning, matter: FrontMatter, path: str, options: ContentOptions
) -> tuple[str, Obstacle | None]:
    try:
        found = permalink(
            meaning,
            matter.fields,
            path,
            template=options.template,
            dialect=options.dialect,
            zone=options.permalink_zone or options.zone,
            language=options.language,
            default_category=options.default_category,
            naming=options.naming,
        )
    except ContentError as error:
        remedy = "give the post that field, or set content.permalink"
        return "", Obstacle(line=1, problem=error.problem, remedy=remedy)
    return f"{options.base_url}/{found}", None


def _bad_date(meaning: Meaning, matter: FrontMatter, options: ContentOptions) -> Obstacle | None:
    remedy = "write date: 2025-10-11 06:16:29"
    if meaning.published is None:
        told = "has a date that cannot be read" if matter.fields.get("date") else "has no date"
        return Obstacle(line=matter.lines.get("date", 1), problem=told, remedy=remedy)
    if key := unreadable_date(matter.fields, options.dialect):
        told = f"{key} holds no date that can be read"
        remedy = remedy.replace("date", key, 1)
        return Obstacle(line=matter.lines.get(key, 1), problem=told, remedy=remedy)
    return None


def _layout(fields: Mapping[str, object]) -> str:
    layout = fields.get("layout")
    return layout.strip().lower() if isinstance(layout, str) else ""


def _warnings(path: str, matter: FrontMatter) -> list[Warned]:
    return [_warned(path, note.line, note.problem, note.remedy) for note in matter.notes]


def _doubted(path: str, lines: Mapping[str, int], doubts: list[Doubt]) -> list[Warned]:
    return [_warned(path, lines.get(d.key, 1), d.problem, d.remedy) for d in doubts]


def _failed(path: str, line: int, problem: str, remedy: str) -> Failed:
    return Failed(path=path, line=line, problem=problem, remedy=remedy)


def _warned(path: str, line: int, problem: str, remedy: str) -> Warned:
    return Warned(path=path, line=line, problem=problem, remedy=remedy)

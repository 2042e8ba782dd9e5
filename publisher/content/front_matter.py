"""Splits a file into front matter and body; the body keeps every character.

python-frontmatter is the format layer, with handlers of our own (`formats`): its stock ones
strip bodies, turn text into numbers and dates, and publish a block that they cannot read as text.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import frontmatter

from publisher.content.decoding import shown
from publisher.content.formats import HANDLERS, KEY_LINE, YamlHandler
from publisher.content.repair import Note
from publisher.content.values import MARKS, Value, the_stricter
from publisher.content.yaml_text import Unreadable
from publisher.errors import ContentError

_TELLING = frozenset({"title", "date", "tags", "categories", "layout"})
_KEY = re.compile(r"[ \t]*[\"']?([\w$.-]+)[\"']?[ \t]*[:：=]")
_CUT_BY_COMMENT = re.compile(r"^[\w$.-]+\s*:\s+[^\"'#|>\s\[{][^#\n]* (#\S.*)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontMatter:
    """The fields (keys in lower case) and the body, unchanged.

    `lines`: key -> its line; `body_line`: the line of the body's first character; both count from
    1, and so do the lines of `notes`.
    """

    fields: Mapping[str, Value]
    body: str
    lines: Mapping[str, int] = field(default_factory=dict)
    body_line: int = 1
    notes: tuple[Note, ...] = ()


def read_front_matter(text: str, dialect: str = "auto") -> FrontMatter:
    """The front matter and the body of a file, as the generators of `dialect` part them.

    Raises `ContentError` (its path empty) where a block opens but cannot be read.
    """
    handler = frontmatter.detect_format(text, HANDLERS[dialect])
    if handler is None:
        return FrontMatter(fields={}, body=text)
    start = _start(handler, text)
    try:
        # Not `frontmatter.parse`: it strips the body and passes over what it cannot split.
        block, body = handler.split(text)
        fields = handler.load(block)
    except Unreadable as error:
        raise ContentError("", start + error.line, error.problem) from None
    matter = FrontMatter(
        fields=_lower(fields),
        body=body,
        lines=_lines_of_keys(block, start),
        body_line=_line(text, len(text) - len(body)),
        notes=(*_from(start, getattr(fields, "notes", ())), *_comments(block, start)),
    )
    return _without_second_block(matter)


def _start(handler: object, text: str) -> int:
    """The line on which a block's first character stands."""
    boundary = getattr(handler, "FM_BOUNDARY", None)
    opener = boundary.match(text) if boundary else None
    return _line(text, opener.end()) if opener else 1


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _lower(fields: Mapping[str, Value]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for key, raw in fields.items():
        name = shown(str(key)).strip().lower()
        # A mark is never shown, and a password that is cleaned away would open the post.
        value = raw if name in MARKS else _clean(raw)
        found[name] = the_stricter(name, found[name], value) if name in found else value
    return found


def _clean(value: Value) -> Value:
    """The value as feeds show it: an escape (`"\\x07"`) brings in what no file holds."""
    match value:
        case dict():
            return {shown(key): _clean(item) for key, item in value.items()}
        case list():
            return [_clean(item) for item in value]
        case str():
            clean = shown(value)
            return value if clean == value else type(value)(clean)
        case _:
            return None


def _lines_of_keys(block: str, start: int) -> dict[str, int]:
    found: dict[str, int] = {}
    for number, line in enumerate(block.split("\n"), start=start):
        if match := _KEY.match(line):
            found.setdefault(match[1].lower(), number)
    return found


def _from(start: int, notes: tuple[Note, ...]) -> tuple[Note, ...]:
    return tuple(
        Note(line=start + note.line, problem=note.problem, remedy=note.remedy) for note in notes
    )


def _comments(block: str, start: int) -> tuple[Note, ...]:
    """` #` begins a comment, as in Hexo: whoever wrote `title: C #1` meant another title."""
    for number, line in enumerate(block.split("\n"), start=start):
        if found := _CUT_BY_COMMENT.match(line):
            problem = f"the value ends at {found[1].split()[0]!r}, which begins a comment"
            return (Note(line=number, problem=problem, remedy="put the value into quotes"),)
    return ()


def _without_second_block(matter: FrontMatter) -> FrontMatter:
    """Cuts a second block off the body's start; importers leave such behind.

    It fills fields that are empty, and marks that keep the post back count wherever they stand.
    Raises `ContentError` if it cannot be read: a password may stand in it.
    """
    handler = YamlHandler()
    opener, closer = handler.fences(matter.body)
    if opener is None or closer is None:
        return matter
    block = matter.body[opener.end() : closer.start()]
    keys = {found[1].lower() for line in block.split("\n") if (found := _KEY.match(line))}
    if len(keys & _TELLING) < 2 or not KEY_LINE.match(block.lstrip("\n")):
        return matter
    try:
        second = _lower(handler.load(block))
    except Unreadable as error:
        line = matter.body_line + _line(matter.body, opener.end()) - 1 + error.line
        raise ContentError("", line, f"a second block: {error.problem}") from None
    fields = dict(matter.fields)
    for key, value in second.items():
        fields[key] = the_stricter(key, value, fields[key]) if key in fields else value
    return FrontMatter(
        fields=fields,
        body=matter.body[closer.end() :],
        lines=matter.lines,
        body_line=matter.body_line + _line(matter.body, closer.end()) - 1,
        notes=(
            *matter.notes,
            Note(
                line=matter.body_line,
                problem="a second block of front matter opens the text",
                remedy="merge the two; the second one was left out",
            ),
        ),
    )

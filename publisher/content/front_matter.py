"""Splits a file into front matter and body, and reads the front matter as text.

python-frontmatter is the format layer: handlers of our own find, split and load a block. Every
scalar stays the text that the writer typed: YAML 1.1 makes `12:30` the number 750, `0228` an
octal and `2020-02-30` a crash.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

import frontmatter
import yaml
from frontmatter.default_handlers import BaseHandler

from publisher.errors import ContentError

MAX_BYTES = 16_000
MAX_OPENERS = 64
"""Brackets in a block: tens of thousands of them kill libyaml's parser with the process."""

_KEY_LINE = re.compile(r"^[\w$.-]+\s*[:：]", re.MULTILINE)

Value = str | None | list["Value"] | dict[str, "Value"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontMatter:
    """The fields as written (keys in lower case) and the body, unchanged.

    `lines` gives the line of each top-level key, `body_line` that of the body's first line.
    """

    fields: Mapping[str, Value]
    body: str
    lines: Mapping[str, int] = field(default_factory=dict)
    body_line: int = 1


class _StrLoader(yaml.CSafeLoader):
    """Scalars as text, null as None; unknown tags are passed over, aliases refused."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event: Any = self.get_event()
            raise yaml.MarkedYAMLError(
                problem="aliases are not read; write the value out", problem_mark=event.start_mark
            )
        return super().compose_node(parent, index)  # type: ignore[misc]  # from the C parser


def _construct_any(loader: Any, node: Any) -> Any:
    match node:
        case yaml.MappingNode():
            pairs = [
                (loader.construct_object(key, True), loader.construct_object(value, True))
                for key, value in node.value
            ]
            return {str(key): value for key, value in pairs}
        case yaml.SequenceNode():
            return [loader.construct_object(item, True) for item in node.value]
        case _:
            is_null = not node.style and node.value in {"", "~", "null", "Null", "NULL"}
            return None if is_null else node.value


# Own tables, empty: YAML's would turn `12:30` into 750 and `no` into False.
_StrLoader.yaml_implicit_resolvers = {}
_StrLoader.yaml_constructors = {None: _construct_any}
_StrLoader.yaml_multi_constructors = {}


class YamlHandler(BaseHandler):
    """`---` fences, blank lines before allowed, blanks behind; `...` closes too."""

    FM_BOUNDARY = re.compile(r"\A\s*^-{3,}[ \t]*$", re.MULTILINE)
    CLOSE = re.compile(r"^(?:-{3,}|\.{3})[ \t]*$\n?", re.MULTILINE)

    def split(self, text: str) -> tuple[str, str]:
        opener = self.FM_BOUNDARY.match(text)
        if opener is None:
            raise ContentError("", 1, "no front matter")
        closer = self.CLOSE.search(text, opener.end())
        if closer is None:
            raise ContentError("", 1, "the front matter is never closed")
        return text[opener.end() : closer.start()], text[closer.end() :]

    def load(self, fm: str, **_options: object) -> dict[str, Any]:
        loaded: Any = yaml.load(fm, Loader=_StrLoader)  # noqa: S506  # constructs text only
        return {} if loaded is None else loaded


class TomlHandler(YamlHandler):
    """`+++` fences (Hugo)."""

    FM_BOUNDARY = re.compile(r"\A\s*^\+{3,}[ \t]*$", re.MULTILINE)
    CLOSE = re.compile(r"^\+{3,}[ \t]*$\n?", re.MULTILINE)

    def load(self, fm: str, **_options: object) -> dict[str, Any]:
        return {key: _as_text(value) for key, value in tomllib.loads(fm).items()}


_HANDLERS = (YamlHandler(), TomlHandler())


def read_front_matter(text: str) -> FrontMatter:
    """The front matter and the body of a file.

    Raises `ContentError` (its path empty) where a block opens but cannot be read. A file that
    opens with `---` as a rule, with no key before the next one, has no front matter.
    """
    handler = frontmatter.detect_format(text, _HANDLERS)
    opener = handler.FM_BOUNDARY.match(text) if handler and handler.FM_BOUNDARY else None
    if handler is None or opener is None:
        return FrontMatter(fields={}, body=text)
    block_start = opener.end()
    if not _KEY_LINE.search(text[block_start : block_start + MAX_BYTES]):
        return FrontMatter(fields={}, body=text)
    block, body = handler.split(text)
    first_line = text[:block_start].count("\n") + 1
    _refuse_bombs(block, first_line)
    fields = _load(handler, block, first_line)
    return FrontMatter(
        fields=fields,
        body=body,
        lines=_lines_of_keys(block, first_line),
        body_line=text[: len(text) - len(body)].count("\n") + 1,
    )


def _load(handler: BaseHandler, block: str, first_line: int) -> dict[str, Value]:
    try:
        loaded = handler.load(block.replace("\t", "  "))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = str(getattr(error, "problem", None) or "is not YAML")
        raise ContentError("", first_line + (mark.line if mark else 0), problem) from None
    except tomllib.TOMLDecodeError as error:
        line = int(found[1]) if (found := re.search(r"line (\d+)", str(error))) else 1
        raise ContentError("", first_line + line - 1, str(error)) from None
    except RecursionError:
        raise ContentError("", first_line, "is nested too deeply") from None
    if not isinstance(loaded, dict):
        raise ContentError("", first_line, "must be `key: value` lines")
    return {str(key).strip().lower(): value for key, value in loaded.items()}


def _refuse_bombs(block: str, line: int) -> None:
    if len(block.encode("utf-8", "replace")) > MAX_BYTES:
        raise ContentError("", line, f"is longer than {MAX_BYTES} bytes")
    if block.count("[") + block.count("{") > MAX_OPENERS:
        raise ContentError("", line, f"has more than {MAX_OPENERS} brackets")


def _lines_of_keys(block: str, first_line: int) -> dict[str, int]:
    found: dict[str, int] = {}
    for number, line in enumerate(block.split("\n"), start=first_line):
        if match := re.match(r"([\w$.-]+)\s*[:=]", line):
            found.setdefault(match[1].lower(), number)
    return found


def _as_text(value: Any) -> Any:
    match value:
        case dict():
            return {str(key): _as_text(item) for key, item in value.items()}
        case list():
            return [_as_text(item) for item in value]
        case bool():
            return "true" if value else "false"
        case datetime() | date() | time():
            return value.isoformat()
        case _:
            return str(value)

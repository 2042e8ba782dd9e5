"""The formats of front matter, as handlers of python-frontmatter.

One stateless class a format, shared by threads: `detect` says whether a file opens with it,
`split` parts block and body without changing a character of either, `load` gives text.
"""

import json
import re
import tomllib
from datetime import date, datetime, time
from typing import Any

from frontmatter import Post
from frontmatter.default_handlers import BaseHandler

from publisher.content.repair import Note, read_yaml
from publisher.content.values import Value, the_stricter
from publisher.content.yaml_text import MAX_BYTES, Unreadable, dump_yaml, refuse_bombs

KEY_LINE = re.compile(r"^[ \t]*[\"']?[\w$.-]+[\"']?[ \t]*[:：=]", re.MULTILINE)
OPEN_LINES = 80
"""How far below the first key a block without an opening fence may close (Hexo's habit)."""


class Fields(dict[str, Value]):
    """A loaded block: fields by key as written, and what was mended on the way."""

    notes: tuple[Note, ...] = ()


class Fenced(BaseHandler):
    """A block between two fence lines. `START_DELIMITER` is what a new file gets."""

    NAME = ""
    FM_BOUNDARY = re.compile(r"(?!)")
    CLOSE = re.compile(r"(?!)")

    def split(self, text: str) -> tuple[str, str]:
        opener, closer = self.fences(text)
        if opener is None or closer is None:
            raise Unreadable("the front matter is never closed")
        return text[opener.end() : closer.start()], text[closer.end() :]

    def fences(self, text: str) -> tuple[re.Match[str] | None, re.Match[str] | None]:
        """The line that opens the block and the one that closes it."""
        opener = self.FM_BOUNDARY.match(text)
        return opener, self.CLOSE.search(text, opener.end()) if opener else None

    def load(self, fm: str) -> dict[str, Any]:
        raise NotImplementedError


class YamlHandler(Fenced):
    """`---` or longer, blanks behind it and empty lines before it allowed; `...` closes too."""

    NAME = "YAML"
    START_DELIMITER = "---"
    FM_BOUNDARY = re.compile(r"\A(?:[ \t]*\n)*-{3,}[ \t]*(?:\n|\Z)")
    CLOSE = re.compile(r"^(?:-{3,}|\.{3})[ \t]*(?:\n|\Z)", re.MULTILINE)

    _MAP = re.compile(r"(?:[ \t]*(?:#.*)?\n)*+[ \t]*\{(?![{%:#])")  # no template tag

    def detect(self, text: str) -> bool:
        """A rule is no fence: the next fence must come behind a key, or right away."""
        opener, closer = self.fences(text)
        if opener is None:
            return False
        block = text[opener.end() : closer.start() if closer else None]
        if closer and all(not line.strip() or line.startswith("#") for line in block.split("\n")):
            return True
        return KEY_LINE.search(block) is not None or self._MAP.match(block) is not None

    def format(self, post: Post, **_options: object) -> str:
        """The file as text. The stock one adds an empty line and strips the body."""
        return f"---\n{self.export(post.metadata)}\n---\n{post.content}"

    def export(self, metadata: dict[str, object], **_options: object) -> str:
        return dump_yaml(metadata)

    def load(self, fm: str) -> Fields:
        loaded, notes = read_yaml(fm)
        fields = Fields(loaded)
        doubled = (
            Note(line=_line_of(key, fm), problem=f"{key} stands there twice",
                 remedy="keep one of them")
            for key in dict.fromkeys(loaded.doubled)
        )  # fmt: skip
        fields.notes = (*notes, *doubled)
        return fields


class TomlHandler(Fenced):
    """`+++` (Hugo)."""

    NAME = "TOML"
    START_DELIMITER = "+++"
    FM_BOUNDARY = re.compile(r"\A(?:[ \t]*\n)*\+{3,}[ \t]*(?:\n|\Z)")
    CLOSE = re.compile(r"^\+{3,}[ \t]*(?:\n|\Z)", re.MULTILINE)

    def load(self, fm: str) -> Fields:
        refuse_bombs(fm)
        try:
            return Fields({key: _as_text(value) for key, value in tomllib.loads(fm).items()})
        except tomllib.TOMLDecodeError as error:
            line = int(found[1]) if (found := re.search(r"at line (\d+)", str(error))) else 1
            problem = re.sub(r" \(at .*\)", "", str(error))
            raise Unreadable(f"is not TOML: {problem}", line - 1) from None
        except (ValueError, RecursionError) as error:  # an impossible date; a deep nest
            raise Unreadable(f"is not TOML: {error}") from None


class JsonFenceHandler(Fenced):
    """`;;;` round the inside of a JSON object (Hexo)."""

    NAME = "JSON"
    START_DELIMITER = ";;;"
    FM_BOUNDARY = re.compile(r"\A(?:[ \t]*\n)*;{3,}[ \t]*(?:\n|\Z)")
    CLOSE = re.compile(r"^;{3,}[ \t]*(?:\n|\Z)", re.MULTILINE)

    def load(self, fm: str) -> Fields:
        return _load_json("{" + fm + "}")


class JsonObjectHandler(Fenced):
    """A JSON object that opens the file (Hugo); only one with a title or a date."""

    NAME = "JSON"
    FM_BOUNDARY = re.compile(r"\A\s*(?=\{\s*\")")
    _TELLING = re.compile(r'"(?:title|date)"\s*:', re.IGNORECASE)

    def detect(self, text: str) -> bool:
        found = self.FM_BOUNDARY.match(text)
        return found is not None and self._TELLING.search(text, 0, 16_000) is not None

    def split(self, text: str) -> tuple[str, str]:
        start = len(text) - len(text.lstrip())
        try:
            _, end = json.JSONDecoder().raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            raise Unreadable(f"is not JSON: {error}") from None
        return text[start:end], text[end:].removeprefix("\n")

    def load(self, fm: str) -> Fields:
        return _load_json(fm)


class OpenYamlHandler(YamlHandler):
    """No opening fence: keys from the first line on, then `---` (or `;;;` behind JSON)."""

    NAME = "YAML without an opening fence"
    FM_BOUNDARY = re.compile(r"\A(?:[ \t]*\n)*(?=[ \t]*[\"']?[\w$.-]+[\"']?[ \t]*[:：])")
    CLOSE = re.compile(r"^(?:-{3,}|;{3,})[ \t]*(?:\n|\Z)", re.MULTILINE)
    _OWN_LINE = re.compile(r"[ \t]*(?:#.*|-\s.*|[\"']?[\w$.-]+[\"']?[ \t]*[:：].*)?|[ \t]+.*|-\S.*")

    def detect(self, text: str) -> bool:
        opener, closer = self.fences(text)
        if opener is None or closer is None:
            return False
        lines = text[opener.end() : closer.start()].split("\n")
        return len(lines) <= OPEN_LINES and all(self._OWN_LINE.fullmatch(line) for line in lines)

    def load(self, fm: str) -> Fields:
        return _load_json("{" + fm + "}") if fm.lstrip().startswith('"') else super().load(fm)


class PelicanHandler(Fenced):
    """`Key: value` lines up to the first empty one, further lines of a value indented.

    As Pelican reads them: no blank need follow the colon, and a few may stand before the key. An
    address is no key.
    """

    NAME = "Pelican's metadata"
    FM_BOUNDARY = re.compile(r"\A(?:[ \t]*\n)*(?= {0,3}[A-Za-z][\w-]*:(?!//))")
    CLOSE = re.compile(r"^[ \t]*(?:\n|\Z)", re.MULTILINE)
    _LINE = re.compile(r" {0,3}([A-Za-z][\w-]*):(?!//)[ \t]*(.*)")

    def load(self, fm: str) -> Fields:
        refuse_bombs(fm)
        fields, last = Fields(), ""
        for line in fm.split("\n"):
            if found := self._LINE.match(line):
                last, value = found[1], found[2].strip()
                fields[last] = the_stricter(last, fields[last], value) if last in fields else value
            elif line.strip() and last:
                fields[last] = f"{fields[last]} {line.strip()}"
        return fields


class SurePelicanHandler(PelicanHandler):
    """The same where nobody says that it is Pelican's: prose may begin with `Note: …`.

    Every line must be one of metadata, two must have keys, and one of those be telling.
    """

    _TELLING = frozenset({"title", "date", "status"})

    def detect(self, text: str) -> bool:
        opener, closer = self.fences(text)
        if opener is None or closer is None or closer.start() - opener.end() > MAX_BYTES:
            return False
        lines = text[opener.end() : closer.start()].rstrip("\n").split("\n")
        keys = [found[1].lower() for line in lines if (found := self._LINE.match(line))]
        further = [line for line in lines if not self._LINE.match(line)]
        is_whole = all(line[:1] in " \t" for line in further)
        return is_whole and len(keys) > 1 and not self._TELLING.isdisjoint(keys)


_YAML, _TOML, _FENCED_JSON = YamlHandler(), TomlHandler(), JsonFenceHandler()
_OPEN, _OBJECT, _PELICAN = OpenYamlHandler(), JsonObjectHandler(), PelicanHandler()
_EVERYWHERE = (_YAML, _TOML, _FENCED_JSON)
HANDLERS: dict[str, tuple[Fenced, ...]] = {
    "auto": (*_EVERYWHERE, _OPEN, _OBJECT, SurePelicanHandler()),
    "plain": (*_EVERYWHERE, _OPEN, _OBJECT),
    "hexo": (*_EVERYWHERE, _OPEN, _OBJECT),
    "hugo": (*_EVERYWHERE, _OBJECT, _OPEN),
    "jekyll": (*_EVERYWHERE, _OPEN),
    "pelican": (*_EVERYWHERE, _OPEN, _PELICAN),
}
"""Dialect -> the formats that its generator reads, the surest first."""


def _load_json(text: str) -> Fields:
    refuse_bombs(text)
    try:
        loaded = json.loads(
            text, parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=_folded
        )
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"is not JSON: {error}", getattr(error, "lineno", 1) - 1) from None
    if not isinstance(loaded, dict):
        raise Unreadable("must be a JSON object")
    return Fields(loaded)


def _folded(pairs: list[tuple[str, Any]]) -> dict[str, Value]:
    """An object as text; of a key that stands there twice the stricter value counts."""
    found: dict[str, Value] = {}
    for key, raw in pairs:
        value = _as_text(raw)
        found[key] = the_stricter(key, found[key], value) if key in found else value
    return found


def _as_text(value: Any) -> Value:
    match value:
        case dict():
            return {str(key): _as_text(item) for key, item in value.items()}
        case list():
            return [_as_text(item) for item in value]
        case bool():
            return "true" if value else "false"
        case datetime() | date() | time():
            return value.isoformat()
        case None:
            return None
        case _:
            return str(value)


def _line_of(key: str, block: str) -> int:
    places = [
        m.start() for m in re.finditer(rf"^[ \t]*{re.escape(key)}[ \t]*:", block, re.MULTILINE)
    ]
    return block.count("\n", 0, places[-1]) if places else 0

"""Writes posts: a new one, and an id into one that is there.

An id is added as one line and nothing else: writing the whole block anew would change quotes,
order or line ends in 98 of 100 files. What was written is read again before it may be kept.
"""

import json
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

import frontmatter

from publisher.content.decoding import Decoded, decode
from publisher.content.formats import (
    HANDLERS,
    Fenced,
    JsonFenceHandler,
    JsonObjectHandler,
    OpenYamlHandler,
    PelicanHandler,
    TomlHandler,
    YamlHandler,
)
from publisher.content.front_matter import read_front_matter
from publisher.content.values import Plain, Value
from publisher.errors import ContentError

KEY = "feed_id"
"""The field that wins over all other ids, and that no generator uses for anything else."""

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_SIMPLE = re.compile(r"[a-z][a-z0-9-]*")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def mint_id(path: str, body: str) -> str:
    """An id for a post that has none: a letter and fifteen letters or digits, from its text."""
    number = int.from_bytes(sha256(f"{path}\0{body}".encode("utf-8", "surrogatepass")).digest())
    number, first = divmod(number, 26)
    characters = []
    for _ in range(15):
        number, digit = divmod(number, 36)
        characters.append(_DIGITS[digit])
    return chr(ord("a") + first) + "".join(characters)


def declare_id(data: bytes, value: str, *, dialect: str, encoding: str = "") -> bytes:
    """The file with `feed_id: value` in its front matter; every other byte stays.

    Encoding, byte order mark and line ends stay too, and a file that holds this very line comes
    back as it is. Raises `ContentError` where the file cannot be read, holds another `feed_id`, or
    would mean anything else afterwards.
    """
    file = _decoded(data, encoding)
    before = read_front_matter(file.text, dialect)
    held = before.fields.get(KEY)
    if held == value:
        return data
    if held not in (None, ""):
        raise ContentError("", before.lines.get(KEY, 1), f"declares the {KEY} {held} already")
    written = file.mark + _with_id(file.raw, value, dialect).encode(file.encoding)
    after = read_front_matter(_decoded(written, encoding).text, dialect)
    expected = {**before.fields, KEY: value}
    if dict(after.fields) != expected or after.body != before.body:
        raise ContentError("", 1, "cannot take an id without changing more; add it by hand")
    return written


def new_post(fields: Mapping[str, Value], body: str = "") -> str:
    """A whole post with YAML front matter, in the order of the fields."""
    post = frontmatter.Post(body)
    post.metadata = dict(fields)
    return str(frontmatter.dumps(post, handler=YamlHandler()))


def date_field(now: datetime, dialect: str) -> Value:
    """`now` as its generator wants it: without an offset for Hexo, which shifts those."""
    naive = dialect in {"hexo", "pelican", "auto"}
    return Plain(f"{now:%Y-%m-%d %H:%M:%S}" if naive else now.isoformat(timespec="seconds"))


def slug(title: str) -> str:
    """A file name for a title: letters of any script, digits and `-`."""
    folded = unicodedata.normalize("NFKC", title).casefold()
    return re.sub(r"[^\w]+", "-", folded).strip("-_")[:80] or "post"


def _decoded(data: bytes, encoding: str) -> Decoded:
    decoded = decode(data, encoding)
    if decoded is None:
        raise ContentError("", 0, "is in an unknown encoding")
    return decoded


def _with_id(text: str, value: str, dialect: str) -> str:
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    handler = frontmatter.detect_format(plain, HANDLERS[dialect])
    end = next((end for end in ("\r\n", "\r", "\n") if end in text), "\n")
    if not isinstance(handler, Fenced):
        return _block(value).replace("\n", end) + text
    block, _ = handler.split(plain)
    if isinstance(handler, JsonObjectHandler):
        brace = text.index("{") + 1
        return f"{text[:brace]}{_json_line(value, block)}{text[brace:]}"
    is_open = isinstance(handler, OpenYamlHandler | PelicanHandler)
    return _insert(text, 0 if is_open else 1, _line_for(handler, block, value) + end, plain)


def _line_for(handler: Fenced, block: str, value: str) -> str:
    """The line that declares the id, in the format of the block."""
    is_json = isinstance(handler, JsonFenceHandler) or block.lstrip().startswith('"')
    match handler:
        case TomlHandler():
            return f"{KEY} = {json.dumps(value, ensure_ascii=False)}"
        case PelicanHandler():
            return f"{KEY}: {value}"
        case _ if is_json:
            return _json_line(value, block)
        case _:
            first = next((line for line in block.split("\n") if line.strip()), "")
            return first[: len(first) - len(first.lstrip(" "))] + _yaml_line(value)


def _json_line(value: str, block: str) -> str:
    comma = "," if '"' in block else ""
    return f'"{KEY}": {json.dumps(value, ensure_ascii=False)}{comma}'


def _insert(text: str, below: int, line: str, plain: str) -> str:
    """Puts a line `below` lines under the first one that is not empty; line ends stay as mixed."""
    first = len(plain[: len(plain) - len(plain.lstrip("\n \t"))].split("\n")) - 1 + below
    position = 0
    for _ in range(first):
        found = _LINE.match(text, position)
        position = found.end() if found else position
    return text[:position] + line + text[position:]


def _yaml_line(value: str) -> str:
    shown = value if _SIMPLE.fullmatch(value) else json.dumps(value, ensure_ascii=False)
    return f"{KEY}: {shown}"


def _block(value: str) -> str:
    return f"---\n{_yaml_line(value)}\n---\n"

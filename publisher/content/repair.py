"""Mends front matter that YAML refuses although everybody can see what it means.

Three rungs, each with a note: harmless clean-up before YAML, repairs line by line after it
refused, and at last the lines that can be saved one by one. Of 7,783 real files sixteen need any.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from publisher.content.values import KEEPING, Value, the_stricter
from publisher.content.yaml_text import Loaded, Unreadable, load_yaml, refuse_bombs


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something that was read, but perhaps not as it was meant. `line` counts from 0."""

    line: int
    problem: str
    remedy: str


_TAB = re.compile(r"^[ \t]*\t")
_UNRENDERED = re.compile(r"^(\s*[\w$.-]+\s*:)\s*\{\{.*\}\}\s*$")
_ITEM = re.compile(r"^(\s*)-(?![-\s])(.*)$")
_OPEN_KEY = re.compile(r"^\s*[\w$.-]+\s*:\s*$")
_NO_BLANK = re.compile(r"^(\s*[\w$.-]+):(?![\s/])(.+)$")
_WIDE = re.compile(r"^(\s*[\w$.-]+)\s*：\s*(.*)$")
_PAIR = re.compile(r"^(\s*(?:- )?[\w$.-]+:)[ \t]+(.+)$")
_TOP = re.compile(r"^([\w$.-]+)\s*[:：][ \t]*(.*)$")
_PLAIN_TROUBLE = re.compile(r":\s|:$|^[@`%*&!|>]|^[\[{].*[^\]}\s]$")


def read_yaml(block: str) -> tuple[Loaded, list[Note]]:
    """The fields of a block and what was mended. Raises `Unreadable` if nothing can be saved."""
    refuse_bombs(block)
    notes: list[Note] = []
    lines = [_clean(number, line, notes) for number, line in enumerate(block.split("\n"))]
    lines = _part_items(lines, notes)
    try:
        return load_yaml("\n".join(lines)), notes
    except Unreadable as error:
        first = error
    if "aliases" in first.problem:  # nothing to mend: a bomb, or a habit that we do not read
        raise first
    notes.append(Note(line=first.line, problem=first.problem, remedy="was mended; check the line"))
    mended = [_mend(line) for line in lines]
    try:
        return load_yaml("\n".join(mended)), notes
    except Unreadable:
        return _salvage(lines, first), notes


def _clean(number: int, line: str, notes: list[Note]) -> str:
    if _TAB.match(line):
        body = line.lstrip(" \t")
        indent = line[: len(line) - len(body)].replace("\t", "  ")
        if body and not any("TAB" in note.problem for note in notes):
            notes.append(Note(line=number, problem="is indented by a TAB", remedy="use blanks"))
        line = indent + body if body else ""
    if found := _UNRENDERED.match(line):
        notes.append(
            Note(line=number, problem="still holds its template", remedy="write the value itself")
        )
        line = found[1]
    return line


def _part_items(lines: list[str], notes: list[Note]) -> list[str]:
    """`-item` below an empty key is a list's item; YAML would read one long text."""
    in_list, parted = False, []
    for number, line in enumerate(lines):
        if _OPEN_KEY.match(line):
            in_list = True
        elif in_list and (found := _ITEM.match(line)):
            notes.append(
                Note(line=number, problem="has no blank behind `-`", remedy="write `- item`")
            )
            parted.append(f"{found[1]}- {found[2]}")
            continue
        elif line.strip() and not line.lstrip().startswith(("-", "#")):
            in_list = False
        parted.append(line)
    return parted


def _mend(line: str) -> str:
    """One line as it was surely meant: `key:value`, `key：value`, a lone blank, loose quotes."""
    line = re.sub(r"^ (?=\S)(?!-)", "", line)
    if found := _WIDE.match(line):
        line = f"{found[1]}: {found[2]}"
    if found := _NO_BLANK.match(line):
        line = f"{found[1]}: {found[2]}"
    if (found := _PAIR.match(line)) and _PLAIN_TROUBLE.search(found[2].rstrip()):
        value = found[2].strip()
        if value[0] not in "\"'":
            line = f"{found[1]} {_quoted(value)}"
    return line


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _salvage(lines: Iterable[str], error: Unreadable) -> Loaded:
    """The top-level lines that make sense alone. Privacy marks are found at any depth."""
    fields, last = Loaded(), ""
    for line in lines:
        if found := _TOP.match(line):
            last = found[1]
            _put(fields, last, found[2])
        elif (item := re.match(r"^\s*-\s+(.+)$", line)) and last:
            held = fields.get(last)
            fields[last] = [*(held if isinstance(held, list) else []), _unquote(item[1])]
        elif (nested := _TOP.match(line.strip())) and nested[1].lower() in KEEPING:
            _put(fields, nested[1], nested[2])
    if not fields:
        raise error
    return fields


def _put(fields: Loaded, key: str, text: str) -> None:
    value: Value = _unquote(text) or None
    fields[key] = the_stricter(key, fields[key], value) if key in fields else value


def _unquote(text: str) -> str:
    """The text without the quotes round it; a lone one goes too."""
    text = text.strip()
    if text[:1] in {'"', "'"}:
        return text[1:].removesuffix(text[0])
    return text

"""Where a key stands in a TOML file.

tomllib says what is in the file, not where. This reads the lines beside it: table headers, arrays
of tables, keys, dotted ones too; multi-line strings are passed over.
"""

import re

Path = tuple[str | int, ...]
"""A key's way through tables and arrays: `("newsletters", 0, "at")`."""

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]#]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(
    r"\s*((?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"|'[^']*'))*)\s*="
)
_FENCES = ('"""', "'''")


def positions(text: str) -> dict[Path, tuple[int, int]]:
    """Line and column, both from 1, of every key and table header."""
    found: dict[Path, tuple[int, int]] = {}
    tables: dict[Path, int] = {}
    current: Path = ()
    fence = ""
    for number, line in enumerate(text.split("\n"), start=1):
        if fence:
            fence = "" if fence in line else fence
            continue
        if header := _HEADER.match(line):
            current = _table(_names(header[2]), is_array=header[1] == "[[", tables=tables)
            found.setdefault(current, (number, header.start(1) + 1))
        elif key := _KEY.match(line):
            found.setdefault((*current, *_names(key[1])), (number, key.start(1) + 1))
            fence = _opened(line[key.end() :])
    return found


def nearest_position(where: dict[Path, tuple[int, int]], path: Path) -> tuple[int, int]:
    """The place of a key, or of the innermost table around it that stands in the file."""
    for length in range(len(path), 0, -1):
        if path[:length] in where:
            return where[path[:length]]
    return 1, 1


def _table(names: Path, *, is_array: bool, tables: dict[Path, int]) -> Path:
    if not is_array:
        return names
    index = tables.get(names, -1) + 1
    tables[names] = index
    return (*names, index)


def _names(dotted: str) -> Path:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


def _opened(value: str) -> str:
    """The fence of a multi-line string that this value opens and does not close."""
    for fence in _FENCES:
        if value.lstrip().startswith(fence) and value.count(fence) == 1:
            return fence
    return ""

"""YAML whose scalars stay the text that was typed.

YAML 1.1 makes `12:30` the number 750, `0228` an octal number, `no` a boolean, and `2020-02-30` a
crash. Here each of them is text; only null (`~`, `null`, nothing) is None.
"""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from publisher.content.values import Plain, Value, the_stricter

MAX_BYTES = 16_000
MAX_BRACKETS = 64
"""In one block: 32,000 of them kill libyaml's parser, and the process with it (8 MB stack)."""

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_NESTED_ITEMS = re.compile(r"^[ \t]*(?:[-?] +){8,}", re.MULTILINE)


class Unreadable(Exception):
    """A block that YAML does not allow. `line` counts from 0, in the block."""

    def __init__(self, problem: str, line: int = 0) -> None:
        super().__init__(problem)
        self.problem = problem
        self.line = line


class Loaded(dict[str, Value]):
    """A block's fields, and the keys that stood there twice."""

    doubled: tuple[str, ...] = ()


def load_yaml(block: str) -> Loaded:
    """The fields of a block. Raises `Unreadable` with the line."""
    try:
        loader = _StrLoader(block)
        try:
            loaded = loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line if error.problem_mark else 0
        raise Unreadable(str(error.problem or "is not YAML"), line) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise Unreadable(f"is not YAML ({type(error).__name__})") from None
    if loaded is None:
        return Loaded()
    if not isinstance(loaded, dict):
        raise Unreadable("must be `key: value` lines")
    fields = Loaded(loaded)
    fields.doubled = tuple(loader.doubled)
    return fields


def dump_yaml(fields: Mapping[str, object]) -> str:
    """The fields as YAML, in their order, each text on one line, without a final line end."""
    text: str = yaml.dump(
        dict(fields), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=2**31 - 1
    )
    return text.rstrip("\n")


def refuse_bombs(block: str) -> None:
    """Raises `Unreadable` for what would cost a parser its stack or its memory."""
    if len(block) > MAX_BYTES or len(block.encode("utf-8", "replace")) > MAX_BYTES:
        raise Unreadable(f"is longer than {MAX_BYTES} bytes")
    if block.count("[") + block.count("{") > MAX_BRACKETS:
        raise Unreadable(f"has more than {MAX_BRACKETS} brackets")
    if nested := _NESTED_ITEMS.search(block):
        raise Unreadable("is nested too deeply", block.count("\n", 0, nested.start()))


class _Dumper(yaml.SafeDumper):
    """Quotes whatever another YAML would read as a number or a date."""


def _text_node(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    if isinstance(text, Plain) and _IS_DATE.match(text):
        return dumper.represent_scalar("tag:yaml.org,2002:timestamp", str(text))
    style = "'" if text[:1] in "0123456789+-." and text and "\n" not in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style=style)


_IS_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_Dumper.add_representer(str, _text_node)
_Dumper.add_representer(Plain, _text_node)


class _StrLoader(yaml.CSafeLoader):
    """Builds text, lists and maps of text; refuses aliases, passes over unknown tags."""

    def __init__(self, block: str) -> None:
        super().__init__(block)
        self.doubled: list[str] = []
        self._met: set[int] = set()

    def meet(self, node: Any) -> None:
        """An alias shows as a node that comes twice: bombs grow only when they are unfolded."""
        if id(node) in self._met:
            raise yaml.MarkedYAMLError(
                problem="aliases are not read; write the value out", problem_mark=node.start_mark
            )
        self._met.add(id(node))


def _construct(loader: Any, node: Any) -> Any:
    loader.meet(node)
    match node:
        case yaml.MappingNode():
            return _construct_map(loader, node)
        case yaml.SequenceNode():
            return [_construct(loader, item) for item in node.value]
        case _ if node.style:
            return str(node.value)
        case _:
            return None if node.value in _NULLS else Plain(node.value)


def _construct_map(loader: Any, node: Any) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for key_node, value_node in node.value:
        key, value = str(_construct(loader, key_node)), _construct(loader, value_node)
        if key in found:
            loader.doubled.append(key)
            value = the_stricter(key, found[key], value)
        found[key] = value
    return found


# Own tables, empty: YAML's would turn `12:30` into 750 and `no` into False.
_StrLoader.yaml_implicit_resolvers = {}
_StrLoader.yaml_constructors = {None: _construct}
_StrLoader.yaml_multi_constructors = {}

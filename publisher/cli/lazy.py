"""Commands whose files are loaded when they are called.

All of them together take two seconds to load, a single one a fraction of that; the list that
`--help` shows is read out of the files without loading any.
"""

import ast
from importlib import import_module
from pathlib import Path
from typing import cast

import click

from publisher.collector import seldom

_HERE = Path(__file__).parent


class LazyCommand(click.Command):
    """A command in `publisher/cli/FILE.py`, made there by the function of the name `function`."""

    def __init__(self, name: str, *, file: str, function: str) -> None:
        super().__init__(name)
        self._file = file
        self._function = function

    def load(self) -> click.Command:
        """The command itself."""
        with seldom():
            module = import_module(f"{__package__}.{self._file}")
        return cast("click.Command", getattr(module, self._function))

    def get_short_help_str(self, limit: int = 45) -> str:
        """The first sentence of the command's help, as long as it fits into `limit` columns."""
        source = (_HERE / f"{self._file}.py").read_text(encoding="utf-8")
        (text,) = [
            ast.get_docstring(node)
            for node in ast.parse(source).body
            if isinstance(node, ast.FunctionDef) and node.name == self._function
        ]
        return click.Command(self.name, help=text).get_short_help_str(limit)


class LazyGroup(click.Group):
    """A group of such commands: looked at as they are, loaded as soon as one is to run."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.load() if isinstance(command, LazyCommand) else command, rest

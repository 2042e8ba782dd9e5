"""The rules of the house, as failing tests."""

import re
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path

import click
import pytest

from publisher.cli.lazy import LazyCommand
from publisher.cli.main import cli
from publisher.content.dialects import DIALECTS, IDS, Dialect
from publisher.content.values import KEEPING

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "publisher"


def test_imports_go_down_only() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_folder_says_what_lives_in_it() -> None:
    for folder in (path.parent for path in PACKAGE.rglob("__init__.py")):
        text = (folder / "__init__.py").read_text(encoding="utf-8")
        assert text.startswith('"""'), folder


def test_no_file_is_long() -> None:
    """But for the list of tables: it is looked up, not read."""
    files = [path for path in PACKAGE.rglob("*.py") if path.name != "tables.py"]
    lengths = {path: len(path.read_text().splitlines()) for path in files}
    assert {str(path): lines for path, lines in lengths.items() if lines > 420} == {}


def test_nothing_is_called_by_another_name() -> None:
    """An edition is an issue; one word for one thing."""
    foreign = re.compile("campaign|broad" + "cast|mail" + "ing", re.IGNORECASE)
    for path in [*PACKAGE.rglob("*.py"), *(ROOT / "templates").rglob("*.*")]:
        assert not foreign.search(path.read_text(encoding="utf-8")), path


def test_every_ignored_type_error_has_its_code_and_reason() -> None:
    for path in PACKAGE.rglob("*.py"):
        for line in path.read_text(encoding="utf-8").splitlines():
            if "type: ignore" in line:
                assert re.search(r"type: ignore\[[a-z, -]+\]  # \w", line), f"{path}: {line}"


def commands(group: click.Group, prefix: str = "publisher") -> list[tuple[str, click.Command]]:
    found: list[tuple[str, click.Command]] = []
    for name, listed in group.commands.items():
        command = listed.load() if isinstance(listed, LazyCommand) else listed
        path = f"{prefix} {name}"
        found += commands(command, path) if isinstance(command, click.Group) else [(path, command)]
    return found


@pytest.mark.parametrize(("path", "command"), commands(cli))
def test_every_command_has_help_with_an_example_and_is_documented(
    path: str, command: click.Command
) -> None:
    assert command.help
    assert command.epilog is not None
    assert f"Example: {path}" in command.epilog
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert f"`{path}" in text
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help or parameter.name == "help", f"{path} {parameter.name}"
            assert f"`{parameter.opts[0]}" in text, f"{path} {parameter.opts[0]}"


def test_locks_hold_every_requirement_and_no_registry() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    for requirement in project["project"]["dependencies"]:
        name = re.split(r"[<>=\[; ]", requirement)[0]
        assert re.search(rf"^{re.escape(name)}==\S+", lock, re.MULTILINE), name
    for path in ROOT.glob("requirements*.lock"):
        text = path.read_text(encoding="utf-8")
        assert "://" not in text
        assert all("--hash=sha256:" in block for block in re.split(r"\n(?=\S)", text.strip()))


def test_every_route_is_documented() -> None:
    source = (PACKAGE / "web" / "app.py").read_text(encoding="utf-8")
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    routes = re.findall(r'Route\(\s*"([^"]+)"', source)
    assert len(routes) >= 7
    for route in routes:
        if not route.startswith("/{path:"):  # what lies in the output folder
            assert f"`{route.replace(':path', '')}`" in text, route


def test_every_error_is_drawn_in_the_tree() -> None:
    from publisher import errors

    tree = errors.__doc__ or ""
    for name, value in vars(errors).items():
        if isinstance(value, type) and issubclass(value, errors.PublisherError):
            assert name in tree


@pytest.mark.parametrize("dialect", DIALECTS)
def test_writers_are_told_every_key_of_every_dialect(dialect: str) -> None:
    lines = (ROOT / "docs" / "writing.md").read_text(encoding="utf-8").splitlines()
    head = next(line for line in lines if line.startswith("| says |"))
    column = [cell.strip() for cell in head.split("|")].index(dialect)
    rows = lines[lines.index(head) + 2 :][: len(fields(Dialect)) - 3]
    told = {key for row in rows for key in re.findall(r"`([^`]+)`", row.split("|")[column])}
    keys = (getattr(DIALECTS[dialect], field.name) for field in fields(Dialect))
    assert told == {key for group in keys if isinstance(group, tuple) for key in group}


def test_writers_are_told_every_mark_that_keeps_a_post_back() -> None:
    words = (ROOT / "docs" / "writing.md").read_text(encoding="utf-8").lower()
    for key in (*KEEPING, *IDS):
        assert f"`{key}`" in words, key

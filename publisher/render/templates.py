"""Templates: where they lie, and the only place that builds Jinja environments.

A site's own folder comes first, file by file, then the shipped ones. Both run sandboxed, see
nothing but the values they are given, and stop at a name that does not exist. Nothing that could
differ from one run to the next (`random`, `lipsum`) is at hand: equal values give equal bytes.
"""

import os
import re
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from textwrap import fill

import jinja2
from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemBytecodeCache,
    FileSystemLoader,
    StrictUndefined,
    TemplateNotFound,
    TemplateSyntaxError,
    UndefinedError,
)
from jinja2 import TemplateError as JinjaError
from jinja2.bccache import Bucket
from jinja2.sandbox import ImmutableSandboxedEnvironment

from publisher.errors import TemplateError

_PACKAGE = Path(__file__).parents[1]
_LINE = 72
_ENCODING = "utf-8-sig"  # some editors begin a file with a mark that is no part of it


class Templates:
    """The templates of a site. Threads may share it.

    `inliner` puts a sheet (second argument) into a document's style attributes; None means the
    usual one. `compiled` is a folder that keeps what templates were compiled to, None = none: most
    commands render a page or two, and compiling takes longer than that.
    """

    def __init__(
        self,
        overrides: Path | None = None,
        inliner: Callable[[str, str], str] | None = None,
        compiled: Path | None = None,
    ) -> None:
        self.inliner = inliner
        self._overrides = overrides
        self._compiled = compiled
        folders = [shipped_templates()] if overrides is None else [overrides, shipped_templates()]
        self._folders = folders
        self._html = _environment(folders, compiled and compiled / "html", escape=True)
        self._text = _environment(folders, compiled and compiled / "text", escape=False)
        self._sources: dict[str, tuple[tuple[int, ...], str]] = {}

    def __reduce__(self) -> tuple[object, ...]:
        """What goes to another process, which reads and compiles them once."""
        return _once, (self._overrides, self._compiled)

    def html(self, name: str, /, **values: object) -> str:
        """Renders markup; every value is escaped. Raises `TemplateError`."""
        return _render(self._html, name, values)

    def text(self, name: str, /, **values: object) -> str:
        """Renders plain text; nothing is escaped. Raises `TemplateError`."""
        return _render(self._text, name, values)

    def source(self, name: str) -> str:
        """A file as it stands, for style sheets and catalogues. Raises `TemplateError`."""
        stamp = self._stamp(name)
        known = self._sources.get(name)
        if known is None or known[0] != stamp:
            known = stamp, _guarded(name, lambda: _source(self._text, name))
            self._sources[name] = known
        return known[1]

    def _stamp(self, name: str) -> tuple[int, ...]:
        """What tells a file from another that takes its place; empty where there is none."""
        for folder in self._folders:
            with suppress(OSError):
                found = os.stat(folder / name)
                return found.st_ino, found.st_size, found.st_mtime_ns
        return ()

    def fingerprint(self) -> str:
        """A digest (hex) of all files as they are at this moment."""
        digest = sha256()
        for folder in self._folders:
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    digest.update(f"{path.relative_to(folder)}\0".encode("utf-8", "replace"))
                    digest.update(path.read_bytes())
        return digest.hexdigest()

    def sources(self, name: str) -> list[str]:
        """The site's own file of that name and the shipped one, as far as they are there. Raises
        `TemplateError` for one that cannot be read."""
        found = [folder / name for folder in self._folders if (folder / name).is_file()]
        return [_guarded(name, partial(path.read_text, encoding=_ENCODING)) for path in found]


@cache
def _once(overrides: Path | None, compiled: Path | None) -> Templates:
    return Templates(overrides, compiled=compiled)


def shipped_templates() -> Path:
    """The folder of the shipped templates: in an installed package, or beside it in a checkout."""
    packaged = _PACKAGE / "_templates"
    return packaged if packaged.is_dir() else _PACKAGE.parent / "templates"


class _Compiled(FileSystemBytecodeCache):
    """Compiled templates on disk, by their sources. A disk that refuses is no error."""

    def load_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            os.makedirs(self.directory, mode=0o700, exist_ok=True)
            super().dump_bytecode(bucket)


@cache
def _compiler() -> str:
    """What templates are compiled by: another Jinja, or other options, and nothing kept counts."""
    return sha256(jinja2.__version__.encode() + Path(__file__).read_bytes()).hexdigest()[:16]


def _environment(folders: list[Path], compiled: Path | None, *, escape: bool) -> Environment:
    environment = ImmutableSandboxedEnvironment(
        bytecode_cache=compiled and _Compiled(str(compiled), f"{_compiler()}-%s"),
        loader=ChoiceLoader([FileSystemLoader(folder, encoding=_ENCODING) for folder in folders]),
        autoescape=escape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    environment.globals.pop("lipsum")
    environment.filters.pop("random")
    environment.filters["wrapped"] = _wrapped
    return environment


def _wrapped(text: str) -> str:
    """Paragraphs in lines of 72 characters; no word and no address is broken."""
    return "\n".join(
        fill(line, _LINE, break_long_words=False, break_on_hyphens=False)
        for line in text.splitlines()
    )


def _render(environment: Environment, name: str, values: dict[str, object]) -> str:
    return _guarded(name, lambda: environment.get_template(name).render(**values))


def _source(environment: Environment, name: str) -> str:
    if environment.loader is None:
        raise TemplateNotFound(name)
    return environment.loader.get_source(environment, name)[0]


def _guarded(name: str, work: Callable[[], str]) -> str:
    """Does the work; whatever goes wrong in a template names template, line and problem."""
    try:
        return work()
    except TemplateSyntaxError as error:
        raise TemplateError(error.name or name, error.lineno, error.message or "") from error
    except TemplateNotFound as error:
        raise TemplateError(str(error.name or name), 0, "there is no such template") from error
    except (JinjaError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError,
            OSError, RecursionError) as error:  # fmt: skip
        place, line = _place(error, name)
        raise TemplateError(place, line, _words(error)) from error


def _place(error: Exception, name: str) -> tuple[str, int]:
    """The innermost template and line that the error passed through."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if found := re.search(r"((?:email|pages|feeds)/[^\"]+(?<!\.py))$", frame.filename):
            return found[1], frame.lineno or 0
    return name, 0


def _words(error: Exception) -> str:
    if isinstance(error, UndefinedError):
        return f"{error.message}; see which values the template is given in the shipped one"
    if isinstance(error, RecursionError):
        return "it includes, extends or calls itself without end"
    if isinstance(error, UnicodeDecodeError):
        return f"it is not in UTF-8 ({error}); save it as UTF-8"
    return f"{type(error).__name__}: {error}"

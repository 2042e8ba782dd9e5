"""Reads config.toml and the environment; reports every problem at once, each with its place."""

import json
import os
import re
import stat
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError

from publisher.errors import ConfigError
from publisher.settings import locate
from publisher.settings.nearest import did_you_mean
from publisher.settings.schema import RelaySettings, Settings
from publisher.settings.secrets import read_file, relay_password, stated_wrongly

PREFIX = "PUBLISHER_"
MASK = "********"
_SYNTAX = re.compile(r"(?P<what>.*?) \(at line (?P<line>\d+), column (?P<column>\d+)\)")


def load_settings(path: Path) -> Settings:
    """The settings in force: the environment wins over the file, the file over the defaults.

    Raises `ConfigError` with every problem, each `config.toml:line:column: what`; no value of a
    mistyped key is in it.
    """
    text = _read(path)
    given = _parse(path, text)
    places = _Places(path, locate.positions(text))
    problems = list(_twice(given, places))
    password = _password(given, path, problems)
    problems += _relay_passwords(given, path, places)
    settings = _validated(given, places, problems)
    if settings is None or problems:
        raise ConfigError(list(dict.fromkeys(problems)))
    root = path.resolve().parent
    relays = [_with_password(relay, root, problems) for relay in settings.relays]
    problems += _unknown_relays(settings)
    problems += _exposed(settings, root, places)
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)))
    smtp = settings.smtp.model_copy(update={"password": SecretStr(password)})
    site = settings.site.model_copy(update=_derived(settings))
    log = settings.log
    if log.format == "auto" and "JOURNAL_STREAM" in os.environ:  # systemd reads our stderr
        log = log.model_copy(update={"format": "journald"})
    return settings.model_copy(update={"smtp": smtp, "relays": relays, "site": site, "log": log})


def _with_password(relay: RelaySettings, root: Path, problems: list[str]) -> RelaySettings:
    """A further relay with the password that its file holds."""
    if not relay.password_file:
        return relay
    found = read_file(root / relay.password_file, problems, f"relays.{relay.name}.password_file")
    return relay.model_copy(update={"password": SecretStr(found or "")})


def _unknown_relays(settings: Settings) -> list[str]:
    """Newsletters that name relays which are not configured, and names given twice."""
    names = [settings.smtp.name, *(relay.name for relay in settings.relays)]
    names = [name for name in names if name]
    problems = [
        f"newsletters.{newsletter.id}.relays: there is no relay {name!r}{did_you_mean(name, names)}"
        for newsletter in settings.newsletters
        for name in newsletter.relays
        if name not in names
    ]
    twice = {name for name in names if names.count(name) > 1}
    return problems + [f"relays: two have the name {name!r}" for name in sorted(twice)]


def _exposed(settings: Settings, root: Path, places: "_Places") -> Iterator[str]:
    """What the web server would hand to everybody because it lies in the folder of the pages."""
    public = (root / settings.feeds.folder).resolve()
    content = settings.content
    kept = {
        "[state] folder": settings.state.folder,
        "the posts as they are written": content.site or content.folder,
        "config.toml": ".",
        **{f"the password file of {r.name}": r.password_file for r in settings.relays},
        "the password file of [smtp]": settings.smtp.password_file,
    }
    for what, place in kept.items():
        if place and (root / place).resolve().is_relative_to(public):
            problem = f"feeds.folder: everybody could read {what}, which lies in it"
            yield places.at(("feeds", "folder"), problem)


def masked(settings: Settings) -> dict[str, Any]:
    """Every setting by section, secrets as asterisks where they are set."""
    return {
        name: [_masked(each) for each in section] if isinstance(section, list) else _masked(section)
        for name, section in settings
    }


def unknown_variables() -> list[str]:
    """Environment variables that look like ours and mean nothing."""
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    known |= {f"{PREFIX}SECRET_KEY", f"{PREFIX}SECRET_KEY_FILE"}
    ours = [name for name in os.environ if name.startswith(PREFIX)]
    return sorted(name for name in ours if name.partition("__")[0] not in known)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")  # editors on Windows begin with a mark
    except FileNotFoundError:
        problem = f"{path}: there is no such file; `publisher init` makes a site"
    except OSError as error:
        problem = f"{path}: {error.strerror}"
    except UnicodeDecodeError:
        problem = f"{path}: is not UTF-8 text"
    raise ConfigError([problem])


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _SYNTAX.fullmatch(str(error))
        place = f"{found['line']}:{found['column']}: {found['what']}" if found else f"1:1: {error}"
        raise ConfigError([f"{path}:{place}"]) from None


def _validated(given: dict[str, Any], places: "_Places", problems: list[str]) -> Settings | None:
    try:
        return Settings(**given)
    except ValidationError as error:
        problems += places.explain(error.errors(include_input=False, include_url=False))
    except SettingsError:  # says neither which variable nor what it should be
        problems += [
            f'environment: {name}: a list or table is JSON here, such as ["10.0.0.0/8"]'
            for name, value in sorted(os.environ.items())
            if _wants_json(name) and not _is_json(value)
        ]
    return None


def _wants_json(variable: str) -> bool:
    """Whether the variable names a section, or a key whose value is a list or a table."""
    prefix, names = variable[: len(PREFIX)].upper(), variable[len(PREFIX) :].lower()
    model: type[BaseModel] | None = Settings
    annotation: Any = None
    for name in names.split("__"):
        field = model.model_fields.get(name) if model else None
        if prefix != PREFIX or field is None:
            return False
        annotation, model = field.annotation, _section(field.annotation)
    return model is not None or get_origin(annotation) in {list, dict}


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _password(given: Mapping[str, Any], path: Path, problems: list[str]) -> str:
    smtp = given.get("smtp")
    smtp = smtp if isinstance(smtp, dict) else {}
    stated, file = smtp.get("password", ""), smtp.get("password_file", "")
    if not isinstance(stated, str) or not isinstance(file, str):
        return ""  # the schema says what is wrong
    problems += stated_wrongly("smtp", stated, file, is_public=_is_public(path))
    return relay_password(stated, file, path.parent, problems=problems)


def _relay_passwords(given: Mapping[str, Any], path: Path, places: "_Places") -> Iterator[str]:
    """Further relays that say their passwords twice, or where others can read them."""
    relays = given.get("relays")
    for index, relay in enumerate(relays if isinstance(relays, list) else []):
        said = relay if isinstance(relay, dict) else {}
        stated, file = bool(said.get("password")), bool(said.get("password_file"))
        for problem in stated_wrongly("relays", stated, file, is_public=_is_public(path)):
            yield places.at(("relays", index, "password"), problem)


def _is_public(path: Path) -> bool:
    return bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))


def _derived(settings: Settings) -> dict[str, str]:
    """Defaults that depend on other settings: the author's name and the authority of the ids."""
    site = settings.site
    host = re.sub(r"^https?://|[:/].*$", "", site.base_url)
    return {"authority": site.authority or host, "author": site.author or site.title}


def _twice(given: Mapping[str, Any], places: "_Places") -> Iterator[str]:
    """Newsletters that have the id of an earlier one."""
    newsletters = given.get("newsletters")
    seen: set[str] = set()
    for index, newsletter in enumerate(newsletters if isinstance(newsletters, list) else []):
        name = newsletter.get("id") if isinstance(newsletter, dict) else None
        if isinstance(name, str) and name in seen:
            yield places.at(("newsletters", index, "id"), f"a second newsletter {name!r}")
        elif isinstance(name, str):
            seen.add(name)


def _masked(section: BaseModel) -> dict[str, Any]:
    return {name: _shown(value) for name, value in section}


def _shown(value: object) -> object:
    match value:
        case SecretStr():
            return MASK if value.get_secret_value() else ""
        case BaseModel():
            return _masked(value)
        case _:
            return value


class _Places:
    """Puts each problem at its line, or at the environment variable that it came from."""

    def __init__(self, path: Path, where: dict[locate.Path, tuple[int, int]]) -> None:
        self._path = path
        self._where = where

    def at(self, key: locate.Path, problem: str) -> str:
        variable = PREFIX + "__".join(str(part) for part in key).upper()
        if variable in os.environ:  # it won over the file
            return f"environment: {variable}: {problem}"
        line, column = locate.nearest_position(self._where, key)
        return f"{self._path}:{line}:{column}: {problem}"

    def explain(self, errors: list[ErrorDetails]) -> Iterator[str]:
        """One sentence a key, however many alternatives of its type failed."""
        seen: set[locate.Path] = set()
        for error in errors:
            key = _key(error["loc"])
            if key not in seen:
                seen.add(key)
                yield self.at(key, _sentence(key, error))


def _key(location: tuple[str | int, ...]) -> locate.Path:
    """The key's own path: the names of type alternatives at its end are pydantic's, not ours."""
    model: type[BaseModel] = Settings
    for depth, part in enumerate(location):
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        section = field and _section(field.annotation)
        if not section:
            return location[: depth + 1]
        model = section
    return location


def _section(annotation: Any) -> type[BaseModel] | None:
    """The model behind a field that is a section or a list of sections."""
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _sentence(key: locate.Path, error: ErrorDetails) -> str:
    name = str(key[-1])
    match error["type"]:
        case "extra_forbidden":
            return f"unknown key {name!r}{did_you_mean(name, _known(key))}"
        case "missing":
            return f"{_dotted(key)} is missing"
        case _:
            message = error["msg"].removeprefix("Value error, ")
            return f"{_dotted(key)}: {message[:1].lower()}{message[1:]}"


def _known(key: locate.Path) -> list[str]:
    model: type[BaseModel] = Settings
    for part in key[:-1]:
        if isinstance(part, str) and part in model.model_fields:
            model = _section(model.model_fields[part].annotation) or model
    return list(model.model_fields)


def _dotted(key: locate.Path) -> str:
    return ".".join(str(part) for part in key if isinstance(part, str))

"""The configuration of an existing Hexo, Hugo, Jekyll or Pelican site.

What such a site says of its zone, addresses, language and protected tags is read from its own
file, so that nobody has to copy it. Nothing is executed: of `pelicanconf.py` the plain
assignments count.
"""

import ast
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from os.path import splitext
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from publisher.content.permalinks import JEKYLL_STYLES
from publisher.content.places import EVERYWHERE, Places, as_folders
from publisher.content.values import Value, look_up, texts
from publisher.content.yaml_text import Unreadable, load_yaml
from publisher.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What a site's own configuration says; empty where it says nothing.

    `folder` holds the posts, `places` says where in it, `roots` hold the pictures; folder and roots
    are below the site. `zone` is a name, `naming` as in `ContentOptions`.
    """

    dialect: str
    folder: Path
    places: Places = EVERYWHERE
    roots: tuple[Path, ...] = ()
    zone: str = ""
    permalink: str = ""
    naming: str = ""
    language: str = ""
    default_category: str = ""
    protected_tags: frozenset[str] = frozenset()


_HUGO_FILES = (
    "hugo.toml", "hugo.yaml", "hugo.yml", "hugo.json", "config.toml", "config.yaml", "config.yml",
    "config.json", "config/_default/hugo.toml", "config/_default/config.toml",
)  # fmt: skip
_PELICAN_TOKENS = {
    "{slug}": ":slug", "{category}": ":category", "{lang}": ":lang", "{date:%Y}": ":year",
    "{date:%m}": ":month", "{date:%d}": ":day", "{date:%b}": ":month", "{filename}": ":filename",
}  # fmt: skip

_PELICAN_SLUGS = frozenset({
    "SLUGIFY_PRESERVE_CASE", "SLUGIFY_USE_UNICODE", "SLUG_SUBSTITUTIONS",
    "SLUG_REGEX_SUBSTITUTIONS", "FILENAME_METADATA", "PATH_METADATA",
})  # fmt: skip
"""Settings with which Pelican may make something else than usual of a title, or take no title."""


def read_habits(site: Path) -> Habits:
    """Reads the configuration at the root of a site. Raises `ConfigError` if there is none."""
    dialect = generator_of(site)
    readers = {"hexo": _hexo, "hugo": _hugo, "jekyll": _jekyll, "pelican": _pelican}
    reader = readers.get(dialect)
    if reader is None:
        problem = (
            f"content.site: no configuration of Hexo, Hugo, Jekyll or Pelican in {site}; "
            "name the folder that holds _config.yml, hugo.toml or pelicanconf.py"
        )
        raise ConfigError([problem])
    return reader(site)


def generator_of(site: Path) -> str:
    """The dialect of a site by the files at its root; `auto` where they do not tell."""
    if (site / "pelicanconf.py").is_file():
        return "pelican"
    if (site / "_config.yml").is_file():
        is_hexo = (site / "source").is_dir() or (site / "scaffolds").is_dir()
        return "hexo" if is_hexo and not (site / "Gemfile").is_file() else "jekyll"
    if _hugo_file(site) and ((site / "content").is_dir() or (site / "archetypes").is_dir()):
        return "hugo"
    return "auto"


def _hexo(site: Path) -> Habits:
    config = _read_yaml(site / "_config.yml")
    source = site / (_text(config, "source_dir") or "source")
    encrypted = look_up(config, "encrypt.tags")
    named = splitext(_text(config, "new_post_name") or ":title.md")[0]
    return Habits(
        dialect="hexo",
        folder=source,
        places=Places(generator="hexo" if (source / "_posts").is_dir() else ""),
        roots=(source,),
        zone=_zone(_text(config, "timezone")),
        permalink=_text(config, "permalink"),
        naming="" if named == ":title" else named,
        language=_text(config, "language"),
        default_category=_text(config, "default_category"),
        protected_tags=frozenset(_names(encrypted)),
    )


def _names(tags: Value) -> list[str]:
    """The names in hexo-blog-encrypt's list; a tag without a password protects too."""
    items = tags if isinstance(tags, list) else []
    return [name for item in items if isinstance(item, dict) for name in texts(item.get("name"))]


def _jekyll(site: Path) -> Habits:
    config = _read_yaml(site / "_config.yml")
    permalink = _text(config, "permalink")
    return Habits(
        dialect="jekyll",
        folder=site / _text(config, "source"),
        places=Places(generator="jekyll"),
        roots=(site,),
        zone=_zone(_text(config, "timezone")),
        permalink=JEKYLL_STYLES.get(permalink, permalink),
        language=_text(config, "lang") or _text(config, "locale"),
    )


def _hugo(site: Path) -> Habits:
    path = _hugo_file(site)
    config = _lower(_read(path)) if path else {}
    links = config.get("permalinks")
    found = links if isinstance(links, Mapping) else {}
    page = found.get("page") if isinstance(found.get("page"), Mapping) else found
    forms = [str(form) for form in page.values()] if isinstance(page, Mapping) else []
    return Habits(
        dialect="hugo",
        folder=site / str(config.get("contentdir") or "content"),
        places=Places(generator="hugo", only=as_folders(_main_sections(config))),
        roots=(site / "static", site / "assets"),
        zone=_zone(str(config.get("timezone") or "")),
        permalink=forms[0] if len(set(forms)) == 1 else "",
        language=str(config.get("languagecode") or config.get("defaultcontentlanguage") or ""),
    )


def _main_sections(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The sections that a Hugo site names as those of its posts."""
    params = config.get("params")
    named = _lower(params).get("mainsections") if isinstance(params, Mapping) else None
    return texts(config.get("mainsections") or named)


def _pelican(site: Path) -> Habits:
    config = _assignments(site / "pelicanconf.py")
    permalink = _text(config, "ARTICLE_URL") or _text(config, "ARTICLE_SAVE_AS")
    permalink = permalink.removesuffix("index.html")
    for braces, token in _PELICAN_TOKENS.items():
        permalink = permalink.replace(braces, token)
    folder = site / (_text(config, "PATH") or "content")
    pages = config.get("PAGE_PATHS")
    return Habits(
        dialect="pelican",
        folder=folder,
        places=Places(
            generator="pelican",
            only=as_folders(texts(config.get("ARTICLE_PATHS"))),
            but=as_folders(
                [
                    *texts("pages" if pages is None else pages),
                    *texts(config.get("ARTICLE_EXCLUDES")),
                ]
            ),
        ),
        roots=(folder,),
        zone=_zone(_text(config, "TIMEZONE")),
        permalink="" if "{" in permalink else permalink,
        naming=":title" if _is_named_by_title(config) else "",
        language=_text(config, "DEFAULT_LANG"),
    )


def _is_named_by_title(config: Mapping[str, Value]) -> bool:
    """Whether the addresses of a Pelican site are made of titles in the usual way."""
    source = config.get("SLUGIFY_SOURCE", "title")
    return source == "title" and _PELICAN_SLUGS.isdisjoint(config)


def _hugo_file(site: Path) -> Path | None:
    return next((site / name for name in _HUGO_FILES if (site / name).is_file()), None)


def _read(path: Path) -> Mapping[str, Any]:
    try:
        if path.suffix == ".toml":
            return tomllib.loads(path.read_text("utf-8"))
        if path.suffix == ".json":
            loaded: Any = json.loads(path.read_text("utf-8"))
            return loaded if isinstance(loaded, dict) else {}
        return _read_yaml(path)
    except (OSError, ValueError) as error:
        raise ConfigError([f"{path}: cannot be read: {error}"]) from None


def _read_yaml(path: Path) -> dict[str, Value]:
    try:
        return load_yaml(path.read_text("utf-8-sig").replace("\r\n", "\n"))
    except Unreadable as error:
        raise ConfigError([f"{path}:{error.line + 1}: {error.problem}"]) from None
    except (OSError, ValueError) as error:
        raise ConfigError([f"{path}: cannot be read: {error}"]) from None


def _assignments(path: Path) -> dict[str, Value]:
    """The names that a Python file gives values: plain texts or lists of them, else None."""
    try:
        tree = ast.parse(path.read_text("utf-8-sig"))
    except (OSError, ValueError, SyntaxError) as error:
        raise ConfigError([f"{path}: cannot be read: {error}"]) from None
    found: dict[str, Value] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            named = [target.id for target in node.targets if isinstance(target, ast.Name)]
            found |= dict.fromkeys(named, _plain(node.value))
    return found


def _plain(node: ast.expr) -> Value:
    """A text or a list of texts as Python has it; None for anything that must be run."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.List | ast.Tuple):
        return [_plain(item) for item in node.elts]
    return None


def _lower(config: Mapping[str, Any]) -> dict[str, Any]:
    return {str(key).lower(): value for key, value in config.items()}


def _text(config: Mapping[str, Value], key: str) -> str:
    return next(iter(texts(look_up(config, key))), "")


def _zone(name: str) -> str:
    """A zone that the database knows; sites hold `""`, `UTC+8` and worse."""
    return name if name in available_timezones() else ""

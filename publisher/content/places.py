"""Where a site keeps its posts: what lies elsewhere are its pages, such as About.

A bare folder has no pages; a site has what its generator says of it.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from publisher.content.dialects import named_language

ROOTS = frozenset({"_posts", "_drafts"})
"""Folders that are read although their names begin with `_`."""

_HUGO_PAGES = ("page", "pages")
_JEKYLL_LEAVES_OUT = ("node_modules", "vendor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """What a site says of its folders. `generator` is empty where there is no site.

    `only`: folders below that of the content in which alone posts lie; `but`: those in which none
    lie. Both are paths with forward slashes.
    """

    generator: str = ""
    only: tuple[str, ...] = ()
    but: tuple[str, ...] = ()


EVERYWHERE = Places()
"""What a folder that is no site says."""


def posts_among(paths: Sequence[str], places: Places) -> list[str]:
    """Those of a site's files that are posts, in their order; paths are below its content."""
    judges: dict[str, Callable[[Sequence[str], Places], Callable[[str], bool]]] = {
        "hexo": _hexo, "hugo": _hugo, "jekyll": _jekyll, "pelican": _pelican,
    }  # fmt: skip
    judge = judges.get(places.generator)
    return [*filter(judge(paths, places), paths)] if judge else [*paths]


def _hexo(_paths: Sequence[str], _places: Places) -> Callable[[str], bool]:
    """What lies in `_posts` and `_drafts`, which stand at the top."""
    return lambda path: path.partition("/")[0] in ROOTS


def _jekyll(_paths: Sequence[str], _places: Places) -> Callable[[str], bool]:
    """What lies in `_posts` and `_drafts`, which may stand in any folder but those of packages."""
    return lambda path: (
        not ROOTS.isdisjoint(path.split("/")[:-1]) and not _is_below(path, _JEKYLL_LEAVES_OUT)
    )


def _pelican(_paths: Sequence[str], places: Places) -> Callable[[str], bool]:
    """What lies in `ARTICLE_PATHS` and not in `PAGE_PATHS`."""
    return lambda path: (
        (not places.only or _is_below(path, places.only)) and not _is_below(path, places.but)
    )


def _hugo(paths: Sequence[str], places: Places) -> Callable[[str], bool]:
    """What lies in the main sections that the site names, else in any section.

    A file at the top, or a bundle there, is in none. It is a page where there are sections at all;
    a site without any keeps its posts at the top. Sections in the folder of a language count too.
    """
    bundles = {path.partition("/")[0] for path in paths if _is_bundle_at_top(path)}

    def is_in_section(path: str) -> bool:
        top, slash, _ = path.partition("/")
        return bool(slash) and top not in bundles and top.lower() not in _HUGO_PAGES

    def is_in_main(path: str) -> bool:
        return any(f"/{name}/".lower() in f"/{path}".lower() for name in places.only)

    for rule in (is_in_main, is_in_section):
        if any(map(rule, paths)):
            return rule
    return lambda _: True


def _is_bundle_at_top(path: str) -> bool:
    pure = PurePosixPath(path)
    return len(pure.parts) == 2 and named_language(pure.stem)[0] == "index"


def _is_below(path: str, folders: Iterable[str]) -> bool:
    return any(path.startswith(f"{folder}/") for folder in folders)


def as_folders(names: Iterable[str]) -> tuple[str, ...]:
    """Names of folders as they stand in a configuration; none where one means all of them."""
    found = [re.sub(r"^(?:\./)+|^\.$|/+$", "", name).strip("/") for name in names]
    return tuple(found) if all(found) else ()

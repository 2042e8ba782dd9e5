"""Where posts live: each address is that of one post, and of nothing else.

Two posts at one address would overwrite each other's page and stop the build of all the others; so
the one that comes second moves, or its writer is told.
"""

import re
from collections.abc import Sequence
from operator import attrgetter
from urllib.parse import quote, unquote, urlsplit

from msgspec.structs import replace

from publisher.domain.feeds import MAIN_FILES
from publisher.domain.labels import FOLDERS
from publisher.domain.posts import Failed, Post
from publisher.domain.sites import Site

_PLAIN = re.compile(r"[\w./-]*", re.ASCII)
_IMPOSSIBLE = re.compile(r"(?:^|/)\.{0,2}(?:/|$)|[\x00-\x1f\x7f]|\.html?/")
"""Empty and dotted parts, control characters, and a folder that is named like a page."""

_LONGEST = 255  # bytes of one part: no usual file system takes more
_OWN_PAGES = frozenset({"", "feeds", "archives", *MAIN_FILES.values()})
_OWN_FOLDERS = frozenset({"assets", "newsletters", *FOLDERS.values()})
_ANSWERED = re.compile(
    r"admin|healthz|inbox|preview|privacy|readyz|subscribe"
    r"|(?:admin|api|inbox|preview|u)/.+|[cp]/[^/]+|links/[^/]+/[^/]+"
)
"""What the daemon answers itself, unless it ends as pages do."""

_PAGE_ENDINGS = (".html", ".htm")


def path_of(site: Site, url: str) -> str | None:
    """The output path of a URL on this site, None for one elsewhere; a folder gets `index.html`."""
    if not url.startswith(site.base_url + "/"):
        return None
    path = url[len(site.base_url) + 1 :]
    if not _PLAIN.fullmatch(path):
        path = unquote(urlsplit(path).path)
    return f"{path}index.html" if path.endswith("/") or not path else path


def page_of(site: Site, url: str) -> str | None:
    """The output path of a post's page; None where it lives on a site of its own.

    A web server knows a page by its name: an address without an ending is that of a folder.
    """
    path = path_of(site, url)
    return path if path is None or path.endswith(_PAGE_ENDINGS) else f"{path}/index.html"


def each_address_once(posts: Sequence[Post], site: Site) -> tuple[list[Post], list[Failed]]:
    """Parts posts from those that cannot live where they want to; the order stays.

    Of posts at one address the oldest keeps it. Another in another language moves into a folder of
    that language (`/en/letters/1/`), as translations do; any other fails. Posts that live on a
    site of their own share what they like.
    """
    changed: dict[str, Post | Failed] = {}
    living: dict[str, list[Post]] = {}
    for post in posts:
        address = _address(site, post.url)
        if address is None:
            continue
        if problem := _problem(address) or _problem_of_a_bare(address, post.url):
            changed[post.path] = _homeless(post, problem)
        else:
            living.setdefault(address, []).append(post)
    for together in [each for each in living.values() if len(each) > 1]:
        holder, *others = sorted(together, key=attrgetter("published", "path"))
        for post in others:
            moved = _translated(site, post) if post.language != holder.language else post
            address = _address(site, moved.url)
            if address is None or address in living:
                changed[post.path] = _homeless(post, f"has the address of {holder.path}")
            else:
                changed[post.path] = moved
                living[address] = [moved]
    settled = [changed.get(post.path, post) for post in posts]
    return (
        [each for each in settled if isinstance(each, Post)],
        [each for each in settled if isinstance(each, Failed)],
    )


def _address(site: Site, url: str) -> str | None:
    """What is behind the site's own address, the same for all forms that lead to one page."""
    if not url.startswith(site.base_url + "/"):
        return None
    return f"/{url[len(site.base_url) + 1 :]}".removesuffix("/index.html").strip("/")


def _problem(address: str) -> str:
    """Why no post can live there; empty where one can."""
    if address in _OWN_PAGES or address.partition("/")[0] in _OWN_FOLDERS:
        return f"wants /{address}, where a page of the site itself is"
    path = unquote(address) if "%" in address else address
    if address and _IMPOSSIBLE.search(path):
        return f"wants /{address}, which can be no file"
    if len(address) > _LONGEST and any(len(part.encode()) > _LONGEST for part in path.split("/")):
        return f"has an address of which a part is longer than {_LONGEST} bytes"
    return ""


def _problem_of_a_bare(address: str, url: str) -> str:
    """Why nobody would find a post there that has neither a slash nor an ending at its end."""
    if url.endswith(("/", *_PAGE_ENDINGS)) or not _ANSWERED.fullmatch(address):
        return ""
    return f"wants /{address}, where the site itself answers; /{address}/ would be free"


def _translated(site: Site, post: Post) -> Post:
    """The post in a folder of its language."""
    return replace(post, url=site.link(f"{quote(post.language)}{post.url[len(site.base_url) :]}"))


def _homeless(post: Post, problem: str) -> Failed:
    remedy = "give it a permalink or a slug of its own"
    return Failed(path=post.path, line=1, problem=problem, remedy=remedy)

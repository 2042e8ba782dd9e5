"""What the template tags of generators and themes become: plain words, links, pictures, boxes.

Hexo and its themes, Hugo, Jekyll. No feed reader and no mail client runs them; here each one
degrades to what it says. A tag that is not listed keeps its inner text and is named to the writer.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import quote

_ARGUMENT = re.compile(
    r"""(?:([\w-]+)\s*=\s*)?(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s"']+))"""
)
_URL = re.compile(r"(?:https?:)?//\S+|/\S*|mailto:\S+")
_PICTURE = re.compile(r"\.(?:png|jpe?g|gif|webp|svg|avif|bmp)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """What stands in a tag behind its name: as a whole, in words, and as `key="value"`."""

    text: str
    words: tuple[str, ...]
    named: Mapping[str, str]

    @property
    def first(self) -> str:
        return self.words[0] if self.words else ""

    def parts(self) -> list[str]:
        """The words of themes that part by commas."""
        return [part.strip() for part in self.text.split(",")]

    def address(self) -> str:
        """The first word that is an address; else empty."""
        return next((word for word in self.words if _URL.fullmatch(word)), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Words as they are."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link. `post`: `href` names another post, to be looked up by its file name."""

    href: str
    text: str = ""
    is_post: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture with its alternative text."""

    src: str
    alt: str = ""


Piece = Text | Link | Picture | None
"""What a single tag becomes; None: nothing, it only steered the page's looks."""


class Body(StrEnum):
    """How the inside of a pair of tags is read."""

    MARKDOWN = "markdown"
    QUOTE = "quote"  # Markdown in a box
    DETAILS = "details"  # Markdown below a summary
    CODE = "code"
    RAW = "raw"  # Markdown in which tags are text


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What a pair of tags becomes: how its inside is read, a title, the language of code."""

    body: Body
    title: str = ""
    language: str = ""
    source: str = ""


def arguments(text: str) -> Arguments:
    """Reads what stands behind a tag's name."""
    words, named = [], {}
    for key, double, single, bare in _ARGUMENT.findall(text):
        value = double or single or bare
        if key:
            named[key.lower()] = value
        else:
            words.append(value)
    return Arguments(text=text.strip(), words=tuple(words), named=named)


def meaning_of(name: str, given: Arguments) -> tuple[Piece, bool]:
    """What a single tag becomes, and whether we know it."""
    known = _SINGLE.get(name.lower())
    return (known(given), True) if known else (None, name.lower() in _SILENT)


def pair_of(name: str, given: Arguments) -> tuple[Pair, bool]:
    """What a pair of tags becomes, and whether we know it."""
    known = _PAIRS.get(name.lower())
    return (known(given), True) if known else (Pair(body=Body.MARKDOWN), False)


def _picture(given: Arguments) -> Piece:
    """`[class] slug [width] [height] ["title" ["alt"]]`: the first word that names a file."""
    if "src" in given.named:
        return Picture(src=given.named["src"], alt=_caption(given))
    place = next((n for n, word in enumerate(given.words) if _PICTURE.search(word)), None)
    if place is None:
        return None
    rest = [word for word in given.words[place + 1 :] if not re.fullmatch(r"\d+(px|%)?", word)]
    words = rest[-1] if rest else ""
    inner = re.search(r"'([^']+)'", words)  # "title 'alternative text'"
    return Picture(src=given.words[place].split(",")[0], alt=inner[1] if inner else words)


def _caption(given: Arguments) -> str:
    named = given.named
    return named.get("alt") or named.get("caption") or named.get("title") or ""


def _post(given: Arguments) -> Piece:
    words = given.words[1:]
    escaped = words and words[-1] in {"true", "false"}
    return Link(href=given.first, text=" ".join(words[:-1] if escaped else words), is_post=True)


def _path(given: Arguments) -> Piece:
    return Link(href=given.named.get("path", given.first), is_post=True)


def _link(given: Arguments) -> Piece:
    """`text url`, or the `title, site, url` of a theme."""
    href = given.address()
    if not href and len(given.parts()) > 1:
        href = next((part for part in given.parts() if _URL.fullmatch(part)), "")
    text = given.text.split(href, 1)[0].strip().rstrip(",").strip("\"' ") if href else given.text
    return Link(href=href, text=text.split(",")[0]) if href else Text(text=text)


def _button(given: Arguments) -> Piece:
    parts = given.parts()
    text = parts[1] if len(parts) > 1 else parts[0]
    return Link(href=parts[0], text=text) if _URL.fullmatch(parts[0]) else Text(text=text)


def _player(form: str) -> Callable[[Arguments], Piece]:
    def player(given: Arguments) -> Piece:
        key = given.named.get("id") or given.first
        address = key if _URL.fullmatch(key) else form.format(quote(key, safe="/?=&"))
        return Link(href=address, text=address) if key else None

    return player


def _gist(given: Arguments) -> Piece:
    """`user id` (Hugo), `user/id` or `id`; behind these the name of one file may stand."""
    user, number = [*given.words[:2], "", ""][:2]
    key = f"{user}/{number}" if "/" not in user and re.fullmatch(r"[0-9a-f]+", number) else user
    return _player("https://gist.github.com/{}")(replace(given, words=(key,)))


def _pen(given: Arguments) -> Piece:
    """`user pen` and what it looks like (Hexo), `user="…" id="…"` (Hugo), or a path."""
    user, pen = [*given.words[:2], "", ""][:2]
    user, pen = given.named.get("user", user), given.named.get("id", pen)
    is_pen = bool(user) and re.fullmatch(r"\w+", pen) and pen not in {"default", "dark", "light"}
    if is_pen and "/" not in user:
        given = replace(given, words=(f"{user}/pen/{pen}",), named={})
    return _player("https://codepen.io/{}")(given)


def _frame(given: Arguments) -> Piece:
    href = given.named.get("src") or given.address()
    return Link(href=href, text=given.named.get("title") or href) if href else None


def _first_part(given: Arguments) -> Piece:
    return Text(text=given.parts()[0])


def _all(given: Arguments) -> Piece:
    return Text(text=given.text)


def _label(given: Arguments) -> Piece:
    """`text colour` (Butterfly) or `colour@text` (NexT)."""
    if "@" in given.text:
        return Text(text=given.text.split("@", 1)[1].strip())
    colours = {"default", "blue", "pink", "red", "purple", "orange", "green"}
    is_coloured = len(given.words) > 1 and given.words[-1] in colours
    return Text(text=" ".join(given.words[:-1] if is_coloured else given.words))


_SINGLE: dict[str, Callable[[Arguments], Piece]] = {
    "asset_img": _picture, "asset_path": lambda given: Text(text=given.first), "img": _picture,
    "image": _picture, "figure": _picture, "inlineimg": _picture, "inlineimage": _picture,
    "qnimg": _picture, "fb_img": _picture, "fancybox": _picture,
    "post_link": _post, "post_path": _path, "post_url": _path, "ref": _path, "relref": _path,
    "asset_link": lambda given: Link(href=given.first, text=" ".join(given.words[1:])),
    "link": _link, "linkcard": _link, "btn": _button, "button": _button,
    "youtube": _player("https://www.youtube.com/watch?v={}"),
    "vimeo": _player("https://vimeo.com/{}"),
    "bilibili": _player("https://www.bilibili.com/video/{}"),
    "codepen": _pen, "jsfiddle": _player("https://jsfiddle.net/{}"), "gist": _gist,
    "tweet": _player("https://twitter.com/i/status/{}"),
    "iframe": _frame, "video": _frame, "audio": _frame, "pdf": _frame, "embed": _frame,
    "label": _label, "hideinline": _first_part, "u": _all, "emp": _all, "wavy": _all, "del": _all,
    "kbd": _all, "span": lambda given: Text(text=given.text.split(",", 1)[-1].strip()),
    "checkbox": lambda given: Text(text=given.parts()[-1]),
    "radio": lambda given: Text(text=given.parts()[-1]), "psw": _all,
}  # fmt: skip
"""Single tag -> what it becomes."""

_SILENT = frozenset({
    "include", "include_relative", "assign", "if", "elsif", "else", "unless", "endif", "endunless",
    "for", "endfor", "endtab", "toc", "aplayer", "aplayerlist", "aplayerlrc", "meting", "more",
    "galleryimage", "chart", "series", "score", "flink", "math", "endraw", "rawhtml", "css", "js",
})  # fmt: skip
"""Tags that steer a page's looks or draw what only a page can: nothing is lost in print."""


def _code(given: Arguments) -> Pair:
    language = re.search(r"\blang:(\S+)", given.text)
    options = re.compile(r"\b(?:lang|line_number|highlight|first_line|mark|wrap):\S+")
    title = " ".join(w for w in options.sub("", given.text).split() if not _URL.fullmatch(w))
    return Pair(body=Body.CODE, title=title, language=language[1] if language else "")


def _highlight(given: Arguments) -> Pair:
    return Pair(body=Body.CODE, language=given.first)


def _cited(given: Arguments) -> Pair:
    href = given.address()
    words = given.text.replace(href, " ", 1) if href else given.text
    return Pair(body=Body.QUOTE, source=" ".join(words.strip("\"' ").split()))


def _box(given: Arguments) -> Pair:
    return Pair(body=Body.QUOTE, title=given.named.get("title", ""))


def _details(given: Arguments) -> Pair:
    """The first part that is no colour: `title`, `colour, title`, `title,background,colour`."""
    named = given.named.get("title") or given.named.get("summary")
    parts = [
        part for part in given.parts() if not re.fullmatch(r"#\w{3,8}|close|open|child:.*", part)
    ]
    last = parts[-1] if given.text.startswith(("cyan", "blue", "green", "red", "yellow")) else ""
    return Pair(body=Body.DETAILS, title=named or last or (parts[0] if parts else ""))


def _plain(_given: Arguments) -> Pair:
    return Pair(body=Body.MARKDOWN)


_PAIRS: dict[str, Callable[[Arguments], Pair]] = {
    "codeblock": _code, "code": _code, "highlight": _highlight,
    "mermaid": lambda _: Pair(body=Body.CODE, language="mermaid"),
    "math": lambda _: Pair(body=Body.CODE, language="math"),
    "katex": lambda _: Pair(body=Body.CODE, language="math"),
    "chartjs": lambda _: Pair(body=Body.CODE), "chart": lambda _: Pair(body=Body.CODE),
    "raw": lambda _: Pair(body=Body.RAW), "rawblock": lambda _: Pair(body=Body.RAW),
    "blockquote": _cited, "quote": _cited, "pullquote": _cited, "centerquote": _cited, "cq": _cited,
    "note": _box, "notel": _box, "tip": _box, "alert": _box, "notice": _box, "callout": _box,
    "admonition": _box, "hint": _box, "subnote": _box, "flip": _box,
    "hidetoggle": _details, "hideblock": _details, "details": _details, "folding": _details,
    "spoiler": _details, "expand": _details, "collapse": _details, "fold": _details,
    "tabs": _plain, "subtabs": _plain, "subsubtabs": _plain, "tab": _plain, "gallery": _plain,
    "gallerygroup": _plain, "timeline": _plain, "timenode": _plain, "if": _plain, "unless": _plain,
    "for": _plain, "grid": _plain, "row": _plain, "column": _plain, "center": _plain,
    "site": _plain, "ghcard": _plain, "capture": _plain, "comment": _plain,
}  # fmt: skip
"""Name of a pair -> what it becomes; `comment` keeps its text, for no text is lost."""

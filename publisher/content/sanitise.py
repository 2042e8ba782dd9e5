"""HTML that may be published: an allow-list, and absolute addresses."""

import re
from collections import Counter
from collections.abc import Callable
from urllib.parse import quote, urljoin, urlsplit

import nh3

from publisher.content.decoding import without_controls
from publisher.errors import ContentError

MAX_DEPTH = 256
"""Elements open at once; 40,000 nested ones take a sanitiser five seconds."""

_ROUNDS = 4
_SAFE = "/:?#@!$&'()*+,;=~%"

SCHEMES = {"http", "https", "mailto", "tel"}

_TAGS = {
    "a", "abbr", "b", "blockquote", "br", "caption", "cite", "code", "col", "colgroup", "dd",
    "del", "details", "dfn", "div", "dl", "dt", "em", "figcaption", "figure", "h1", "h2",
    "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd", "li", "mark", "ol", "p", "pre",
    "q", "rp", "rt", "ruby", "s", "samp", "section", "small", "span", "strong", "sub",
    "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "time", "tr", "u", "ul",
    "var", "wbr",
}  # fmt: skip
_ATTRIBUTES = {
    "*": {"lang", "dir", "title"},
    "a": {"href", "id"},
    "img": {"src", "alt", "width", "height"},
    "li": {"id"},
    "ol": {"start"},
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align", "scope"},
    "time": {"datetime"},
    "code": {"class"},
    "span": {"class"},
    **{f"h{level}": {"id"} for level in range(1, 7)},
}
_ADDRESSES = {"href", "src", "cite"}
_CLASSES = re.compile(r"language-[\w+#.-]{1,32}|hl-\w{1,4}")
_STEP = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_TAG = re.compile(r"</?[a-zA-Z][a-zA-Z0-9]*")
_VOID = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param",
    "source", "track", "wbr", "p", "li", "dt", "dd", "td", "th", "tr", "option",
})  # fmt: skip
_ALIGNED = re.compile(r'(<t[dh]\b[^<>]*?) style="text-align:\s*(left|right|center);?"')
# Patterns over a whole text end at the next `<`, or each of many openers looks through all of it.
_PLAYER = re.compile(r"<(iframe|video|audio|embed)\b([^<>]*)>", re.IGNORECASE)
_ENDS = {
    name: re.compile(rf"</{name}\s*+>", re.IGNORECASE) for name in ("iframe", "video", "audio")
}
_SOURCE = re.compile(r"""\bsrc\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))""", re.IGNORECASE)
_SRC_LATER = re.compile(r"(<img\b[^<>]*?)\sdata-(?:src|original)=", re.IGNORECASE)


def sanitise(html: str, *, base: str, resolve: Callable[[str], str]) -> str:
    """The HTML without what may not be published, every address absolute.

    `base` is the post's URL; `resolve` may turn the address of a local file into its public one.
    Players become links. Raises `ContentError` for a nest that no reader could show.
    """
    _refuse_depth(html)

    def absolute(_tag: str, attribute: str, value: str) -> str | None:
        if attribute == "class":
            return value if _CLASSES.fullmatch(value) else None
        return address(value, base, resolve) if attribute in _ADDRESSES else value

    def cleaned(markup: str) -> str:
        clean = nh3.clean(
            markup,
            tags=_TAGS,
            attributes=_ATTRIBUTES,
            url_schemes=SCHEMES,
            attribute_filter=absolute,
            link_rel=None,
            strip_comments=True,
        )
        return without_controls(clean)  # `&#7;` has become one

    return _settled(_prepared(html), cleaned)


def _settled(html: str, cleaned: Callable[[str], str]) -> str:
    """The HTML as any parser writes it again.

    What stood in an element that was taken away may be misnested without it: `<p><form><p>`.
    """
    for _ in range(_ROUNDS):
        before, html = html, cleaned(html)
        if _TAG.findall(html) == _TAG.findall(before):  # the same elements, so the same tree
            break
    return html


def address(value: str, base: str, resolve: Callable[[str], str]) -> str | None:
    """An absolute ASCII address, or None for one that may not be published."""
    try:
        url = urljoin(base, resolve(value.strip()))
        parts = urlsplit(url)
        host = parts.hostname or ""
        if not host.isascii():
            user, at, place = parts.netloc.rpartition("@")
            encoded = host.encode("idna").decode() + place[len(host) :]
            parts = parts._replace(netloc=f"{user}{at}{encoded}")
            url = parts.geturl()
    except ValueError:  # an unfinished IPv6 address, a host that cannot be
        return None
    if parts.scheme not in SCHEMES:
        return None
    quoted, host = quote(url, safe=_SAFE), quote(parts.netloc, safe=_SAFE)
    return quoted.replace(host, quote(parts.netloc, safe=f"{_SAFE}[]"), 1)  # IPv6 has brackets


def _prepared(html: str) -> str:
    """What the sanitiser would lose: table alignment, players, pictures that load later."""
    if "text-align" in html:
        html = _ALIGNED.sub(r'\1 align="\2"', html)
    if "data-" in html:
        html = _SRC_LATER.sub(r"\1 src=", html)
    return _without_players(html) if "<" in html else html


def _without_players(html: str) -> str:
    """The HTML with links in the place of players and of what stands inside them."""
    parts: list[str] = []
    place, ends = 0, dict(_ENDS)
    while opener := _PLAYER.search(html, place):
        end = opener.end()
        if closes := ends.get(name := opener[1].lower()):
            if closer := closes.search(html, end):
                end = closer.end()
            else:
                del ends[name]  # no later one ends either
        parts += [html[place : opener.start()], _as_link(opener[2], html[opener.end() : end])]
        place = end
    return "".join([*parts, html[place:]])


def _as_link(attributes: str, inside: str) -> str:
    source = _SOURCE.search(attributes) or _SOURCE.search(inside)
    url = next(filter(None, source.groups()), "") if source else ""
    if not url:
        return ""
    shown = url.split("?", 1)[0].replace("<", "").replace('"', "")
    return f'<a href="{url.replace(chr(34), "")}">{shown.removeprefix("//")}</a>'


def _refuse_depth(html: str) -> None:
    if html.count("<") - html.count("</") <= MAX_DEPTH:  # not even so many are opened
        return
    depth = deepest = 0
    opened: Counter[str] = Counter()
    for closing, name in _STEP.findall(html.lower()):
        if name in _VOID or (closing and not opened[name]):  # a parser passes over such an end
            continue
        step = -1 if closing else 1
        opened[name] += step
        depth += step
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        raise ContentError("", 0, f"has more than {MAX_DEPTH} elements open at once")

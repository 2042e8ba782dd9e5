"""HTML that may be published: an allow-list, and absolute addresses."""

import re
from collections.abc import Callable
from urllib.parse import quote, urljoin, urlsplit

import nh3

from publisher.errors import ContentError

MAX_DEPTH = 256
SCHEMES = {"http", "https", "mailto", "tel"}

_TAGS = {
    "a", "abbr", "b", "blockquote", "br", "caption", "cite", "code", "col", "colgroup", "dd",
    "del",
    "details", "dfn", "div", "dl", "dt", "em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5",
    "h6", "hr", "i", "img", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "rp", "rt", "ruby",
    "s",
    "samp", "section", "small",
    "span", "strong", "sub", "summary", "sup", "table", "tbody", "td",
    "tfoot", "th", "thead", "time", "tr", "u", "ul", "var", "wbr",
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
}
_ADDRESSES = {"href", "src", "cite"}
_OPEN_TAG = re.compile(r"<[a-zA-Z]")
_CLOSE_TAG = re.compile(r"</[a-zA-Z]")


def sanitise(html: str, *, base: str, resolve: Callable[[str], str]) -> str:
    """The HTML without what may not be published, every address absolute.

    `base` is the post's URL; `resolve` may turn the address of a local file into its public one.
    """
    if len(_OPEN_TAG.findall(html)) - len(_CLOSE_TAG.findall(html)) > MAX_DEPTH:
        raise ContentError("", 0, f"has more than {MAX_DEPTH} open tags")

    def absolute(_tag: str, attribute: str, value: str) -> str | None:
        return address(value, base, resolve) if attribute in _ADDRESSES else value

    return nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes=SCHEMES,
        attribute_filter=absolute,
        link_rel=None,
        strip_comments=True,
    )


def address(value: str, base: str, resolve: Callable[[str], str]) -> str | None:
    """An absolute ASCII address, or None for one that may not be published."""
    url = urljoin(base, resolve(value.strip()))
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        return None
    return quote(url, safe="/:?#@!$&'()*+,;=~%")

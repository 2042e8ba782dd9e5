"""A post's HTML made fit for mail: what clients cannot show is turned into what they can.

    sanitised HTML ──▶ tree ──▶ pictures, code, details, readings, headings ──▶ HTML

Styles are not set here: the templates' sheets know the elements by name.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from lxml import html as lxml_html
from lxml.html import HtmlElement
from lxml.html import builder as make

from publisher.domain.posts import Image
from publisher.render.words import Words

COLUMN = 536
"""Pixels of the text column; a picture is never wider."""

CODE_LINES = 15
"""Lines of a code block; a longer one goes on online."""

_TELLING_NAME = re.compile(r"(?!(?:img|dsc|pxl|image|photo|screenshot)\b)[^\W\d_]{3,}", re.I)
_BULLET = re.compile(r"(?:-|\d+\.) \s*")
_BLOCKS = frozenset(
    {"p", "li", "blockquote", "pre", "tr", "div", "dt", "dd", "figure", "figcaption", "hr"}
    | {"details", "summary", "caption"}
    | {f"h{level}" for level in range(1, 7)}
)


@dataclass(frozen=True, slots=True)
class Size:
    """Pixels of a picture's file."""

    width: int
    height: int


Pictures = Mapping[str, Size]
"""URL -> size, of the pictures whose file is at hand."""


def fit(
    html: str,
    *,
    url: str,
    pictures: Pictures,
    words: Words,
    has_images: bool,
    above: str = "",
) -> str:
    """The HTML for a mail. `url` is the post's, where what was left out can be read.

    `above` is the URL of the picture that stands above already.
    """
    root = _tree(html)
    for element in list(root.iter()):
        if not isinstance(element.tag, str):
            continue
        element.attrib.pop("id", None)  # two posts may use the same
        match element.tag:
            case "img":
                if has_images and element.get("src") != above:
                    _fit_image(element, pictures)
                else:
                    element.drop_tree()
            case "pre":
                _fit_code(element, url, words)
            case "details":
                element.tag = "div"
            case "summary":
                element.tag = "p"
            case "ruby":
                _add_brackets(element)
            case "th" if not element.get("align"):
                element.set("align", "right" if words.direction == "rtl" else "left")
            case "h1" | "h2" | "h3" | "h4" | "h5" | "h6":
                element.tag = f"h{min(6, max(3, int(element.tag[1]) + 1))}"  # below the title's h2
            case _:
                pass
    return "".join(
        (
            _escaped(root.text),
            *(lxml_html.tostring(child, encoding="unicode") for child in root),
        )
    ).strip()


def scaled(image: Image, pictures: Pictures, *, alt: str) -> Image:
    """The picture as wide as the column allows, its true size known from its file or stated.

    Where neither is known, width and height stay 0. `alt` stands in where it has none.
    """
    size = pictures.get(image.url) or Size(image.width, image.height)
    width = min(size.width, COLUMN)
    height = round(size.height * width / size.width) if size.width else 0
    return Image(url=image.url, alt=image.alt or alt, width=width, height=height)


def alt_from_name(url: str) -> str:
    """What a picture's file name tells (`tide-at-dusk.png`); empty for `IMG_1234.jpg`."""
    stem = unquote(urlsplit(url).path).rpartition("/")[2].rpartition(".")[0]
    words = re.sub(r"[-_+\s]+", " ", stem).strip()
    return words if _TELLING_NAME.match(words) else ""


def plain_text(html: str) -> str:
    """The words of a post for the text part: paragraphs apart, links and pictures named.

    Code keeps its lines; readings stand in brackets.
    """
    root = _tree(html)
    for ruby in root.iter("ruby"):
        _add_brackets(ruby)
    lines: list[str] = [""]
    code: dict[int, str] = {}

    def walk(element: HtmlElement) -> None:
        tag = element.tag if isinstance(element.tag, str) else ""
        if tag == "li":
            lines.append(_bullet(element))
        elif tag == "br" or (tag in _BLOCKS and not _BULLET.fullmatch(lines[-1])):
            lines.append("")
        if tag == "pre":
            code[len(lines) - 1] = lines[-1] + str(element.text_content()).strip("\n")
        elif tag in ("td", "th"):
            lines[-1] += " "
        elif tag == "img" and (
            name := element.get("alt") or alt_from_name(element.get("src") or "")
        ):
            lines[-1] += f"[{name}]"
        lines[-1] += element.text or ""
        for child in element if tag != "pre" else ():
            walk(child)
            lines[-1] += child.tail or ""
        target = element.get("href") or ""
        if tag == "a" and "#fn" not in target and target != (element.text or "").strip():
            lines[-1] += f" ({target})"
        if tag in _BLOCKS:
            lines.append("")

    walk(root)
    paragraphs = (code.get(at) or " ".join(line.split()) for at, line in enumerate(lines))
    return "\n\n".join(filter(None, paragraphs))


def _bullet(item: HtmlElement) -> str:
    """What stands before an item of a list: a dash, or its number."""
    around = item.getparent()
    if around is None or around.tag != "ol":
        return "- "
    start = around.get("start") or "1"
    first = int(start) if start.isascii() and start.isdigit() else 1
    return f"{first + list(around.iterchildren('li')).index(item)}. "


def _fit_image(image: HtmlElement, pictures: Pictures) -> None:
    url = image.get("src") or ""
    stated = Image(url=url, width=_number(image, "width"), height=_number(image, "height"))
    fitted = scaled(stated, pictures, alt="")
    for name, number in (("width", fitted.width), ("height", fitted.height)):
        image.attrib.pop(name, None)
        if number:
            image.set(name, str(number))
    image.set("alt", image.get("alt") or alt_from_name(url))
    image.set("class", "image wide" if fitted.width == COLUMN else "image")


def _number(image: HtmlElement, name: str) -> int:
    value = image.get(name) or ""
    return int(value) if value.isascii() and value.isdigit() else 0


def _fit_code(block: HtmlElement, url: str, words: Words) -> None:
    """Cuts a block after its line 15 and says where the rest is."""
    if str(block.text_content()).rstrip("\n").count("\n") < CODE_LINES:
        return
    left = CODE_LINES
    for element, is_tail in _texts(block):
        text = (element.tail if is_tail else element.text) or ""
        kept = "".join(text.splitlines(keepends=True)[:left])
        left = max(0, left - text.count("\n"))
        if is_tail:
            element.tail = kept
        else:
            element.text = kept
    link = make.A(words.text("The rest of the code is online"), href=url)
    block.addnext(make.P(link))


def _texts(block: HtmlElement) -> list[tuple[HtmlElement, bool]]:
    """Every text of an element in reading order: that of an element, or what follows it."""
    found = [(block, False)]
    for child in block:
        found += [*_texts(child), (child, True)]
    return found


def _add_brackets(ruby: HtmlElement) -> None:
    """Puts `<rp>` around readings, for clients that show them in the line."""
    if ruby.find("rp") is not None:
        return
    for reading in ruby.findall("rt"):
        reading.addprevious(make.RP("("))
        closing = make.RP(")")
        closing.tail, reading.tail = reading.tail, None
        reading.addnext(closing)


def _tree(html: str) -> HtmlElement:
    root: HtmlElement = lxml_html.fragment_fromstring(html, create_parent="div")
    return root


def _escaped(text: str | None) -> str:
    return (text or "").replace("&", "&amp;").replace("<", "&lt;")

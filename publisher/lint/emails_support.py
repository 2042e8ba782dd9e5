"""What the mail uses that some clients do not know, each feature once.

A rule bears the name that caniemail.com has for the feature. Which gaps matter is decided here:

- an error where the mail breaks or filters refuse it (`BREAKING`);
- nothing where a client that does not know it loses nothing (`HARMLESS`), or where classic
  Outlook alone does not (its Word shows square corners and we live with it), but for images,
  which would be missing;
- else a warning.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain

from lxml.html import HtmlElement

from publisher.lint.clients import OUTLOOK_CLASSIC, Feature, features
from publisher.lint.emails_css import Declaration, Rule, Styles, Token, walk
from publisher.lint.emails_message import Email
from publisher.lint.findings import Finding, Severity

BREAKING = frozenset(
    {"css-position", "css-at-import", "html-link", "html-form", "html-select", "html-textarea"}
    | {"html-video", "html-audio", "html-object", "html-svg", "html-dialog"}
    | {f"html-input-{kind}" for kind in ("checkbox", "hidden", "radio", "reset", "submit", "text")}
    | {"html-button-reset", "html-button-submit"}
)
HARMLESS = frozenset(
    {
        "css-at-media",  # everything that must hold is inlined
        "css-at-media-prefers-color-scheme",
        "css-at-media-prefers-reduced-motion",
        "css-at-media-hover",
        "css-color-scheme",
        "html-meta-color-scheme",
        "html-style",
        "html-body",  # its language, direction and colour stand again further inside
        "html-doctype",
        "html-role",
        "html-aria-hidden",
        "html-aria-label",
        "html-aria-labelledby",
        "html-aria-describedby",
        "html-target",
        "html-loading-attribute",
        "html-abbr",
        "css-word-break",  # stands with word-wrap: each where the other is not known
        "css-word-wrap",
        "css-overflow-wrap",
        "css-cursor",
        "css-hyphens",
    }
)

_GROUPS = {
    "css-gap": ("gap", "row-gap", "column-gap"),
    "css-left-right-top-bottom": ("left", "right", "top", "bottom"),
    "css-grid-template": (
        "grid-template",
        "grid-template-areas",
        "grid-template-columns",
        "grid-template-rows",
    ),
    "css-column-layout-properties": (
        "columns",
        "column-fill",
        "column-rule",
        "column-span",
        "column-width",
    ),
    "css-block-inline-size": ("block-size", "inline-size"),
    "css-margin-inline-block": ("margin-inline", "margin-block"),
    "css-margin-block-start-end": ("margin-block-start", "margin-block-end"),
    "css-margin-inline-start-end": ("margin-inline-start", "margin-inline-end"),
    "css-padding-inline-block": ("padding-inline", "padding-block"),
    "css-padding-block-start-end": ("padding-block-start", "padding-block-end"),
    "css-padding-inline-start-end": ("padding-inline-start", "padding-inline-end"),
    "css-border-inline-block": ("border-inline", "border-block"),
    "css-border-inline-block-individual": (
        "border-inline-start",
        "border-inline-end",
        "border-block-start",
        "border-block-end",
    ),
    "css-text-emphasis": ("text-emphasis", "text-emphasis-color", "text-emphasis-style"),
}
_NO_PROPERTY = re.compile(r"css-(unit|function|at|pseudo|selector|display-(?!none))|css-inert")
_FUNCTIONS = {
    "calc": "css-unit-calc",
    "var": "css-variables",
    "min": "css-function-min",
    "max": "css-function-max",
    "clamp": "css-function-clamp",
    "light-dark": "css-function-light-dark",
    "linear-gradient": "css-linear-gradient",
    "radial-gradient": "css-radial-gradient",
    "conic-gradient": "css-conic-gradient",
    "rgb": "css-rgb",
    "rgba": "css-rgba",
    **dict.fromkeys(("lab", "lch", "oklab", "oklch"), "css-modern-color"),
}
_WORDS = {
    "initial": "css-unit-initial",
    **dict.fromkeys(("fit-content", "min-content", "max-content"), "css-intrinsic-size"),
    **dict.fromkeys(
        ("system-ui", "ui-serif", "ui-sans-serif", "ui-rounded", "ui-monospace"), "css-sytem-ui"
    ),
}
_COMBINATORS = {
    ">": "css-selector-child",
    "+": "css-selector-adjacent-sibling",
    "~": "css-selector-general-sibling",
    "*": "css-selector-universal",
    "&": "css-nesting",
}
_MEDIA = {
    "orientation": "css-at-media-orientation",
    "device-pixel-ratio": "css-at-media-device-pixel-ratio",
}
_SEMANTIC = frozenset(
    {"article", "aside", "details", "figcaption", "figure", "footer", "header", "main", "mark"}
    | {"nav", "section", "summary", "time"}
)
_TAGS = {
    **dict.fromkeys(_SEMANTIC, "html-semantics"),
    **dict.fromkeys(("ul", "ol", "dl"), "html-lists"),
    **dict.fromkeys((f"h{level}" for level in range(1, 7)), "html-h1-h6"),
    "map": "html-image-maps",
}
_BY_RULE_OF_ITS_OWN = frozenset({"html-ruby", "html-rt", "html-rp", "html-base", "image-base64"})
_ATTRIBUTES = ("hidden", "popover", "required", "background", "srcset", "sizes")
_IMAGES = {"jpeg": "jpg", "tif": "tiff", "heic": "heif"}
_EXTENSION = re.compile(r"\.([a-z0-9]{2,5})(?:[?#]|$)", re.IGNORECASE)
_CLIENT_HACK = re.compile(r"data-ogs[bc]|^u \+|^#messageviewbody|^\.&", re.IGNORECASE)
"""Selectors that are meant for one client only."""

_FIXES = {
    "css-position": "use table cells and padding",
    "css-at-import": "write the rules into head.css",
    "html-link": "write the rules into head.css",
    "css-gap": "use padding on table cells",
    "css-display-flex": "use a table",
    "css-display-grid": "use a table",
    "css-unit-rem": "use px",
    "css-variables": "write the value itself",
    "css-unit-calc": "write the result",
    "css-rgba": "write a colour without transparency",
    "image-webp": "use PNG or JPEG",
    "image-svg": "use PNG",
    "image-avif": "use PNG or JPEG",
    "html-anchor-links": "link to the page, or leave the list without links",
    "html-semantics": "use <div>, <table> or <p>",
    "html-form": "link to a page that has the form",
    "html-video": "show an image that links to a page that has the video",
    "html-audio": "link to a page that has the sound",
    "html-svg": "use a PNG",
    "html-picture": "use one <img>",
    "html-srcset": "use one image at twice its width",
}


def check_support(email: Email, styles: Styles) -> Iterator[Finding]:
    """One finding for each feature that is used and not known everywhere."""
    used: dict[str, list[int]] = {}
    for slug, line in chain(_of_elements(email), _of_styles(styles), _of_sheets(styles)):
        used.setdefault(slug, []).append(line)
    known = features()
    for slug, lines in used.items():
        if slug in known and slug not in HARMLESS and slug not in _BY_RULE_OF_ITS_OWN:
            yield from _judged(known[slug], lines)


def _judged(feature: Feature, lines: list[int]) -> Iterator[Finding]:
    clients = feature.unsupported
    is_image = feature.slug.startswith("image-")
    if not clients or (set(clients) == {OUTLOOK_CLASSIC} and not is_image):
        return
    places = f", in {len(lines)} places" if len(lines) > 1 else ""
    count = "1 client does" if len(clients) == 1 else f"{len(clients)} clients do"
    fix = _FIXES.get(feature.slug, "make sure that the mail is whole without it")
    yield Finding(
        rule=feature.slug,
        severity=Severity.ERROR if feature.slug in BREAKING else Severity.WARNING,
        line=lines[0],
        problem=f"{feature.title}{places}: {count} not know it (tested {feature.tested})",
        fix=f"{fix}; {feature.url}",
        clients=clients,
    )


def _of_elements(email: Email) -> Iterator[tuple[str, int]]:
    for element in email.elements():
        line = element.sourceline or 0
        for slug in _of_element(element):
            yield slug, line


def _of_element(element: HtmlElement) -> Iterator[str]:
    tag = str(element.tag)
    kind = (element.get("type") or "").lower()
    if tag == "input":
        known = f"html-input-{kind}"
        yield known if known in BREAKING else "html-input-text"
    elif tag == "button":
        yield "html-button-reset" if kind == "reset" else "html-button-submit"
    elif tag == "link":
        if "stylesheet" in (element.get("rel") or "").lower():
            yield "html-link"
    else:
        yield _TAGS.get(tag, f"html-{tag}")
    for name in _ATTRIBUTES:
        if element.get(name) is not None:
            yield "html-srcset" if name == "sizes" else f"html-{name}"
    if tag == "a" and len(element.get("href") or "") > 1 and element.get("href", "")[0] == "#":
        yield "html-anchor-links"
    if tag in ("img", "source", "video"):
        yield from _of_image(element.get("src") or "")


def _of_image(url: str) -> Iterator[str]:
    found = _EXTENSION.search(url.partition("?")[0])
    if found and not url.startswith("data:"):
        extension = found[1].lower()
        yield f"image-{_IMAGES.get(extension, extension)}"


def _of_styles(styles: Styles) -> Iterator[tuple[str, int]]:
    for style in styles.declarations:
        for slug in _of_declaration(style):
            yield slug, style.line


def _of_declaration(style: Declaration) -> Iterator[str]:
    if style.name.startswith("--"):
        yield "css-variables"
        return
    words = {token.lower_value for token in style.tokens if token.type == "ident"}
    if style.name == "display":
        yield from ("css-display-flex" for word in words if word in ("flex", "inline-flex"))
        yield from ("css-display-grid" for word in words if word in ("grid", "inline-grid"))
    elif not _is_initial(style.name, words):
        yield from _of_property(style.name)
    yield from _of_value(style.tokens)


def _is_initial(name: str, words: set[str]) -> bool:
    """Whether a declaration says what would hold anyway."""
    return (name, *words) in (("position", "static"), ("height", "auto"), ("float", "none"))


def _of_property(name: str) -> Iterator[str]:
    """The feature of a property, or of the shorthand it belongs to."""
    known = _properties()
    while name:
        if name in known:
            yield known[name]
            return
        name = name.rpartition("-")[0]


@lru_cache(maxsize=1)
def _properties() -> dict[str, str]:
    known = {
        slug.removeprefix("css-"): slug
        for slug in features()
        if slug.startswith("css-") and slug not in _GROUPS and not _NO_PROPERTY.match(slug)
    }
    return known | {name: slug for slug, names in _GROUPS.items() for name in names}


def _of_value(tokens: Iterable[Token]) -> Iterator[str]:
    for token in walk(list(tokens)):
        if token.type == "function" and token.lower_name in _FUNCTIONS:
            yield _FUNCTIONS[token.lower_name]
        elif token.type == "ident" and token.lower_value in _WORDS:
            yield _WORDS[token.lower_value]
        elif token.type == "dimension":
            yield f"css-unit-{token.lower_unit}"
        elif token.type == "url":
            yield from _of_image(token.value)


def _of_sheets(styles: Styles) -> Iterator[tuple[str, int]]:
    for at_rule in (at_rule for sheet in styles.sheets for at_rule in sheet.at_rules):
        slug = f"css-at-{at_rule.keyword}" if at_rule.keyword else "css-nesting"
        yield slug, at_rule.line
        for word, feature in _MEDIA.items():
            if at_rule.keyword == "media" and word in at_rule.prelude:
                yield feature, at_rule.line
    for rule in styles.rules:
        for slug in _of_selector(rule):
            yield slug, rule.line


def _of_selector(rule: Rule) -> Iterator[str]:
    if _CLIENT_HACK.search(rule.selector):
        return
    colons = 0
    for token in rule.tokens:
        if token.type == "literal" and token.value == ":":
            colons += 1
            continue
        if colons and token.type in ("ident", "function"):
            name = token.lower_value if token.type == "ident" else token.lower_name
            yield f"css-pseudo-element-{name}" if colons > 1 else f"css-pseudo-class-{name}"
        elif token.type == "literal" and token.value in _COMBINATORS:
            yield _COMBINATORS[token.value]
        elif token.type == "[] block":
            yield "css-selector-attribute"
        colons = 0

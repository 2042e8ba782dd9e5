"""One text becomes HTML, excerpt and picture."""

from collections.abc import Callable
from hashlib import sha256

from msgspec import field
from msgspec.structs import replace

from publisher.content import excerpts, markdown
from publisher.content.code import coloured
from publisher.content.options import ContentOptions
from publisher.content.references import Index, References
from publisher.content.sanitise import address, sanitise
from publisher.content.sources import Source, Text
from publisher.domain.compact import Compact
from publisher.domain.posts import Asset, Body, Excerpt, Failed, Image, Media, Warned
from publisher.errors import ContentError

RENDER_VERSION = 8
"""Rises by hand whenever the same file is read or rendered otherwise; a golden test says when."""


class Rendering(Compact, frozen=True, kw_only=True):
    """What a text became.

    `asked`: the questions about other files that it depends on, with their answers.
    """

    body: Body
    excerpt: Excerpt
    content_hash: str
    image: Image | None = None
    media: Media | None = None
    assets: tuple[Asset, ...] = ()
    asked: dict[str, str] = field(default_factory=dict)
    warnings: tuple[Warned, ...] = ()


def render(text: Text, options: ContentOptions, index: Index) -> Rendering | Failed:
    """Renders one text. `index` knows the other posts."""
    source = text.source
    references = References(options, source, index)
    warnings: dict[str, Warned] = {}

    def doubt(line: int, problem: str, remedy: str) -> None:
        line += source.body_line
        warned = Warned(path=source.path, line=line, problem=problem, remedy=remedy)
        warnings.setdefault(problem, warned)

    def clean(html: str) -> str:
        return sanitise(html, base=source.url, resolve=references.resolve)

    try:
        found = markdown.render(
            text.body,
            key=source.meaning.id or source.path,
            breaks=options.dialect == "hexo",
            posts=references,
            doubt=doubt,
        )
        html = clean(found.html)
        in_colour = coloured(html)
        excerpt = _excerpt(source, html, clean(found.opening) if found.opening else None, clean)
    except (ContentError, RecursionError) as error:
        problem = getattr(error, "problem", "is nested too deeply")
        return Failed(path=source.path, line=0, problem=problem, remedy="simplify the text")
    cover = source.meaning.image
    url = address(cover, source.url, references.resolve) if cover else None
    return Rendering(
        body=Body.of(html, in_colour),
        excerpt=excerpt,
        content_hash=_digest(html, in_colour, excerpt.html),
        image=Image(url=url) if url else None,
        media=_media(source, references),
        assets=tuple(references.assets.values()),
        asked=references.asked,
        warnings=(*warnings.values(), *references.warnings(text.body)),
    )


def _media(source: Source, references: References) -> Media | None:
    """The post's recording with its public address and, where the file is here, its true size."""
    media = source.meaning.media
    url = address(media.url, source.url, references.resolve) if media else None
    if media is None or url is None:
        return None
    return replace(media, url=url, length=references.size(media.url) or media.length)


def _digest(*texts: str) -> str:
    return sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()


def _excerpt(
    source: Source, html: str, opening: str | None, clean: Callable[[str], str]
) -> Excerpt:
    if source.meaning.excerpt:
        return excerpts.manual(clean(source.meaning.excerpt))
    return excerpts.automatic(html) if opening is None else excerpts.manual(opening)

"""What a file that was read becomes as of now: a post, or the reason why it is none.

The only place where dates leave this folder, and where they get the site's zone: in a cache they
are bare instants.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from publisher.content.options import ContentOptions
from publisher.content.privacy import kept_back
from publisher.content.rendering import Rendering
from publisher.content.sources import Source
from publisher.domain.posts import Facts, Failed, Post, Skipped, SkipReason


def held_back(source: Source, *, now: datetime, zone: ZoneInfo) -> Skipped | Failed | None:
    """Why a file is not published as of `now`; None if it is."""
    if held := kept_back(source.marks, now, zone):
        reason, words = held
        told = None if reason is SkipReason.PROTECTED else facts_of(source, zone)
        return Skipped(path=source.path, reason=reason, explanation=words, facts=told)
    if stops := source.obstacle:
        return Failed(
            path=source.path,
            line=stops.line,
            problem=stops.problem,
            remedy=stops.remedy,
            facts=facts_of(source, zone),
        )
    if source.is_empty:
        return Skipped(
            path=source.path,
            reason=SkipReason.EMPTY,
            explanation="nothing is written below the front matter",
            facts=facts_of(source, zone),
        )
    return None


def post_of(source: Source, rendering: Rendering, options: ContentOptions) -> Post:
    """The post that a file became which `held_back` lets through."""
    meaning, zone = source.meaning, options.zone
    if meaning.published is None:
        raise RuntimeError(f"{source.path}: a post without a date came through")
    return Post(
        id=meaning.id or source.path,
        declares_id=meaning.id is not None,
        path=source.path,
        title=meaning.title,
        published=meaning.published.astimezone(zone),
        updated=(meaning.updated or meaning.published).astimezone(zone),
        url=source.url,
        language=meaning.language or options.language,
        body_hash=source.body_hash,
        tags=meaning.tags,
        categories=meaning.categories,
        authors=meaning.authors,
        keywords=meaning.keywords,
        description=meaning.description,
        image=rendering.image,
        media=rendering.media,
        content_hash=rendering.content_hash,
        excerpt=rendering.excerpt,
        body=rendering.body,
        assets=rendering.assets,
    )


def facts_of(source: Source, zone: ZoneInfo) -> Facts:
    """What the front matter of a file says, for listings; dates in `zone`."""
    meaning, marks = source.meaning, source.marks
    return Facts(
        id=meaning.id,
        title=meaning.title,
        published=meaning.published and meaning.published.astimezone(zone),
        updated=meaning.updated and meaning.updated.astimezone(zone),
        tags=meaning.tags,
        categories=meaning.categories,
        language=meaning.language,
        is_draft=marks.is_draft,
        is_hidden=marks.is_hidden,
    )

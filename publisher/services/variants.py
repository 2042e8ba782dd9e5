"""The renderings of an issue: one for each language and choice of posts that somebody wants.

    tastes of its people ──▶ posts of each taste ──▶ variants that are not drawn yet ──▶ drawn

People who like different things and get the same posts share one; the whole issue is the variant
that everybody gets who chose nothing.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

from publisher.domain.choices import Taste, theirs
from publisher.domain.issues import Issue
from publisher.domain.newsletters import Newsletter, Period
from publisher.domain.posts import Post
from publisher.domain.tokens import slot_nonce
from publisher.render.digest import Digest, Edition, render_digest
from publisher.render.messages import Body, compile_body, dump_body
from publisher.render.words import language_for
from publisher.services import pictures, posts
from publisher.services.app import App
from publisher.store import choices as choice_rows
from publisher.store import issues as rows
from publisher.store.issues import DEFAULT, StoredVariant


def render(
    app: App,
    newsletter: Newsletter,
    period: Period,
    content: Sequence[Post],
    *,
    is_part: bool = False,
) -> Digest:
    """The digest of some posts, with slots for what is the subscriber's own.

    `is_part`: only the posts that somebody chose. Raises `TemplateError`.
    """
    edition = Edition(
        site=app.site,
        newsletter=newsletter,
        period=period,
        posts=content,
        nonce=slot_nonce(app.site_key, f"{newsletter.id}/{period.key}"),
        pictures=pictures.sizes(content),
        is_part=is_part,
    )
    return render_digest(app.templates, edition)


def body_of(newsletter: Newsletter, digest: Digest, content: Sequence[Post]) -> Body:
    """A digest ready to be joined, with the pictures that travel inside it."""
    inside = pictures.embedded(content, digest.html, limit=newsletter.embed_bytes)
    return compile_body(digest, inside)


def draw(
    app: App,
    newsletter: Newsletter,
    period: Period,
    content: Sequence[Post],
    *,
    key: str = DEFAULT,
    is_part: bool = False,
) -> StoredVariant:
    """A rendering as it is kept. Raises `TemplateError`."""
    digest = render(app, newsletter, period, content, is_part=is_part)
    return StoredVariant(
        key=key,
        subject=digest.subject,
        html=digest.html,
        text=digest.text,
        nonce=digest.nonce,
        body=dump_body(body_of(newsletter, digest, content)),
        language=newsletter.language,
        posts=tuple(post.id for post in content),
    )


def prepare(app: App, issue: Issue, newsletter: Newsletter) -> dict[Taste, str]:
    """Which variant each taste gets that there is now, all of them drawn and kept.

    Empty for a taste that none of the posts is to. Posts are read only where somebody wants
    other than the whole issue. Raises `TemplateError`.
    """
    with app.store.read() as tx:
        tastes = choice_rows.tastes(tx, newsletter, now=app.clock())
        carried = rows.posts_of(tx, issue.id)
        drawn = rows.variant_keys(tx, issue.id)
    plain = {taste for taste in tastes if _is_plain(app, newsletter, taste)}
    variants = dict.fromkeys(plain, DEFAULT)
    if plain == tastes:
        return variants
    library = {post.id: post for post in posts.read(app, now=app.clock()).posts}
    whole = [library[post] for post in carried if post in library]
    wanted: dict[str, tuple[str, list[Post]]] = {}
    for taste in sorted(tastes - plain, key=_order):
        owed = [library[post] for post in sorted(taste.balance.owed) if post in library]
        content = theirs(newsletter, taste, whole, owed)
        language = language_for(app.templates, taste.language, newsletter.language)
        key = _key(newsletter, language, content, carried) if content else ""
        variants[taste] = key
        if key and key not in drawn:
            wanted[key] = (language, content)
    for key, (language, content) in sorted(wanted.items()):
        spoken = replace(newsletter, language=language)
        period = Period(key=issue.period, slot=issue.slot)
        is_part = not set(carried) <= {post.id for post in content}
        variant = draw(app, spoken, period, content, key=key, is_part=is_part)
        with app.store.begin() as tx:
            rows.add_variant(tx, issue.id, variant)
    return variants


def _is_plain(app: App, newsletter: Newsletter, taste: Taste) -> bool:
    """Whether a taste gets the whole issue, without a look at the posts."""
    language = language_for(app.templates, taste.language, newsletter.language)
    has_choice = (newsletter.topics and taste.topics) or (newsletter.languages and taste.languages)
    is_even = not taste.balance.had and not taste.balance.owed
    return language == newsletter.language and not has_choice and is_even


def _key(
    newsletter: Newsletter, language: str, content: Sequence[Post], carried: Sequence[str]
) -> str:
    ids = [post.id for post in content]
    if language == newsletter.language and ids == list(carried):
        return DEFAULT
    return sha256(json.dumps([language, ids]).encode()).hexdigest()[:16]


def _order(taste: Taste) -> tuple[object, ...]:
    balance = taste.balance
    return (*taste[:3], sorted(balance.had), sorted(balance.owed))

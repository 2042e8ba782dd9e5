"""The id registry: which id belongs to which file."""

from datetime import datetime

from sqlalchemy import select, update

from publisher.domain.posts import KnownPost, News, Post
from publisher.store.engine import Tx, insert_ignoring
from publisher.store.tables import posts


def known(tx: Tx) -> list[KnownPost]:
    """Every id ever given, by id."""
    wanted = select(posts.c.id, posts.c.path, posts.c.body_hash, posts.c.gone_at)
    return [
        KnownPost(id=key, path=path, body_hash=body_hash, gone_at=gone_at)
        for key, path, body_hash, gone_at in tx.execute(wanted.order_by(posts.c.id))
    ]


def first_seen(tx: Tx) -> dict[str, datetime]:
    """Post id -> when it was first seen."""
    return {row.id: row.first_seen_at for row in tx.execute(select(posts))}


def remember(tx: Tx, news: News, *, now: datetime) -> None:
    """Keeps the ids of posts and where they lie now; the instant of first sight stays."""
    if news.new:
        rows = [{"id": post.id, "first_seen_at": now} | _place(post) for post in news.new]
        tx.execute(insert_ignoring(tx, posts), rows)
    for post in news.changed:
        tx.execute(update(posts).where(posts.c.id == post.id).values(_place(post)))
    for key in news.gone:
        tx.execute(update(posts).where(posts.c.id == key).values(gone_at=now))


def _place(post: Post) -> dict[str, str | None]:
    return {"path": post.path, "body_hash": post.body_hash, "gone_at": None}

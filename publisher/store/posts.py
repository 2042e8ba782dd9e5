"""The id registry: which id belongs to which file."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import insert, select, update

from publisher.domain.posts import KnownPost, Post, news_of
from publisher.store.engine import Tx
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


def remember(tx: Tx, found: Sequence[Post], *, present: Collection[str], now: datetime) -> None:
    """Keeps the ids of posts and where they lie now; the instant of first sight stays.

    `present`: the paths of all files, also of those that are no posts today.
    """
    news = news_of(known(tx), found, present=present)
    for post in news.new:
        values = {"path": post.path, "body_hash": post.body_hash, "gone_at": None}
        tx.execute(insert(posts).values(id=post.id, first_seen_at=now, **values))
    for post in news.changed:
        values = {"path": post.path, "body_hash": post.body_hash, "gone_at": None}
        tx.execute(update(posts).where(posts.c.id == post.id).values(values))
    for key in news.gone:
        tx.execute(update(posts).where(posts.c.id == key).values(gone_at=now))

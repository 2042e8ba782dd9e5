"""The id registry: which id belongs to which file."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import insert, select, update

from publisher.domain.posts import KnownPost, Post
from publisher.store.engine import Tx
from publisher.store.tables import posts


def known(tx: Tx) -> list[KnownPost]:
    """Every id ever given, by id."""
    rows = tx.execute(select(posts).order_by(posts.c.id))
    return [
        KnownPost(id=row.id, path=row.path, body_hash=row.body_hash, gone_at=row.gone_at)
        for row in rows
    ]


def first_seen(tx: Tx) -> dict[str, datetime]:
    """Post id -> when it was first seen."""
    return {row.id: row.first_seen_at for row in tx.execute(select(posts))}


def remember(tx: Tx, found: Sequence[Post], *, present: Collection[str], now: datetime) -> None:
    """Keeps the ids of posts and where they lie now; the instant of first sight stays.

    `present`: the paths of all files, also of those that are no posts today.
    """
    before = {row.id: row for row in known(tx)}
    for post in found:
        row = KnownPost(id=post.id, path=post.path, body_hash=post.body_hash)
        values = {"path": post.path, "body_hash": post.body_hash, "gone_at": None}
        if post.id not in before:
            tx.execute(insert(posts).values(id=post.id, first_seen_at=now, **values))
        elif before[post.id] != row:
            tx.execute(update(posts).where(posts.c.id == post.id).values(values))
    gone = {row.id for row in before.values() if not row.gone_at and row.path not in present}
    for key in sorted(gone - {post.id for post in found}):
        tx.execute(update(posts).where(posts.c.id == key).values(gone_at=now))

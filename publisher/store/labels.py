"""Labels and their slugs."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update

from publisher.domain.labels import Label, LabelKind
from publisher.store.engine import Tx, insert_ignoring
from publisher.store.tables import labels


def known(tx: Tx) -> list[Label]:
    """Every label ever seen, by kind and slug."""
    rows = tx.execute(select(labels).order_by(labels.c.kind, labels.c.slug))
    return [
        Label(kind=LabelKind(row.kind), key=row.key, name=row.name, slug=row.slug) for row in rows
    ]


def remember(tx: Tx, found: Sequence[Label], *, now: datetime) -> None:
    """Keeps labels that are new, and how the others are written now; a slug stays for ever."""
    before = {(label.kind, label.key): label for label in known(tx)}
    for label in found:
        old = before.get((label.kind, label.key))
        if old is None:
            tx.execute(
                insert_ignoring(tx, labels).values(
                    kind=label.kind.value,
                    key=label.key,
                    name=label.name,
                    slug=label.slug,
                    first_seen_at=now,
                )
            )
        elif old.name != label.name:
            is_this = (labels.c.kind == label.kind.value) & (labels.c.key == label.key)
            tx.execute(update(labels).where(is_this).values(name=label.name))

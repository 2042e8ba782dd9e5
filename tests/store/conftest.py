from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from publisher.domain.addresses import parse_address
from publisher.domain.issues import IssueStatus, Verdict
from publisher.domain.newsletters import Period
from publisher.domain.subscribers import Joined, SubscriptionStatus
from publisher.store import audiences, deliveries, issues, subscribers
from publisher.store.engine import Store, Tx, open_store
from publisher.store.issues import StoredVariant
from publisher.store.tables import delivery_batches
from tests.factories import NOW

VARIANT = StoredVariant(
    key="default", subject="Hello", html="<p>", text="t", nonce="n", body=b"body"
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "var" / "publisher.db")
    yield opened
    opened.close()


def subscribe(tx: Tx, email: str, newsletter: str = "weekly") -> Joined:
    return subscribers.add(
        tx,
        address=parse_address(email),
        name="",
        newsletter=newsletter,
        status=SubscriptionStatus.CONFIRMED,
        source="test",
        now=NOW,
    )


def expand(tx: Tx, issue: int) -> int:
    """Writes the rows that an issue lacks."""
    wanted = audiences.wanted(tx, issue, "weekly", now=NOW)
    return audiences.expand(tx, issue, "weekly", chosen=wanted, now=NOW)


def due(tx: Tx, issue: int, now: datetime = NOW) -> list[int]:
    """The deliveries of an issue that could be made now."""
    found = tx.execute(select(delivery_batches.c.id).where(delivery_batches.c.issue == issue))
    return [claim.id for row in found for claim in deliveries.claim(tx, row.id, now=now)]


def add_issue(tx: Tx, key: str = "W:2026-W47", posts: tuple[str, ...] = ("a", "b")) -> int | None:
    """A planned issue with its content; None if the period is taken."""
    verdict = Verdict(period=Period(key=key, slot=NOW), status=IssueStatus.PLANNED)
    number = issues.add(tx, newsletter="weekly", verdict=verdict, now=NOW)
    issue = issues.get(tx, number) if number is not None else None
    if issue is None:
        return None
    assert issues.freeze(tx, issue, content_hash="h", posts=posts, variant=VARIANT)
    return issue.id


def ready_issue(store: Store, readers: int) -> int:
    """An issue in sending with a pending delivery for each of `readers`."""
    with store.begin() as tx:
        for number in range(readers):
            subscribe(tx, f"reader{number:05}@example.org")
        issue = add_issue(tx)
        assert issue is not None
        assert expand(tx, issue) == readers
        issues.mark_sending(tx, issue)
    return issue

"""The evidence of consent: who asked for what, when, where, and how we know."""

from datetime import datetime

from sqlalchemy import bindparam, func, insert, select, update

from publisher.domain.signups import truncated
from publisher.domain.subscribers import Consent, ConsentEvent, Evidence
from publisher.store.engine import Tx, insert_ignoring
from publisher.store.tables import consent_texts, consents, subscribers, subscriptions


def testify(
    tx: Tx, subscription: int, event: ConsentEvent, *, evidence: Evidence, now: datetime
) -> None:
    """Adds a row, with the address as it is now."""
    address = (
        select(subscribers.c.address)
        .join_from(subscribers, subscriptions)
        .where(subscriptions.c.id == subscription)
        .scalar_subquery()
    )
    tx.execute(
        insert(consents).values(
            subscription=subscription,
            event=event.value,
            source=evidence.source,
            text=evidence.text,
            ip=evidence.ip,
            message_id=evidence.message_id,
            address=address,
            at=now,
        )
    )


def keep_text(tx: Tx, text: str, *, language: str, body: str, now: datetime) -> None:
    """Keeps a version of the words on the form under their hash; once is enough."""
    tx.execute(
        insert_ignoring(tx, consent_texts).values(
            hash=text, language=language, body=body, first_used_at=now
        )
    )


def of_subscriber(tx: Tx, subscriber: int) -> list[Consent]:
    """All evidence about a person, oldest first."""
    rows = tx.execute(
        select(consents, subscriptions.c.newsletter)
        .join_from(consents, subscriptions)
        .where(subscriptions.c.subscriber == subscriber)
        .order_by(consents.c.id)
    )
    return [
        Consent(
            event=ConsentEvent(row.event),
            newsletter=row.newsletter,
            address=row.address,
            at=row.at,
            evidence=Evidence(
                source=row.source, text=row.text, ip=row.ip, message_id=row.message_id
            ),
        )
        for row in rows
    ]


def last(tx: Tx, subscription: int, event: ConsentEvent) -> datetime | None:
    """When this was last said of a subscription."""
    found: datetime | None = tx.scalar(
        select(consents.c.at)
        .where(consents.c.subscription == subscription, consents.c.event == event.value)
        .order_by(consents.c.id.desc())
        .limit(1)
    )
    return found


def truncate_ips(tx: Tx, *, before: datetime, after: int, limit: int) -> list[int]:
    """Shortens the network addresses of some evidence from before an instant, behind row `after`.

    Returns the rows, in their order: at most `limit`, none where all are short.
    """
    ip = consents.c.ip
    colons = func.length(ip) - func.length(func.replace(ip, ":", ""))
    is_short = ip.like("%.0") | (ip.like("%::") & (colons <= 4))  # as `truncated` writes them
    rows = tx.execute(
        select(consents.c.id, ip)
        .where(consents.c.id > after, consents.c.at < before, ip != "", ~is_short)
        .order_by(consents.c.id)
        .limit(limit)
    ).all()
    if rows:
        tx.execute(
            update(consents).where(consents.c.id == bindparam("row")).values(ip=bindparam("short")),
            [{"row": row.id, "short": truncated(row.ip)} for row in rows],
        )
    return [row.id for row in rows]

"""Sign-ups: requests that wait to be decided, and the counts that bound them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, select, update

from publisher.domain.signups import Request, Signup, Verdict
from publisher.store.engine import Tx, insert_ignoring
from publisher.store.tables import signup_refusals, signups

_HOUR = timedelta(hours=1)


def add(tx: Tx, request: Request, *, address_hash: str, network: str, now: datetime) -> None:
    """Lets a request wait."""
    tx.execute(
        insert(signups).values(
            address=request.address,
            address_hash=address_hash,
            newsletter=request.newsletter,
            language=request.language,
            source=request.source,
            text=request.text,
            ip=request.ip,
            network=network,
            frequency=request.frequency,
            verdict=Verdict.WAITING.value,
            at=now,
        )
    )


def in_last_hour(tx: Tx, *, network: str, now: datetime) -> tuple[int, int]:
    """How many requests came in an hour: from this network, and from everywhere."""
    recent = signups.c.at > now - _HOUR
    near = select(func.count()).where(recent, signups.c.network == network).scalar_subquery()
    everywhere = select(func.count()).where(recent).scalar_subquery()
    row = tx.execute(select(near.label("near"), everywhere.label("everywhere"))).one()
    return row.near, row.everywhere


def refuse(tx: Tx, reason: str, *, now: datetime) -> int:
    """Counts a refused request; returns how many there were in this hour for this reason."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    this = (signup_refusals.c.hour == hour) & (signup_refusals.c.reason == reason)
    count = signup_refusals.c.count
    counted = update(signup_refusals).where(this).values(count=count + 1).returning(count)
    found = tx.scalar(counted)  # one statement, as for a request that is taken: same time
    if found is None:
        tx.execute(insert_ignoring(tx, signup_refusals).values(hour=hour, reason=reason, count=0))
        found = tx.scalars(counted).one()
    return int(found)


def waiting(tx: Tx, *, limit: int) -> list[Signup]:
    """The requests that nobody has decided yet, oldest first."""
    rows = tx.execute(
        select(signups)
        .where(signups.c.verdict == Verdict.WAITING.value)
        .order_by(signups.c.id)
        .limit(limit)
    )
    return [
        Signup(
            id=row.id,
            request=Request(
                address=row.address,
                newsletter=row.newsletter,
                language=row.language,
                source=row.source,
                text=row.text,
                ip=row.ip,
                frequency=row.frequency,
            ),
            address_hash=row.address_hash,
            at=row.at,
        )
        for row in rows
    ]


def decide(tx: Tx, signup: int, verdict: Verdict) -> None:
    """Notes what became of a request, and forgets who asked."""
    tx.execute(
        update(signups)
        .where(signups.c.id == signup)
        .values(verdict=verdict.value, address="", ip="", source="")
    )


def forget(tx: Tx, hashes: Sequence[str]) -> None:
    """Removes every request for an address."""
    tx.execute(delete(signups).where(signups.c.address_hash.in_(hashes)))


def expire(tx: Tx, *, before: datetime) -> int:
    """Removes old requests and counts. Returns how many requests."""
    tx.execute(delete(signup_refusals).where(signup_refusals.c.hour < before))
    return tx.execute(delete(signups).where(signups.c.at < before)).rowcount


def verdicts(tx: Tx, *, since: datetime) -> dict[Verdict, int]:
    """How many requests since an instant led where."""
    rows = tx.execute(
        select(signups.c.verdict, func.count())
        .where(signups.c.at >= since)
        .group_by(signups.c.verdict)
    )
    return {Verdict(verdict): count for verdict, count in rows}


def refusals(tx: Tx, *, since: datetime) -> int:
    """How many requests were over budget since an instant."""
    found: int | None = tx.scalar(
        select(func.sum(signup_refusals.c.count)).where(signup_refusals.c.hour >= since)
    )
    return found or 0

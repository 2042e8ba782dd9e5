"""Batches of deliveries: leased whole, under an epoch that fences off who comes back too late."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, bindparam, func, insert, or_, select, update

from publisher.domain.deliveries import LONGEST_WAIT, UNSETTLED
from publisher.domain.issues import IssueStatus
from publisher.store.engine import Tx
from publisher.store.prepared import Prepared
from publisher.store.tables import deliveries, delivery_batches, issues
from publisher.store.types import among_bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to send one batch, as long as nobody has raised its epoch."""

    batch: int
    issue: int
    epoch: int


def add(tx: Tx, issue: int, *, now: datetime) -> int:
    """A new batch, due at once. Returns its number."""
    added: int = tx.scalars(
        insert(delivery_batches)
        .values(issue=issue, is_open=True, next_at=now, lease_owner="", lease_epoch=0)
        .returning(delivery_batches.c.id)
    ).one()
    return added


def lease(
    tx: Tx, issues_allowed: Collection[int], *, owner: str, now: datetime, until: datetime
) -> Lease | None:
    """Takes the first batch that is due and free, or whose lease has run out; None if none is.

    One that is to wait for longer than anything waits is due as well: see `LONGEST_WAIT`.
    """
    next_at = delivery_batches.c.next_at
    free = or_(delivery_batches.c.lease_until.is_(None), delivery_batches.c.lease_until <= now)
    candidate = (
        select(delivery_batches.c.id)
        .join(issues, issues.c.id == delivery_batches.c.issue)
        .where(
            delivery_batches.c.issue.in_(issues_allowed),
            delivery_batches.c.is_open,
            or_(next_at <= now, next_at > now + LONGEST_WAIT),
            issues.c.status == IssueStatus.SENDING.value,
            free,
        )
        .order_by(delivery_batches.c.issue, delivery_batches.c.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=delivery_batches)
    )
    row = tx.execute(
        update(delivery_batches)
        .where(delivery_batches.c.id == candidate.scalar_subquery(), free)
        .values(
            lease_owner=owner,
            lease_epoch=delivery_batches.c.lease_epoch + 1,
            lease_until=until,
        )
        .returning(delivery_batches.c.id, delivery_batches.c.issue, delivery_batches.c.lease_epoch)
    ).one_or_none()
    return Lease(batch=row.id, issue=row.issue, epoch=row.lease_epoch) if row else None


def held(tx: Tx, epochs: Mapping[int, int], *, now: datetime) -> set[int]:
    """Those of the leases (batch -> epoch) that still stand, and whose issue is being sent."""
    rows = _HELD.rows(tx, batches=epochs, now=now)
    return {batch for batch, epoch in rows if epochs[batch] == epoch}


def extend(tx: Tx, leases: Iterable[Lease], *, until: datetime) -> None:
    """Holds on to leases for longer; those that were taken from us stay taken."""
    for each in leases:
        tx.execute(update(delivery_batches).where(_is(each)).values(lease_until=until))


def release(tx: Tx, lease: Lease, *, now: datetime) -> None:
    """Gives a batch back: closed if all is settled, else due when its first delivery is."""
    next_at = func.min(func.coalesce(deliveries.c.next_attempt_at, now))
    waiting, due = tx.execute(
        select(func.count(), next_at).where(
            deliveries.c.batch == lease.batch,
            deliveries.c.status.in_([status.value for status in UNSETTLED]),
        )
    ).one()
    values = {"lease_owner": "", "lease_until": None, "is_open": bool(waiting)}
    if waiting:
        values["next_at"] = due
    tx.execute(update(delivery_batches).where(_is(lease)).values(**values))


def reopen(tx: Tx, batches: Collection[int], *, now: datetime) -> None:
    """Makes batches due again: some of their deliveries are pending once more."""
    for batch in batches:
        tx.execute(
            update(delivery_batches)
            .where(delivery_batches.c.id == batch)
            .values(is_open=True, next_at=now)
        )


def close_settled(tx: Tx, issue: int) -> None:
    """Closes the batches of an issue in which nothing is left to be sent."""
    unsettled = select(deliveries.c.batch).where(
        deliveries.c.issue == issue,
        deliveries.c.status.in_([status.value for status in UNSETTLED]),
        deliveries.c.batch.is_not(None),
    )
    tx.execute(
        update(delivery_batches)
        .where(delivery_batches.c.issue == issue, delivery_batches.c.id.not_in(unsettled))
        .values(is_open=False)
    )


def free_all(tx: Tx) -> None:
    """Ends every lease. Only for the one process that works on the database."""
    tx.execute(
        update(delivery_batches)
        .where(delivery_batches.c.lease_until.is_not(None))
        .values(lease_owner="", lease_until=None, lease_epoch=delivery_batches.c.lease_epoch + 1)
    )


def next_due(tx: Tx, issue: int) -> datetime | None:
    """When the first batch of an issue is due that still has something to send."""
    found: datetime | None = tx.scalar(
        select(func.min(delivery_batches.c.next_at)).where(
            delivery_batches.c.issue == issue, delivery_batches.c.is_open
        )
    )
    return found


def _is(lease: Lease) -> ColumnElement[bool]:
    return and_(delivery_batches.c.id == lease.batch, delivery_batches.c.lease_epoch == lease.epoch)


_HELD = Prepared(
    lambda dialect: (
        select(delivery_batches.c.id, delivery_batches.c.lease_epoch)
        .join(issues, issues.c.id == delivery_batches.c.issue)
        .where(
            among_bound(dialect, delivery_batches.c.id, "batches"),
            delivery_batches.c.lease_until > bindparam("now"),
            issues.c.status == IssueStatus.SENDING.value,
        )
        .with_for_update(read=True, of=delivery_batches)
    )
)

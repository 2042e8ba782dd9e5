"""The row that says which copy of the database this is, and what sent.log told it."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Select, select, update

from publisher.domain.deliveries import DeliveryStatus
from publisher.domain.instances import Instance, Marks
from publisher.domain.sent_log import Mailed
from publisher.store.engine import Tx, insert_ignoring
from publisher.store.tables import deliveries, instance, issues, sent_before

_ROW = 1


class Attempted(NamedTuple):
    """A delivery that was attempted. `until`: for one that is still to be sent, or was skipped,
    the moment up to which its row knows what became of it; None: it will not be sent by itself.
    """

    address: str
    until: datetime | None


def get(tx: Tx) -> Instance | None:
    """The row; None before the first start."""
    row = tx.execute(select(instance)).one_or_none()
    if row is None:
        return None
    return Instance(
        marks=Marks(instance=row.instance_id, starts=row.starts, machine=row.machine),
        beat_at=row.beat_at,
        fenced_at=row.fenced_at,
        fence=row.fence,
    )


def put(tx: Tx, marks: Marks) -> None:
    """Writes the marks, and makes the row where there is none."""
    values = {
        "instance_id": marks.instance,
        "starts": marks.starts,
        "machine": marks.machine,
    }
    tx.execute(insert_ignoring(tx, instance).values(id=_ROW, fence="", **values))
    tx.execute(update(instance).values(values))


def beat(tx: Tx, now: datetime) -> None:
    """A sign of life."""
    tx.execute(update(instance).values(beat_at=now))


def fence(tx: Tx, reason: str, *, now: datetime) -> None:
    """From now on nothing is planned or sent; an earlier reason stays."""
    tx.execute(update(instance).where(instance.c.fence == "").values(fence=reason, fenced_at=now))


def unfence(tx: Tx, *, now: datetime) -> None:
    """All is well again, and the daemon counts as alive as of now."""
    tx.execute(update(instance).values(fence="", fenced_at=None, beat_at=now))


def attempted(tx: Tx, newsletter: str, period: str) -> Iterator[Attempted]:
    """A period's deliveries that were ever attempted, the newest rows first.

    One that was put off, or is tried again, is pending and was attempted all the same.
    """
    is_open = deliveries.c.status.in_((DeliveryStatus.PENDING.value, DeliveryStatus.SKIPPED.value))
    wanted = (
        _of_period(newsletter, period)
        .add_columns(is_open.label("is_open"), deliveries.c.changed_at)
        .where(~is_open | (deliveries.c.attempts > 0))
    )
    with tx.execute(wanted.execution_options(yield_per=1_000)) as found:
        for row in found:
            yield Attempted(row.address, row.changed_at if row.is_open else None)


def addressed(tx: Tx, newsletter: str, period: str) -> Iterator[tuple[int, str]]:
    """The number and the address of each delivery of a period."""
    for row in tx.execute(_of_period(newsletter, period).execution_options(yield_per=1_000)):
        yield row.id, row.address


def _of_period(newsletter: str, period: str) -> Select[tuple[int, str]]:
    issue = select(issues.c.id).where(issues.c.newsletter == newsletter, issues.c.period == period)
    # No index of issues: a million rows would have to be sorted before the first one is read.
    is_theirs = (deliveries.c.issue + 0) == issue.scalar_subquery()
    newest_first = deliveries.c.id.desc()
    return select(deliveries.c.id, deliveries.c.address).where(is_theirs).order_by(newest_first)


def settle_as_sent(tx: Tx, numbers: Collection[int], *, reason: str, now: datetime) -> None:
    """What was sent before a restore, and is pending in what was restored, is sent."""
    for number in numbers:
        tx.execute(
            update(deliveries)
            .where(deliveries.c.id == number, deliveries.c.status == DeliveryStatus.PENDING.value)
            .values(
                status=DeliveryStatus.SENT.value,
                reason=reason,
                next_attempt_at=None,
                changed_at=now,
            )
        )


def remember(tx: Tx, mailed: Iterable[Mailed]) -> None:
    """Keeps who has which issue, for issues that this database will plan once more."""
    for one in mailed:
        tx.execute(
            insert_ignoring(tx, sent_before).values(
                newsletter=one.newsletter, period=one.period, address_hash=one.address_hash
            )
        )


def remembered(tx: Tx, newsletter: str, period: str) -> frozenset[str]:
    """The hashes of those who have the issue of a period already."""
    return frozenset(
        tx.scalars(
            select(sent_before.c.address_hash).where(
                sent_before.c.newsletter == newsletter, sent_before.c.period == period
            )
        )
    )

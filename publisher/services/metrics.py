"""What Prometheus is told, as values. Totals that outlive a restart are counted in the database.

Labels are configured names, closed sets and route templates; never an address or a raw path.
"""

import platform
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Literal

from publisher.domain.checkups import Grade
from publisher.domain.deliveries import UNSETTLED, DeliveryStatus
from publisher.domain.issues import IssueStatus
from publisher.services import backups, health, issues, polls, series
from publisher.services.app import App
from publisher.services.vitals import BUCKETS
from publisher.store import checkups, jobs, totals
from publisher.store.engine import Tx

_ISSUE_OUTCOMES = (IssueStatus.SENT, IssueStatus.SKIPPED)
_DELIVERY_OUTCOMES = tuple(status for status in DeliveryStatus if status not in UNSETTLED)

Kind = Literal["gauge", "counter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A histogram: how many took at most so many seconds, the sum of the seconds."""

    name: str
    help: str
    bounds: tuple[float, ...]
    counts: Sequence[int]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One metric: its name without the prefix, its labels, and a value for each set of them."""

    name: str
    kind: Kind
    help: str
    samples: Mapping[tuple[str, ...], float]
    labels: tuple[str, ...] = ()


def collect(app: App) -> list[Family]:
    """Every metric as of now, of the database and of this process."""
    now = app.clock()
    with app.store.read() as tx:
        stored = list(_stored(tx))
    return [*_process(app), *_feeds(app), *_schedule(app, now), *stored, *_queue(app, now)]


def spread(app: App) -> Spread:
    """How long relays take for a message, since the start."""
    counts, seconds = app.vitals.transactions()
    return Spread(
        name="smtp_transaction_seconds",
        help="From the envelope to the relay's word about the message.",
        bounds=BUCKETS,
        counts=counts,
        seconds=seconds,
    )


def _process(app: App) -> Iterator[Family]:
    about = (version("publisher"), platform.python_version())
    yield _one("build_info", "This program.", 1, labels=("version", "python"), values=about)
    yield _one(
        "config_last_reload_successful",
        "Whether the last reading of the settings succeeded.",
        app.vitals.last_reload_succeeded,
    )
    yield _one(
        "ready",
        "Whether every check of /readyz is well.",
        not any(check.problem for check in health.readiness(app)),
    )
    yield Family(
        name="smtp_responses",
        kind="counter",
        help="What relays said about messages of issues since the start.",
        labels=("class",),
        samples=app.vitals.replies(),
    )
    yield Family(
        name="http_requests",
        kind="counter",
        help="Answers of the web server since its start.",
        labels=("route", "method", "code"),
        samples=app.vitals.requests(),
    )


def _feeds(app: App) -> Iterator[Family]:
    found = polls.statistics(app)
    yield Family(
        name="feed_requests",
        kind="counter",
        help="Answers to requests for feeds, ever.",
        labels=("feed", "status"),
        samples={
            (each.feed, status): float(count)
            for each in found
            for status, count in each.answers.items()
        },
    )
    yield Family(
        name="feed_subscribers_estimate",
        kind="gauge",
        help="How many people read a feed, at least.",
        labels=("feed",),
        samples={(each.feed,): float(each.readers) for each in found},
    )
    yield Family(
        name="rate_limited",
        kind="counter",
        help="Requests over a budget since the start, whether or not the answer said so.",
        labels=("route",),
        samples=app.vitals.limits(),
    )


def _schedule(app: App, now: datetime) -> Iterator[Family]:
    next_slots: dict[tuple[str, ...], float] = {}
    for newsletter in series.everything(app):
        if slot := issues.next_slot(app, newsletter, now=now):
            soonest = next_slots.get((newsletter.id,), slot.timestamp())
            next_slots[newsletter.id,] = min(soonest, slot.timestamp())
    yield Family(
        name="next_issue_timestamp_seconds",
        kind="gauge",
        help="When the next issue is due; in the past while one is due and not taken.",
        labels=("newsletter",),
        samples=next_slots,
    )
    last = next(iter(backups.listing(app)), None)
    if last:
        yield _one(
            "backup_last_success_timestamp_seconds",
            "When the newest backup was taken.",
            last.at.timestamp(),
        )
    size = backups.database(app).stat().st_size
    yield _one("db_size_bytes", "The size of the database file.", size)


def _stored(tx: Tx) -> Iterator[Family]:
    yield Family(
        name="subscribers",
        kind="gauge",
        help="Subscriptions by state.",
        labels=("newsletter", "state"),
        samples=_floats(totals.subscribers(tx)),
    )
    yield Family(
        name="subscriptions",
        kind="counter",
        help="What subscribers said, ever.",
        labels=("newsletter", "event"),
        samples=_floats(totals.consents_given(tx)),
    )
    yield Family(
        name="issues",
        kind="counter",
        help="Issues by outcome.",
        labels=("newsletter", "outcome"),
        samples=_floats(totals.issue_counts(tx), only=_ISSUE_OUTCOMES),
    )
    yield Family(
        name="issues_held",
        kind="gauge",
        help="Issues that wait for a decision.",
        labels=("newsletter",),
        samples={
            (name,): float(count)
            for (name, status), count in totals.issue_counts(tx).items()
            if status == IssueStatus.HELD
        },
    )
    yield Family(
        name="deliveries",
        kind="counter",
        help="Deliveries by outcome.",
        labels=("newsletter", "outcome"),
        samples=_floats(totals.delivery_counts(tx), only=_DELIVERY_OUTCOMES),
    )
    yield Family(
        name="last_issue_sent_timestamp_seconds",
        kind="gauge",
        help="When the last issue was finished.",
        labels=("newsletter",),
        samples={(name,): at.timestamp() for name, at in totals.last_sent(tx).items()},
    )
    yield Family(
        name="queue_messages",
        kind="gauge",
        help="Deliveries that are not settled.",
        labels=("state",),
        samples={(state,): float(count) for state, count in totals.waiting(tx).items()},
    )
    checkup = checkups.last(tx)
    if checkup:
        yield Family(
            name="doctor_problems",
            kind="gauge",
            help="What the doctor last found wrong.",
            labels=("severity",),
            samples={
                (grade.value,): float(checkup.counts[grade]) for grade in (Grade.WARN, Grade.FAIL)
            },
        )
    yield Family(
        name="job_last_success_timestamp_seconds",
        kind="gauge",
        help="When a housekeeping job last ended well.",
        labels=("job",),
        samples={(job,): at.timestamp() for job, at in jobs.last_success(tx).items()},
    )


def _queue(app: App, now: datetime) -> Iterator[Family]:
    with app.store.read() as tx:
        oldest = totals.oldest_waiting(tx)
    age = (now - oldest).total_seconds() if oldest else 0
    yield _one("queue_oldest_age_seconds", "How long the oldest delivery has waited.", age)


def _one(
    name: str,
    help: str,
    value: float,
    *,
    labels: tuple[str, ...] = (),
    values: tuple[str, ...] = (),
) -> Family:
    samples = {values: float(value)}
    return Family(name=name, kind="gauge", help=help, labels=labels, samples=samples)


def _floats(
    counts: Mapping[tuple[str, str], int], *, only: Collection[str] = ()
) -> dict[tuple[str, ...], float]:
    return {key: float(count) for key, count in counts.items() if not only or key[1] in only}

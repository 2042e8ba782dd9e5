"""What an operator sees first: what comes next, how the last issue went, what wants a decision;
and the plots, as numbers."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from publisher.domain.checkups import Checkup
from publisher.domain.deliveries import Delivery, DeliveryStatus
from publisher.domain.issues import Issue, IssueStatus
from publisher.domain.subscribers import ConsentEvent, SubscriptionStatus
from publisher.errors import NotFound
from publisher.render.charts import Plot
from publisher.services import (
    backups,
    deliveries,
    doctor,
    health,
    housekeeping,
    issues,
    polls,
    posts,
    reader_plots,
    series,
    status,
)
from publisher.services.app import App
from publisher.services.backups import Backup
from publisher.services.health import Check
from publisher.services.issues import IssuePlan
from publisher.services.status import NewsletterStatus
from publisher.store import totals
from publisher.store.jobs import JobRun

MOST_ROWS = 50
MOST_RETRIES = 10
MOST_ISSUES = 26
MOST_MINUTES = 120
DAYS = 90

_STEPS = {ConsentEvent.CONFIRMED.value: 1, ConsentEvent.UNSUBSCRIBED.value: -1}
"""What an event adds to the number of confirmed subscribers."""

_OUTCOMES = (
    DeliveryStatus.SENT,
    DeliveryStatus.FAILED,
    DeliveryStatus.UNKNOWN,
    DeliveryStatus.SKIPPED,
    DeliveryStatus.PENDING,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """The first screen. `troubled`: deliveries that failed or are unknown, the first fifty.

    `retries`: how many of each there are, by issue, where they may be sent again. `checkup`: the
    doctor's last.
    """

    newsletters: tuple[NewsletterStatus, ...]
    plans: tuple[IssuePlan, ...]
    held: tuple[Issue, ...]
    recent: tuple[Issue, ...]
    troubled: tuple[Delivery, ...]
    retries: Mapping[int, Mapping[str, int]]
    waiting: dict[str, int]
    checks: tuple[Check, ...]
    jobs: dict[str, JobRun]
    backup: Backup | None
    checkup: Checkup | None
    plots: tuple[Plot, ...]


def dashboard(app: App) -> Dashboard:
    """Everything as of now."""
    now = app.clock()
    library = posts.read(app, now=now)
    listing = issues.listing(app)
    with app.store.read() as tx:
        waiting = dict(totals.waiting(tx))
        retries = totals.troubled(tx, MOST_RETRIES)
    return Dashboard(
        newsletters=tuple(status.status(app, now=now)),
        plans=tuple(issues.plan(app, each, library, now=now) for each in series.everything(app)),
        held=tuple(issue for issue in listing if issue.status is IssueStatus.HELD),
        recent=tuple(listing[:10]),
        troubled=tuple(_troubled(app)),
        retries=retries,
        waiting=waiting,
        checks=tuple(health.readiness(app)),
        jobs=housekeeping.runs(app),
        backup=next(iter(backups.listing(app)), None),
        checkup=doctor.last(app),
        plots=tuple(make(app, now) for make in PLOTS.values()),
    )


def plot(app: App, key: str) -> Plot:
    """One plot by its key. Raises `NotFound`."""
    if key not in PLOTS:
        raise NotFound("plot", key, tuple(PLOTS))
    return PLOTS[key](app, app.clock())


def _troubled(app: App) -> list[Delivery]:
    wanted = (DeliveryStatus.UNKNOWN, DeliveryStatus.FAILED)
    found = [row for one in wanted for row in deliveries.listing(app, status=one, limit=MOST_ROWS)]
    return found[:MOST_ROWS]


def _subscribers(app: App, now: datetime) -> Plot:
    """How many were confirmed at the end of each day."""
    zone = app.site.zone
    with app.store.read() as tx:
        people = totals.subscribers(tx)
        changes = totals.changes(tx, now - timedelta(days=DAYS))
    by_day: Counter[str] = Counter()
    for at, said in changes:
        by_day[f"{at.astimezone(zone):%Y-%m-%d}"] += _STEPS.get(said, 0)
    days = _days(app, now)
    total = sum(n for (_, said), n in people.items() if said == SubscriptionStatus.CONFIRMED)
    counts: list[float] = []
    for day in reversed(days):  # back from today's number
        counts.append(total)
        total -= by_day[day]
    counts.reverse()
    return Plot(
        key="subscribers",
        kind="line",
        labels=[day[5:] for day in days],
        series=[("confirmed", counts)],
    )


def _joins(app: App, now: datetime) -> Plot:
    """Who came and who left, by week."""
    zone = app.site.zone
    since = now - timedelta(weeks=13)
    with app.store.read() as tx:
        changes = totals.changes(tx, since)
    weeks = [f"{(since + timedelta(weeks=n + 1)).astimezone(zone):%G-W%V}" for n in range(13)]
    found = Counter((f"{at.astimezone(zone):%G-W%V}", said) for at, said in changes)
    return Plot(
        key="joins",
        kind="bars",
        labels=[week[5:] for week in weeks],
        series=[
            (name, [float(found[week, said.value]) for week in weeks])
            for name, said in (
                ("joined", ConsentEvent.CONFIRMED),
                ("left", ConsentEvent.UNSUBSCRIBED),
            )
        ],
    )


def _deliveries(app: App, _now: datetime) -> Plot:
    """How the deliveries of each issue ended."""
    with app.store.read() as tx:
        found = totals.per_issue(tx, MOST_ISSUES)
    several = len(app.newsletters) > 1
    return Plot(
        key="deliveries",
        kind="bars",
        labels=[
            f"{newsletter} {period[2:]}" if several else period[2:]
            for newsletter, period, _, _ in found
        ],
        series=[
            (status.value, [float(counts.get(status.value, 0)) for _, _, _, counts in found])
            for status in _OUTCOMES
        ],
    )


def _throughput(app: App, _now: datetime) -> Plot:
    """Messages a minute, of the last issue that was sent to somebody."""
    sent = (IssueStatus.SENT, IssueStatus.SENDING)
    last = next((issue for issue in issues.listing(app) if issue.status in sent), None)
    minutes: Sequence[tuple[datetime, int]] = ()
    if last:
        with app.store.read() as tx:
            minutes = totals.sent_by_minute(tx, last.id, MOST_MINUTES)
    return Plot(
        key="throughput",
        kind="bars",
        labels=[f"{at.astimezone(app.site.zone):%H:%M}" for at, _ in minutes],
        series=[("sent", [float(count) for _, count in minutes])],
        about=f"{last.newsletter} {last.period}" if last else "",
    )


def _feed_polls(app: App, now: datetime) -> Plot:
    """What feed readers were answered, day by day."""
    days, found = _days(app, now), _polls_by_day(app, now)
    unchanged = [float(found[day][304]) for day in days]
    full = [float(found[day][200]) for day in days]
    others = [found[day].total() - found[day][304] - float(found[day][200]) for day in days]
    return Plot(
        key="polls",
        kind="bars",
        labels=[day[5:] for day in days],
        series=[("unchanged", unchanged), ("other", others), ("full", full)],
    )


def _unchanged(app: App, now: datetime) -> Plot:
    """The share of answers that said that nothing is new, in percent."""
    days, found = _days(app, now), _polls_by_day(app, now)
    return Plot(
        key="unchanged",
        kind="line",
        labels=[day[5:] for day in days],
        series=[("unchanged", [100 * found[day][304] / (found[day].total() or 1) for day in days])],
    )


def _feed_readers(app: App, now: datetime) -> Plot:
    """How many people read any feed, at least."""
    days = _days(app, now)
    found = polls.readers_by_day(app, since=date.fromisoformat(days[0]))
    return Plot(
        key="readers",
        kind="line",
        labels=[day[5:] for day in days],
        series=[("readers", [float(found.get(date.fromisoformat(day), 0)) for day in days])],
    )


def _polls_by_day(app: App, now: datetime) -> defaultdict[str, Counter[int]]:
    found: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for day, answers in polls.days(app, since=date.fromisoformat(_days(app, now)[0])).items():
        found[day.isoformat()] = Counter(answers)
    return found


PLOTS: dict[str, Callable[[App, datetime], Plot]] = {
    "subscribers": _subscribers,
    "joins": _joins,
    "deliveries": _deliveries,
    "throughput": _throughput,
    "polls": _feed_polls,
    "unchanged": _unchanged,
    "readers": _feed_readers,
    **reader_plots.PLOTS,
}
"""The plots by key, in the order of the page."""


def _days(app: App, now: datetime) -> list[str]:
    zone = app.site.zone
    days = ((now - timedelta(days=back)).astimezone(zone) for back in range(DAYS - 1, -1, -1))
    return list(dict.fromkeys(f"{day:%Y-%m-%d}" for day in days))

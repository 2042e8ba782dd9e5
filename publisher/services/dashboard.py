"""What an operator sees first: what comes next, how the last issue went, what wants a decision;
and the plots, as numbers."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from publisher.domain.deliveries import Delivery, DeliveryStatus
from publisher.domain.issues import Issue, IssueStatus
from publisher.domain.subscribers import ConsentEvent, SubscriptionStatus
from publisher.errors import NotFound
from publisher.render.charts import Plot
from publisher.services import (
    backups,
    deliveries,
    health,
    housekeeping,
    issues,
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
MOST_ISSUES = 26
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
    """The first screen. `troubled`: deliveries that failed or are unknown, the first fifty."""

    newsletters: tuple[NewsletterStatus, ...]
    plans: tuple[IssuePlan, ...]
    held: tuple[Issue, ...]
    recent: tuple[Issue, ...]
    troubled: tuple[Delivery, ...]
    waiting: dict[str, int]
    checks: tuple[Check, ...]
    jobs: dict[str, JobRun]
    backup: Backup | None
    plots: tuple[Plot, ...]


def dashboard(app: App) -> Dashboard:
    """Everything as of now."""
    now = app.clock()
    library = posts.read(app, now=now)
    listing = issues.listing(app)
    with app.store.read() as tx:
        waiting = dict(totals.waiting(tx))
    return Dashboard(
        newsletters=tuple(status.status(app, now=now)),
        plans=tuple(issues.plan(app, each, library, now=now) for each in series.everything(app)),
        held=tuple(issue for issue in listing if issue.status is IssueStatus.HELD),
        recent=tuple(listing[:10]),
        troubled=tuple(_troubled(app)),
        waiting=waiting,
        checks=tuple(health.readiness(app)),
        jobs=housekeeping.runs(app),
        backup=next(iter(backups.listing(app)), None),
        plots=tuple(make(app, now) for make in PLOTS.values()),
    )


def plot(app: App, key: str) -> Plot:
    """One plot by its key. Raises `NotFound`."""
    if key not in PLOTS:
        raise NotFound("plot", key, tuple(PLOTS))
    return PLOTS[key](app, app.clock())


def _troubled(app: App) -> list[Delivery]:
    wanted = (DeliveryStatus.UNKNOWN, DeliveryStatus.FAILED)
    return [row for one in wanted for row in deliveries.listing(app, status=one)][:MOST_ROWS]


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
        title="Confirmed subscribers",
        kind="line",
        labels=[day[5:] for day in days],
        series=[("confirmed", counts)],
        note=f"by day, the last {DAYS} days",
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
        title="Joined and left",
        kind="bars",
        labels=[week[5:] for week in weeks],
        series=[
            (name, [float(found[week, said.value]) for week in weeks])
            for name, said in (
                ("joined", ConsentEvent.CONFIRMED),
                ("left", ConsentEvent.UNSUBSCRIBED),
            )
        ],
        note="by week",
    )


def _deliveries(app: App, _now: datetime) -> Plot:
    """How the deliveries of each issue ended."""
    with app.store.read() as tx:
        found = totals.per_issue(tx, MOST_ISSUES)
    several = len(app.newsletters) > 1
    return Plot(
        key="deliveries",
        title="Deliveries by issue",
        kind="bars",
        labels=[
            f"{newsletter} {period[2:]}" if several else period[2:]
            for newsletter, period, _, _ in found
        ],
        series=[
            (status.value, [float(counts.get(status.value, 0)) for _, _, _, counts in found])
            for status in _OUTCOMES
        ],
        note=f"the last {MOST_ISSUES} issues",
    )


def _throughput(app: App, _now: datetime) -> Plot:
    """Messages a minute, of the last issue that was sent to somebody."""
    sent = (IssueStatus.SENT, IssueStatus.SENDING)
    last = next((issue for issue in issues.listing(app) if issue.status in sent), None)
    moments: Sequence[datetime] = ()
    if last:
        with app.store.read() as tx:
            moments = totals.settled_at(tx, last.id)
    minutes = Counter(f"{at.astimezone(app.site.zone):%H:%M}" for at in moments)
    labels = list(minutes)[:120]
    return Plot(
        key="throughput",
        title="Messages a minute",
        kind="bars",
        labels=labels,
        series=[("sent", [float(minutes[label]) for label in labels])],
        note=f"issue {last.id}, {last.period}" if last else "",
    )


def _feed_polls(app: App, _now: datetime) -> Plot:
    """What feed readers were answered by this process."""
    found = app.vitals.feed_requests()
    feeds = sorted({feed for feed, _ in found})
    kinds = (("200, in full", {"200"}), ("304, unchanged", {"304"}))
    known = {"200", "304"}
    series = [
        (name, [sum(found.get((feed, code), 0) for code in codes) for feed in feeds])
        for name, codes in kinds
    ]
    others = [
        sum(count for (one, code), count in found.items() if one == feed and code not in known)
        for feed in feeds
    ]
    return Plot(
        key="polls",
        title="Answers to feed readers",
        kind="bars",
        labels=feeds,
        series=[*series, ("other", others)],
        note="since this process was started",
    )


PLOTS: dict[str, Callable[[App, datetime], Plot]] = {
    "subscribers": _subscribers,
    "joins": _joins,
    "deliveries": _deliveries,
    "throughput": _throughput,
    "polls": _feed_polls,
    **reader_plots.PLOTS,
}
"""The plots by key, in the order of the page."""


def _days(app: App, now: datetime) -> list[str]:
    zone = app.site.zone
    days = ((now - timedelta(days=back)).astimezone(zone) for back in range(DAYS - 1, -1, -1))
    return list(dict.fromkeys(f"{day:%Y-%m-%d}" for day in days))

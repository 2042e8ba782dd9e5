"""How things stand, on one screen."""

from dataclasses import dataclass
from datetime import datetime

from publisher.domain.deliveries import DeliveryStatus
from publisher.domain.issues import Issue, IssueStatus
from publisher.domain.newsletters import Newsletter, Period, upcoming
from publisher.domain.subscribers import SubscriptionStatus
from publisher.services import deliveries, issues, series
from publisher.services.app import App
from publisher.store import choices as choice_rows
from publisher.store import subscribers as subscriber_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsletterStatus:
    """One series: its people, its next slot, its last issue and that issue's deliveries.

    `subscribers` counts those of the whole newsletter, `readers` those who get this series.
    `next` is None for a newsletter that counts posts; `last` is none that is still held.
    """

    newsletter: Newsletter
    subscribers: dict[SubscriptionStatus, int]
    readers: int
    next: Period | None
    last: Issue | None
    deliveries: dict[DeliveryStatus, int]


def status(app: App, *, now: datetime) -> list[NewsletterStatus]:
    """The state of every newsletter and its open series, in the order of the settings."""
    return [_newsletter_status(app, each, now) for each in series.everything(app)]


def _newsletter_status(app: App, newsletter: Newsletter, now: datetime) -> NewsletterStatus:
    with app.store.read() as tx:
        people = subscriber_rows.counts(tx)
        readers = choice_rows.readers(tx, newsletter)
    listing = [
        issue
        for issue in issues.listing(app, newsletter.id)
        if issue.series == (newsletter.series or "")
    ]
    last = next((issue for issue in listing if issue.status is not IssueStatus.HELD), None)
    return NewsletterStatus(
        newsletter=newsletter,
        subscribers={s: people.get((newsletter.id, s), 0) for s in SubscriptionStatus},
        readers=readers,
        next=next(iter(upcoming(newsletter.schedule, now)), None),
        last=last,
        deliveries=deliveries.counts(app, last.id) if last else {},
    )

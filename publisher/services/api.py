"""What the programming interface reads and does, as plain values that JSON can hold."""

from typing import Any

from publisher.domain.addresses import parse_address
from publisher.domain.deliveries import DeliveryStatus
from publisher.domain.subscribers import Evidence, SubscriptionStatus
from publisher.errors import NotFound
from publisher.services import deliveries as delivery_service
from publisher.services import issues as issue_service
from publisher.services import subscribers
from publisher.services.app import App
from publisher.store import api as rows
from publisher.store import subscribers as subscriber_rows

Document = dict[str, Any]


def newsletters(app: App) -> Document:
    """All newsletters, in the order of the settings."""
    return {
        "newsletters": [
            {
                "id": one.id,
                "title": one.title,
                "description": one.description,
                "language": one.language,
                "cadence": one.schedule.cadence.value,
                "frequencies": [each.value for each in one.frequencies],
                "topics": list(one.topics),
                "languages": list(one.languages),
                "public": one.public,
            }
            for one in app.newsletters
        ]
    }


def subscriptions(
    app: App,
    *,
    email: str | None,
    newsletter: str | None,
    status: SubscriptionStatus | None,
    after: int,
    limit: int,
) -> Document:
    """A page of subscriptions. Raises `InvalidAddress`."""
    address = parse_address(email) if email is not None else None
    with app.store.read() as tx:
        found = rows.subscription_page(
            tx, address=address, newsletter=newsletter, status=status, after=after, limit=limit
        )
    return _page("subscriptions", found, limit)


def subscription(app: App, number: int) -> Document:
    """One subscription. Raises `NotFound`."""
    with app.store.read() as tx:
        found = rows.subscription_page(
            tx, address=None, newsletter=None, status=None, after=number - 1, limit=1
        )
    if not found or found[0]["id"] != number:
        raise NotFound("subscription", str(number))
    return found[0]


def unsubscribe(app: App, number: int) -> Document:
    """Ends a subscription, at the wish of who owns the token. Raises `NotFound`."""
    with app.store.begin() as tx:
        found = subscriber_rows.get(tx, number)
        if found is None:
            raise NotFound("subscription", str(number))
        subscribers.leave(app, tx, found, evidence=Evidence(source="programming interface"))
    return subscription(app, number)


def issues(app: App, *, newsletter: str | None, after: int, limit: int) -> Document:
    """A page of issues."""
    with app.store.read() as tx:
        found = rows.issue_page(tx, newsletter=newsletter, after=after, limit=limit)
    return _page("issues", found, limit)


def issue(app: App, number: int) -> Document:
    """One issue with its posts and how its deliveries stand. Raises `NotFound`."""
    with app.store.read() as tx:
        found = rows.issue_page(tx, newsletter=None, after=number - 1, limit=1)
    if not found or found[0]["id"] != number:
        raise NotFound("issue", str(number))
    counts = delivery_service.counts(app, number)
    return {
        **found[0],
        "posts": issue_service.posts_of(app, number),
        "deliveries": {status.value: count for status, count in counts.items()},
    }


def deliveries(
    app: App, number: int, *, status: DeliveryStatus | None, after: int, limit: int
) -> Document:
    """A page of an issue's deliveries. Raises `NotFound`."""
    issue_service.get(app, number)
    with app.store.read() as tx:
        found = rows.delivery_page(tx, number, status=status, after=after, limit=limit)
    return _page("deliveries", found, limit)


def _page(name: str, found: rows.Page, limit: int) -> Document:
    """`next`: what to give as `after` for the next page; null on the last one."""
    return {name: found, "next": found[-1]["id"] if len(found) == limit else None}

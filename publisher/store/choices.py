"""What subscribers chose, and the balances of those who changed their series."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    delete,
    false,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    update,
)

from publisher.domain.choices import Balance, Choices, Taste, join_names
from publisher.domain.issues import Issue
from publisher.domain.newsletters import Newsletter
from publisher.domain.subscribers import ConsentEvent, SubscriptionStatus
from publisher.store.engine import Tx, among
from publisher.store.issues import OPEN, carried
from publisher.store.tables import (
    balances,
    consents,
    deliveries,
    issue_posts,
    issues,
    subscriptions,
)
from publisher.store.types import unindexed

CHOSEN = ("frequency", "topics", "languages")
"""The columns of a subscription that hold what was chosen."""


def of_series(newsletter: Newsletter) -> ColumnElement[bool]:
    """Whether a subscription belongs to a series: it was chosen, or nothing else on offer was."""
    if newsletter.series and newsletter.series not in newsletter.frequencies:
        return false()
    if newsletter.series:
        return subscriptions.c.frequency == newsletter.series.value
    if newsletter.frequencies:
        return subscriptions.c.frequency.not_in([each.value for each in newsletter.frequencies])
    return true()


def counts(tx: Tx, newsletter: str, *, only_confirmed: bool = True) -> dict[str, int]:
    """Subscriptions by the frequency that was chosen; empty for none."""
    is_confirmed = subscriptions.c.status == SubscriptionStatus.CONFIRMED.value
    rows = tx.execute(
        select(subscriptions.c.frequency, func.count().label("number"))
        .where(subscriptions.c.newsletter == newsletter, is_confirmed if only_confirmed else true())
        .group_by(subscriptions.c.frequency)
    )
    return {row.frequency: row.number for row in rows}


def readers(tx: Tx, newsletter: Newsletter) -> int:
    """How many confirmed subscriptions are in a series."""
    return tx.scalars(select(func.count()).where(*_in_series(newsletter))).one()


def has_readers(tx: Tx, newsletter: Newsletter) -> bool:
    """Whether anybody confirmed is in a series."""
    found = select(subscriptions.c.id).where(*_in_series(newsletter))
    return tx.scalar(found.limit(1)) is not None


def tastes(tx: Tx, newsletter: Newsletter, *, now: datetime) -> set[Taste]:
    """Every taste there is among those who are owed the issues of a series."""
    which = _are_owed_issues(newsletter, now=now)
    columns = (subscriptions.c.language, subscriptions.c.topics, subscriptions.c.languages)
    found = {Taste(*row) for row in tx.execute(select(*columns).where(which).distinct())}
    uneven = balances_in(tx, newsletter.id)
    if uneven:
        rows = select(subscriptions.c.id, *columns).where(
            which, subscriptions.c.id.in_(select(balances.c.subscription))
        )
        found |= {Taste(*row[1:], uneven[row.id]) for row in tx.execute(rows)}
    return found


def balances_in(tx: Tx, newsletter: str) -> dict[int, Balance]:
    """The balances of a newsletter's subscriptions that are not even."""
    return _balances(tx, unindexed(subscriptions.c.newsletter) == newsletter)


def balances_of(tx: Tx, wanted: Collection[int]) -> dict[int, Balance]:
    """Those of some subscriptions that are not even."""
    return _balances(tx, among(tx, subscriptions.c.id, wanted))


def save(tx: Tx, subscription: int, choices: Choices) -> None:
    """Writes choices down, and no more."""
    tx.execute(
        update(subscriptions).where(subscriptions.c.id == subscription).values(columns_of(choices))
    )


def columns_of(choices: Choices) -> dict[str, str]:
    """Choices as the columns `CHOSEN` of a subscription hold them."""
    values = (choices.frequency, join_names(choices.topics), join_names(choices.languages))
    return dict(zip(CHOSEN, values, strict=True))


def standing(tx: Tx, newsletter: str, series: str, subscription: int) -> frozenset[str]:
    """The posts that a series has carried, as it looks for one of its people: also those of an
    issue whose rows are still being written, once theirs is."""
    theirs = (
        select(issue_posts.c.post)
        .join(deliveries, deliveries.c.issue == issue_posts.c.issue)
        .join(issues, issues.c.id == issue_posts.c.issue)
        .where(
            issue_posts.c.newsletter == newsletter,
            issue_posts.c.series == series,
            issues.c.series == series,
            deliveries.c.subscription == subscription,
        )
    )
    return carried(tx, newsletter, series) | frozenset(tx.scalars(theirs))


def put_balance(tx: Tx, subscription: int, balance: Balance) -> None:
    """Replaces the balance of a subscription."""
    tx.execute(delete(balances).where(balances.c.subscription == subscription))
    rows = [
        {"subscription": subscription, "post": post, "is_owed": is_owed}
        for is_owed, posts in ((False, balance.had), (True, balance.owed))
        for post in sorted(posts)
    ]
    if rows:
        tx.execute(insert(balances), rows)


def apart(tx: Tx, newsletter: str, chosen: str) -> set[int]:
    """The subscriptions with this choice that have a balance of their own, or a row already in an
    issue whose rows are still being written."""
    theirs = (subscriptions.c.newsletter == newsletter) & (subscriptions.c.frequency == chosen)
    unsettled = (
        select(deliveries.c.subscription)
        .join(issues, issues.c.id == deliveries.c.issue)
        .where(issues.c.newsletter == newsletter, issues.c.status.in_(OPEN))
    )
    rows = select(subscriptions.c.id).where(
        theirs,
        subscriptions.c.id.in_(select(balances.c.subscription)) | subscriptions.c.id.in_(unsettled),
    )
    return set(tx.scalars(rows))


def put_balances(
    tx: Tx, newsletter: str, chosen: str, balance: Balance, *, without: Collection[int]
) -> None:
    """Adds the same balance to every subscription with this choice but some."""
    for is_owed, posts in ((False, balance.had), (True, balance.owed)):
        for post in sorted(posts):
            rows = select(subscriptions.c.id, literal(post), literal(is_owed)).where(
                subscriptions.c.newsletter == newsletter,
                subscriptions.c.frequency == chosen,
                ~among(tx, subscriptions.c.id, without),
            )
            tx.execute(insert(balances).from_select(["subscription", "post", "is_owed"], rows))


def settle(tx: Tx, issue: Issue, newsletter: Newsletter) -> None:
    """Evens the balances in a series by an issue of it: it brought what was owed, and from now on
    the series has carried its posts."""
    people = select(subscriptions.c.id).where(
        subscriptions.c.newsletter == newsletter.id, of_series(newsletter)
    )
    posts = select(issue_posts.c.post).where(
        issue_posts.c.issue == issue.id, issue_posts.c.series == issue.series
    )
    tx.execute(
        delete(balances).where(
            balances.c.subscription.in_(people), balances.c.is_owed | balances.c.post.in_(posts)
        )
    )


def forgive(tx: Tx, subscription: int) -> None:
    """Who begins (again) is owed nothing from before."""
    tx.execute(delete(balances).where(balances.c.subscription == subscription, balances.c.is_owed))


def has_changes(tx: Tx, *, since: datetime) -> bool:
    """Whether anybody chose anything since an instant."""
    return tx.scalar(_changes(since).limit(1)) is not None


def changed_since(newsletter: Newsletter, *, since: datetime) -> ColumnElement[bool]:
    """Whether a subscription is in a series, and somebody chose something there since then."""
    return of_series(newsletter) & subscriptions.c.id.in_(_changes(since))


def _in_series(newsletter: Newsletter) -> tuple[ColumnElement[bool], ...]:
    return (
        subscriptions.c.newsletter == newsletter.id,
        subscriptions.c.status == SubscriptionStatus.CONFIRMED.value,
        of_series(newsletter),
    )


def _are_owed_issues(newsletter: Newsletter, *, now: datetime) -> ColumnElement[bool]:
    """Whether a subscription is of this series, confirmed, and not paused at the moment."""
    return and_(
        *_in_series(newsletter),
        or_(subscriptions.c.paused_until.is_(None), subscriptions.c.paused_until <= now),
    )


def _changes(since: datetime) -> Select[tuple[int]]:
    return select(consents.c.subscription).where(
        consents.c.event == ConsentEvent.CHANGED.value, consents.c.at >= since
    )


def _balances(tx: Tx, which: ColumnElement[bool]) -> dict[int, Balance]:
    rows = tx.execute(
        select(balances)
        .join(subscriptions, subscriptions.c.id == balances.c.subscription)
        .where(which)
    )
    sides: dict[int, tuple[set[str], set[str]]] = {}
    for row in rows:
        sides.setdefault(row.subscription, (set(), set()))[row.is_owed].add(row.post)
    return {
        subscription: Balance(had=frozenset(had), owed=frozenset(owed))
        for subscription, (had, owed) in sides.items()
    }

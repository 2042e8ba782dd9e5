"""Who gets an issue, and which rendering of it: one row a person, written before anything is sent.

    tastes ──▶ variants ──▶ people in the order of sending ──▶ rows in batches ──▶ sending

It may be cut and repeated; it adds only what is missing. People choose while it goes on: whoever
came into the series meanwhile is found before the issue is called written. The operator decides
while it goes on: an issue that was held or skipped meanwhile is written no further. The rows of a
held one wait; once it is approved, those that are missing join them.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice

from publisher.domain.choices import Taste
from publisher.domain.deliveries import sending_order
from publisher.domain.issues import Issue
from publisher.domain.newsletters import Newsletter
from publisher.domain.tokens import derive_key
from publisher.services import instances, series, variants
from publisher.services.app import App
from publisher.store import audiences as rows
from publisher.store import choices as choice_rows
from publisher.store import issues as issue_rows
from publisher.store.engine import Tx

FAN_OUT = 10_000
"""How many rows are written in one transaction: pages and links work in between."""

_MARGIN = timedelta(minutes=1)  # another process's clock


def count(app: App, issue: Issue) -> int:
    """How many are owed an issue and have no row yet; not all may like one of its posts."""
    within = choice_rows.of_series(series.of_issue(app, issue.newsletter, issue.series))
    with app.store.read() as tx:
        return len(rows.wanted(tx, issue.id, issue.newsletter, now=app.clock(), within=within))


def write_rows(app: App, issue: Issue, *, stopping: Callable[[], bool]) -> bool:
    """Writes the rows of a planned issue, and calls it `sending`.

    False if it was stopped, or is not planned any more.
    Raises `TemplateError` where a rendering that somebody wants cannot be made.
    """
    newsletter = series.of_issue(app, issue.newsletter, issue.series)
    is_written = False
    while not is_written:
        since = app.clock() - _MARGIN
        drawn = variants.prepare(app, issue, newsletter)
        if not _write(app, issue, newsletter, drawn, stopping=stopping):
            return False
        with app.store.begin() as tx:
            if not issue_rows.is_planned(tx, issue.id):
                return False
            is_written = _add_late(app, tx, issue, newsletter, drawn, since=since)
            if is_written:
                instances.spare_mailed(app, tx, issue, now=app.clock())
                choice_rows.settle(tx, issue, newsletter)
                issue_rows.mark_sending(tx, issue.id)
    return True


def _write(
    app: App,
    issue: Issue,
    newsletter: Newsletter,
    drawn: dict[Taste, str],
    *,
    stopping: Callable[[], bool],
) -> bool:
    now, within = app.clock(), choice_rows.of_series(newsletter)
    with app.store.read() as tx:
        wanted = rows.wanted(tx, issue.id, newsletter.id, now=now, within=within)
    key = derive_key(app.site_key, "sending-order")
    chosen = iter(sending_order(wanted, issue=issue.id, key=key))
    while part := list(islice(chosen, FAN_OUT)):
        if stopping():
            return False
        with app.store.begin() as tx:
            if not issue_rows.is_planned(tx, issue.id):
                return False
            rows.expand(
                tx, issue.id, newsletter.id, chosen=part, now=now, within=within, variants=drawn
            )
    return True


def _add_late(
    app: App,
    tx: Tx,
    issue: Issue,
    newsletter: Newsletter,
    drawn: dict[Taste, str],
    *,
    since: datetime,
) -> bool:
    """Adds whoever chose something since then; False where a rendering is missing for somebody."""
    if not choice_rows.has_changes(tx, since=since):
        return True
    now, within = app.clock(), choice_rows.changed_since(newsletter, since=since)
    late = rows.wanted(tx, issue.id, newsletter.id, now=now, within=within)
    rows.expand(tx, issue.id, newsletter.id, chosen=late, now=now, within=within, variants=drawn)
    return choice_rows.tastes(tx, newsletter, now=now) <= drawn.keys()

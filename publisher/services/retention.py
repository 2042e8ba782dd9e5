"""What happens by itself with time: old requests go, addresses shorten, silence is asked about.

Each verb may run at any time and as often as one likes; a day between two runs is enough.
"""

from dataclasses import dataclass
from datetime import timedelta

from publisher.domain.notices import STAY_LIFE, NoticeKind
from publisher.domain.subscribers import Evidence
from publisher.services import notices, subscribers
from publisher.services.app import App
from publisher.store import consents as consent_rows
from publisher.store import notices as notice_rows
from publisher.store import signups as signup_rows
from publisher.store import subscribers as subscriber_rows

NOTICE_DAYS = 30
"""For how long a settled notice shows whom it went to."""

_BATCH = 200
_SHORTENED = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Tidied:
    """How many rows each rule has touched."""

    unconfirmed: int
    shortened: int
    forgotten: int
    asked: int
    sunset: int


def tidy(app: App) -> Tidied:
    """Applies every rule once."""
    return Tidied(
        unconfirmed=expire_unconfirmed(app),
        shortened=shorten_addresses(app),
        forgotten=forget_requests(app),
        asked=ask_silent(app),
        sunset=end_unanswered(app),
    )


def expire_unconfirmed(app: App) -> int:
    """Ends requests that nobody confirmed in time."""
    before = app.clock() - timedelta(days=app.subscribers.confirm_days)
    with app.store.begin() as tx:
        return subscriber_rows.expire_unconfirmed(tx, before=before)


def shorten_addresses(app: App) -> int:
    """Shortens network addresses in old evidence to a /24 or /48.

    Some at a time: who sends or signs up meanwhile must not wait for all of them.
    """
    before = app.clock() - timedelta(days=app.subscribers.ip_days)
    done = last = 0
    while True:
        with app.store.begin() as tx:
            rows = consent_rows.truncate_ips(tx, before=before, after=last, limit=_SHORTENED)
        if not rows:
            return done
        done, last = done + len(rows), rows[-1]


def forget_requests(app: App) -> int:
    """Removes old requests and notices, and earlier who the notices went to.

    A notice that waits, or whose link still works, stays however old it is.
    """
    now = app.clock()
    before = now - timedelta(days=app.subscribers.ip_days)
    with app.store.begin() as tx:
        return (
            signup_rows.expire(tx, before=before)
            + notice_rows.expire(tx, before=before, now=now)
            + notice_rows.blank(tx, before=now - timedelta(days=NOTICE_DAYS))
        )


def ask_silent(app: App) -> int:
    """Asks who gave no sign for long whether they still want it, some at a time."""
    days, now = app.subscribers.reconfirm_days, app.clock()
    if not days:
        return 0
    known = [newsletter.id for newsletter in app.newsletters]
    with app.store.begin() as tx:
        silent = subscriber_rows.silent(tx, known, before=now - timedelta(days=days), limit=_BATCH)
        for subscription in silent:
            subscriber_rows.mark_asked(tx, subscription.id, now=now)
            notices.queue(app, tx, NoticeKind.STAY, subscription)
    return len(silent)


def end_unanswered(app: App) -> int:
    """Unsubscribes who did not answer that question, where the settings want it."""
    if not app.subscribers.sunset:
        return 0
    with app.store.begin() as tx:
        unanswered = subscriber_rows.unanswered(tx, before=app.clock() - STAY_LIFE)
        for subscription in unanswered:
            subscribers.leave(app, tx, subscription, evidence=Evidence(source="no answer"))
    return len(unanswered)

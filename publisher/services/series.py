"""Which series of a newsletter are open, and who is in which.

A series opens with its first reader and closes with its last. Who goes from one to another takes
a balance along, so that no post is lost and none comes twice (`domain.choices`).
"""

from dataclasses import replace
from datetime import datetime

from publisher.domain.choices import EVEN, Balance, Choices, change_series, offered
from publisher.domain.newsletters import Frequency, Newsletter
from publisher.domain.series import in_series, offer_words, series_of
from publisher.domain.subscribers import ConsentEvent, Subscription
from publisher.services.app import App
from publisher.store import choices as choice_rows
from publisher.store import consents as consent_rows
from publisher.store import issues as issue_rows
from publisher.store import newsletters as rows
from publisher.store import subscribers as subscriber_rows
from publisher.store.engine import Tx


def listing(app: App, newsletter: Newsletter) -> list[Newsletter]:
    """The newsletter itself, and each further series of it that is open."""
    if not newsletter.frequencies:
        return [newsletter]
    with app.store.read() as tx:
        opened = rows.open_series(tx, newsletter.id)
    further = [in_series(newsletter, one) for one in newsletter.frequencies if one in opened]
    return [newsletter, *further]


def everything(app: App) -> list[Newsletter]:
    """Every newsletter with its open series, in the order of the settings."""
    return [one for newsletter in app.newsletters for one in listing(app, newsletter)]


def of_issue(app: App, newsletter: str, series: str) -> Newsletter:
    """The series that an issue belongs to. Raises `NotFound` where its newsletter is gone."""
    found = app.newsletter(newsletter)
    return in_series(found, Frequency(series)) if series else found


def tend(app: App, newsletter: Newsletter, *, now: datetime) -> None:
    """Opens and closes series as the settings and the choices want it.

    Whose choice has come on offer, or is no longer, goes to the series that is theirs now. Repeat
    it freely: it writes only where something has changed.
    """
    words = offer_words(newsletter)
    with app.store.read() as tx:
        before = rows.offered(tx, newsletter.id)
        is_done = (before or "") == words and not _to_change(tx, newsletter)
    if is_done:
        return
    with app.store.begin() as tx:
        rows.greet(tx, newsletter, now=now)
        before = rows.offered(tx, newsletter.id) or ""
        if before != words:
            _regroup(tx, newsletter, before.split(), now=now)
            rows.offer(tx, newsletter.id, words)
        for series, is_wanted in _to_change(tx, newsletter):
            if is_wanted:
                rows.begin(tx, series, now=now)
            else:
                rows.end(tx, newsletter.id, series.series or "")


def tend_all(app: App) -> None:
    """Tends every newsletter; before anybody goes from one series to another."""
    for newsletter in app.newsletters:
        tend(app, newsletter, now=app.clock())


def change(app: App, tx: Tx, about: Subscription, wanted: Choices) -> bool:
    """Saves what is on offer of some choices; False where they stand so already.

    The caller has called `tend_all`, and writes the evidence. An issue whose rows are written is
    not changed.
    """
    newsletter = app.newsletter(about.newsletter)
    chosen, known = offered(newsletter, wanted), subscriber_rows.get(tx, about.id)
    if known is None or chosen == known.choices:
        return False
    if consent_rows.last(tx, about.id, ConsentEvent.CONFIRMED):  # else they never had an issue
        before, after = known.choices.frequency, chosen.frequency
        _move(tx, newsletter, about.id, before, after, now=app.clock())
    choice_rows.save(tx, about.id, chosen)
    return True


def _move(
    tx: Tx, newsletter: Newsletter, subscription: int, chosen: str, wanted: str, *, now: datetime
) -> None:
    """Somebody goes from the series of one choice to that of another, if it is another."""
    before, after = series_of(newsletter, chosen), series_of(newsletter, wanted)
    if before is after:
        return
    if after:
        rows.begin(tx, in_series(newsletter, after), now=now)
    balance = choice_rows.balances_of(tx, [subscription]).get(subscription, EVEN)
    _move_one(tx, newsletter, subscription, balance, before=before or "", after=after or "")


def _move_one(
    tx: Tx, newsletter: Newsletter, subscription: int, balance: Balance, *, before: str, after: str
) -> None:
    changed = change_series(
        balance,
        before=choice_rows.standing(tx, newsletter.id, before, subscription),
        after=choice_rows.standing(tx, newsletter.id, after, subscription),
    )
    choice_rows.put_balance(tx, subscription, changed)


def _to_change(tx: Tx, newsletter: Newsletter) -> list[tuple[Newsletter, bool]]:
    """The series that should be open (True) or closed, and are not."""
    opened = rows.open_series(tx, newsletter.id)
    found = []
    for frequency in Frequency:
        series = in_series(newsletter, frequency)
        is_wanted = frequency in newsletter.frequencies and (
            choice_rows.has_readers(tx, series)
            or bool(issue_rows.unfrozen(tx, newsletter.id, frequency))
        )
        if is_wanted is not (frequency in opened):
            found.append((series, is_wanted))
    return found


def _regroup(tx: Tx, newsletter: Newsletter, before: list[str], *, now: datetime) -> None:
    """Takes everybody whose choice leads elsewhere than before to the series that is theirs now."""
    earlier = replace(newsletter, frequencies=tuple(Frequency(one) for one in before))
    for chosen in choice_rows.counts(tx, newsletter.id, only_confirmed=False):
        source, target = series_of(earlier, chosen), series_of(newsletter, chosen)
        if source is target:
            continue
        if target:
            rows.begin(tx, in_series(newsletter, target), now=now)
        _move_all(tx, newsletter, chosen, before=source or "", after=target or "")


def _move_all(tx: Tx, newsletter: Newsletter, chosen: str, *, before: str, after: str) -> None:
    """Everybody who made one choice goes from a series to another; most have the same balance."""
    apart = choice_rows.apart(tx, newsletter.id, chosen)
    balances = choice_rows.balances_of(tx, apart)
    for one in apart:
        _move_one(tx, newsletter, one, balances.get(one, EVEN), before=before, after=after)
    same = change_series(
        EVEN,
        before=issue_rows.carried(tx, newsletter.id, before),
        after=issue_rows.carried(tx, newsletter.id, after),
    )
    choice_rows.put_balances(tx, newsletter.id, chosen, same, without=apart)

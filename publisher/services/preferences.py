"""What subscribers look after themselves: newsletters, language, pauses, address, their data.

The preferences link changes what can be changed back. What cannot (another address, a copy of
everything, erasure) needs a fresh link, mailed to the address, that works once and for minutes.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from publisher.domain.addresses import parse_address
from publisher.domain.choices import Choices
from publisher.domain.newsletters import Newsletter
from publisher.domain.notices import LINK_PURPOSES, LINKS_A_DAY, Notice, NoticeKind
from publisher.domain.subscribers import ConsentEvent, Evidence, Subscription, SubscriptionStatus
from publisher.domain.suppressions import address_hash, marks
from publisher.domain.tokens import Purpose, read_token
from publisher.errors import InvalidToken
from publisher.services import notices, series, signups, subscribers
from publisher.services.app import App
from publisher.store import consents as consent_rows
from publisher.store import notices as notice_rows
from publisher.store import subscribers as rows
from publisher.store import suppressions as suppression_rows
from publisher.store.engine import Tx

FRESH_LINKS = (NoticeKind.ADDRESS, NoticeKind.EXPORT, NoticeKind.ERASE)
"""What may be asked for on the preferences page and is answered by mail."""

PAUSES = (30, 90)
"""The pauses that the page offers, in days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who a preferences link is about. `by_newsletter` holds what they ever asked for."""

    link: Subscription
    by_newsletter: dict[str, Subscription]
    newsletters: tuple[Newsletter, ...]

    @property
    def confirmed(self) -> list[Subscription]:
        """What they receive, or would but for a pause."""
        rows = self.by_newsletter.values()
        return [one for one in rows if one.status is SubscriptionStatus.CONFIRMED]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the page was sent with. `pause_days`: 0 goes on at once, None leaves it as it is.

    `chosen` holds frequency, topics and languages by newsletter, for those that it showed.
    """

    wanted: Collection[str]
    language: str
    pause_days: int | None
    chosen: Mapping[str, Choices]


def find(app: App, token: str) -> Person:
    """The person of a preferences link. Raises `InvalidToken`.

    On offer are the newsletters that are public, or that they have been given.
    """
    link = subscribers.get(app, read_token(app.keys, Purpose.PREFERENCES, token))
    with app.store.read() as tx:
        theirs = {one.newsletter: one for one in rows.of_subscriber(tx, link.subscriber)}
    return Person(
        link=link,
        by_newsletter=theirs,
        newsletters=tuple(one for one in app.newsletters if one.public or one.id in theirs),
    )


def save(app: App, token: str, wishes: Wishes, *, ip: str) -> Person:
    """Saves the choices; a newsletter that is new to them is confirmed by mail first.

    Raises `InvalidToken`.
    """
    person = find(app, token)
    evidence = Evidence(source="preferences page", ip=ip)
    series.tend_all(app)
    with app.store.begin() as tx:
        for newsletter in person.newsletters:
            known = person.by_newsletter.get(newsletter.id)
            receives = known is not None and known.status is SubscriptionStatus.CONFIRMED
            if known and receives and newsletter.id not in wishes.wanted:
                subscribers.leave(app, tx, known, evidence=evidence)
            elif known and receives:
                _keep(app, tx, known, wishes, evidence=evidence)
            elif newsletter.id in wishes.wanted:
                _want(app, tx, person, newsletter, wishes, evidence=evidence)
    return find(app, token)


def ask_link(app: App, token: str, kind: NoticeKind) -> Person:
    """Mails a fresh link; silently none after too many in a day. Raises `InvalidToken`."""
    person = find(app, token)
    if kind not in FRESH_LINKS:
        raise InvalidToken
    with app.store.begin() as tx:
        if _asked_today(app, tx, person.link.address) < LINKS_A_DAY:
            notices.queue(app, tx, kind, person.link)
    return person


def open_link(app: App, kind: NoticeKind, token: str) -> tuple[Notice, Subscription]:
    """What a fresh link is about, while it works. Raises `InvalidToken`."""
    number = read_token(app.keys, LINK_PURPOSES[kind], token)
    with app.store.read() as tx:
        notice = notice_rows.get(tx, number)
    if notice is None or notice.kind is not kind or not notice.is_open(now=app.clock()):
        raise InvalidToken
    return notice, subscribers.get(app, notice.subscription)


def ask_move(app: App, token: str, email: str) -> Subscription:
    """Asks the new address for its consent, where it may be written to; uses the link up.

    Raises `InvalidToken`, and `InvalidAddress` while the link goes on working.
    """
    notice, about = open_link(app, NoticeKind.ADDRESS, token)
    address = parse_address(email.strip())
    with app.store.begin() as tx:
        _use(app, tx, notice)
        is_free = not suppression_rows.holds(tx, marks(app.keys, address))
        known = rows.of_address(tx, address, about.newsletter)
        if is_free and signups.may_mail(app, tx, address.text, known):
            notices.queue(app, tx, NoticeKind.MOVE, about, to=address.text)
    return about


def move(app: App, token: str, *, ip: str) -> Subscription:
    """The new address consents. Raises `InvalidToken`, also where somebody else has it already."""
    notice, about = open_link(app, NoticeKind.MOVE, token)
    address = parse_address(notice.address)
    with app.store.begin() as tx:
        _use(app, tx, notice)
        if suppression_rows.holds(tx, marks(app.keys, address)):
            raise InvalidToken
        if not rows.move(tx, about.subscriber, address):
            raise InvalidToken
        evidence = Evidence(source="link to the new address", ip=ip)
        for one in rows.of_subscriber(tx, about.subscriber):
            consent_rows.testify(tx, one.id, ConsentEvent.MOVED, evidence=evidence, now=app.clock())
    return subscribers.get(app, about.id)


def stay(app: App, token: str, *, ip: str) -> Subscription:
    """Somebody still wants it. Raises `InvalidToken`."""
    notice, about = open_link(app, NoticeKind.STAY, token)
    with app.store.begin() as tx:
        _use(app, tx, notice)
        rows.stay(tx, about.id, evidence=Evidence(source="re-confirmation", ip=ip), now=app.clock())
    return about


def use_link(app: App, notice: Notice) -> None:
    """Uses a fresh link up. Raises `InvalidToken` if somebody was faster."""
    with app.store.begin() as tx:
        _use(app, tx, notice)


def _use(app: App, tx: Tx, notice: Notice) -> None:
    if not notice_rows.use(tx, notice.id, now=app.clock()):
        raise InvalidToken


def _keep(app: App, tx: Tx, known: Subscription, wishes: Wishes, *, evidence: Evidence) -> None:
    paused = known.paused_until
    if wishes.pause_days is not None:
        days = wishes.pause_days
        paused = app.clock() + timedelta(days=days) if days else None
    chosen = wishes.chosen.get(known.newsletter, known.choices)
    has_chosen = series.change(app, tx, known, chosen)
    if has_chosen:
        evidence = replace(evidence, source=f"{evidence.source}: {chosen}")
    if has_chosen or (wishes.language, paused) != (known.language, known.paused_until):
        rows.choose(
            tx,
            known.id,
            language=wishes.language,
            paused_until=paused,
            evidence=evidence,
            now=app.clock(),
        )


def _want(
    app: App,
    tx: Tx,
    person: Person,
    newsletter: Newsletter,
    wishes: Wishes,
    *,
    evidence: Evidence,
) -> None:
    """Who holds the link may not be the one whose address it is: the address itself confirms."""
    address = parse_address(person.link.address)
    if suppression_rows.holds(tx, marks(app.keys, address)):
        return
    if _asked_today(app, tx, person.link.address) >= LINKS_A_DAY:
        return
    pending = rows.ask(
        tx, address, newsletter.id, language=wishes.language, evidence=evidence, now=app.clock()
    )
    series.change(app, tx, pending, wishes.chosen.get(newsletter.id, pending.choices))
    notices.queue(app, tx, NoticeKind.CONFIRM, pending)


def _asked_today(app: App, tx: Tx, email: str) -> int:
    hashes = [address_hash(key, parse_address(email)) for key in app.keys]
    return notice_rows.asked(tx, hashes, since=app.clock() - timedelta(days=1))

"""Who receives what: adding, confirming, leaving, coming back."""

from publisher.domain.addresses import parse_address
from publisher.domain.choices import NO_CHOICES, Choices
from publisher.domain.notices import NoticeKind
from publisher.domain.subscribers import (
    PAUSE,
    Answer,
    Consent,
    Evidence,
    Joined,
    Subscription,
    SubscriptionStatus,
    judge_confirmation,
    name_problem,
)
from publisher.domain.suppressions import marks
from publisher.domain.tokens import Purpose, read_confirmation, read_token
from publisher.errors import InvalidToken, NotFound, PublisherError
from publisher.services import links, notices, signups
from publisher.services.app import App
from publisher.store import consents as consent_rows
from publisher.store import notices as notice_rows
from publisher.store import subscribers as rows
from publisher.store import suppressions as suppression_rows
from publisher.store.engine import Tx


def add(
    app: App,
    newsletter: str,
    *,
    email: str,
    name: str,
    source: str,
    choices: Choices = NO_CHOICES,
) -> Joined:
    """Adds a confirmed subscription on the operator's word.

    Raises `InvalidAddress`, `NotFound`, and `PublisherError` for a name that no file could bring.
    """
    app.newsletter(newsletter)
    address = parse_address(email.strip())
    called = " ".join(name.split())
    if problem := name_problem(called):
        raise PublisherError(f"{address.text}: {problem}")
    with app.store.begin() as tx:
        return rows.add(
            tx,
            address=address,
            marks=marks(app.keys, address),
            name=called,
            newsletter=newsletter,
            status=SubscriptionStatus.CONFIRMED,
            source=source,
            choices=choices,
            now=app.clock(),
        )


def listing(
    app: App, *, newsletter: str | None = None, status: SubscriptionStatus | None = None
) -> list[Subscription]:
    """The subscriptions, by address."""
    with app.store.read() as tx:
        return rows.listing(tx, newsletter=newsletter, status=status)


def remove(app: App, email: str) -> None:
    """Removes a subscriber with every subscription. Raises `NotFound`, `InvalidAddress`."""
    address = parse_address(email.strip())
    with app.store.begin() as tx:
        if not rows.remove(tx, address, now=app.clock()):
            raise NotFound("subscriber", address.text)


def unsubscribe_url(app: App, subscription: int) -> str:
    """The link by which a subscription ends; also the target of one-click (RFC 8058)."""
    return links.unsubscribe(app, subscription)


def find_by_token(app: App, token: str) -> Subscription:
    """The subscription that an unsubscribe link names. Raises `InvalidToken`."""
    return get(app, read_token(app.keys, Purpose.UNSUBSCRIBE, token))


def get(app: App, subscription: int) -> Subscription:
    """One subscription. Raises `InvalidToken` where it is gone: only links know its number."""
    with app.store.read() as tx:
        found = rows.get(tx, subscription)
    if found is None:
        raise InvalidToken
    return found


def unsubscribe(app: App, token: str) -> Subscription | None:
    """Ends the subscription that the link names; may be repeated. Raises `InvalidToken`.

    None where it is gone: removed, erased, or expired. Nothing is sent there, which is what the
    link promises, so that it is no error.
    """
    number = read_token(app.keys, Purpose.UNSUBSCRIBE, token)
    with app.store.begin() as tx:
        found = rows.get(tx, number)
        if found:
            leave(app, tx, found, evidence=Evidence(source="unsubscribe link"))
    return found


def leave(app: App, tx: Tx, subscription: Subscription, *, evidence: Evidence) -> None:
    """Ends a subscription; nothing that waits for it is sent but perhaps a goodbye."""
    was_confirmed = subscription.status is SubscriptionStatus.CONFIRMED
    left = rows.change(
        tx,
        subscription.id,
        SubscriptionStatus.UNSUBSCRIBED,
        evidence=evidence,
        now=app.clock(),
    )
    notice_rows.cancel(tx, [subscription.id], now=app.clock())
    if left and was_confirmed and app.subscribers.goodbye:
        notices.queue(app, tx, NoticeKind.GOODBYE, subscription)


def evidence(app: App, email: str) -> list[Consent]:
    """All evidence of consent of an address, oldest first. Raises `NotFound`, `InvalidAddress`."""
    address = parse_address(email.strip())
    with app.store.read() as tx:
        person = rows.find(tx, address)
        if person is None:
            raise NotFound("subscriber", address.text)
        return consent_rows.of_subscriber(tx, person.id)


def find_confirmation(app: App, token: str) -> tuple[Subscription, Answer]:
    """The subscription that a confirmation link is about, and whether it can be confirmed.

    Raises `InvalidToken` for a link that is not ours, expired, or replaced.
    """
    claim = read_confirmation(app.keys, token)
    found = get(app, claim.subscription)
    answer = judge_confirmation(found, claim, now=app.clock())
    if answer is Answer.DEAD:
        raise InvalidToken
    return found, answer


def confirm(app: App, token: str, *, ip: str) -> Subscription:
    """Confirms what the link asks for; repeating it changes nothing. Raises `InvalidToken`."""
    found, answer = find_confirmation(app, token)
    if answer is Answer.OPEN:
        evidence = Evidence(source="confirmation link", ip=ip)
        with app.store.begin() as tx:
            confirmed = rows.confirm(
                tx, found.id, request=found.request, evidence=evidence, now=app.clock()
            )
            if confirmed and app.subscribers.welcome:
                notices.queue(app, tx, NoticeKind.WELCOME, found)
        if not confirmed:  # somebody was faster: they confirmed too, or left
            found, _ = find_confirmation(app, token)
    return get(app, found.id)


def confirm_by_operator(app: App, email: str, *, newsletter: str | None = None) -> int:
    """Confirms what waits for an address, on the operator's word. Returns how many.

    Who has left stays away. Raises `NotFound`, `InvalidAddress`.
    """
    address = parse_address(email.strip())
    done = 0
    with app.store.begin() as tx:
        person = rows.find(tx, address)
        if person is None:
            raise NotFound("subscriber", address.text)
        for one in rows.of_subscriber(tx, person.id):
            if one.status is SubscriptionStatus.PENDING and newsletter in (None, one.newsletter):
                status, word = SubscriptionStatus.CONFIRMED, Evidence(source="operator")
                done += rows.change(tx, one.id, status, evidence=word, now=app.clock())
    return done


def pause(app: App, token: str) -> Subscription:
    """Sends no issue for a while, then again by itself. Raises `InvalidToken`."""
    found = find_by_token(app, token)
    with app.store.begin() as tx:
        rows.choose(
            tx,
            found.id,
            language=found.language,
            paused_until=app.clock() + PAUSE,
            evidence=Evidence(source="unsubscribe page: pause"),
            now=app.clock(),
        )
    return get(app, found.id)


def ask_again(app: App, token: str, *, ip: str) -> Subscription:
    """Somebody who left wants to come back: a new confirmation, as if from the form."""
    found = find_by_token(app, token)
    with app.store.begin() as tx:
        ask_back(app, tx, found, evidence=Evidence(source="unsubscribe page", ip=ip))
    return found


def ask_back(app: App, tx: Tx, about: Subscription, *, evidence: Evidence) -> None:
    """Queues a confirmation for a subscription, where its address may be written to."""
    address = parse_address(about.address)
    is_welcome = (
        about.status is not SubscriptionStatus.CONFIRMED
        and not suppression_rows.holds(tx, marks(app.keys, address))
        and signups.may_mail(app, tx, about.address, about)
    )
    if is_welcome:
        pending = rows.ask(
            tx,
            address,
            about.newsletter,
            language=about.language,
            evidence=evidence,
            now=app.clock(),
        )
        notices.queue(app, tx, NoticeKind.CONFIRM, pending)

"""Choosing: how often, which topics, in which languages. It counts from the next issue on."""

from dataclasses import replace

from publisher.domain.addresses import parse_address
from publisher.domain.choices import Choices, offered
from publisher.domain.newsletters import Newsletter
from publisher.domain.series import frequency_of, rarer
from publisher.domain.subscribers import Evidence, Subscription
from publisher.errors import InvalidToken, NotFound
from publisher.services import series, subscribers
from publisher.services.app import App
from publisher.store import subscribers as subscriber_rows


def less_often(app: App, token: str) -> Subscription:
    """Goes to the next rarer frequency on offer, from an unsubscribe link.

    Raises `InvalidToken`, also where none is rarer.
    """
    found = subscribers.find_by_token(app, token)
    newsletter = next((one for one in app.newsletters if one.id == found.newsletter), None)
    wanted = rarer(newsletter, found.choices.frequency) if newsletter else None
    if newsletter is None or wanted is None:
        raise InvalidToken
    is_own = wanted is frequency_of(newsletter.schedule)
    series.tend_all(app)
    chosen = replace(found.choices, frequency="" if is_own else wanted.value)
    _save(app, found, chosen, "unsubscribe page")
    return subscribers.get(app, found.id)


def choose(app: App, email: str, newsletter: str, wanted: Choices) -> Subscription:
    """Chooses for somebody, on the operator's word; empty parts mean no choice.

    Raises `NotFound` for a stranger or what is not on offer, `InvalidAddress`.
    """
    configured, address = app.newsletter(newsletter), parse_address(email.strip())
    _refuse_others(wanted, configured)
    with app.store.read() as tx:
        found = subscriber_rows.of_address(tx, address, newsletter)
    if found is None:
        raise NotFound("subscriber", address.text)
    series.tend_all(app)
    _save(app, found, wanted, "operator")
    return subscribers.get(app, found.id)


def _save(app: App, about: Subscription, wanted: Choices, source: str) -> None:
    with app.store.begin() as tx:
        if series.change(app, tx, about, wanted):
            words = f"{source}: {wanted}"
            subscriber_rows.choose(
                tx,
                about.id,
                language=about.language,
                paused_until=about.paused_until,
                evidence=Evidence(source=words),
                now=app.clock(),
            )


def _refuse_others(wanted: Choices, newsletter: Newsletter) -> None:
    """Raises `NotFound` for the first choice that is not on offer."""
    found = offered(newsletter, wanted)
    others = {
        "frequency": {wanted.frequency} - {found.frequency},
        "topic": wanted.topics - found.topics,
        "language": wanted.languages - found.languages,
    }
    on_offer = (newsletter.frequencies, newsletter.topics, newsletter.languages)
    for (kind, unknown), names in zip(others.items(), on_offer, strict=True):
        for name in sorted(unknown):
            words = f"newsletter {newsletter.id} offers {', '.join(names) or 'none'}"
            if kind == "frequency" and names:
                words += " beside its own, which is theirs who choose none"
            raise NotFound(kind, name, problem=words)

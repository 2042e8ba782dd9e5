"""What the doctor learns from others: the DNS, and the relays. Nothing is sent or changed."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address

from publisher.domain import dmarc, spf
from publisher.domain.checkups import LATER, Diagnosis, Grade, ill, judged, ok
from publisher.domain.dkim import diagnose as diagnose_dkim
from publisher.domain.lookups import Lookup
from publisher.domain.replies import RelayKind
from publisher.errors import ConfigError
from publisher.mail.dkim import dkim_record, rsa_bits
from publisher.mail.relays import Relay
from publisher.net.dns import Resolver
from publisher.net.guard import is_public
from publisher.services import dkim, relays
from publisher.services import spf as trees
from publisher.services.app import App
from publisher.services.relays import RelayTrial

_OWN_HOSTS = (RelayKind.RELAY, RelayKind.DIRECT)
"""Relays that may send from the address that we connect to; the others certainly do not."""

LOOK_SECONDS = 15.0
"""For any one answer of a relay: nobody waits for the doctor as for a message."""

_WISHES = ("PIPELINING", "SIZE", "8BITMIME", "DSN")
"""What a relay had better offer."""


class Others:
    """Whom the doctor asks: the DNS, and each relay once."""

    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver
        self._trials: dict[str, RelayTrial] = {}

    def trial(self, relay: Relay) -> RelayTrial:
        """What a relay says up to the login. Nothing is sent, no pause lifted."""
        if relay.label not in self._trials:
            patience = min(relay.timeout_seconds, LOOK_SECONDS)
            hasty = replace(relay, timeout_seconds=patience)
            self._trials[relay.label] = relays.look_at(hasty)
        return self._trials[relay.label]

    def outside(self, relay: Relay) -> list[str]:
        """The addresses that the world sees of a relay, as far as can be known; mostly one.

        They are those of its host, or, where that is on this machine or in its network, of the
        name by which it greets. A provider's, which sends from elsewhere, has none.
        """
        if relay.kind not in _OWN_HOSTS:
            return []
        return self._public(relay.host) or self._public(self.trial(relay).greeting)

    def _public(self, name: str) -> list[str]:
        found = self.resolver.addresses(name).values if name else ()
        return [one for one in found if is_public(ip_address(one))]


def keys(app: App, others: Others) -> Iterator[Diagnosis]:
    """Whether the records of our signing keys can be found, and are theirs."""
    for sender in dkim.senders(app):
        try:
            found = dkim.keys(app, sender)
        except ConfigError:
            continue  # said offline
        for key in found:
            record = dkim_record(key)
            answer = others.resolver.texts(record.name)
            value = answer.values[0] if answer.values else ""
            bits = rsa_bits(value.rpartition("p=")[2])
            yield from diagnose_dkim(answer, record.value, bits=bits, line=str(record))


def spf_records(app: App, others: Others) -> Iterator[Diagnosis]:
    """SPF of each domain that stands in a From or in a return path."""
    hosts = {relay.label: others.outside(relay) for relay in app.relays}
    for domain in _domains(app):
        yield from spf.diagnose(trees.tree(others.resolver, domain), hosts)


def dmarc_records(app: App, others: Others) -> Iterator[Diagnosis]:
    """DMARC of each domain that stands in a From."""
    for sender in dkim.senders(app):
        domain = _domain(sender)
        found: list[Lookup] = []
        for place in dmarc.places(domain):
            found.append(others.resolver.texts(f"_dmarc.{place}"))
            if found[-1].is_unsure or any(dmarc.is_ours(text) for text in found[-1].values):
                break
        yield from dmarc.diagnose(
            domain,
            found,
            signs=bool(app.dkim.selector),
            envelope=app.bounces.domain or domain,
        )


def names(app: App, others: Others) -> Iterator[Diagnosis]:
    """Whether the site is found, whether relays have names, who takes mail for our domains."""
    yield _site(others.resolver.addresses(app.site.host))
    for relay in app.relays:
        for address in others.outside(relay):
            yield _reverse(relay, address, others.resolver)
    for domain in _domains(app):
        yield _mail_host(domain, others.resolver)


def dialogues(app: App, others: Others) -> Iterator[Diagnosis]:
    """Whether each relay can be used, and what it offers."""
    for relay in app.relays:
        yield from _dialogue(relay, others)


def _dialogue(relay: Relay, others: Others) -> Iterator[Diagnosis]:
    trial, about = others.trial(relay), relay.label
    fine = f"login {trial.login}" if trial.login else "no login"
    remedy = "mend it; then `publisher smtp test` lifts a pause"
    yield judged("SMT001", about, trial.problem, fine=fine, remedy=remedy)
    if trial.problem:
        return
    found = others.resolver.addresses(relay.host).values
    is_here = bool(found) and all(ip_address(one).is_loopback for one in found)
    yield judged(
        "SMT002",
        about,
        "" if trial.tls or is_here else "plain text",
        fine=trial.tls or "plain text, on this machine",
        remedy='set security = "starttls" or "tls"',
        grade=Grade.WARN,
    )
    missing = [wish for wish in _WISHES if wish not in trial.offers]
    yield judged(
        "SMT003",
        about,
        f"does not offer {', '.join(missing)}" if missing else "",
        fine=f"offers {', '.join(sorted(trial.offers))}",
        remedy="nothing, unless sending is slow; another relay may offer more",
        grade=Grade.INFO,
    )
    if relay.kind in _OWN_HOSTS:
        yield _greeting(relay, trial.greeting, others.resolver)


def _greeting(relay: Relay, name: str, resolver: Resolver) -> Diagnosis:
    """The name by which a server goes must lead to it; that of a smarthost may be another one for
    us than for the world."""
    found = resolver.addresses(name)
    if found.is_unsure:
        return ill("HST005", relay.label, str(found), remedy=LATER, grade=Grade.WARN)
    return judged(
        "SMT004",
        relay.label,
        "" if found.values else f"calls itself {name}, which leads nowhere",
        fine=f"calls itself {name}",
        remedy="set its own name (myhostname of Postfix) to one with an address in the DNS",
        grade=Grade.WARN if relay.kind is RelayKind.DIRECT else Grade.INFO,
    )


def _site(found: Lookup) -> Diagnosis:
    if found.is_unsure:
        return ill("HST005", found.name, str(found), remedy=LATER, grade=Grade.WARN)
    remedy = f"publish an A or AAAA record for {found.name}, or mend site.base_url"
    if not found.values:
        return ill("HST001", found.name, str(found.found), remedy=remedy)
    inside = [one for one in found.values if not is_public(ip_address(one))]
    return judged(
        "HST001",
        found.name,
        f"leads to {', '.join(inside)}, which is not on the public internet" if inside else "",
        fine=", ".join(found.values),
        remedy=remedy,
        grade=Grade.WARN,
    )


def _reverse(relay: Relay, address: str, resolver: Resolver) -> Diagnosis:
    """The name of an address must lead back to it."""
    found, about = resolver.names(address), f"{relay.label} ({address})"
    if found.is_unsure:
        return ill("HST005", about, str(found), remedy=LATER, grade=Grade.WARN)
    remedy = f"let the owner of {address} publish its PTR record"
    if not found.values:
        grade = Grade.FAIL if relay.kind is RelayKind.DIRECT else Grade.WARN
        return ill("HST002", about, "the address has no name", remedy=remedy, grade=grade)
    back = [name for name in found.values if address in resolver.addresses(name).values]
    named = ", ".join(found.values)
    return judged(
        "HST003",
        about,
        "" if back else f"its name {named} does not lead back to it",
        fine=f"is {named}, and back",
        remedy=f"{remedy}, or an address record of {named}",
    )


def _mail_host(domain: str, resolver: Resolver) -> Diagnosis:
    """Who takes reports of failure and replies (RFC 5321, section 5.1)."""
    found = resolver.exchanges(domain)
    remedy = f"publish an MX record for {domain}"
    if not found.values and not found.is_unsure:
        found = resolver.addresses(domain)
        if found.values:
            seen = f"no MX; {domain} itself is asked"
            return ill("HST004", domain, seen, remedy=remedy, grade=Grade.INFO)
    if found.is_unsure:
        return ill("HST005", domain, str(found), remedy=LATER, grade=Grade.WARN)
    if found.values == (".",):  # RFC 7505
        return ill("HST004", domain, "its MX says that it takes no mail", remedy=remedy)
    if not any(resolver.addresses(host).values for host in found.values):
        named = ", ".join(found.values)
        seen = f"its MX {named} has no address" if named else "neither MX nor address"
        return ill("HST004", domain, seen, remedy=remedy)
    return ok("HST004", domain, ", ".join(found.values))


def _domains(app: App) -> list[str]:
    """Those of senders and of the return path, each once."""
    own = [_domain(sender) for sender in dkim.senders(app)]
    return list(dict.fromkeys([*own, app.bounces.domain] if app.bounces.domain else own))


def _domain(address: str) -> str:
    return address.rpartition("@")[2]

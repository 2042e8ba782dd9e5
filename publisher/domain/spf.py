"""SPF: which hosts may send for a domain, and whether receivers can find that out (RFC 7208).

A record leads to others (`include:`, `redirect=`), so what is judged is a tree: `Branch`. Whoever
asks the DNS fills it in; here nothing is asked.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from publisher.domain.checkups import LATER, Diagnosis, Grade, ill, judged, ok
from publisher.domain.lookups import Lookup

MOST_LOOKUPS, MOST_VOIDS = 10, 2
"""RFC 7208, section 4.6.4."""

_COUNTED = frozenset({"include", "a", "mx", "ptr", "exists"})
_MODIFIER = re.compile(r"([A-Za-z][A-Za-z0-9_.-]*)=(\S*)")

Address = IPv4Address | IPv6Address


class Outcome(StrEnum):
    """What a receiver concludes for one address (section 2.6)."""

    PASS = "pass"  # noqa: S105  # the word of the RFC
    FAIL = "fail"
    SOFTFAIL = "softfail"
    NEUTRAL = "neutral"


_OUTCOMES = {
    "+": Outcome.PASS,
    "-": Outcome.FAIL,
    "~": Outcome.SOFTFAIL,
    "?": Outcome.NEUTRAL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One mechanism. `value`: the domain or network, empty where none is written. `cidr4`,
    `cidr6`: the length of the prefix that an address of `a` or `mx` stands for."""

    qualifier: str
    name: str
    value: str = ""
    cidr4: int = 32
    cidr6: int = 128

    @property
    def is_macro(self) -> bool:
        """Whether it differs from message to message (section 7)."""
        return "%" in self.value

    def __str__(self) -> str:
        sign = "" if self.qualifier == "+" else self.qualifier
        return f"{sign}{self.name}{':' if self.value else ''}{self.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record, read: its mechanisms in their order, and where it goes on if none matches."""

    terms: tuple[Term, ...]
    redirect: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """What stands at one domain, and at those that it leads to.

    `texts`: its SPF records as written. `record` is None where there is not exactly one that can
    be read; `problem` says why. `hosts`: for each `a`, `mx` and `exists` the addresses found.
    `branches`: those of `include` and `redirect`, by their domain. `unsure`: look-ups that failed.
    """

    domain: str
    texts: tuple[str, ...] = ()
    record: Record | None = None
    problem: str = ""
    hosts: Mapping[Term, tuple[str, ...]] = field(default_factory=dict)
    branches: Mapping[str, "Branch"] = field(default_factory=dict)
    unsure: tuple[Lookup, ...] = ()


def is_ours(text: str) -> bool:
    """Whether a TXT record is meant as one of SPF (section 4.5)."""
    return text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")


def parse(text: str) -> Record:
    """Reads a record. Raises `ValueError` with the term that is wrong (section 4.6)."""
    terms: list[Term] = []
    redirect = ""
    for word in text.split()[1:]:
        if modifier := _MODIFIER.fullmatch(word):
            if modifier[1].lower() == "redirect":
                if redirect or not modifier[2]:
                    raise ValueError(f"{word!r}: there must be one redirect, with a domain")
                redirect = modifier[2].lower()
            continue  # exp=, and what nobody knows (section 6)
        terms.append(_term(word))
    return Record(terms=tuple(terms), redirect=redirect)


def _term(word: str) -> Term:
    sign, rest = (word[0], word[1:]) if word[0] in _OUTCOMES else ("+", word)
    name, colon, value = rest.partition(":")
    if not colon:
        name, slash, cidr = rest.partition("/")
        value = slash + cidr
    name = name.lower()
    match name:
        case "ip4" | "ip6":
            try:
                network = ip_network(value, strict=False)
            except ValueError:
                raise ValueError(f"{word!r}: {value!r} is no network") from None
            if network.version != int(name[2]):
                raise ValueError(f"{word!r}: {value!r} is no address of {name}")
            return Term(qualifier=sign, name=name, value=str(network))
        case "all" if not value:
            return Term(qualifier=sign, name=name)
        case "include" | "exists" if value and "/" not in value:
            return Term(qualifier=sign, name=name, value=value.lower())
        case "ptr" if "/" not in value:
            return Term(qualifier=sign, name=name, value=value.lower())
        case "a" | "mx":
            return _hosts_term(word, sign, name, value)
        case _:
            raise ValueError(f"{word!r} is no term of SPF")


def _hosts_term(word: str, sign: str, name: str, value: str) -> Term:
    match = re.fullmatch(r"([^/]*)(?:/([0-9]{1,2}))?(?://([0-9]{1,3}))?", value)
    if not match or int(match[2] or 0) > 32 or int(match[3] or 0) > 128:
        raise ValueError(f"{word!r}: its length of prefix is wrong")
    return Term(
        qualifier=sign,
        name=name,
        value=match[1].lower(),
        cidr4=int(match[2] or 32),
        cidr6=int(match[3] or 128),
    )


def lookups(branch: Branch) -> int:
    """How many look-ups a receiver needs, the first one not counted."""
    if not branch.record:
        return 0
    counted = [term for term in branch.record.terms if term.name in _COUNTED]
    below = [term.value for term in counted if term.name == "include"]
    count = len(counted)
    if branch.record.redirect and not _ends(branch.record):
        below.append(branch.record.redirect)
        count += 1
    found = (branch.branches.get(domain) for domain in below)
    return count + sum(lookups(each) for each in found if each)


def voids(branch: Branch) -> list[str]:
    """The terms whose look-up finds nothing, each with the domain whose record names it."""
    own = [f"{term} of {branch.domain}" for term, found in branch.hosts.items() if not found]
    return own + [each for below in branch.branches.values() for each in voids(below)]


def varies(branch: Branch) -> bool:
    """Whether a part of the records differs from message to message, so that nobody can know."""
    if not branch.record:
        return False
    is_macro = "%" in branch.record.redirect or any(term.is_macro for term in branch.record.terms)
    return is_macro or any(varies(below) for below in branch.branches.values())


def problems(branch: Branch) -> list[str]:
    """What is wrong with the records, with the domain where it is."""
    own = [f"{branch.domain}: {branch.problem}"] if branch.problem else []
    return own + [each for below in branch.branches.values() for each in problems(below)]


def outcome(branch: Branch, address: Address) -> Outcome:
    """What a receiver concludes of a message from an address (section 4.6)."""
    if not branch.record:
        return Outcome.NEUTRAL
    for term in branch.record.terms:
        if _matches(branch, term, address):
            return _OUTCOMES[term.qualifier]
    below = branch.branches.get(branch.record.redirect)
    return outcome(below, address) if below else Outcome.NEUTRAL


def _matches(branch: Branch, term: Term, address: Address) -> bool:
    match term.name:
        case "all":
            return True
        case "ip4" | "ip6":
            return address in ip_network(term.value)
        case "include":
            below = branch.branches.get(term.value)
            return below is not None and outcome(below, address) is Outcome.PASS
        case "exists":
            return bool(branch.hosts.get(term))
        case _:
            return any(_stands_for(term, host, address) for host in branch.hosts.get(term, ()))


def _stands_for(term: Term, host: str, address: Address) -> bool:
    """Whether an address is within the network around a host (`a/24`)."""
    bits = term.cidr4 if address.version == 4 else term.cidr6
    is_same_kind = ip_address(host).version == address.version
    return is_same_kind and address in ip_network(f"{host}/{bits}", strict=False)


def diagnose(branch: Branch, relays: Mapping[str, Sequence[str]]) -> Iterator[Diagnosis]:
    """Judges the record of a domain. `relays`: host -> its addresses, of those that should be
    among the senders."""
    about = branch.domain
    if branch.unsure:
        seen = "; ".join(str(each) for each in branch.unsure)
        yield ill("SPF008", about, seen, remedy=LATER, grade=Grade.WARN)
        if not branch.texts:
            return
    if not branch.texts:
        remedy = f'publish {about}. IN TXT "v=spf1 … ~all" with the term that your relay names'
        yield ill("SPF001", about, "no SPF record", remedy=remedy)
        return
    yield ok("SPF001", about, "there is a record")
    if len(branch.texts) > 1:
        seen = f"{len(branch.texts)} records: {' and '.join(branch.texts)}"
        remedy = "put their terms into one record and remove the others"
        yield ill("SPF002", about, seen, remedy=remedy)
        return
    yield ok("SPF002", about, branch.texts[0])
    wrong = "; ".join(problems(branch))
    fine, remedy = "every term can be read", "mend or remove that term"
    yield judged("SPF003", about, wrong, fine=fine, remedy=remedy)
    if branch.record:
        yield from _limits(branch)
        yield _ending(branch)
        yield from (_sender(branch, host, found) for host, found in relays.items() if found)


def _limits(branch: Branch) -> Iterator[Diagnosis]:
    count, empty = lookups(branch), voids(branch)
    seen = f"{count} look-ups of at most {MOST_LOOKUPS}"
    remedy = "remove senders that you no longer use, or write their networks as ip4: and ip6:"
    too_many = seen if count > MOST_LOOKUPS else ""
    yield judged("SPF004", branch.domain, too_many, fine=seen, remedy=remedy)
    yield judged(
        "SPF005",
        branch.domain,
        f"{len(empty)} find nothing: {', '.join(empty)}" if empty else "",
        fine="all find something",
        remedy="remove those terms",
        grade=Grade.FAIL if len(empty) > MOST_VOIDS else Grade.WARN,
    )


def _ending(branch: Branch) -> Diagnosis:
    last = _last(branch)
    seen = f"ends with {last}all" if last else "does not end with all"
    return judged(
        "SPF006",
        branch.domain,
        "" if last in ("-", "~") else seen,
        fine=seen,
        remedy="end the record with ~all",
        grade=Grade.FAIL if last == "+" else Grade.WARN,
    )


def _last(branch: Branch) -> str:
    """The sign before `all`, of the record or of the one that it hands on to; empty: there is
    none."""
    if not branch.record:
        return ""
    if sign := _ends(branch.record):
        return sign
    below = branch.branches.get(branch.record.redirect)
    return _last(below) if below else ""


def _ends(record: Record) -> str:
    return next((term.qualifier for term in record.terms if term.name == "all"), "")


def _sender(branch: Branch, host: str, found: Sequence[str]) -> Diagnosis:
    outside = [one for one in found if outcome(branch, ip_address(one)) is not Outcome.PASS]
    if outside and varies(branch):
        seen = f"{host}: whether {', '.join(outside)} may send is asked anew for each message"
        remedy = "mail yourself a sample and look for spf=pass"
        return ill("SPF007", branch.domain, seen, remedy=remedy, grade=Grade.INFO)
    return judged(
        "SPF007",
        branch.domain,
        f"{host}: {', '.join(outside)} may not send" if outside else "",
        fine=f"{host}: {', '.join(found)} may send",
        remedy="add the term that the relay names, such as include:…; nothing is wrong if it sends "
        "from other addresses, and the record names those",
        grade=Grade.WARN,
    )

"""DMARC: what a domain asks receivers to do with mail that only claims to be its own (RFC 7489)."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from publisher.domain.checkups import LATER, Diagnosis, Grade, ill, judged, ok
from publisher.domain.lookups import Lookup
from publisher.domain.tag_lists import pairs

_POLICIES = frozenset({"none", "quarantine", "reject"})
EXAMPLE = "v=DMARC1; p=none; rua=mailto:you@{domain}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A record, read. `reports`: where reports go, as written; `adkim`, `aspf`: strict ("s") or
    relaxed ("r")."""

    p: str
    sp: str
    reports: tuple[str, ...]
    adkim: str
    aspf: str


def parse(text: str) -> Policy:
    """Reads a record. Raises `ValueError` with what is wrong with it."""
    tags = {name.lower(): value for name, value in pairs(text)}
    if next(iter(tags), "") != "v" or tags["v"] != "DMARC1":
        raise ValueError("it does not begin with v=DMARC1")
    for name in ("p", "sp"):
        if name in tags and tags[name].lower() not in _POLICIES:
            raise ValueError(f"{name}={tags[name]} is none of none, quarantine, reject")
    if "p" not in tags:
        raise ValueError("p= is missing")
    for name in ("adkim", "aspf"):
        if tags.get(name, "r").lower() not in ("r", "s"):
            raise ValueError(f"{name}={tags[name]} is neither r nor s")
    return Policy(
        p=tags["p"].lower(),
        sp=tags.get("sp", tags["p"]).lower(),
        reports=tuple(filter(None, re.split(r"\s*,\s*", tags.get("rua", "")))),
        adkim=tags.get("adkim", "r").lower(),
        aspf=tags.get("aspf", "r").lower(),
    )


def places(domain: str) -> list[str]:
    """Where the record may stand, the nearest first: at the domain and at its parents."""
    labels = domain.split(".")
    return [".".join(labels[start:]) for start in range(max(1, len(labels) - 1))]


def is_ours(text: str) -> bool:
    """Whether a TXT record is meant as one of DMARC."""
    return re.match(r"v\s*=\s*DMARC1\s*(;|$)", text) is not None


def is_aligned(domain: str, other: str, *, place: str, mode: str) -> bool:
    """Whether mail of `other` counts as that of `domain`, whose record stands at `place`.

    Relaxed wants the same organisation: here, whatever lies at or below the record, as the tree
    walk of DMARC finds it. Strict wants the same name.
    """
    if mode == "s":
        return domain == other
    return all(name == place or name.endswith("." + place) for name in (domain, other))


def diagnose(
    domain: str, found: Sequence[Lookup], *, signs: bool, envelope: str
) -> Iterator[Diagnosis]:
    """Judges what stands at the `places` of a sender's domain.

    `found` are the answers, in that order, up to the first with a record. `signs`: whether our own
    keys do, always for the domain of From. `envelope`: the domain of the return path.
    """
    if unsure := next((each for each in found if each.is_unsure), None):
        yield ill("DMC006", domain, str(unsure), remedy=LATER, grade=Grade.WARN)
        return
    records = [text for text in found[-1].values if is_ours(text)]
    place = found[-1].name.removeprefix("_dmarc.")
    if not records:
        remedy = f'publish _dmarc.{domain}. IN TXT "{EXAMPLE.format(domain=domain)}"'
        yield ill("DMC001", domain, f"no DMARC record at _dmarc.{domain}", remedy=remedy)
        return
    yield ok("DMC001", domain, f"at _dmarc.{place}")
    try:
        if len(records) > 1:
            raise ValueError(f"{len(records)} records: {' and '.join(records)}")
        policy = parse(records[0])
    except ValueError as error:
        remedy = f'keep one record, such as "{EXAMPLE.format(domain=place)}"'
        yield ill("DMC002", domain, str(error), remedy=remedy)
        return
    yield ok("DMC002", domain, records[0])
    yield from _policy(domain, place, policy)
    yield _alignment(domain, place, policy, signs=signs, envelope=envelope)


def _policy(domain: str, place: str, policy: Policy) -> Iterator[Diagnosis]:
    asked = policy.p if place == domain else policy.sp
    yield judged(
        "DMC003",
        domain,
        "the policy is none" if asked == "none" else "",
        fine=f"the policy is {asked}",
        remedy="go on to p=quarantine once the reports name only your own servers",
        grade=Grade.INFO,
    )
    yield judged(
        "DMC004",
        domain,
        "" if policy.reports else "no rua=",
        fine=f"reports go to {', '.join(policy.reports)}",
        remedy=f"add rua=mailto:you@{place}",
        grade=Grade.WARN,
    )


def _alignment(domain: str, place: str, policy: Policy, *, signs: bool, envelope: str) -> Diagnosis:
    spf = is_aligned(domain, envelope, place=place, mode=policy.aspf)
    seen = f"return path {envelope}: SPF {'counts' if spf else 'does not count'}; "
    seen += "our signatures count" if signs else "the relay signs, for a domain unknown here"
    return judged(
        "DMC005",
        domain,
        "" if signs or spf else seen,
        fine=seen,
        remedy=f"let the relay sign for {domain}, sign with `publisher dkim keygen`, or take a "
        f"[delivery] bounce_domain at or below {place}",
        grade=Grade.WARN,
    )

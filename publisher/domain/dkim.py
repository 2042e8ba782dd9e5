"""DKIM: whether the key in the DNS is the one that we sign with (RFC 6376, section 3.6.1)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from publisher.domain.checkups import LATER, Diagnosis, Grade, ill, judged, ok
from publisher.domain.lookups import Lookup
from publisher.domain.tag_lists import pairs

LEAST_BITS = 2048
SELECTOR = r"[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?"
"""How a selector may be written: one label, and part of a file's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """A record, read. `p` is the public key in base64 without blanks; empty: it is revoked."""

    k: str
    p: str
    flags: frozenset[str]


def parse(text: str) -> KeyRecord:
    """Reads a record. Raises `ValueError` with what is wrong with it."""
    tags = dict(pairs(text))
    if tags.get("v", "DKIM1") != "DKIM1":
        raise ValueError(f"v={tags['v']} is not DKIM1")
    if "p" not in tags:
        raise ValueError("p= is missing")
    flags = frozenset(flag.strip() for flag in tags.get("t", "").split(":") if flag.strip())
    return KeyRecord(k=tags.get("k", "rsa"), p=re.sub(r"\s+", "", tags["p"]), flags=flags)


def diagnose(found: Lookup, ours: str, *, bits: int, line: str) -> Iterator[Diagnosis]:
    """Judges the answer at a selector. `ours` is the record that belongs there, `line` how a zone
    file says so; `bits`: of the RSA key that stands there, 0 where it is none that can be read, or
    of another kind."""
    about, publish = found.name, f"publish {line}"
    if found.is_unsure:
        yield ill("DKM003", about, str(found), remedy=LATER, grade=Grade.WARN)
        return
    try:
        if not found.values:
            raise ValueError(found.found)
        if len(found.values) > 1:
            raise ValueError(f"{len(found.values)} records, and receivers may take either")
        record, wanted = parse(found.values[0]), parse(ours)
    except ValueError as error:
        yield ill("DKM003", about, str(error), remedy=publish)
        return
    yield ok("DKM003", about, "one record")
    if not record.p:
        yield ill("DKM005", about, "p= is empty: the key is revoked", remedy=publish)
        return
    other = "" if (record.k, record.p) == (wanted.k, wanted.p) else f"another {record.k} key"
    yield judged("DKM004", about, other, fine=f"our {wanted.k} key", remedy=publish)
    trial = "t=y: only a test" if "y" in record.flags else ""
    remedy = "remove t=y from the record"
    yield judged("DKM005", about, trial, fine="in force", remedy=remedy, grade=Grade.WARN)
    if record.k == "rsa" and bits:
        short = f"{bits} bits" if bits < LEAST_BITS else ""
        yield judged("DKM006", about, short, fine=f"{bits} bits", remedy=publish, grade=Grade.WARN)

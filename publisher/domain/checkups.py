"""What the doctor looks at: each check has an id, a reason, and a verdict with its remedy.

`SPF002` is one check; the same id always asks the same question, whatever the answer. The three
letters name the group, in the order of `GROUPS`.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Grade(StrEnum):
    """How grave a verdict is, the gravest last."""

    OK = "ok"  # as it should be
    INFO = "info"  # worth knowing, or not to be found out from here
    WARN = "warn"  # will do harm one day
    FAIL = "fail"  # does harm now


GROUPS = {
    "CHK": "settings and posts",
    "CFG": "this machine",
    "DAT": "data",
    "DKM": "DKIM",
    "SPF": "SPF",
    "DMC": "DMARC",
    "HST": "names in the DNS",
    "SMT": "relays",
}
"""Group -> what it is about."""

LATER = "try again later; if it stays so, look at the name servers of the domain"
"""The remedy where the DNS has failed."""

_UNSURE = "what cannot be looked up cannot be judged, and receivers may not know it either"
REASONS = {
    "CHK001": "what `publisher check` finds keeps posts or mails from going out",
    "CFG001": "who can read a secret can forge links or send mail in your name",
    "CFG002": "older Pythons let a line break in a text become a header field (CVE-2024-6923)",
    "CFG003": "the law of many countries asks for a postal address in every mail",
    "DAT001": "a damaged database loses subscribers, or who has which issue already",
    "DAT002": "a log that long fills the disk, and makes every start slow",
    "DAT003": "without a copy of the database, subscribers are gone with the disk",
    "DAT004": "on a full disk nothing can be recorded, and so nothing is sent",
    "DAT005": "a fenced database sends nothing, so that nobody gets an issue twice",
    "DAT006": "an issue that waits for a decision reaches nobody",
    "DAT007": "without a daemon no issue goes out by itself",
    "DKM001": "mail that is not signed is spam to Gmail, Yahoo and Outlook",
    "DKM002": "a signature that does not verify is worse than none",
    "DKM003": "without the record nobody can verify our signatures (RFC 6376, section 3.6)",
    "DKM004": "a record of another key makes every signature of ours fail",
    "DKM005": "an empty p= revokes the key, and t=y says that it is only a test",
    "DKM006": "receivers distrust RSA keys of less than 2048 bits (RFC 8301, section 3.2)",
    "SPF001": "without SPF anybody may send as this domain; bulk receivers refuse such mail",
    "SPF002": "two SPF records are an error, as if there were none (RFC 7208, section 3.2)",
    "SPF003": "a record with a mistake counts as none (RFC 7208, section 4.6)",
    "SPF004": "more than 10 look-ups are an error, as if there were no record (RFC 7208, 4.6.4)",
    "SPF005": "more than 2 look-ups that find nothing are an error too (RFC 7208, 4.6.4)",
    "SPF006": "a record that does not end with ~all or -all lets everybody send",
    "SPF007": "what is sent from an address that the record does not name fails SPF",
    "SPF008": _UNSURE,
    "DMC001": "Gmail, Yahoo and Outlook want a DMARC record from whoever sends lists",
    "DMC002": "a record with a mistake counts as none (RFC 7489, section 6.6.3)",
    "DMC003": "p=none only watches: others may still send in your name",
    "DMC004": "without rua= nobody tells you who sends in your name",
    "DMC005": "DMARC passes only where SPF or DKIM stands for the domain of From",
    "DMC006": _UNSURE,
    "HST001": "every link in every mail leads there, one-click unsubscribing too",
    "HST002": "receivers refuse mail from hosts without a name of their own",
    "HST003": "a name that does not lead back to the address counts as none",
    "HST004": "without it reports of failure and replies reach nobody, and mail looks forged",
    "HST005": _UNSURE,
    "SMT001": "a relay that cannot be used sends nothing",
    "SMT002": "without TLS everybody on the way can read and change the mail",
    "SMT003": "without these the relay is slower, or tells less",
    "SMT004": "receivers distrust a server whose own name leads nowhere (RFC 5321, section 2.3.5)",
}
"""Check -> why it matters, in words that go on after "because"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The verdict of one check about one thing: what was seen, and what to do where it is not ok.

    `about` is a domain, a host, a file or a place in the settings; it may be empty.
    """

    id: str
    grade: Grade
    about: str
    seen: str
    remedy: str = ""

    @property
    def group(self) -> str:
        """The group's three letters."""
        return self.id[:3]

    @property
    def reason(self) -> str:
        """Why it matters."""
        return REASONS[self.id]


def ok(id: str, about: str, seen: str) -> Diagnosis:
    """A verdict with which there is nothing to do."""
    return Diagnosis(id=id, grade=Grade.OK, about=about, seen=seen)


def ill(id: str, about: str, seen: str, *, remedy: str, grade: Grade = Grade.FAIL) -> Diagnosis:
    """A verdict with its remedy."""
    return Diagnosis(id=id, grade=grade, about=about, seen=seen, remedy=remedy)


def judged(
    id: str, about: str, problem: str, *, fine: str, remedy: str, grade: Grade = Grade.FAIL
) -> Diagnosis:
    """`ok` in the words of `fine` where there is no problem, else `ill`."""
    if problem:
        return ill(id, about, problem, remedy=remedy, grade=grade)
    return ok(id, about, fine)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """One visit of the doctor."""

    at: datetime
    diagnoses: tuple[Diagnosis, ...]

    @property
    def problems(self) -> tuple[Diagnosis, ...]:
        """What wants to be mended, the gravest first."""
        grave = [each for each in self.diagnoses if each.grade in (Grade.WARN, Grade.FAIL)]
        return tuple(sorted(grave, key=lambda each: each.grade is not Grade.FAIL))

    @property
    def counts(self) -> dict[Grade, int]:
        """How many verdicts of each grade."""
        found = Counter(each.grade for each in self.diagnoses)
        return {grade: found[grade] for grade in Grade}


def grouped(diagnoses: Iterable[Diagnosis]) -> list[tuple[str, list[Diagnosis]]]:
    """The words of each group that has some, with its diagnoses in the order of their ids."""
    found = sorted(diagnoses, key=lambda each: each.id)
    pairs = (
        (words, [each for each in found if each.group == group]) for group, words in GROUPS.items()
    )
    return [(words, those) for words, those in pairs if those]


def is_wanted(group: str, only: Collection[str]) -> bool:
    """Whether a group holds any of the ids or groups that were asked for; none means all."""
    return not only or any(wanted[:3] == group for wanted in only)


def chosen(diagnoses: Iterable[Diagnosis], only: Sequence[str]) -> tuple[Diagnosis, ...]:
    """Those with one of the ids, or in one of the groups; no `only` means all."""
    return tuple(each for each in diagnoses if not only or each.id.startswith(tuple(only)))

"""What the DNS said to one question."""

from dataclasses import dataclass
from enum import StrEnum


class Found(StrEnum):
    """How a question ended."""

    ANSWER = "answer"
    NO_NAME = "no such name"  # NXDOMAIN
    NO_RECORD = "no such record"  # the name is there, with other records
    FAILED = "the servers of the domain fail"  # SERVFAIL, REFUSED
    TIMEOUT = "no answer in time"
    BAD_NAME = "this is no name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """One question and its answer. `values` are as in a zone file, TXT strings joined; in order
    of the alphabet, because the DNS has none (MX: by preference)."""

    name: str
    kind: str
    found: Found
    values: tuple[str, ...] = ()

    @property
    def is_void(self) -> bool:
        """Whether it was answered that there is nothing (RFC 7208, section 4.6.4)."""
        return self.found in (Found.NO_NAME, Found.NO_RECORD)

    @property
    def is_unsure(self) -> bool:
        """Whether nobody knows: another time there may be an answer."""
        return self.found in (Found.FAILED, Found.TIMEOUT)

    def __str__(self) -> str:
        """The failure in words."""
        return f"{self.kind} of {self.name}: {self.found}"

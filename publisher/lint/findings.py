"""What a look at finished bytes says."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """An error spoils it for readers; a warning may be meant."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One problem and what to do about it.

    `rule` is its fixed name; `line` counts from 1, 0 = the whole; `clients` are the mail clients
    that are concerned, empty = all.
    """

    rule: str
    severity: Severity
    line: int
    problem: str
    fix: str
    clients: tuple[str, ...] = ()

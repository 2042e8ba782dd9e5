"""How subscribers travel between Publisher and other tools: one table a tool, both ways.

    header ──recognise──▶ Dialect ──read──▶ Candidate          a row of somebody's file
    Subscription ──write──▶ cells in the dialect's columns

What a file says of consent is taken at its worst: who left there has left here, and an address
that bounced or complained there is suppressed here. What we write says no more than we know: who
must not be mailed, or has not confirmed yet, is nobody's active subscriber.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from publisher.domain.choices import NO_CHOICES, Choices
from publisher.domain.subscribers import (
    NAME_LIMIT,
    Subscription,
    SubscriptionStatus,
    is_text,
    name_problem,
)
from publisher.domain.suppressions import SuppressionReason

BETWEEN = "; "
_TRUE = frozenset({"true", "t", "yes", "y", "1"})


class Dialect(StrEnum):
    """Whose columns a file has."""

    OWN = "own"
    LISTMONK = "listmonk"
    MAILCHIMP = "mailchimp"
    GHOST = "ghost"
    SUBSTACK = "substack"
    BUTTONDOWN = "buttondown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One row of a file. `status` is what the file says of it, `suppress` that it must not be
    mailed at all; `problem` that it cannot be used. `newsletter` may be empty. No issue is sent
    until `paused_until`.
    """

    line: int
    email: str
    name: str = ""
    status: SubscriptionStatus = SubscriptionStatus.CONFIRMED
    suppress: SuppressionReason | None = None
    newsletter: str = ""
    language: str = ""
    choices: Choices = NO_CHOICES
    paused_until: datetime | None = None
    problem: str = ""


_MARKS: tuple[tuple[Dialect, frozenset[str]], ...] = (
    (Dialect.LISTMONK, frozenset({"uuid", "email", "attributes", "status"})),
    (Dialect.MAILCHIMP, frozenset({"email address"})),
    (Dialect.GHOST, frozenset({"email", "subscribed_to_emails"})),
    (Dialect.SUBSTACK, frozenset({"email", "active_subscription"})),
    (Dialect.SUBSTACK, frozenset({"email", "email_disabled"})),
    (Dialect.BUTTONDOWN, frozenset({"email", "subscriber_type"})),
    (Dialect.BUTTONDOWN, frozenset({"email_address", "type"})),
    (Dialect.OWN, frozenset({"email"})),
)

COLUMNS: Mapping[Dialect, tuple[str, ...]] = {
    Dialect.OWN: (
        "email", "name", "newsletter", "status", "changed_at", "language", "paused_until",
        "frequency", "topics", "languages",
    ),
    Dialect.LISTMONK: ("email", "name", "attributes", "status"),
    Dialect.MAILCHIMP: ("Email Address", "First Name", "OPTIN_TIME", "UNSUB_TIME", "CLEAN_TIME"),
    Dialect.GHOST: ("email", "name", "subscribed_to_emails", "created_at", "labels"),
    Dialect.SUBSTACK: ("email", "name", "active_subscription", "email_disabled", "created_at"),
    Dialect.BUTTONDOWN: ("email_address", "type", "notes", "tags", "creation_date"),
}  # fmt: skip
"""What an export for each tool holds."""

SUPPRESSED = "suppressed"
"""How our own files say that an address must not be mailed, where others have a status for it."""

_TELLING: Mapping[Dialect, tuple[str, ...]] = {
    Dialect.LISTMONK: ("status",),
    Dialect.GHOST: ("subscribed_to_emails",),
    Dialect.BUTTONDOWN: ("type", "subscriber_type"),
}

_OWN = {status.value: status for status in SubscriptionStatus}
_OWN[SUPPRESSED] = SubscriptionStatus.UNSUBSCRIBED
_LISTMONK = {
    "enabled": SubscriptionStatus.CONFIRMED,
    "disabled": SubscriptionStatus.UNSUBSCRIBED,
}
_BUTTONDOWN = {
    "regular": SubscriptionStatus.CONFIRMED,
    "premium": SubscriptionStatus.CONFIRMED,
    "gifted": SubscriptionStatus.CONFIRMED,
    "trialed": SubscriptionStatus.CONFIRMED,
    "past_due": SubscriptionStatus.CONFIRMED,
    "unactivated": SubscriptionStatus.PENDING,
    "unpaid": SubscriptionStatus.PENDING,
    "unsubscribed": SubscriptionStatus.UNSUBSCRIBED,
    "removed": SubscriptionStatus.UNSUBSCRIBED,
    "churning": SubscriptionStatus.CONFIRMED,
    "churned": SubscriptionStatus.CONFIRMED,
}
_SUPPRESSING = {
    "blocklisted": SuppressionReason.OPERATOR,
    "blocked": SuppressionReason.OPERATOR,
    "undeliverable": SuppressionReason.HARD_BOUNCE,
    "bounced": SuppressionReason.HARD_BOUNCE,
    "complained": SuppressionReason.COMPLAINT,
    "spammy": SuppressionReason.OPERATOR,
}
_BUTTONDOWN_SUPPRESSED = {
    SuppressionReason.HARD_BOUNCE: "undeliverable",
    SuppressionReason.COMPLAINT: "complained",
}


def recognise(header: Collection[str]) -> Dialect | None:
    """Whose file it is by its column names (lower case); None without a column of addresses."""
    names = set(header)
    return next((dialect for dialect, marks in _MARKS if marks <= names), None)


def lacks(dialect: Dialect, header: Collection[str]) -> str:
    """The column without which a file of this tool says of nobody whether they receive mail.

    Empty where it is there; `read` would take everybody for somebody who has left.
    """
    wanted = _TELLING.get(dialect, ())
    return "" if not wanted or any(name in header for name in wanted) else wanted[0]


def read(dialect: Dialect, line: int, cells: Mapping[str, str]) -> Candidate:
    """What one row says. `cells`: column name in lower case -> text."""
    email = (
        cells.get("email") or cells.get("email address") or cells.get("email_address") or ""
    ).strip()
    name = _name(cells)
    problem = name_problem(name)
    if not (email.isprintable() and is_text(name)):
        problem = "holds characters that are not text; check the file's encoding"
    status, suppress, doubt = _standing(dialect, cells)
    pause = cells.get("paused_until", "").strip() if dialect is Dialect.OWN else ""
    paused_until = _instant(pause)
    if pause and paused_until is None:
        doubt = doubt or "paused_until is no time with a zone, such as 2026-11-27T08:00:00+00:00"
    return Candidate(
        line=line,
        email=email,
        name=name[:NAME_LIMIT],
        status=status,
        suppress=suppress,
        newsletter=cells.get("newsletter", "").strip() if dialect is Dialect.OWN else "",
        language=cells.get("language", "").strip()[:20] if dialect is Dialect.OWN else "",
        choices=_choices(cells) if dialect is Dialect.OWN else NO_CHOICES,
        paused_until=paused_until,
        problem=problem or doubt,
    )


def write(
    dialect: Dialect, row: Subscription, suppressed: SuppressionReason | None = None
) -> list[str] | None:
    """The cells of a subscription, in the order of `COLUMNS`.

    None for who waits for confirmation, where the tool has no word for that. `suppressed`: why
    the address must not be mailed, None where it may.
    """
    receives = row.status is SubscriptionStatus.CONFIRMED and suppressed is None
    at = row.changed_at.isoformat()
    match dialect:
        case Dialect.OWN:
            return _own_cells(row, SUPPRESSED if suppressed else row.status.value)
        case Dialect.LISTMONK:
            standing = "enabled" if receives else "disabled"
            return [row.address, row.name, "{}", "blocklisted" if suppressed else standing]
        case Dialect.MAILCHIMP:
            return _mailchimp_cells(row, is_clean=suppressed is None)
        case Dialect.GHOST:
            return [row.address, row.name, str(receives).lower(), at, ""]
        case Dialect.SUBSTACK:
            return [row.address, row.name, "false", str(not receives).lower(), at]
        case Dialect.BUTTONDOWN:
            kind = {"confirmed": "regular", "pending": "unactivated"}.get(row.status.value)
            if suppressed:
                kind = _BUTTONDOWN_SUPPRESSED.get(suppressed, "blocked")
            return [row.address, kind or "unsubscribed", row.name, "", at]


def _own_cells(row: Subscription, standing: str) -> list[str]:
    return [
        row.address,
        row.name,
        row.newsletter,
        standing,
        row.changed_at.isoformat(),
        row.language,
        row.paused_until.isoformat() if row.paused_until else "",
        row.choices.frequency,
        BETWEEN.join(sorted(row.choices.topics)),
        BETWEEN.join(sorted(row.choices.languages)),
    ]


def _mailchimp_cells(row: Subscription, *, is_clean: bool) -> list[str] | None:
    """Mailchimp keeps nobody who has not confirmed: without a time of leaving one is subscribed."""
    at = row.changed_at.isoformat()
    if not is_clean:
        return [row.address, row.name, "", "", at]
    match row.status:
        case SubscriptionStatus.CONFIRMED:
            return [row.address, row.name, at, "", ""]
        case SubscriptionStatus.UNSUBSCRIBED:
            return [row.address, row.name, "", at, ""]
        case SubscriptionStatus.PENDING:
            return None


def _standing(
    dialect: Dialect, cells: Mapping[str, str]
) -> tuple[SubscriptionStatus, SuppressionReason | None, str]:
    """Status, suppression and what is doubtful, as this tool writes them."""
    said = cells.get("status") or cells.get("type") or cells.get("subscriber_type") or ""
    said = said.strip().lower()
    if dialect is Dialect.OWN:
        doubt = f"unknown status {said!r}" if said and said not in _OWN else ""
        suppress = SuppressionReason.OPERATOR if said == SUPPRESSED else None
        return _OWN.get(said, SubscriptionStatus.CONFIRMED), suppress, doubt
    suppress = None
    if dialect in {Dialect.LISTMONK, Dialect.BUTTONDOWN}:
        suppress = _SUPPRESSING.get(said)
    elif dialect is Dialect.MAILCHIMP and cells.get("clean_time", "").strip():
        suppress = SuppressionReason.HARD_BOUNCE
    return _status(dialect, cells, said), suppress, ""


def _status(dialect: Dialect, cells: Mapping[str, str], said: str) -> SubscriptionStatus:
    """Whether somebody receives mail there; whoever does not has left."""
    if dialect is Dialect.LISTMONK:
        return _LISTMONK.get(said, SubscriptionStatus.UNSUBSCRIBED)
    if dialect is Dialect.BUTTONDOWN:
        return _BUTTONDOWN.get(said, SubscriptionStatus.UNSUBSCRIBED)
    told = {name: value.strip().lower() for name, value in cells.items()}
    receives = {
        Dialect.MAILCHIMP: not told.get("unsub_time") and not told.get("clean_time"),
        Dialect.GHOST: told.get("subscribed_to_emails") in _TRUE and not told.get("deleted_at"),
        Dialect.SUBSTACK: told.get("email_disabled") not in _TRUE,
    }[dialect]
    return SubscriptionStatus.CONFIRMED if receives else SubscriptionStatus.UNSUBSCRIBED


def _instant(text: str) -> datetime | None:
    """The instant that a text names, in UTC; None where it names none."""
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _choices(cells: Mapping[str, str]) -> Choices:
    return Choices(
        frequency=cells.get("frequency", "").strip(),
        topics=_names(cells.get("topics", "")),
        languages=_names(cells.get("languages", "")),
    )


def _names(cell: str) -> frozenset[str]:
    return frozenset(filter(None, (name.strip() for name in cell.split(BETWEEN.strip()))))


def _name(cells: Mapping[str, str]) -> str:
    parts = (cells.get("name"), cells.get("first name"), cells.get("last name"))
    return " ".join(" ".join(filter(None, parts)).split())

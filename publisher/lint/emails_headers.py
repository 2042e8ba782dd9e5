"""Header fields: what RFC 5322 wants, and what the big receivers want of bulk mail.

Lines are those of the message itself.
"""

import re
from collections import Counter
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header, make_header

from publisher.domain.addresses import parse_address
from publisher.errors import InvalidAddress
from publisher.lint.emails_message import Email, Field, decoded
from publisher.lint.emails_urls import is_secure
from publisher.lint.findings import Finding, Severity

_REQUIRED = {
    "from": "the newsletter's address",
    "to": "the subscriber's address; without it SpamAssassin adds 0.9 and rspamd 3 points",
    "subject": "the same words as <title>",
    "date": "the time of this attempt; without it SpamAssassin adds 2.7 points",
    "message-id": "<issue.recipient@domain of From>, the same at every attempt",
    "mime-version": "1.0",
    "list-unsubscribe": "<https://..>, <mailto:..> (RFC 2369); Gmail and Yahoo ask for it",
    "list-unsubscribe-post": "List-Unsubscribe=One-Click (RFC 8058); Gmail and Yahoo ask for it",
}
_WISHED = {
    "list-id": "Name <newsletter.domain> (RFC 2919); readers sort by it",
    "auto-submitted": "auto-generated (RFC 3834); else vacation replies come back",
}
_ONCE = frozenset(
    {*_REQUIRED, *_WISHED, "sender", "reply-to", "cc", "bcc", "content-type"}
    | {"content-transfer-encoding", "feedback-id", "list-archive", "list-help", "precedence"}
)
_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_DATE = re.compile(
    rf"((Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?\d{{1,2}} ({_MONTHS}) \d{{4}} "
    r"\d\d:\d\d(:\d\d)? [+-]\d{4}( \([^()]*\))?",
    re.ASCII,
)
_MAILBOX = re.compile(r"(?:(?P<name>.*?)\s*<(?P<address>[^<>]*)>|(?P<bare>[^<>\s]+))", re.DOTALL)
_MESSAGE_ID = re.compile(r"<[^<>@\s]+@[^<>@\s]+>")
_LIST_ID = re.compile(r"(.*\s)?<[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+>", re.DOTALL)
_ENCODED_WORD = re.compile(r"=\?[^?\s]*\?[^?\s]*\?[^?\s]*\?=")
_FOLDABLE = re.compile(rb"(?:[!-9;-~]+:)?+[ \t]*(?:[^ \t]+[ \t]|=\?)")
"""A blank behind the first word, or encoded words; a URL cannot be folded."""

_MAX_WORD, _MAX_LINE, _MAX_URL = 75, 78, 75


def check_headers(email: Email) -> Iterator[Finding]:
    """All rules whose names begin with `header-`."""
    yield from _presence(email)
    for field in email.fields:
        yield from _bytes_of(field)
        yield from _encoded_words(field)
        yield from _syntax(field)
    yield from _unsubscribe(email)


def _presence(email: Email) -> Iterator[Finding]:
    seen = Counter(field.name for field in email.fields)
    for wanted, severity in ((_REQUIRED, Severity.ERROR), (_WISHED, Severity.WARNING)):
        for name, value in wanted.items():
            if not any(email.values(name)):
                yield Finding(
                    rule="header-missing",
                    severity=severity,
                    line=0,
                    problem=f"there is no {_titled(name)}",
                    fix=f"add it: {value}",
                )
    for field in email.fields:
        if field.name in _ONCE and seen[field.name] > 1:
            seen[field.name] = 0
            yield _error(
                "header-twice",
                field,
                problem=f"{_titled(field.name)} stands more than once",
                fix="keep one; receivers read different ones, or refuse the message",
            )


def _bytes_of(field: Field) -> Iterator[Finding]:
    if not field.raw.isascii():
        yield _error(
            "header-characters",
            field,
            problem=f"{_titled(field.name)} holds bytes that are not ASCII",
            fix="write text as encoded words (RFC 2047), domains in IDNA (xn--)",
        )
    elif re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", field.raw):
        yield _error(
            "header-characters",
            field,
            problem=f"{_titled(field.name)} holds control characters",
            fix="replace them by blanks",
        )
    for offset, line in enumerate(field.raw.split(b"\n")):
        if len(line.rstrip(b"\r")) > _MAX_LINE and _FOLDABLE.match(line):
            yield Finding(
                rule="header-fold",
                severity=Severity.WARNING,
                line=field.line + offset,
                problem=f"a line of {_titled(field.name)} is longer than {_MAX_LINE} characters "
                "(RFC 5322, section 2.1.1)",
                fix="fold it at a blank",
            )


def _encoded_words(field: Field) -> Iterator[Finding]:
    if "=?" not in field.value:
        return
    phrase = field.value.rpartition("<")[0] if field.name in ("from", "to", "list-id") else ""
    is_text = field.name in ("subject", "comments")
    words = _ENCODED_WORD.findall(field.value)
    if not is_text and "=?" in field.value.removeprefix(phrase):
        problem, fix = (
            "has encoded words where only addresses and URLs stand",
            "write it as plain ASCII; a client that finds `=?` there ignores the field",
        )
    elif any(len(word) > _MAX_WORD for word in words):
        problem = f"has an encoded word longer than {_MAX_WORD} characters (RFC 2047, section 2)"
        fix = "split it between characters that a reader sees"
    elif "=?" in _ENCODED_WORD.sub("", field.value) or any(map(_is_broken, words)):
        problem, fix = (
            "has an encoded word that cannot be decoded",
            "write =?utf-8?B?..?= with blanks around it",
        )
    else:
        return
    yield _error("header-encoding", field, problem=f"{_titled(field.name)} {problem}", fix=fix)


def _is_broken(word: str) -> bool:
    try:
        str(make_header(decode_header(word)))
    except (HeaderParseError, LookupError, ValueError):
        return True
    return False


def _syntax(field: Field) -> Iterator[Finding]:
    if not field.value:
        return
    if field.name in ("from", "to"):
        yield from _mailbox(field)
    elif field.name == "date" and not _DATE.fullmatch(field.value):
        yield _error(
            "header-date",
            field,
            problem="Date is not in the form of RFC 5322, section 3.3",
            fix="write it so: Tue, 24 Nov 2026 12:00:00 +0000",
        )
    elif field.name == "message-id" and not _MESSAGE_ID.fullmatch(field.value):
        yield _error(
            "header-message-id",
            field,
            problem="Message-ID is not <left@right> (RFC 5322, section 3.6.4)",
            fix="put the domain of From on the right",
        )
    elif field.name == "list-id" and not _LIST_ID.fullmatch(field.value):
        yield _error(
            "header-list-id",
            field,
            problem="List-Id has no name such as <newsletter.domain> (RFC 2919, section 3)",
            fix="write it so: Weekly letters <weekly.example.org>",
        )
    elif field.name == "list-unsubscribe-post" and field.value != "List-Unsubscribe=One-Click":
        yield _error(
            "header-one-click",
            field,
            problem="List-Unsubscribe-Post has another value than the only one there is",
            fix="List-Unsubscribe=One-Click (RFC 8058, section 3.1)",
        )


def _mailbox(field: Field) -> Iterator[Finding]:
    found = _MAILBOX.fullmatch(field.value)
    try:
        parse_address(((found["address"] or found["bare"]) if found else None) or "")
    except InvalidAddress as error:
        yield _error(
            "header-address",
            field,
            problem=f"{_titled(field.name)} is not one address: {error.problem}",
            fix="write it so: Name <name@example.org>",
        )
    if field.name == "from" and found and "@" in decoded(found["name"] or ""):
        yield Finding(
            rule="header-from-name",
            severity=Severity.WARNING,
            line=field.line,
            problem="the sender's name holds an @: filters take it for a forged address",
            fix="leave the @ out of the name",
        )


def _unsubscribe(email: Email) -> Iterator[Finding]:
    for field in email.fields:
        if field.name == "list-unsubscribe" and field.value and "=?" not in field.value:
            yield from _ways_out(field, email.leave_urls)


def _ways_out(field: Field, urls: tuple[str, ...]) -> Iterator[Finding]:
    web = [url for url in urls if is_secure(url)]
    if not web:
        yield _error(
            "header-unsubscribe",
            field,
            problem="List-Unsubscribe has no https URL between angle brackets",
            fix="add one that takes a POST (RFC 8058, section 3.1)",
        )
        return
    if not any(url.startswith("mailto:") for url in urls):
        yield Finding(
            rule="header-unsubscribe",
            severity=Severity.WARNING,
            line=field.line,
            problem="List-Unsubscribe has no mailto: address",
            fix="add one behind the URL: Outlook and Apple Mail use it",
        )
    longest = max(map(len, web))
    if longest > _MAX_URL:
        yield Finding(
            rule="header-unsubscribe",
            severity=Severity.WARNING,
            line=field.line,
            problem=f"the URL in List-Unsubscribe has {longest} characters; from {_MAX_URL + 1} "
            "on some software breaks it (cpython #85725)",
            fix="use a shorter host name",
        )


def _titled(name: str) -> str:
    """`list-id` as people write it."""
    special = {"mime-version": "MIME-Version", "message-id": "Message-ID"}
    return special.get(name) or "-".join(word.capitalize() for word in name.split("-"))


def _error(rule: str, field: Field, *, problem: str, fix: str) -> Finding:
    return Finding(rule=rule, severity=Severity.ERROR, line=field.line, problem=problem, fix=fix)

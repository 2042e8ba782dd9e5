"""The message as a whole: its size, its lines, its parts."""

import re
from collections.abc import Iterator

from publisher.lint.clients import GMAIL
from publisher.lint.emails_message import Email
from publisher.lint.findings import Finding, Severity

SIZE_WARNING, SIZE_ERROR = 90_000, 100_000
"""Bytes of the HTML, decoded or encoded, whichever is more; Gmail clips at about 102 kB."""

_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")
_MAX_LINE = 998


def check_parts(email: Email) -> Iterator[Finding]:
    """The rules `message-…`, `part-…` and `size`."""
    yield from _lines(email)
    yield from _structure(email)
    yield from _charsets(email)
    yield from _size(email)


def _lines(email: Email) -> Iterator[Finding]:
    bare = _BARE.search(email.raw)
    if bare:
        yield Finding(
            rule="message-newline",
            severity=Severity.ERROR,
            line=email.raw.count(b"\n", 0, bare.start()) + 1,
            problem="the message has a line that does not end in CRLF",
            fix="end every line by CRLF; relays refuse others (SMTP smuggling)",
        )
    for number, line in enumerate(email.raw.split(b"\n"), start=1):
        if len(line.removesuffix(b"\r")) > _MAX_LINE:
            yield Finding(
                rule="message-line",
                severity=Severity.ERROR,
                line=number,
                problem=f"the message has a line of more than {_MAX_LINE} bytes "
                "(RFC 5322, section 2.1.1)",
                fix="fold the field, or encode the part by base64",
            )
            return


def _structure(email: Email) -> Iterator[Finding]:
    for defect in dict.fromkeys(email.defects):
        yield Finding(
            rule="message-defect",
            severity=Severity.ERROR,
            line=0,
            problem=f"the message cannot be read without a guess: {defect}",
            fix="mend its MIME structure (RFC 2045, 2046)",
        )
    for leaf, rule, name in (
        (email.html, "part-html", "HTML"),
        (email.text, "part-text", "text"),
    ):
        if not leaf or not leaf.content.strip():
            yield Finding(
                rule=rule,
                severity=Severity.ERROR,
                line=0,
                problem=f"the message has no {name} part",
                fix="send multipart/alternative with text and HTML",
            )
    kinds = [leaf.media_type for leaf in email.leaves]
    if email.html and email.text and kinds.index("text/html") < kinds.index("text/plain"):
        yield Finding(
            rule="part-order",
            severity=Severity.ERROR,
            line=0,
            problem="the HTML part stands before the text part: clients show the last they can",
            fix="put the text first (RFC 2046, section 5.1.4)",
        )


def _charsets(email: Email) -> Iterator[Finding]:
    for leaf in (email.text, email.html):
        is_utf8 = leaf and leaf.charset in ("utf-8", "utf8")
        if leaf and not is_utf8 and not (leaf.charset == "us-ascii" and leaf.content.isascii()):
            yield Finding(
                rule="part-charset",
                severity=Severity.WARNING,
                line=0,
                problem=f"the {leaf.media_type} part is in {leaf.charset}",
                fix='use charset="utf-8"',
            )


def _size(email: Email) -> Iterator[Finding]:
    if not email.html:
        return
    plain = len(email.html.content.encode("utf-8", "replace"))
    size = max(plain, email.html.encoded)
    if size < SIZE_WARNING:
        return
    is_error = size >= SIZE_ERROR
    yield Finding(
        rule="size",
        severity=Severity.ERROR if is_error else Severity.WARNING,
        line=0,
        problem=f"the HTML has {plain / 1000:.1f} kB, {email.html.encoded / 1000:.1f} kB encoded; "
        "Gmail clips at about 102 kB, and drops the styles with it",
        fix="shorten excerpts, or list the last posts by title only",
        clients=GMAIL,
    )

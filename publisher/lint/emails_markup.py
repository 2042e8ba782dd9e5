"""The markup itself: what must not be there, what was left behind, what does not close."""

import re
from collections import Counter
from collections.abc import Iterator
from html import unescape
from unicodedata import east_asian_width

from publisher.lint.emails_message import Email
from publisher.lint.emails_visible import UNSEEN, hides, texts
from publisher.lint.findings import Finding, Severity

PREHEADER = (40, 90)
"""Columns of the text that a mailbox shows behind the subject; a han takes two."""

_ACTIVE = ("script", "iframe", "frame", "frameset", "embed", "applet")
_TOKEN = re.compile(r"nl[0-9a-f]{16}_[a-z]+|\{\{[^{}]{0,200}\}\}|\{%[^{}]{0,200}%\}|%7[Bb]%7[Bb]")
_MARKUP = re.compile(r"<[^<>]*>")
_QUOTING = ("code", "pre", "kbd", "samp", "tt")
_CONDITION = re.compile(r"<!--\[if\b[^\]]{0,200}\]>(?P<shown><!-->)?|(?:<!--)?<!\[endif\]-->")
_TAG = re.compile(r"<(/?)(table|tbody|tr|td|div)\b[^<>]*>", re.IGNORECASE)
_FILLER = re.compile("[\\s\u00ad\u034f\u180e\u200b-\u200f\u2007\u2060\ufeff]+")


def check_markup(email: Email, *, written: str) -> Iterator[Finding]:
    """The rules `element`, `token`, `comment-mso`, `id`, `preheader`, `title`, `ruby`.

    `written`: words and markup of the posts in it.
    """
    yield from _elements(email)
    yield from _tokens(email, written)
    yield from _conditions(email)
    yield from _ids(email)
    yield from _preheader(email)
    yield from _title(email)
    yield from _ruby(email)


def _elements(email: Email) -> Iterator[Finding]:
    for element in email.elements(*_ACTIVE):
        yield Finding(
            rule="element",
            severity=Severity.ERROR,
            line=element.sourceline or 0,
            problem=f"<{element.tag}>: every client removes it, and filters distrust the mail",
            fix="remove it; link to a page that has it",
        )


def _tokens(email: Email, written: str) -> Iterator[Finding]:
    quoted = " ".join(
        "".join(element.itertext()) for element in email.elements(*_QUOTING)
    )  # a post may be about templates
    quoted = f"{' '.join(quoted.split())} {written} {_words(written)}"
    for leaf in (email.html, email.text):
        for found in _TOKEN.finditer(leaf.content if leaf else ""):
            if leaf and found[0] not in quoted and _words(found[0]) not in quoted:
                yield Finding(
                    rule="token",
                    severity=Severity.ERROR,
                    line=leaf.content.count("\n", 0, found.start()) + 1,
                    problem=f"{found[0][:40]} was left in the {leaf.media_type} part",
                    fix="the template names a value that is not there, or quotes it twice",
                )
                break


def _words(markup: str) -> str:
    """Markup as it reads, each blank a single one: texts are wrapped, and HTML is escaped."""
    return " ".join(unescape(_MARKUP.sub("", markup)).split())


def _conditions(email: Email) -> Iterator[Finding]:
    if not email.html:
        return
    markup, opened, tags, line = email.html.content, None, Counter[str](), 0
    for found in _CONDITION.finditer(markup):
        line = markup.count("\n", 0, found.start()) + 1
        is_end = found[0].endswith("endif]-->")
        if is_end is (opened is None):
            yield _condition(line, "comments for Outlook do not pair: [if ..] and [endif]")
            return
        if is_end and opened is not None and not opened["shown"]:
            inside = markup[opened.end() : found.start()]
            for closing, tag in _TAG.findall(inside):
                tags[tag.lower()] += -1 if closing else 1
        opened = None if is_end else found
    if opened:
        yield _condition(line, "a comment for Outlook, [if ..], is not ended by [endif]")
    for tag, count in tags.items():
        if count:
            yield _condition(line, f"comments for Outlook open <{tag}> {count:+d} times too often")


def _condition(line: int, problem: str) -> Finding:
    return Finding(
        rule="comment-mso",
        severity=Severity.ERROR,
        line=line,
        problem=problem,
        fix="close what you open: <!--[if mso]> .. <![endif]-->",
        clients=("Outlook classic",),
    )


def _ids(email: Email) -> Iterator[Finding]:
    seen: set[str] = set()
    for element in email.elements():
        name = element.get("id")
        if name and name in seen:
            yield Finding(
                rule="id",
                severity=Severity.WARNING,
                line=element.sourceline or 0,
                problem=f'two elements have the id "{name[:40]}"',
                fix="a post's own ids need a prefix, or none",
            )
        seen.add(name or "")


def _preheader(email: Email) -> Iterator[Finding]:
    first = next(
        (
            element
            for element, text in texts(email)
            if element.tag not in UNSEEN and _FILLER.sub(" ", text).strip()
        ),
        None,
    )
    if first is None:
        return
    hidden = next((each for each in (first, *first.iterancestors()) if hides(each)), None)
    text = _FILLER.sub(" ", "".join(hidden.itertext()) if hidden is not None else "").strip()
    columns = sum(2 if east_asian_width(mark) in "WF" else 1 for mark in text)
    shortest, longest = PREHEADER
    if hidden is None:
        problem = "there is no preheader: a mailbox shows the first words of the mail instead"
    elif not shortest <= columns <= longest:
        problem = f"the preheader has {columns} columns; mailboxes show {shortest} to {longest}"
    else:
        return
    yield Finding(
        rule="preheader",
        severity=Severity.WARNING,
        line=first.sourceline or 0,
        problem=problem,
        fix="let it say what the subject does not, in one hidden element at the beginning",
    )


def _title(email: Email) -> Iterator[Finding]:
    if email.document is None:
        return
    found = next(email.elements("title"), None)
    title = " ".join((found.text or "").split()) if found is not None else ""
    if title != " ".join(email.shown("subject").split()):
        yield Finding(
            rule="title",
            severity=Severity.WARNING,
            line=(found.sourceline or 0) if found is not None else 0,
            problem="<title> is not the subject: filters compare them, and pages show it",
            fix="write <title>{{ subject }}</title>",
        )


def _ruby(email: Email) -> Iterator[Finding]:
    for element in email.elements("ruby"):
        if next(element.iter("rp"), None) is None:
            yield Finding(
                rule="ruby",
                severity=Severity.WARNING,
                line=element.sourceline or 0,
                problem="<ruby> without <rp>: where it is not known, word and reading run together",
                fix="write <ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>",
                clients=("Gmail", "Gmail iOS", "Outlook classic"),
            )

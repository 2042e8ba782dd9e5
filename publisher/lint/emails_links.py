"""Links: that they lead somewhere, and where they say they lead."""

import re
from collections.abc import Iterator

from lxml.html import HtmlElement

from publisher.lint.emails_message import Email
from publisher.lint.emails_urls import host_of, is_secure, is_web, split
from publisher.lint.emails_visible import is_hidden, name_of
from publisher.lint.findings import Finding, Severity

MAX_LINKS = 100
MAX_LENGTH = 2_000
"""Characters of a URL; Outlook and some filters cut longer ones."""

_OTHER_SCHEMES = frozenset({"mailto", "tel", "sms"})
_LOOKS_LIKE_URL = re.compile(r"(?:https?://|www\.)[^\s/]+\.[^\s]+", re.IGNORECASE)
_SHORTENERS = frozenset(
    {"bit.ly", "buff.ly", "cutt.ly", "dlvr.it", "goo.gl", "is.gd", "ow.ly", "rebrand.ly"}
    | {"rb.gy", "shorturl.at", "t.cn", "t.co", "t.ly", "tiny.cc", "tinyurl.com", "url.cn"}
    | {"dwz.cn", "suo.im", "v.gd", "lnkd.in"}
)


def check_links(email: Email) -> Iterator[Finding]:
    """The rules `link-…` and `unsubscribe-…`."""
    links = [element for element in email.elements("a", "area") if element.get("href") is not None]
    for link in links:
        yield from _target(link)
        yield from _text(link)
    if len(links) > MAX_LINKS:
        yield Finding(
            rule="link-count",
            severity=Severity.WARNING,
            line=links[MAX_LINKS].sourceline or 0,
            problem=f"the mail has {len(links)} links; filters distrust more than {MAX_LINKS}",
            fix="list the last posts on a page of their own, and link to that",
        )
    yield from _ways_out(email, links)


def _target(link: HtmlElement) -> Iterator[Finding]:
    url = (link.get("href") or "").strip()
    if url.startswith("#") and len(url) > 1:
        return  # clients differ on it: see the support of local anchors
    parts = split(url)
    if not is_web(url) and not (parts and parts.scheme in _OTHER_SCHEMES):
        yield _error(
            "link-target",
            link,
            problem=f"the link to {_shown(url)} leads nowhere from a mail",
            fix="give the whole address, https://..",
        )
    elif is_web(url) and not is_secure(url):
        yield _warning(
            "link-http",
            link,
            problem=f"the link to {_shown(url)} is not encrypted",
            fix="use https",
        )
    if len(url) > MAX_LENGTH:
        yield _warning(
            "link-length",
            link,
            problem=f"a link has {len(url):,} characters; some clients cut it at {MAX_LENGTH:,}",
            fix="shorten its query",
        )
    if host_of(url) in _SHORTENERS:
        yield _warning(
            "link-shortener",
            link,
            problem=f"{_shown(url)} hides where it leads: filters distrust it",
            fix="link to the page itself",
        )


def _text(link: HtmlElement) -> Iterator[Finding]:
    url, name = (link.get("href") or "").strip(), name_of(link)
    if not name and not is_hidden(link):
        yield _warning(
            "link-name",
            link,
            problem=f"the link to {_shown(url)} has no words: who cannot see it cannot use it",
            fix="write some, or give its image an alt",
        )
    if not _LOOKS_LIKE_URL.fullmatch(name) or not is_web(url):
        return
    said = name if "://" in name else f"https://{name}"
    if host_of(said) != host_of(url):
        yield _error(
            "link-text",
            link,
            problem=f"the link says {_shown(name)} but leads to {_shown(url)}: filters take it "
            "for phishing (rspamd adds 3.7 points)",
            fix="let it say in words where it leads",
        )
    elif name.lower().startswith("https://") and url.lower().startswith("http://"):
        yield _warning(
            "link-text",
            link,
            problem=f"the link says {_shown(name)} but leads to http://",
            fix="use https",
        )


def _ways_out(email: Email, links: list[HtmlElement]) -> Iterator[Finding]:
    urls = {url for url in email.leave_urls if is_secure(url)}
    if not urls:
        return  # the header's fault, which has its own rule
    seen = {(link.get("href") or "").strip() for link in links if not is_hidden(link)}
    if email.html and not urls & seen:
        yield Finding(
            rule="unsubscribe-html",
            severity=Severity.ERROR,
            line=0,
            problem="the HTML shows no link to the URL of List-Unsubscribe",
            fix="put it in the footer; the law and the big receivers ask for it",
        )
    text = email.text.content if email.text else ""
    if text.strip() and not any(url in text for url in urls):
        yield Finding(
            rule="unsubscribe-text",
            severity=Severity.ERROR,
            line=0,
            problem="the text part does not name the URL of List-Unsubscribe",
            fix="put it at the end of body.txt",
        )


def _shown(url: str) -> str:
    if not url:
        return "nothing"
    return url if len(url) <= 60 else url[:59] + "…"


def _error(rule: str, link: HtmlElement, *, problem: str, fix: str) -> Finding:
    return _finding(rule, link, severity=Severity.ERROR, problem=problem, fix=fix)


def _warning(rule: str, link: HtmlElement, *, problem: str, fix: str) -> Finding:
    return _finding(rule, link, severity=Severity.WARNING, problem=problem, fix=fix)


def _finding(
    rule: str, link: HtmlElement, *, severity: Severity, problem: str, fix: str
) -> Finding:
    return Finding(
        rule=rule, severity=severity, line=link.sourceline or 0, problem=problem, fix=fix
    )

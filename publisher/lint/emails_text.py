"""The text part: that it says what the HTML says."""

import re
from collections.abc import Iterator

from publisher.lint.emails_message import Email
from publisher.lint.emails_urls import is_web
from publisher.lint.emails_visible import is_hidden, visible_texts
from publisher.lint.findings import Finding, Severity

MIN_SHARE = 0.2
"""Of the HTML's words; below it SpamAssassin sees a stub (2.2 points)."""

_HAN = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\U00020000-\U0003ffff"
_WORD = re.compile(f"[{_HAN}]|[^\\W_{_HAN}]+")
_URL_END = r"(?=[.,;:]*(?:[\s<>()\[\]]|\Z))"
_ENOUGH = 20


def check_text(email: Email) -> Iterator[Finding]:
    """The rules `text-words` and `text-links`."""
    if not email.text or not email.text.content.strip() or not email.html:
        return
    said = set(_WORD.findall(email.text.content.lower()))
    shown = set(_WORD.findall(" ".join(visible_texts(email)).lower()))
    share = len(shown & said) / max(len(shown), 1)
    if len(shown) >= _ENOUGH and share < MIN_SHARE:
        yield Finding(
            rule="text-words",
            severity=Severity.WARNING,
            line=0,
            problem=f"the text part has {share:.0%} of the words of the HTML",
            fix="name at least each post's title and address in body.txt",
        )
    yield from _links(email, email.text.content)


def _links(email: Email, text: str) -> Iterator[Finding]:
    urls = dict.fromkeys(
        (link.get("href") or "").strip() for link in email.elements("a") if not is_hidden(link)
    )
    others = (url for url in urls if is_web(url) and url not in email.leave_urls)
    missing = [url for url in others if url not in text and not _is_in_page_of(text, url)]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        yield Finding(
            rule="text-links",
            severity=Severity.WARNING,
            line=0,
            problem=f"the text part lacks links of the HTML: {missing[0][:60]}{more}",
            fix="name them in body.txt",
        )


def _is_in_page_of(text: str, url: str) -> bool:
    """Whether a URL is a place, such as a footnote, in a page that the text names."""
    page, mark, _ = url.partition("#")
    return bool(mark) and re.search(re.escape(page) + _URL_END, text) is not None

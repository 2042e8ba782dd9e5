"""Images: that they arrive, that nothing jumps, and that the mail can be read without them."""

from collections.abc import Iterator

from lxml.html import HtmlElement

from publisher.lint.clients import GMAIL
from publisher.lint.emails_message import Email
from publisher.lint.emails_urls import is_secure, is_web
from publisher.lint.emails_visible import visible_texts
from publisher.lint.findings import Finding, Severity

MIN_TEXT = 100
"""Letters beside an image, below which filters see an image only (SpamAssassin: up to 5.8)."""


def check_images(email: Email) -> Iterator[Finding]:
    """All rules whose names begin with `image-`, but for the formats of clients."""
    images = list(email.elements("img"))
    attached = {leaf.content_id for leaf in email.leaves if leaf.content_id}
    for image in images:
        yield from _source(image, attached)
        yield from _attributes(image)
    if images and len("".join(visible_texts(email))) < MIN_TEXT:
        yield Finding(
            rule="image-only",
            severity=Severity.WARNING,
            line=images[0].sourceline or 0,
            problem="the mail is hardly more than an image: filters distrust it, and many "
            "readers see no images",
            fix="write what the image says",
        )


def _source(image: HtmlElement, attached: set[str]) -> Iterator[Finding]:
    url = (image.get("src") or "").strip()
    line = image.sourceline or 0
    if url.lower().startswith("data:"):
        yield Finding(
            rule="image-data",
            severity=Severity.ERROR,
            line=line,
            problem="an image is written into the HTML (data:): Gmail does not show it",
            fix="publish it and link to it by https",
            clients=GMAIL,
        )
    elif url.lower().startswith("cid:"):
        if url[4:] not in attached:
            yield Finding(
                rule="image-source",
                severity=Severity.ERROR,
                line=line,
                problem=f"no part of the message has the Content-ID {url[4:60]}",
                fix="attach the image, or link to it by https",
            )
    elif not is_web(url):
        yield Finding(
            rule="image-source",
            severity=Severity.ERROR,
            line=line,
            problem=f"the image {url[:60] or 'without src'} cannot be found from a mail",
            fix="give the whole address, https://..",
        )
    elif not is_secure(url):
        yield Finding(
            rule="image-http",
            severity=Severity.WARNING,
            line=line,
            problem=f"the image {url[:60]} is not encrypted; some clients do not load it",
            fix="use https",
        )


def _attributes(image: HtmlElement) -> Iterator[Finding]:
    line, name = image.sourceline or 0, (image.get("src") or "")[-60:]
    if image.get("alt") is None:
        yield Finding(
            rule="image-alt",
            severity=Severity.ERROR,
            line=line,
            problem=f"the image {name} has no alt: where images are off, nothing stands there",
            fix='say in alt what it shows, or write alt="" for decoration',
        )
    missing = [side for side in ("width", "height") if not _is_pixels(image.get(side))]
    if missing:
        yield Finding(
            rule="image-size",
            severity=Severity.WARNING,
            line=line,
            problem=f"the image {name} has no {' and no '.join(missing)} in pixels: Outlook shows "
            "it at full size, and the text jumps when it arrives",
            fix=f'add {" ".join(f"{side}=.." for side in missing)} as attributes, without "px"',
        )


def _is_pixels(value: str | None) -> bool:
    return bool(value and value.strip().isdigit() and value.isascii())

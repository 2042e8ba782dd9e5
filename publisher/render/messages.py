"""Whole messages: header fields of our own around a body that is joined, not rendered.

What is the same for everybody is made once per variant; a message adds To, Date, Message-ID and
the unsubscribe links.
"""

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from html import escape

from publisher.domain.newsletters import Newsletter
from publisher.domain.sites import Site
from publisher.render import headers
from publisher.render.digest import Digest
from publisher.render.splice import Part, Slot, Static, compile_text, join, static

CRLF = b"\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """Both parts of a variant, compiled; `boundary` comes from their content."""

    text: tuple[Part, ...]
    html: tuple[Part, ...]
    boundary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What all recipients of an issue get. `issue` is the key of its period."""

    site: Site
    newsletter: Newsletter
    issue: str
    subject: str
    body: Body


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """What is one recipient's own. `message_id` is the part before the @."""

    address: str
    name: str
    message_id: str
    unsubscribe_url: str


def compile_body(digest: Digest) -> Body:
    """Makes a digest ready to be joined for any number of recipients."""
    return _body(compile_text(digest.text, digest.nonce), compile_text(digest.html, digest.nonce))


def dump_body(body: Body) -> bytes:
    """The body as bytes to keep; equal bodies give equal bytes."""
    return json.dumps({"text": _dump(body.text), "html": _dump(body.html)}).encode()


def load_body(data: bytes) -> Body:
    """The body that `dump_body` kept."""
    kept = json.loads(data)
    return _body(_load(kept["text"]), _load(kept["html"]))


def compose(letter: Letter, recipient: Recipient, *, date: datetime) -> bytes:
    """The message of one recipient (RFC 5322), lines ended by CRLF.

    `date` is that of the attempt. Raises `ValueError` for an address or URL that cannot stand in
    a header.
    """
    values = {"name": recipient.name, "unsubscribe": recipient.unsubscribe_url}
    plain = {name: value.encode() for name, value in values.items()}
    marked = {name: escape(value).encode() for name, value in values.items()}
    delimiter = b"--" + letter.body.boundary.encode()
    return b"".join(
        (
            *_fields(letter, recipient, date),
            CRLF,
            delimiter + CRLF,
            _part_head("text/plain"),
            join(letter.body.text, plain),
            CRLF + delimiter + CRLF,
            _part_head("text/html"),
            join(letter.body.html, marked),
            CRLF + delimiter + b"--" + CRLF,
        )
    )


def _fields(letter: Letter, recipient: Recipient, date: datetime) -> list[bytes]:
    newsletter, site = letter.newsletter, letter.site
    domain = newsletter.sender.email.rpartition("@")[2]
    answers = newsletter.reply_to or newsletter.sender.email
    leave = f"<{_uri(recipient.unsubscribe_url)}>,\r\n <mailto:{answers}?subject=unsubscribe>"
    named = [
        ("From", headers.mailbox(newsletter.sender.name, newsletter.sender.email)),
        ("To", headers.mailbox(recipient.name, recipient.address)),
        ("Reply-To", newsletter.reply_to),
        ("Subject", headers.text(letter.subject)),
        ("Date", headers.date(date)),
        ("Message-ID", f"<{recipient.message_id}@{domain}>"),
        ("List-Id", f"{headers.phrase(newsletter.title)} <{newsletter.id}.{domain}>"),
        ("List-Unsubscribe", leave),  # RFC 2369
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),  # RFC 8058
        ("List-Archive", f"<{_uri(site.link('/'))}>"),
        ("Precedence", "bulk"),
        ("Auto-Submitted", "auto-generated"),  # RFC 3834: no vacation replies
        ("Feedback-ID", f"{letter.issue.replace(':', '-')}:{newsletter.id}:digest:publisher"),
        ("MIME-Version", "1.0"),
        ("Content-Type", f'multipart/alternative; boundary="{letter.body.boundary}"'),
    ]
    return [headers.field(name, value) for name, value in named if value]


def _part_head(media_type: str) -> bytes:
    return (
        headers.field("Content-Type", f'{media_type}; charset="utf-8"')
        + headers.field("Content-Transfer-Encoding", "base64")
        + CRLF
    )


def _uri(url: str) -> str:
    """A URL that may stand between angle brackets. Raises `ValueError` for any other."""
    if not url.isascii() or any(c in url for c in " <>\r\n\t\0"):
        raise ValueError(f"not a URL for a header: {url!r}")
    return url


def _body(text: tuple[Part, ...], html: tuple[Part, ...]) -> Body:
    raw = b"\0".join(
        part.raw if isinstance(part, Static) else part.name.encode() for part in (*text, *html)
    )
    return Body(text=text, html=html, boundary="=_" + sha256(raw).hexdigest()[:24])


def _dump(parts: tuple[Part, ...]) -> list[dict[str, str]]:
    return [
        {"slot": part.name} if isinstance(part, Slot) else {"raw": b64encode(part.raw).decode()}
        for part in parts
    ]


def _load(kept: list[dict[str, str]]) -> tuple[Part, ...]:
    return tuple(
        Slot(part["slot"]) if "slot" in part else static(b64decode(part["raw"])) for part in kept
    )

"""Whole messages: header fields of our own around a body that is joined, not rendered.

What is the same for everybody is made once per variant, checked by a parser, and kept in a
`Letter`; a message adds To, Date, Message-ID and List-Unsubscribe. Signing comes after, over the
joined message (`mail.dkim`).
"""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.parser import BytesHeaderParser
from hashlib import sha256
from html import escape

from publisher.domain.issues import archive_path, issue_path
from publisher.domain.newsletters import Newsletter
from publisher.domain.sites import Person, Site
from publisher.render import headers
from publisher.render.digest import SLOTS, Digest
from publisher.render.notices import Notice
from publisher.render.splice import Part, Slot, Static, compile_text, pieces, static

CRLF = b"\r\n"
_OWN = (b"To", b"Date", b"Message-ID", b"List-Unsubscribe")
_OF_THE_ARCHIVE = ("List-Help", "List-Archive", "Archived-At")
_SENDER_ID = 15
_FIELD_NAME = re.compile(rb"^([!-9;-~]+):", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """A picture inside a mail. `url` is where it stands otherwise."""

    url: str
    media_type: str
    data: bytes

    @property
    def content_id(self) -> str:
        """What the HTML calls it by; comes from its bytes."""
        return f"{sha256(self.data).hexdigest()[:24]}@picture"


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """Both parts of a variant, compiled, and what stands around them.

    `boundary` comes from their content.
    """

    text: tuple[Part, ...]
    html: tuple[Part, ...]
    pictures: tuple[Embedded, ...]
    boundary: str
    before_text: bytes
    before_html: bytes
    end: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What all recipients of an issue get. `issue` is the key of its period.

    `fields` are the header fields that are the same for everybody, checked. Raises `ValueError`
    for a value that cannot stand in a header.
    """

    site: Site
    newsletter: Newsletter
    issue: str
    subject: str
    body: Body
    fields: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        named = _shared_fields(self)
        data = b"".join(headers.field(name, value) for name, value in named)
        _refuse_other_fields(data, [name for name, _ in named])
        object.__setattr__(self, "fields", data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """What is one recipient's own. `message_id` is the part before the @."""

    address: str
    name: str
    message_id: str
    unsubscribe_url: str
    preferences_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeEnvelope:
    """Whom a notice is from and to. `message_id` is the part before the @.

    `unsubscribe_url` is empty where there is nothing to leave yet, or any more.
    """

    sender: Person
    address: str
    message_id: str
    unsubscribe_url: str = ""


def compile_body(digest: Digest, pictures: Sequence[Embedded] = ()) -> Body:
    """Makes a digest ready to be joined for any number of recipients.

    `pictures` travel inside the mail; the HTML then shows these instead of fetching them.
    """
    html = digest.html
    for picture in pictures:
        html = html.replace(f'src="{picture.url}"', f'src="cid:{picture.content_id}"')
    return _body(
        compile_text(digest.text, digest.nonce, SLOTS),
        compile_text(html, digest.nonce, SLOTS),
        pictures,
    )


def dump_body(body: Body) -> bytes:
    """The body as bytes to keep; equal bodies give equal bytes."""
    pictures = [
        {"url": each.url, "type": each.media_type, "data": b64encode(each.data).decode()}
        for each in body.pictures
    ]
    kept = {"text": _dump(body.text), "html": _dump(body.html), "pictures": pictures}
    return json.dumps(kept).encode()


def load_body(data: bytes) -> Body:
    """The body that `dump_body` kept."""
    kept = json.loads(data)
    pictures = [
        Embedded(url=each["url"], media_type=each["type"], data=b64decode(each["data"]))
        for each in kept["pictures"]
    ]
    return _body(_load(kept["text"]), _load(kept["html"]), pictures)


def compose(letter: Letter, recipient: Recipient, *, date: datetime) -> bytes:
    """The message of one recipient (RFC 5322), lines ended by CRLF.

    `date` is that of the attempt. Raises `ValueError` for an address or URL that cannot stand in
    a header.
    """
    values = {
        "name": headers.one_line(recipient.name),
        "unsubscribe": recipient.unsubscribe_url,
        "preferences": recipient.preferences_url,
    }
    plain = {slot: value.encode() for slot, value in values.items()}
    marked = {slot: escape(value).encode() for slot, value in values.items()}
    body = letter.body
    return b"".join(
        [
            _own_fields(letter.newsletter, recipient, date),
            letter.fields,
            body.before_text,
            *pieces(body.text, plain),
            body.before_html,
            *pieces(body.html, marked),
            body.end,
        ]
    )


def compose_notice(notice: Notice, envelope: NoticeEnvelope, *, date: datetime) -> bytes:
    """The message of a notice to one person: not bulk, so without the fields of a list.

    Raises `ValueError` for a value that cannot stand in a header.
    """
    body = _body((static(_wire(notice.text)),), (static(_wire(notice.html)),))
    named = [
        ("From", headers.mailbox(envelope.sender.name, envelope.sender.email)),
        ("To", headers.mailbox("", envelope.address)),
        ("Subject", headers.text(notice.subject)),
        ("Date", headers.date(date)),
        ("Message-ID", f"<{envelope.message_id}@{envelope.sender.domain}>"),
        ("Auto-Submitted", "auto-generated"),  # RFC 3834: no vacation replies
        ("MIME-Version", "1.0"),
        ("Content-Type", f'multipart/alternative; boundary="{body.boundary}"'),
    ]
    if envelope.unsubscribe_url:
        named += [
            ("List-Unsubscribe", f"<{_uri(envelope.unsubscribe_url)}>"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ]
    fields = b"".join(headers.field(name, value) for name, value in named)
    _refuse_other_fields(fields, [name for name, _ in named])
    parts = (body.before_text, *pieces(body.text, {}), body.before_html, *pieces(body.html, {}))
    return b"".join((fields, *parts, body.end))


def _own_fields(newsletter: Newsletter, recipient: Recipient, date: datetime) -> bytes:
    """The four fields that differ, in the order of `_OWN`."""
    leave = f"<{_uri(recipient.unsubscribe_url)}>,\r\n <mailto:{_answers(newsletter)}"
    data = b"".join(
        (
            headers.field("To", headers.mailbox(recipient.name, recipient.address)),
            headers.field("Date", headers.date(date)),
            headers.field("Message-ID", f"<{recipient.message_id}@{newsletter.sender.domain}>"),
            headers.field("List-Unsubscribe", f"{leave}?subject=unsubscribe>"),  # RFC 2369
        )
    )
    if tuple(_FIELD_NAME.findall(data)) != _OWN:
        raise ValueError(f"{recipient.address!r}: its header fields would read as others")
    return data


def _shared_fields(letter: Letter) -> list[tuple[str, str]]:
    newsletter, site = letter.newsletter, letter.site
    list_id = f"{newsletter.id}.{newsletter.sender.domain}"
    archive = _uri(site.link(archive_path(newsletter.id)))
    named = [
        ("From", headers.mailbox(newsletter.sender.name, newsletter.sender.email)),
        ("Reply-To", newsletter.reply_to),
        ("Subject", headers.text(letter.subject) or newsletter.id),  # of nothing visible
        ("List-Id", headers.angled(newsletter.title, list_id)),  # RFC 2919
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),  # RFC 8058
        ("List-Help", f"<{archive}#help>"),
        ("List-Archive", f"<{archive}>"),
        ("Archived-At", f"<{_uri(site.link(issue_path(newsletter.id, letter.issue)))}>"),
        ("Precedence", "bulk"),
        ("Auto-Submitted", "auto-generated"),  # RFC 3834: no vacation replies
        ("Feedback-ID", _feedback_id(letter)),
        ("MIME-Version", "1.0"),
        ("Content-Type", f'multipart/alternative; boundary="{letter.body.boundary}"'),
    ]
    if not newsletter.is_archived:
        named = [(name, value) for name, value in named if name not in _OF_THE_ARCHIVE]
    return [(name, value) for name, value in named if value]


def _refuse_other_fields(data: bytes, names: list[str]) -> None:
    """Reads the fields as a receiver does; raises `ValueError` if they are not those we wrote.

    Python's own `email` once made a Bcc out of an encoded word in a title (CVE-2024-6923).
    """
    found = BytesHeaderParser().parsebytes(data + CRLF)
    if found.keys() != names or found.defects:
        raise ValueError(f"the header would be read as {found.keys()}, not as {names}")


def _feedback_id(letter: Letter) -> str:
    """What Gmail counts complaints by: issue, newsletter, kind, and a name for the sender."""
    sender = re.sub("[^a-z0-9]", "", letter.site.authority)[:_SENDER_ID].ljust(5, "0")
    return f"{letter.issue.replace(':', '-')}:{letter.newsletter.id}:digest:{sender}"


def _answers(newsletter: Newsletter) -> str:
    return newsletter.reply_to or newsletter.sender.email


def _wire(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


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


def _body(
    text: tuple[Part, ...], html: tuple[Part, ...], pictures: Sequence[Embedded] = ()
) -> Body:
    """multipart/alternative with text and HTML; pictures lie beside the HTML (RFC 2387)."""
    raw = b"\0".join(
        part.raw if isinstance(part, Static) else part.name.encode() for part in (*text, *html)
    )
    boundary = "=_" + sha256(raw).hexdigest()[:24]
    inner = f"{boundary}.r"
    open_html, close_html = _part_head("text/html"), b""
    if pictures:
        kind = f'multipart/related; type="text/html"; boundary="{inner}"'
        open_html = headers.field("Content-Type", kind) + CRLF + _delimiter(inner) + open_html
        shown = b"".join(CRLF + _delimiter(inner) + _picture(each) for each in pictures)
        close_html = shown + CRLF + _delimiter(inner, is_last=True)
    return Body(
        text=text,
        html=html,
        pictures=tuple(pictures),
        boundary=boundary,
        before_text=CRLF + _delimiter(boundary) + _part_head("text/plain"),
        before_html=CRLF + _delimiter(boundary) + open_html,
        end=close_html + CRLF + _delimiter(boundary, is_last=True),
    )


def _delimiter(boundary: str, *, is_last: bool = False) -> bytes:
    return f"--{boundary}{'--' * is_last}\r\n".encode()


def _picture(picture: Embedded) -> bytes:
    named = (
        ("Content-Type", picture.media_type),
        ("Content-Transfer-Encoding", "base64"),
        ("Content-ID", f"<{picture.content_id}>"),
        ("Content-Disposition", "inline"),
    )
    fields = b"".join(headers.field(name, value) for name, value in named)
    return fields + CRLF + b"".join(pieces((static(picture.data),), {}))


def _dump(parts: tuple[Part, ...]) -> list[dict[str, str]]:
    return [
        {"slot": part.name} if isinstance(part, Slot) else {"raw": b64encode(part.raw).decode()}
        for part in parts
    ]


def _load(kept: list[dict[str, str]]) -> tuple[Part, ...]:
    return tuple(
        Slot(part["slot"]) if "slot" in part else static(b64decode(part["raw"])) for part in kept
    )

"""Notices as messages: one person, one link, rendered for each.

Nothing that a visitor typed is in them but the address in `To`. The header fields are our own
bytes, as those of issues are.
"""

from base64 import encodebytes
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from publisher.domain.newsletters import Newsletter
from publisher.domain.notices import NoticeKind
from publisher.domain.sites import Person, Site
from publisher.render import headers
from publisher.render.inlining import inline
from publisher.render.templates import Templates
from publisher.render.words import direction, words_for

WORDS = "email/notices.toml"
_FOLDER = "email/notice"
_CRLF = b"\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What a notice says. `link` is the one thing to do; `message_id` is whole, without `<>`."""

    kind: NoticeKind
    site: Site
    newsletter: Newsletter
    language: str
    sender: Person
    address: str
    message_id: str
    link: str
    preferences: str
    unsubscribe: str
    confirm_days: int


def compose_notice(templates: Templates, note: Note, *, date: datetime) -> bytes:
    """The whole message (RFC 5322), lines ended by CRLF. Raises `TemplateError`."""
    words, _ = words_for(templates, WORDS, note.language)
    values: dict[str, object] = {
        "site": note.site,
        "newsletter": note.newsletter,
        "language": note.language,
        "direction": direction(note.language),
        "words": words,
        "said": words[note.kind.value],
        "link": note.link,
        "preferences": note.preferences,
        "unsubscribe": note.unsubscribe,
        "days": note.confirm_days,
        "home": note.site.link("/"),
        "feeds": note.site.link("/feeds/"),
    }
    subject = " ".join(templates.text(f"{_FOLDER}/subject.txt", **values).split())
    values["subject"] = subject
    html = inline(
        templates.html(f"{_FOLDER}/body.html", **values),
        styles=templates.source(f"{_FOLDER}/inline.css"),
        head=templates.source(f"{_FOLDER}/head.css"),
        name=f"{_FOLDER}/body.html",
    )
    text = templates.text(f"{_FOLDER}/body.txt", **values)
    boundary = "=_" + sha256(f"{text}\0{html}".encode()).hexdigest()[:24]
    fields = b"".join(headers.field(name, value) for name, value in _named(note, subject, date))
    return b"".join(
        (
            fields,
            headers.field("Content-Type", f'multipart/alternative; boundary="{boundary}"'),
            _part("text/plain", text, boundary),
            _part("text/html", html, boundary),
            _CRLF + f"--{boundary}--".encode() + _CRLF,
        )
    )


def _named(note: Note, subject: str, date: datetime) -> list[tuple[str, str]]:
    return [
        ("From", headers.mailbox(note.sender.name, note.sender.email)),
        ("To", headers.mailbox("", note.address)),
        ("Subject", headers.text(subject)),
        ("Date", headers.date(date)),
        ("Message-ID", f"<{note.message_id}>"),
        ("Auto-Submitted", "auto-generated"),  # RFC 3834: no vacation replies
        ("MIME-Version", "1.0"),
    ]


def _part(media_type: str, text: str, boundary: str) -> bytes:
    wire = text.replace("\r\n", "\n").replace("\n", "\r\n").encode()
    return b"".join(
        (
            _CRLF + f"--{boundary}".encode() + _CRLF,
            headers.field("Content-Type", f'{media_type}; charset="utf-8"'),
            headers.field("Content-Transfer-Encoding", "base64"),
            _CRLF,
            encodebytes(wire).replace(b"\n", _CRLF),
        )
    )

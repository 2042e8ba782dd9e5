"""Short mails about a subscription."""

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from publisher.domain.newsletters import Newsletter
from publisher.domain.notices import NoticeKind
from publisher.domain.sites import Person
from publisher.errors import TemplateError
from publisher.render.messages import NoticeEnvelope, compose_notice
from publisher.render.notices import Notice, render_notice
from publisher.render.templates import Templates
from tests.conftest import Golden
from tests.factories import make_newsletter, make_site

SLOT = datetime(2026, 11, 27, tzinfo=UTC)
LINKS = {
    NoticeKind.CONFIRM: {"confirm": "https://example.org/c/1"},
    NoticeKind.WELCOME: {
        "unsubscribe": "https://example.org/u/1",
        "preferences": "https://example.org/p/1",
        "archive": "https://example.org/archive/weekly/",
    },
    NoticeKind.GOODBYE: {"subscribe": "https://example.org/subscribe"},
    NoticeKind.MANAGE: {"act": "https://example.org/p/1", "preferences": "https://example.org/p/1"}
    | {"unsubscribe": "https://example.org/u/1"},
    NoticeKind.STAY: {"act": "https://example.org/links/stay/1"}
    | {"preferences": "https://example.org/p/1", "unsubscribe": "https://example.org/u/1"},
    NoticeKind.ADDRESS: {"act": "https://example.org/links/address/1"},
    NoticeKind.MOVE: {"act": "https://example.org/links/move/1"},
    NoticeKind.EXPORT: {"act": "https://example.org/links/export/1"},
    NoticeKind.ERASE: {"act": "https://example.org/links/erase/1"},
}


def notice(kind: NoticeKind, newsletter: Newsletter | None = None) -> Notice:
    return render_notice(
        Templates(),
        kind,
        site=make_site(),
        newsletter=newsletter or make_newsletter(),
        links=LINKS[kind],
        next_at=SLOT,
    )


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("kind", NoticeKind)
def test_a_notice_is_as_it_was(golden: Golden, kind: NoticeKind, language: str) -> None:
    made = notice(kind, make_newsletter(language=language))
    golden(f"notices/{kind}-{language}.html", made.html.encode())
    golden(f"notices/{kind}-{language}.txt", f"{made.subject}\n\n{made.text}".encode())


@pytest.mark.parametrize("kind", NoticeKind)
def test_every_link_stands_in_both_parts(kind: NoticeKind) -> None:
    made = notice(kind)
    for url in LINKS[kind].values():
        assert f'href="{url}"' in made.html
        assert url in made.text


def test_a_confirmation_without_its_link_is_refused() -> None:
    with pytest.raises(TemplateError, match="confirm"):
        render_notice(
            Templates(),
            NoticeKind.CONFIRM,
            site=make_site(),
            newsletter=make_newsletter(),
            links={},
        )


def test_a_welcome_says_when_the_next_issue_comes_if_that_is_known() -> None:
    assert "November 27, 2026" in notice(NoticeKind.WELCOME).text
    silent = render_notice(
        Templates(),
        NoticeKind.WELCOME,
        site=make_site(),
        newsletter=make_newsletter(),
        links={"unsubscribe": "https://example.org/u/1"},
    )
    assert "2026" not in silent.text
    assert "Preferences" not in silent.text


def test_a_notice_s_message_is_no_bulk_mail_and_names_nobody() -> None:
    made = notice(NoticeKind.CONFIRM)
    envelope = NoticeEnvelope(
        sender=Person(name="Lighthouse", email="hello@example.org"),
        address="ann@example.com",
        message_id="c.1",
    )
    data = compose_notice(made, envelope, date=SLOT)
    message = message_from_bytes(data, policy=policy.default)

    assert isinstance(message, EmailMessage)
    assert message.defects == []
    assert message["To"] == "ann@example.com"
    assert not [name for name in message if name.startswith(("List-", "Precedence"))]
    plain, html = message.iter_parts()
    assert plain.get_content() == made.text.replace("\n", "\r\n")
    assert html.get_content() == made.html.replace("\n", "\r\n")


def test_a_welcome_can_be_answered_by_one_click() -> None:
    envelope = NoticeEnvelope(
        sender=Person(name="", email="hello@example.org"),
        address="ann@example.com",
        message_id="w.1",
        unsubscribe_url="https://example.org/u/1",
    )
    data = compose_notice(notice(NoticeKind.WELCOME), envelope, date=SLOT)
    assert b"\r\nList-Unsubscribe: <https://example.org/u/1>\r\n" in data
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in data
    with pytest.raises(ValueError, match="address"):
        compose_notice(
            notice(NoticeKind.WELCOME), replace(envelope, address="a\r\nBcc: b"), date=SLOT
        )

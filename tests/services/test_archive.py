"""The web version of each issue."""

from dataclasses import replace
from pathlib import Path

import pytest

from publisher.domain.issues import IssueStatus
from publisher.mail.relays import Relay, Security
from publisher.render.templates import Templates, shipped_templates
from publisher.services import inbox, publishing, subscribers
from publisher.services.app import App
from publisher.store import issues as issue_rows
from tests.services.conftest import write_post

PAGE = "archive/weekly/w-2026-w47/index.html"


@pytest.fixture
def site(app: App) -> App:
    write_post(app, "one.md", title="One & only", date="2025-10-02 10:00:00")
    subscribers.add(app, "weekly", email="ann@example.org", name="Ann Keeper", source="test")
    return app


def read(app: App, path: str) -> str:
    return (app.folders.output / path).read_text(encoding="utf-8")


def test_an_issue_stands_on_the_site_with_the_mail_s_words_and_nothing_personal(site: App) -> None:
    publishing.publish(site)

    page = read(site, PAGE)
    assert "One &amp; only" in page
    assert "Opening" not in page
    for personal in ("Ann", "Unsubscribe", "/u/", "_unsubscribe", "You receive this"):
        assert personal not in page
    assert "style=" not in page
    assert "<style" not in page
    assert "[if mso]" not in page
    sheet = page.split('rel="stylesheet" href="/')[1].split('"')[0]
    assert "prefers-color-scheme: dark" in read(site, sheet)
    assert "font-size:31px" in read(site, sheet)


def test_the_page_is_where_the_mail_says(site: App) -> None:
    publishing.publish(site)
    (mail,) = inbox.listing(site)
    source = inbox.read(site, mail.key).decode()
    assert "Archived-At: <http://localhost:8080/archive/weekly/w-2026-w47/>" in source
    assert '<a href="/archive/weekly/w-2026-w47/">' in read(site, "archive/weekly/index.html")
    assert 'id="help"' in read(site, "archive/weekly/index.html")


def test_the_page_is_there_before_the_first_mail(site: App) -> None:
    dead = Relay(host="127.0.0.1", port=9, security=Security.NONE)
    publishing.publish(replace(site, relays=(dead,)))
    assert "One &amp; only" in read(site, PAGE)


def test_the_page_keeps_the_issue_s_words_when_the_post_changes(site: App) -> None:
    publishing.publish(site)
    before = read(site, PAGE)
    write_post(site, "one.md", title="Another title", date="2025-10-02 10:00:00")
    publishing.publish(site)
    assert read(site, PAGE) == before


def test_a_newsletter_can_stay_out_of_the_archive(site: App) -> None:
    private = replace(site.newsletters[0], is_archived=False)
    publishing.publish(replace(site, newsletters=(private,)))
    (mail,) = inbox.listing(site)
    source = inbox.read(site, mail.key).decode()
    assert not (site.folders.output / "archive").exists()
    assert "Archived-At" not in source
    assert "List-Archive" not in source
    assert "archive" not in inbox.parts(inbox.read(site, mail.key)).html


def test_a_control_character_in_a_template_spoils_no_page(site: App, tmp_path: Path) -> None:
    own = tmp_path / "own" / "email" / "base"
    own.mkdir(parents=True)
    frame = (shipped_templates() / "email" / "base" / "frame.html").read_text(encoding="utf-8")
    (own / "frame.html").write_text(frame.replace("</body>", "\f&#11;</body>"), encoding="utf-8")
    publishing.publish(replace(site, templates=Templates(tmp_path / "own")))
    assert "One &amp; only" in read(site, PAGE)


def test_the_page_stays_while_the_sending_is_paused(site: App) -> None:
    publishing.publish(site)
    with site.store.begin() as tx:
        issue_rows.move(tx, 1, before=[IssueStatus.SENT], after=IssueStatus.PAUSED)
    publishing.build(site)
    assert "One &amp; only" in read(site, PAGE)

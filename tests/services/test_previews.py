"""The next issue, looked at before it is sent."""

import os
from dataclasses import replace
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from publisher.errors import Conflict, NotFound, TemplateError
from publisher.render.cards import Detail
from publisher.render.templates import Templates
from publisher.services import checks, issues, previews, subscribers
from publisher.services.app import App
from tests.services.conftest import write_post


def add_post(app: App, **changes: str) -> Path:
    return write_post(app, "one.md", title="One", date="2025-10-02 10:00:00", **changes)


def test_a_preview_is_the_message_and_changes_nothing(app: App) -> None:
    add_post(app)

    made = previews.preview(app, app.newsletters[0], now=app.clock())

    message = message_from_bytes(made.message, policy=policy.default)
    assert message["Subject"] == made.subject == "Lighthouse Weekly: One"
    assert message["To"] == "Reader <reader@example.org>"
    assert "http://localhost:8080/u/preview" in made.html
    assert made.detail is Detail.FULL
    assert made.encoded_size > made.html_size
    assert issues.listing(app) == []


def test_a_preview_for_a_subscriber_carries_their_name(app: App) -> None:
    add_post(app)
    subscribers.add(app, "weekly", email="ann@example.org", name="Ann Keeper", source="test")

    made = previews.preview(app, app.newsletters[0], now=app.clock(), reader="Ann@Example.org")

    assert b"To: Ann Keeper <ann@example.org>" in made.message
    with pytest.raises(NotFound, match=r"bob@example\.org"):
        previews.preview(app, app.newsletters[0], now=app.clock(), reader="bob@example.org")


def test_without_any_post_there_is_nothing_to_see(app: App) -> None:
    with pytest.raises(Conflict, match="no post"):
        previews.preview(app, app.newsletters[0], now=app.clock())


def test_the_three_files_are_the_three_views(app: App, tmp_path: Path) -> None:
    add_post(app)
    made = previews.preview(app, app.newsletters[0], now=app.clock())
    html, text, message = previews.write(made, tmp_path / "look")
    assert (html.read_text(), text.read_text()) == (made.html, made.text)
    assert message.read_bytes() == made.message


def test_the_stamp_changes_with_posts_and_templates_and_with_nothing_else(
    app: App, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    (own / "email").mkdir(parents=True)
    app = replace(app, templates=Templates(own))
    path = add_post(app)
    stamps = [previews.stamp(app), previews.stamp(app)]
    path.write_text(path.read_text() + "More.\n")
    stamps.append(previews.stamp(app))
    (own / "email" / "x.html").write_text("x")
    stamps.append(previews.stamp(app))
    assert stamps[0] == stamps[1]
    assert len(set(stamps)) == 3


def test_the_stamp_takes_any_name_of_a_file(app: App) -> None:
    before = previews.stamp(app)
    (app.content.folder / os.fsdecode(b"caf\xe9.png")).write_bytes(b"x")
    assert previews.stamp(app) != before


def test_check_names_what_clients_would_hold_against_the_next_issue(
    app: App, tmp_path: Path
) -> None:
    add_post(app)
    shipped = Path(__file__).parents[2] / "templates" / "email" / "digest" / "body.txt"
    folder = tmp_path / "own" / "email" / "digest"
    folder.mkdir(parents=True)
    left_over = "{% block body %}\n{{ '{{ name }}' }} is left over\n"
    (folder / "body.txt").write_text(shipped.read_text().replace("{% block body %}", left_over))
    left = replace(app, templates=Templates(tmp_path / "own"))
    found = checks.check(left, now=app.clock()).findings
    assert {each.where for each in found} == {"newsletters.weekly.template (token)"}


def test_what_posts_quote_of_templates_is_not_held_against_the_letter(app: App) -> None:
    file = add_post(app, more="description: 'It prints {{ name }}.'\ntags: ['{{ t }}']\n")
    text = file.read_text().replace("title: One", "title: 'Why {{ x }} & {% y %}?'")
    file.write_text(text + "See {{ a | b }}, `{{ c }}` and [e](https://e.org/%7B%7Bd%7D%7D).\n")
    assert checks.check(app, now=app.clock()).findings == ()


def test_check_refuses_a_broken_notice_with_template_line_and_variable(
    app: App, tmp_path: Path
) -> None:
    folder = tmp_path / "own" / "email" / "welcome"
    folder.mkdir(parents=True)
    (folder / "body.txt").write_text("Dear\n{{ nobody }}\n")
    broken = replace(app, templates=Templates(tmp_path / "own"))
    found = checks.check(broken, now=app.clock()).findings
    assert len(found) == 1
    assert "email/welcome/body.txt:2: 'nobody' is undefined" in found[0].problem
    assert found[0].severity is checks.Severity.ERROR


def test_a_broken_letter_is_told_with_template_line_and_variable(app: App, tmp_path: Path) -> None:
    add_post(app)
    folder = tmp_path / "own" / "email" / "base"
    folder.mkdir(parents=True)
    (folder / "posts.html").write_text("{% macro meta(post) %}\n\n{{ post.author }}{% endmacro %}")
    broken = replace(app, templates=Templates(tmp_path / "own"))
    with pytest.raises(TemplateError, match=r"email/base/posts\.html:3: .*'author'"):
        previews.preview(broken, app.newsletters[0], now=app.clock())

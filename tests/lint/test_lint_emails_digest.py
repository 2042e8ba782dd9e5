"""Our own digest, which must be what we ask of others."""

import pytest

from publisher.domain.posts import Image, Post
from publisher.lint.emails import lint_email
from publisher.mail.dkim import generate_ed25519, generate_rsa, load_key, sign
from tests.factories import NOW, make_post
from tests.render.test_digest import CHINESE, ENGLISH, make_digest, make_message

MANY = [make_post(number) for number in range(1, 21)]


@pytest.mark.parametrize(
    ("posts", "language"),
    [([CHINESE], "zh-CN"), ([ENGLISH], "en"), ([ENGLISH, CHINESE, *MANY], "zh-CN"), (MANY, "fi")],
)
def test_the_digest_has_no_error(posts: list[Post], language: str) -> None:
    found = lint_email(make_message(make_digest(posts, language)))
    assert [finding for finding in found if finding.severity == "error"] == []


def test_the_digest_can_be_read_by_day_and_in_the_dark_and_uses_what_clients_know() -> None:
    found = lint_email(make_message(make_digest([ENGLISH, CHINESE, *MANY])))
    rules = {finding.rule for finding in found}
    assert not {rule for rule in rules if rule.startswith(("contrast", "css-", "html-", "style-"))}


def test_a_signed_message_is_as_good_as_one_without() -> None:
    message = make_message(make_digest([ENGLISH]))
    keys = [
        load_key(pem, domain="example.org", selector="s")
        for pem in (generate_rsa(), generate_ed25519())
    ]
    signed = sign(message, keys, at=NOW) + message
    rules = [finding.rule for finding in lint_email(message)]
    assert [finding.rule for finding in lint_email(signed)] == rules


def test_what_a_writer_forgets_is_found() -> None:
    cover = Image(url="http://localhost:8080/dusk.webp", alt="", width=0, height=0)
    found = lint_email(make_message(make_digest([make_post(1, image=cover)])))
    rules = {finding.rule for finding in found}
    assert {"image-size", "image-webp"} <= rules

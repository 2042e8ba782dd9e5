"""The digest and the messages made of it."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from lxml import html as lxml_html

from publisher.domain.newsletters import Period
from publisher.domain.posts import Excerpt, Image, Post
from publisher.domain.sites import Person
from publisher.errors import TemplateError
from publisher.render.cards import Detail, reading_minutes
from publisher.render.digest import (
    SIZE_GOAL,
    Digest,
    Edition,
    encoded_size,
    personal,
    preheader,
    render_digest,
    slot_token,
)
from publisher.render.messages import (
    Letter,
    Recipient,
    compile_body,
    compose,
    dump_body,
    load_body,
)
from publisher.render.templates import Templates
from tests.conftest import Golden
from tests.factories import NOW, make_newsletter, make_post, make_site

PERIOD = Period(key="W:2026-W47", slot=datetime(2026, 11, 20, tzinfo=UTC))
NONCE = "0123456789abcdef"
URL = "http://localhost:8080/u/11aaaaaaaaaaaaaaaaaaaaaa"
CHOOSE = "http://localhost:8080/p/1abc"

CHINESE = make_post(
    1,
    title="雾号",
    language="zh-CN",
    description="光走不远的夜里，灯塔改用声音说话。",
    tags=("声音", "夜航"),
    categories=(("海边笔记", "声音"),),
    excerpt=Excerpt.of("<p>大雾的夜里，灯塔是瞎的。</p>", "大雾的夜里，灯塔是瞎的。",
                    is_manual=False),
    html="<p>" + "灯" * 900 + "</p>",
)  # fmt: skip
ENGLISH = make_post(
    2,
    title="R&D <new> & old",
    image=Image(url="http://localhost:8080/images/dusk.png", alt="Dusk", width=1200, height=675),
    tags=("light",),
)


def make_edition(posts: Sequence[Post], language: str = "en", **changes: Any) -> Edition:
    return Edition(
        site=make_site(),
        newsletter=make_newsletter(language=language, **changes),
        period=PERIOD,
        posts=posts,
        nonce=NONCE,
        pictures={},
    )


def make_digest(posts: Sequence[Post], language: str = "en", **changes: Any) -> Digest:
    return render_digest(Templates(), make_edition(posts, language, **changes))


def make_letter(digest: Digest) -> Letter:
    return Letter(
        site=make_site(),
        newsletter=make_newsletter(),
        issue=PERIOD.key,
        subject=digest.subject,
        body=compile_body(digest),
    )


def make_message(digest: Digest, name: str = "Ann", url: str = URL) -> bytes:
    recipient = Recipient(
        address="ann@example.org",
        name=name,
        message_id="1.abc",
        unsubscribe_url=url,
        preferences_url=CHOOSE,
    )
    return compose(make_letter(digest), recipient, date=NOW)


def parsed(data: bytes) -> EmailMessage:
    message = message_from_bytes(data, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


@pytest.mark.parametrize(
    ("name", "posts", "language"),
    [
        ("chinese", [CHINESE], "zh-CN"),
        ("english", [ENGLISH], "en"),
        ("mixed", [ENGLISH, CHINESE, make_post(3), make_post(4), make_post(5)], "zh-CN"),
    ],
)
def test_the_digest_is_as_it_was(
    golden: Golden, name: str, posts: list[Post], language: str
) -> None:
    digest = make_digest(posts, language)
    golden(f"digest/{name}/body.html", digest.html.encode())
    golden(f"digest/{name}/body.txt", digest.text.encode())
    golden(f"digest/{name}/message.eml", make_message(digest))


def test_the_message_parses_without_defects_and_holds_both_parts() -> None:
    digest = make_digest([CHINESE, ENGLISH])
    data = make_message(digest, name="李雷 & <韩>")
    message = parsed(data)

    assert message.defects == []
    assert len(message.keys()) == len(set(message.keys()))
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert max(map(len, data.split(b"\r\n"))) <= 998
    plain, html = message.iter_parts()
    slots = {"name": "李雷 & <韩>", "unsubscribe": URL, "preferences": CHOOSE}
    for part, text, escaped in ((plain, digest.text, False), (html, digest.html, True)):
        expected = personal(text, NONCE, slots, escaped=escaped)
        assert part.get_content() == expected.replace("\n", "\r\n")
    assert message["Subject"] == digest.subject
    assert message["Message-ID"] == "<1.abc@example.org>"


def test_a_long_unsubscribe_link_stays_whole_on_the_wire() -> None:
    url = "https://a-rather-long-host-name.example.org/" + "u" * 80
    data = make_message(make_digest([ENGLISH]), url=url)
    head = data.partition(b"\r\n\r\n")[0]
    assert b"List-Unsubscribe: <" + url.encode() + b">,\r\n <mailto:letters@example.org" in head
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in head
    for line in head.split(b"\r\n"):
        assert not (line.lower().startswith(b"list-unsubscribe") and b"=?" in line)


def test_the_visible_way_out_stands_in_both_parts() -> None:
    plain, html = parsed(make_message(make_digest([ENGLISH]))).iter_parts()
    assert URL in plain.get_content()
    assert f'href="{URL}"' in html.get_content()


def test_a_hostile_newsletter_title_makes_no_header() -> None:
    digest = make_digest([ENGLISH])
    hostile = "Weekly\r\nBcc: evil@example.org =?utf-8?q?=0D=0ABcc=3A_x?="
    newsletter = make_newsletter(title=hostile, sender=Person(name=hostile, email="a@example.org"))
    letter = Letter(
        site=make_site(),
        newsletter=newsletter,
        issue=PERIOD.key,
        subject=hostile,
        body=compile_body(digest),
    )
    recipient = Recipient(
        address="ann@example.org",
        name=hostile,
        message_id="1.a",
        unsubscribe_url=URL,
        preferences_url=CHOOSE,
    )

    message = parsed(compose(letter, recipient, date=NOW))

    assert "Bcc" not in message
    assert message.keys() == parsed(make_message(digest)).keys()


def test_what_is_not_seen_in_a_name_reaches_no_part() -> None:
    digest = make_digest([ENGLISH])
    token = slot_token(digest.nonce, "name")
    greeting = replace(digest, text=f"Hi {token}!", html=f"<p>Hi {token}!</p>")
    message = parsed(make_message(greeting, name="An\x92\u202en\r\nB\0 <b>"))
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content() == "Hi An n B <b>!"
    assert html.get_content() == "<p>Hi An n B &lt;b&gt;!</p>"


def test_a_post_cannot_ask_for_a_subscriber_s_secret() -> None:
    thief = make_post(1, title="{{ slots.unsubscribe }} " + slot_token("f" * 16, "unsubscribe"))
    digest = make_digest([thief])
    plain = parsed(make_message(digest)).get_body(("plain",))
    assert plain is not None
    assert thief.title in plain.get_content()


def test_the_body_kept_in_the_database_gives_the_same_bytes() -> None:
    body = compile_body(make_digest([CHINESE, ENGLISH]))
    assert load_body(dump_body(body)) == body
    assert dump_body(load_body(dump_body(body))) == dump_body(body)


def test_contents_are_listed_from_five_posts_on() -> None:
    assert 'class="contents"' not in make_digest([make_post(n) for n in range(1, 5)]).html
    assert 'class="contents"' in make_digest([make_post(n) for n in range(1, 6)]).html


def test_styles_are_inlined_and_the_head_keeps_the_dark_ones_word_for_word() -> None:
    html = make_digest([ENGLISH]).html
    assert Templates().source("email/base/head.css") in html
    assert re.search(r"""<h1 class="title"[^>]* style=['"][^>]*font-size:31px""", html)
    assert 'width="536"' in html
    assert 'height="302"' in html
    assert "<link" not in html
    assert html.count("<style>") == 2  # ours, and the one for Outlook in its comment


def test_subjects_are_not_escaped_and_count_the_posts() -> None:
    assert make_digest([ENGLISH]).subject == "Lighthouse Weekly: R&D <new> & old"
    assert make_digest([ENGLISH, CHINESE]).subject.endswith("R&D <new> & old and 1 more")
    assert make_digest([CHINESE, ENGLISH], "zh-CN").subject.endswith("雾号 等 2 篇")


def test_a_language_without_words_falls_back_to_english() -> None:
    assert "Read on" in make_digest([make_post(1, language="fi")], "fi").html


def test_reading_time_counts_han_and_words() -> None:
    assert reading_minutes("<p>" + "灯" * 1200 + "</p>") == 3
    assert reading_minutes("<p>" + "word " * 460 + "</p>") == 2
    assert reading_minutes("") == 1


def test_a_template_without_the_mark_for_the_head_is_named(tmp_path: Path) -> None:
    own = tmp_path / "email" / "digest"
    own.mkdir(parents=True)
    (own / "body.html").write_text("<!DOCTYPE html><html><head></head><body>x</body></html>")
    with pytest.raises(TemplateError, match=r"email/digest/body\.html.*head-css"):
        render_digest(Templates(tmp_path), make_edition([ENGLISH]))


def test_eight_threads_make_the_bytes_of_one() -> None:
    expected = make_digest([ENGLISH, CHINESE])
    with ThreadPoolExecutor(8) as pool:
        digests = list(pool.map(lambda _number: make_digest([ENGLISH, CHINESE]), range(16)))
    assert all(digest == expected for digest in digests)


SCRIPT = """
import sys, hashlib
from tests.render.test_digest import *
data = make_message(make_digest([ENGLISH, CHINESE], "zh-CN"))
sys.stdout.write(hashlib.sha256(data).hexdigest())
"""


def test_bytes_do_not_depend_on_the_machine() -> None:
    hashes = set()
    for seed, zone, locale in (("0", "UTC", "C"), ("7", "Asia/Shanghai", "POSIX")):
        environment = {"PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": locale, "PYTHONPATH": "."}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            cwd=Path(__file__).parents[2],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=True,
        )
        hashes.add(done.stdout)
    assert len(hashes) == 1


def long_posts(count: int) -> list[Post]:
    """Posts whose openings are as long as the writer wants them."""
    words = "The keeper writes about fog, ships and stars. " * 20
    opening = Excerpt.of(f"<p>{words}</p>" * 2, words * 2, is_manual=True)
    cover = Image(url="http://localhost:8080/a.png", alt="A", width=600, height=300)
    return [
        make_post(
            1 + number % 28, title=f"Post {number}", excerpt=opening, image=cover, tags=("a", "b")
        )
        for number in range(count)
    ]


@pytest.mark.parametrize(
    ("count", "detail"),
    [(5, Detail.FULL), (17, Detail.LEAN), (40, Detail.SHORT), (90, Detail.TITLES)],
)
def test_an_issue_that_would_be_clipped_shows_less_of_each_post(count: int, detail: Detail) -> None:
    digest = make_digest(long_posts(count))
    assert digest.detail is detail
    assert encoded_size(digest.html) < SIZE_GOAL
    assert ("<img" in digest.html) is (detail is Detail.FULL)
    assert f"Post {min(count, 65) - 1}<" in digest.html


def test_the_size_counted_is_that_of_the_part_as_sent() -> None:
    digest = make_digest(long_posts(3))
    raw = make_message(digest, name="", url="")
    html = raw.split(b"Content-Type: text/html")[1].split(b"\r\n\r\n")[1]
    slots = personal(digest.html, NONCE, {"name": "", "unsubscribe": ""}, escaped=True)
    assert 0 <= len(html) - encoded_size(slots) < 20  # a slot may break a line early


def test_posts_by_title_only_are_counted_where_even_titles_are_too_many() -> None:
    digest = make_digest(long_posts(90))
    assert "25 more posts online" in digest.html
    assert "25 more posts online" in digest.text
    assert digest.html.count('class="entry"') == 5 + 60


def test_a_post_in_full_falls_back_to_its_opening() -> None:
    body = "<p>" + "The whole story of the lamp. " * 3000 + "</p>"
    digest = make_digest([make_post(1, mail_html=body, html=body)], template="single")
    assert digest.detail is Detail.SHORT
    assert "Read on" in digest.html


def test_a_post_in_full_stands_in_both_parts() -> None:
    body = '<p>All <em>of</em> it.</p><h2 id="x">Next</h2><p>More.</p>'
    digest = make_digest([make_post(1, mail_html=body, html=body)], template="single")
    assert ">Next</h3>" in digest.html
    assert "All of it.\n\nNext\n\nMore." in digest.text


@pytest.mark.parametrize(
    ("posts", "shown"),
    [
        ([CHINESE, ENGLISH], "光走不远的夜里，灯塔改用声音说话。 · R&D <new> & old · Post 3"),
        ([make_post(1, description="灯" * 100)], "灯" * 44 + "…"),
        ([make_post(1, description="a b " * 100)], "a b " * 22 + "a…"),
    ],
)
def test_the_preheader_says_the_opening_then_titles_in_ninety_columns(
    posts: list[Post], shown: str
) -> None:
    assert preheader([*posts, make_post(3)]) == shown


def test_the_mail_is_whole_without_any_style() -> None:
    """Some clients (QQ, 163) drop every sheet, some every attribute."""
    html = make_digest([CHINESE, ENGLISH, *long_posts(4)]).html
    bare = re.sub(r"(?s)<style.*?</style>", "", html)
    tree, plain = lxml_html.fromstring(html), lxml_html.fromstring(bare)
    for path in ("//a/@href", "//img/@src", "//h2//text()", "//p//text()"):
        assert plain.xpath(path) == tree.xpath(path)
    rows = [row for row in plain.iter("tr") if len(row.findall("td")) > 1]
    assert rows == []  # one column


def test_a_language_that_is_read_from_the_right_is_marked_so_inside_the_body_too() -> None:
    html = make_digest([make_post(1, language="ar", title="رسائل المنارة")], "ar").html
    assert 'dir="rtl"' in html
    assert html.count('lang="ar"') == 3

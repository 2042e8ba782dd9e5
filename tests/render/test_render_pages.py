import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from lxml import html

from publisher.domain.feeds import Feed, FeedOptions, issues_feed, site_feeds
from publisher.domain.labels import Filed, file_posts, labels_of
from publisher.domain.newsletters import Cadence, Newsletter, Schedule
from publisher.domain.posts import Body, Excerpt, Image, Post
from publisher.domain.sites import Person, Site
from publisher.render import pages
from publisher.render import subscribers as people
from publisher.render.templates import Templates

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOSTILE = "<script>alert(1)</script>&\"'"


@dataclass(frozen=True, kw_only=True)
class Mail:
    key: str = "k1"
    at: datetime = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
    recipient: str = "alice@example.org"
    subject: str = "The week"
    size: int = 2048


@pytest.fixture(scope="module")
def templates() -> Templates:
    return Templates()


def make_site(**changes: Any) -> Site:
    values: dict[str, Any] = {
        "title": "Lamp",
        "description": "Essays",
        "base_url": "https://example.org",
        "language": "en",
        "zone": SHANGHAI,
        "author": Person(name="Lin"),
        "authority": "example.org",
        "since": 2025,
    }
    return Site(**(values | changes))


def make_schedule(cadence: Cadence = Cadence.WEEKLY, **changes: Any) -> Schedule:
    return Schedule(**({"cadence": cadence, "zone": SHANGHAI, "at": time(17, 0)} | changes))


def make_newsletter(**changes: Any) -> Newsletter:
    values: dict[str, Any] = {
        "id": "weekly",
        "title": "Friday Lamp",
        "description": "",
        "language": "en",
        "sender": Person(name="Lin", email="lin@example.org"),
        "schedule": make_schedule(),
    }
    return Newsletter(**(values | changes))


def make_post(**changes: Any) -> Post:
    moment = datetime(2025, 10, 11, 6, 16, 29, tzinfo=SHANGHAI)
    values: dict[str, Any] = {
        "id": "a",
        "declares_id": True,
        "path": "a.md",
        "title": "Patience",
        "published": moment,
        "updated": moment,
        "url": "https://example.org/posts/patience/",
        "language": "en",
        "body_hash": "0",
    }
    values["body"] = Body.of("<p>Wait.</p>", changes.pop("mail_html", None))
    return Post(**(values | changes))


def make_mail(**changes: Any) -> pages.OpenedMail:
    values: dict[str, Any] = {
        "key": "k1",
        "headers": [("Subject", "Hi"), ("From", "a@example.org"), ("To", "b@example.org")],
        "html": "<p>html</p>",
        "text": "text",
        "source": b"source",
        "view": "html",
    }
    return pages.OpenedMail(**(values | changes))


def filed_of(site: Site, posts: list[Post]) -> list[Filed]:
    return file_posts(posts, [], author=site.author.name)


def feeds_of(site: Site, posts: list[Post]) -> list[Feed]:
    options = FeedOptions(entries=30, full=True)
    return [
        *site_feeds(site, posts, filed_of(site, posts), options),
        issues_feed(site, make_newsletter(), [], options),
    ]


def all_pages(templates: Templates, site: Site, text: str = "text") -> Iterator[bytes]:
    """Every page there is, with `text` wherever a writer or a visitor can put some."""
    post = make_post(
        title=text,
        description=text,
        tags=(text,),
        categories=((text, text),),
        authors=(text,),
        image=Image(url="https://example.org/a.jpg", alt=text),
    )
    newsletter = make_newsletter(title=text, description=text)
    yield pages.home(templates, site, newsletters=[newsletter], posts=[post] * 11)
    yield pages.home(templates, site, newsletters=[], posts=[])
    filed, feeds = filed_of(site, [post]), feeds_of(site, [post])
    yield pages.feeds(templates, site, feeds)
    for item, feed in zip(filed, feeds[1:], strict=False):
        yield pages.label(templates, site, item, feed=feed)
    yield pages.post(templates, site, post, newer=post, older=post, labels=labels_of(filed))
    yield pages.post(templates, site, make_post(title=text), newer=None, older=None)
    address = "alice@example.org"
    leaving = {"newsletter": newsletter, "address": address, "here": "/u/1token"}
    yield people.unsubscribe(templates, site, **leaving)
    yield people.unsubscribed(templates, site, **leaving)
    form = people.Form(newsletters=[newsletter] * 2, stamp="s", address=text)
    yield people.subscribe(templates, site, form, language="en")
    yield people.said(
        templates, site, "confirm", language="en", newsletter=newsletter, address=address
    )
    choice = people.Choice(
        newsletter=newsletter, receives=True, is_pending=False, paused_until=None
    )
    yield people.preferences(
        templates,
        site,
        address=address,
        choices=[choice],
        here="/p/1token",
        language="en",
        pauses=(30,),
    )
    yield people.new_address(templates, site, address=address, language="en")
    kept = people.Retention(
        confirm_days=7, ip_days=365, remember_erased=True, reconfirm_days=400, sunset=True
    )
    yield people.privacy(templates, site, kept, language="en")
    yield pages.error(templates, site, 404)
    yield pages.inbox(templates, site, [Mail(subject=text, recipient=text)])
    yield pages.inbox(templates, site, [])
    headers = [("Subject", text), ("From", text), (text, text)]
    for view in pages.VIEWS:
        mail = make_mail(headers=headers, text=text, source=text.encode(), view=view)
        yield pages.inbox_mail(templates, site, mail)
        yield pages.inbox_mail(templates, site, make_mail(html="", text="", view=view))


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_every_page_is_a_document_of_its_language(templates: Templates, language: str) -> None:
    for page in all_pages(templates, make_site(language=language)):
        root = html.fromstring(page)
        assert page.startswith(b"<!doctype html>")
        assert root.get("lang") in {language, "en"}  # leaving speaks the newsletter's language
        assert root.findtext("head/title")
        assert len(root.xpath("//h1")) == 1
        assert len(root.xpath("//main")) == 1


def test_no_page_needs_more_than_the_strictest_policy(templates: Templates) -> None:
    for page in all_pages(templates, make_site(), HOSTILE):
        root = html.fromstring(page)
        assert not root.xpath("//style | //@style | //@onclick | //base")
        assert not root.xpath("//img[not(@alt)]")
        scripts = root.xpath("//script")
        if root.xpath("//button[contains(@class, 'copy')]"):  # the one page that asks for one
            assert [(dict(each.attrib), each.text) for each in scripts] == [
                ({"src": "/assets/copy.js", "defer": "defer"}, None)
            ]
        else:
            assert scripts == []
        sheets = root.xpath("//link[@rel='stylesheet']/@href")
        assert sheets == ["/assets/page.css"]


def test_hostile_text_is_shown_as_it_is(templates: Templates) -> None:
    site = make_site(title=HOSTILE, description=HOSTILE, author=Person(name=HOSTILE))
    for page in all_pages(templates, site, HOSTILE):
        assert html.fromstring(page).xpath("//footer")[-1].text_content().count(HOSTILE) == 2


def test_every_page_announces_the_feeds_by_absolute_url(templates: Templates) -> None:
    for page in all_pages(templates, make_site()):
        links = html.fromstring(page).xpath("//head/link[@rel='alternate'][@type]")
        assert [(link.get("type"), link.get("href")) for link in links[:3]] == [
            ("application/rss+xml", "https://example.org/rss.xml"),
            ("application/atom+xml", "https://example.org/atom.xml"),
            ("application/feed+json", "https://example.org/feed.json"),
        ]


def test_links_within_the_site_carry_no_host(templates: Templates) -> None:
    site = make_site(base_url="https://example.org/blog")
    post = make_post(url="https://example.org/blog/posts/patience/")
    root = html.fromstring(pages.home(templates, site, newsletters=[], posts=[post]))
    assert root.xpath("//article//h2/a/@href") == ["/blog/posts/patience/"]
    assert root.xpath("//link[@rel='stylesheet']/@href") == ["/blog/assets/page.css"]
    assert root.xpath("//link[@rel='canonical']/@href") == ["https://example.org/blog/"]


def test_a_post_elsewhere_keeps_its_address(templates: Templates) -> None:
    post = make_post(url="https://example.org.evil.com/posts/patience/")
    root = html.fromstring(pages.home(templates, make_site(), newsletters=[], posts=[post]))
    assert root.xpath("//article//h2/a/@href") == [post.url]


def test_the_front_page_lists_posts_as_given(templates: Templates) -> None:
    posts = [
        make_post(title="One", language="zh-CN", description="standfirst", tags=("a", "b")),
        make_post(title="Two", excerpt=Excerpt.of("", "opening", is_manual=False)),
    ]
    root = html.fromstring(pages.home(templates, make_site(), newsletters=[], posts=posts))
    entries = root.xpath("//article")
    assert [entry.get("lang") for entry in entries] == ["zh-CN", "en"]
    assert [entry.findtext("h2/a") for entry in entries] == ["One", "Two"]
    assert [entry.xpath("string(p[@class='text'])") for entry in entries] == [
        "standfirst",
        "opening",
    ]
    assert entries[0].xpath("ul/li/text()") == ["a", "b"]
    assert entries[0].xpath(".//time/@datetime") == ["2025-10-11T06:16:29+08:00"]
    assert entries[0].xpath("string(.//time)") == "October 11, 2025"


@pytest.mark.parametrize(
    ("language", "date"),
    [
        ("zh-CN", "2025年10月11日"),
        ("zh-Latn-XX-odd", "2025年10月11日"),
        ("en-GB", "11 October 2025"),
        ("fr", "October 11, 2025"),
    ],
)
def test_dates_are_written_in_the_language_of_the_page(
    templates: Templates, language: str, date: str
) -> None:
    site = make_site(language=language)
    page = pages.post(templates, site, make_post(), newer=None, older=None)
    assert html.fromstring(page).xpath("string(//time)") == date


def test_a_post_shows_its_marks_and_neighbours(templates: Templates) -> None:
    post = make_post(categories=(("Life", "Growth"),), tags=("x",), language="zh-CN")
    newer, older = make_post(title="Newer one"), make_post(title="Older one")
    root = html.fromstring(pages.post(templates, make_site(), post, newer=newer, older=older))
    assert root.xpath("//article/@lang") == ["zh-CN"]
    assert "Life › Growth" in root.xpath("string(//header[@class='opening'])")
    assert root.xpath("string(//a[@rel='next']/b)") == "Newer one"
    assert root.xpath("string(//a[@rel='prev']/b)") == "Older one"
    assert root.xpath("//link[@rel='canonical']/@href") == [post.url]
    assert "Wait." in root.xpath("string(//div[@class='body'])")


def test_a_revised_post_says_when(templates: Templates) -> None:
    post = make_post(updated=datetime(2025, 11, 20, 9, 0, tzinfo=SHANGHAI))
    page = pages.post(templates, make_site(), post, newer=None, older=None)
    assert "Updated November 20, 2025" in page.decode()


@pytest.mark.parametrize("inside", [True, False])
def test_the_picture_of_a_post_is_shown_once(templates: Templates, inside: bool) -> None:
    image = Image(url="https://example.org/a.jpg", alt="A lamp", width=600, height=400)
    body = f'<p><img src="{image.url}" alt=""></p>' if inside else "<p>Wait.</p>"
    post = make_post(image=image, mail_html=body)
    page = pages.post(templates, make_site(), post, newer=None, older=None)
    assert len(html.fromstring(page).xpath("//img")) == 1


def test_the_feeds_page_shows_whole_addresses(templates: Templates) -> None:
    site = make_site()
    post = make_post(tags=("Sea",), categories=())
    root = html.fromstring(pages.feeds(templates, site, feeds_of(site, [post])))
    assert root.xpath("//code/text()") == [
        "https://example.org/rss.xml",
        "https://example.org/atom.xml",
        "https://example.org/feed.json",
        "https://example.org/tags/sea/feed.xml",
        "https://example.org/newsletters/weekly/feed.xml",
    ]
    assert len(root.xpath("//button[@hidden]")) == 5


def test_a_label_has_a_page_with_its_posts_and_announces_its_own_feed(
    templates: Templates,
) -> None:
    site = make_site()
    posts = [make_post(id=str(n), title=f"Number {n}", tags=("深 Sea",)) for n in range(3)]
    item = next(each for each in filed_of(site, posts) if each.label.kind == "tag")
    feed = next(each for each in feeds_of(site, posts) if each.kind == "tag")
    root = html.fromstring(pages.label(templates, site, item, feed=feed))
    assert root.findtext(".//h1") == "深 Sea"
    assert root.xpath("//ul[@class='titles']//a/text()") == [f"Number {n}" for n in range(3)]
    announced = root.xpath("//head/link[@rel='alternate']/@href")
    assert announced[0] == "https://example.org/rss.xml"
    assert announced[3] == "https://example.org/tags/%E6%B7%B1-sea/feed.xml"


def test_a_post_links_to_what_it_is_filed_under(templates: Templates) -> None:
    site = make_site()
    post = make_post(tags=("Sea", "Unfiled"), categories=(("life", "growth"),))
    labels = [each for each in labels_of(filed_of(site, [post])) if each.name != "Unfiled"]
    page = pages.post(templates, site, post, newer=None, older=None, labels=labels)
    root = html.fromstring(page)
    assert root.xpath("//ul[@class='tags']//a/@href") == ["/tags/sea/"]
    assert root.xpath("//p[@class='categories']//a/@href") == [
        "/categories/life/",
        "/categories/life/growth/",
    ]


def test_the_feeds_page_names_the_newest_entries(templates: Templates) -> None:
    site = make_site()
    posts = [make_post(id=str(n), title=f"Number {n}") for n in range(7)]
    page = pages.feeds(templates, site, feeds_of(site, posts))
    titles = html.fromstring(page).xpath("//ul[@class='titles']//a/text()")
    assert titles == [f"Number {n}" for n in range(6, 1, -1)]
    assert "7 posts in all." in page.decode()


def test_posts_beyond_ten_are_a_list_of_titles(templates: Templates) -> None:
    posts = [make_post(title=f"Number {n}") for n in range(12)]
    root = html.fromstring(pages.home(templates, make_site(), newsletters=[], posts=posts))
    assert len(root.xpath("//article")) == 10
    assert root.xpath("//ul[@class='titles']//a/text()") == ["Number 10", "Number 11"]


def test_pictures_and_links_of_this_site_stay_on_this_machine(templates: Templates) -> None:
    body = (
        '<p><img alt="" src="https://example.org/a.jpg"> <a href="https://example.org/b/">b</a>'
        ' <a href="https://example.org.evil.com/">c</a>'
        ' <code>src="https://example.org/d"</code></p>'
    )
    image = Image(url="https://example.org/cover.jpg", alt="A lamp")
    post = make_post(mail_html=body, image=image)
    root = html.fromstring(pages.post(templates, make_site(), post, newer=None, older=None))
    assert root.xpath("//main//img/@src") == ["/cover.jpg", "/a.jpg"]
    assert root.xpath("//div[@class='body']//a/@href") == ["/b/", "https://example.org.evil.com/"]
    assert root.xpath("string(//code)") == 'src="https://example.org/d"'
    assert root.xpath("//meta[@property='og:image']/@content") == [image.url]


@pytest.mark.parametrize(
    ("schedule", "english", "chinese"),
    [
        (
            make_schedule(Cadence.DAILY),
            "Every day at 17:00, Shanghai time",
            "每天 17:00（上海时间）",
        ),
        (
            make_schedule(weekday=6),
            "Every Sunday at 17:00, Shanghai time",
            "每星期日 17:00（上海时间）",
        ),
        (
            make_schedule(Cadence.MONTHLY, day=5, zone=ZoneInfo("UTC")),
            "On day 5 of every month at 17:00, UTC",
            "每月 5 日 17:00（UTC）",
        ),
        (
            make_schedule(Cadence.MONTHLY, day=30),
            "On day 30 of every month, or its last day, at 17:00, Shanghai time",
            "每月 30 日（当月没有这一天，就在最后一天）17:00（上海时间）",
        ),
        (
            make_schedule(Cadence.MONTHLY, day=31),
            "On the last day of every month at 17:00, Shanghai time",
            "每月最后一天 17:00（上海时间）",
        ),
    ],
)
def test_a_newsletter_says_how_often(
    templates: Templates, schedule: Schedule, english: str, chinese: str
) -> None:
    newsletter = make_newsletter(schedule=schedule)
    for language, expected in (("en", english), ("zh-CN", chinese)):
        site = make_site(language=language)
        page = pages.home(templates, site, newsletters=[newsletter], posts=[])
        assert expected in page.decode()


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 410, 413, 422, 429, 500, 503])
def test_every_status_has_a_page(templates: Templates, status: int) -> None:
    page = pages.error(templates, make_site(), status).decode()
    assert str(status) in page
    assert 'name="robots" content="noindex"' in page


def test_the_inbox_shows_the_newest_two_hundred(templates: Templates) -> None:
    mails = [Mail(key=f"k{number}") for number in range(250)]
    page = pages.inbox(templates, make_site(), mails)
    assert len(html.fromstring(page).xpath("//ul[@class='mails']/li")) == 200
    assert "The newest 200 of 250." in page.decode()


def test_the_key_of_a_mail_is_only_a_path_segment(templates: Templates) -> None:
    page = pages.inbox(templates, make_site(), [Mail(key="a/../b?c#d")])
    assert html.fromstring(page).xpath("//ul//a/@href") == ["/inbox/a%2F..%2Fb%3Fc%23d"]


def test_unseen_characters_of_a_mail_are_spelt_out(templates: Templates) -> None:
    mail = make_mail(headers=[("Subject", "a\x00\u202eb\ud800" + "x" * 600)])
    shown = html.fromstring(pages.inbox_mail(templates, make_site(), mail)).xpath("string(//h1)")
    assert shown.startswith("a⟨0000⟩⟨202E⟩b⟨D800⟩xxx")
    assert shown.endswith("…")
    assert len(shown) == 501


def test_the_first_of_two_equal_headers_counts(templates: Templates) -> None:
    mail = make_mail(headers=[("SUBJECT", "first"), ("Subject", "second")])
    page = pages.inbox_mail(templates, make_site(), mail)
    assert html.fromstring(page).xpath("string(//h1)") == "first"


def test_links_of_a_framed_mail_open_outside() -> None:
    framed = pages.inbox_frame("<!doctype html><html><head><title>x</title></head></html>")
    assert framed.startswith(b'<!doctype html><html><head><base target="_blank"><title>')
    assert pages.inbox_frame("<p>no head</p>") == b"<p>no head</p>"


def test_equal_input_gives_equal_bytes(templates: Templates) -> None:
    assert list(all_pages(templates, make_site())) == list(all_pages(Templates(), make_site()))


def test_the_languages_have_the_same_words(templates: Templates) -> None:
    words = tomllib.loads(templates.source("pages/words.toml"))
    for language in words.values():
        ours, theirs = dict(leaves(language)), dict(leaves(words["en"]))
        assert ours.keys() == theirs.keys()
        for name, text in ours.items():
            slots = sorted(re.findall(r"{\w+}", text))
            assert slots == sorted(re.findall(r"{\w+}", theirs[name])), name


def leaves(table: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a catalogue with its dotted name."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("text", "ground"),
    [
        ("ink", "paper"),
        ("ink", "raised"),
        ("soft", "paper"),
        ("soft", "raised"),
        ("accent", "paper"),
        ("on-seal", "seal"),
    ],
)
def test_colours_can_be_told_apart(
    templates: Templates, scheme: str, text: str, ground: str
) -> None:
    sheet = pages.stylesheet(templates).decode()
    light, _, dark = sheet.partition("@media (prefers-color-scheme: dark)")
    part = light if scheme == "light" else dark
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", part[: part.index("\n}\n")]))
    assert contrast(colours[text], colours[ground]) >= 4.5  # WCAG 2.2, 1.4.3


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours (WCAG 2.2)."""
    darker, lighter = sorted(luminance(colour) for colour in (one, other))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_no_stylesheet_rule_reaches_outside(templates: Templates) -> None:
    sheet = pages.stylesheet(templates).decode()
    assert "url(" not in sheet
    assert "@import" not in sheet

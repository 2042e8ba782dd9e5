"""The pages: whole HTML documents as bytes, from values and the templates in `pages/`.

Every page is one call of a template in `pages/` with plain values. Interface texts come from
`pages/words.toml`, in the language of the site or newsletter. No page has an inline style or
script, so that the strictest content policy fits; the page of the feeds alone asks for one file
that makes its buttons copy. Links within the site carry no host: a rehearsal
on this machine stays on this machine. All functions raise `TemplateError` where a template of the
site itself is broken.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Protocol
from urllib.parse import quote, urlsplit

from babel import Locale
from babel.dates import format_date, get_day_names, get_timezone_location

from publisher.domain.feeds import MAIN_FILES, Feed, FeedKind
from publisher.domain.issues import archive_path
from publisher.domain.labels import Filed, Label, key_of
from publisher.domain.newsletters import Cadence, Newsletter, Schedule
from publisher.domain.posts import Post
from publisher.domain.sites import Site
from publisher.render.catalogues import Table, page_words
from publisher.render.templates import Templates

STYLESHEET = "pages/page.css"
"""The one stylesheet, as a template's name; it is published at `assets/page.css`."""

FEED_TYPES = {
    "rss": "application/rss+xml",
    "atom": "application/atom+xml",
    "json": "application/feed+json",
}
"""Format -> media type."""

VIEWS = ("html", "text", "headers", "source")
"""The ways to look at a mail in the inbox; the first is the usual one."""

FEED_STYLESHEET = "feeds/feed.css"
"""What a browser shows a feed with; published at `assets/feed.css`."""

COPY_SCRIPT = "pages/copy.js"
"""It makes the buttons of the feeds page copy; published at `assets/copy.js`."""

WORK_SCRIPT = "pages/work.js"
"""It lets a browser work for a sign-up where the site asks for that; at `assets/work.js`."""

_FEED_NAMES = {"rss": "RSS", "atom": "Atom", "json": "JSON Feed"}
_HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)
# Control characters (but tab and line feed), marks that reorder text, and halves of pairs.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_LONGEST_LINE = 500
_MOST_MAILS = 200
POSTS_AT_LENGTH = 10
POSTS_AT_HOME = 100
_ENTRIES_SHOWN = 5


class Captured(Protocol):
    """One mail in the built-in inbox, as a listing knows it. `size` in bytes."""

    @property
    def key(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def recipient(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def size(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedMail:
    """One mail and the way to look at it, one of `VIEWS`. `source` is the message as it came."""

    key: str
    headers: Sequence[tuple[str, str]]
    html: str
    text: str
    source: bytes
    view: str


def stylesheet(templates: Templates) -> bytes:
    """The stylesheet of all pages."""
    return templates.source(STYLESHEET).encode()


def feed_stylesheet(templates: Templates) -> bytes:
    """The stylesheet of feeds opened in a browser."""
    return templates.source(FEED_STYLESHEET).encode()


def copy_script(templates: Templates) -> bytes:
    """The script behind the buttons of the feeds page."""
    return templates.source(COPY_SCRIPT).encode()


def work_script(templates: Templates) -> bytes:
    """The script of the sign-up form of a site that asks for work."""
    return templates.source(WORK_SCRIPT).encode()


def home(
    templates: Templates, site: Site, *, newsletters: Sequence[Newsletter], posts: Sequence[Post]
) -> bytes:
    """The front page: the first of `posts` in the order given, newest first, and how to follow
    them.

    Ten come with their opening, ninety more as a list of titles.
    """
    words, locale = page_words(templates, site.language)
    return page(
        templates,
        "home",
        site,
        posts=[_summary(site, post, locale) for post in posts[:POSTS_AT_LENGTH]],
        earlier=[_title(site, post, locale) for post in posts[POSTS_AT_LENGTH:POSTS_AT_HOME]],
        newsletters=[
            {"title": n.title, "description": n.description, "language": n.language}
            | {"schedule": how_often(n.schedule, words, locale)}
            | {"archive": f"{root(site)}/{archive_path(n.id)}" if n.is_archived else ""}
            for n in newsletters
        ],
        url=site.link("/"),
    )


def feeds(templates: Templates, site: Site, feeds: Sequence[Feed]) -> bytes:
    """The page that says what a feed is, where each of ours is, and what the main one holds.

    The first of `feeds` is the main one; archives are not shown, readers find them by themselves.
    """
    words, locale = page_words(templates, site.language)
    feed = feeds[0]
    groups: dict[str, list[dict[str, object]]] = {}
    for each in feeds[1:]:
        if each.kind is not FeedKind.ARCHIVE:
            name = each.title if each.kind is FeedKind.ISSUES else each.name
            groups.setdefault(words[f"feeds_of_{each.kind}"], []).append(
                {"name": name, "formats": _formats(site, each)}
            )
    return page(
        templates,
        "feeds",
        site,
        groups=groups,
        entries=[
            {
                "title": entry.title,
                "link": _local(site, entry.url),
                "language": entry.language or site.language,
                "date": format_date(entry.published, "long", locale=locale),
                "moment": entry.published.isoformat(),
            }
            for entry in feed.entries[:_ENTRIES_SHOWN]
        ],
        total=len(feed.entries),
        url=site.link("/feeds/"),
    )


def posts(templates: Templates, site: Site, posts: Sequence[Post]) -> bytes:
    """The titles of all posts in the order given, newest first, by year."""
    _, locale = page_words(templates, site.language)
    years = [
        {"name": str(year), "posts": [_title(site, post, locale) for post in group]}
        for year, group in groupby(posts, key=lambda post: post.published.year)
    ]
    return page(templates, "posts", site, years=years, url=site.link("/archives/"))


def label(templates: Templates, site: Site, filed: Filed, *, feed: Feed) -> bytes:
    """All posts under one label, newest first, and the feed that follows it."""
    words, locale = page_words(templates, site.language)
    return page(
        templates,
        "label",
        site,
        kind=words[f"label_{filed.label.kind}"],
        heading=filed.label.name,
        posts=[_title(site, post, locale) for post in filed.posts],
        formats=_formats(site, feed),
        own=[
            {"name": f"{feed.title} ({form['name']})", "type": form["type"], "url": form["url"]}
            for form in _formats(site, feed)
        ],
        url=feed.home_url,
    )


def post(
    templates: Templates,
    site: Site,
    post: Post,
    *,
    newer: Post | None,
    older: Post | None,
    labels: Sequence[Label] = (),
) -> bytes:
    """One post with its neighbours in time, where there are any, and what it is filed under."""
    _, locale = page_words(templates, site.language)
    text = post.body.mail_html
    image = post.image if post.image and post.image.url not in text else None
    return page(
        templates,
        "post",
        site,
        post=_summary(site, post, locale),
        body=_localised(site, text),
        image=image,
        picture=_local(site, image.url) if image else "",
        authors=post.authors or (site.author.name,),
        updated=_updated(post, locale),
        newer=newer and _title(site, newer, locale),
        older=older and _title(site, older, locale),
        filed={f"{label.kind}:{label.key}": root(site) + label.path for label in labels},
        key_of=key_of,
        url=post.url,
    )


def error(templates: Templates, site: Site, status: int) -> bytes:
    """The page of an HTTP status: always the same for the same status."""
    return page(templates, "error", site, status=status, kind="500" if status >= 500 else "400")


def inbox(templates: Templates, site: Site, mails: Sequence[Captured]) -> bytes:
    """The list of captured mails, newest first, at most 200 of them."""
    rows = [
        {
            "link": f"{root(site)}/inbox/{quote(mail.key, safe='')}",
            "at": mail.at.astimezone(site.zone),
            "recipient": visible(mail.recipient),
            "subject": visible(mail.subject),
            "size": f"{mail.size / 1000:,.1f} kB",
        }
        for mail in mails[:_MOST_MAILS]
    ]
    return page(templates, "inbox", site, mails=rows, total=len(mails))


def inbox_mail(templates: Templates, site: Site, mail: OpenedMail) -> bytes:
    """One captured mail. Its HTML is not in the page but in a sandboxed frame beside it."""
    named = {name.lower(): value for name, value in reversed(mail.headers)}
    return page(
        templates,
        "inbox_mail",
        site,
        link=f"{root(site)}/inbox/{quote(mail.key, safe='')}",
        view=mail.view,
        views=VIEWS,
        envelope={name: visible(named.get(name, "")) for name in ("subject", "from", "to")},
        headers=[(visible(name), visible(value)) for name, value in mail.headers],
        has_html=bool(mail.html),
        text=visible(mail.text, longest=None),
        source=visible(mail.source.decode("utf-8", "replace"), longest=None),
    )


def inbox_frame(html: str) -> bytes:
    """A captured mail's HTML for the frame: its links open outside, nothing else is changed."""
    return _HEAD.sub(r'\g<0><base target="_blank">', html, count=1).encode("utf-8", "replace")


def how_often(schedule: Schedule, words: Table, locale: Locale) -> str:
    """When a newsletter appears, in a sentence: "Every Friday at 17:00, Shanghai time"."""
    return _pattern(schedule, words).format(
        weekday=get_day_names("wide", locale=locale)[schedule.weekday],
        day=schedule.day,
        every=schedule.every,
        time=f"{schedule.at:%H:%M}",
        place=_place(schedule, words, locale),
    )


def _pattern(schedule: Schedule, words: Table) -> str:
    if schedule.cadence is Cadence.POSTS:
        return str(words["instant" if schedule.every == 1 else "counted"])
    if schedule.cadence is not Cadence.MONTHLY:
        return str(words[schedule.cadence.value])
    last = {29: "monthly_or_last", 30: "monthly_or_last", 31: "monthly_last"}
    return str(words[last.get(schedule.day, "monthly")])


def _place(schedule: Schedule, words: Table, locale: Locale) -> str:
    if schedule.zone.key in {"UTC", "Etc/UTC"}:
        return "UTC"
    city = get_timezone_location(schedule.zone, locale=locale, return_city=True)
    return str(words["place"]).format(city=city)


def page(
    templates: Templates, name: str, site: Site, *, language: str = "", **values: object
) -> bytes:
    """One template with what all pages have in common. `url` is the page's own, if it has one."""
    language = language or site.language
    words, _ = page_words(templates, language)
    common = {
        "site": site,
        "language": language,
        "words": words,
        "root": root(site),
        "icon": _icon(site),
        "feeds": [
            {"name": _FEED_NAMES[kind], "type": FEED_TYPES[kind], "kind": kind}
            | {"url": site.link(file), "link": f"{root(site)}/{file}"}
            for kind, file in MAIN_FILES.items()
        ],
        "own": [],
        "url": "",
    }
    return templates.html(f"pages/{name}.html", **(common | values)).encode("utf-8", "replace")


def _formats(site: Site, feed: Feed) -> list[dict[str, str]]:
    """The documents of a feed as pages show them."""
    return [
        {"name": _FEED_NAMES[form], "type": FEED_TYPES[form], "url": url}
        | {"link": _local(site, url)}
        for form, url in feed.urls.items()
    ]


def _title(site: Site, post: Post, locale: Locale) -> dict[str, object]:
    """A post as lists and links show it; made of what `in_lists` tells."""
    return {
        "title": post.title,
        "link": _local(site, post.url),
        "date": format_date(post.published, "long", locale=locale),
        "moment": post.published.isoformat(),
        "language": post.language or site.language,
    }


def in_lists(post: Post) -> tuple[str, str, datetime, str]:
    """All of a post that a list of titles shows."""
    return post.title, post.url, post.published, post.language


def _summary(site: Site, post: Post, locale: Locale) -> dict[str, object]:
    """A post with its opening, as the front page and its own page show it."""
    return _title(site, post, locale) | {
        "text": post.description or post.excerpt.text,
        "description": post.description,
        "tags": post.tags,
        "categories": post.categories,
    }


def _updated(post: Post, locale: Locale) -> dict[str, str] | None:
    if post.updated.date() <= post.published.date():
        return None
    return {
        "date": format_date(post.updated, "long", locale=locale),
        "moment": post.updated.isoformat(),
    }


def root(site: Site) -> str:
    """The path before every local link: empty but for a site that lives below its host's root."""
    return urlsplit(site.base_url).path.rstrip("/")


def _local(site: Site, url: str) -> str:
    """The URL without its host where it is one of this site's."""
    inside = url.startswith(site.base_url + "/")
    return root(site) + url.removeprefix(site.base_url) if inside else url


def _localised(site: Site, body: str) -> str:
    """The post's HTML with links and pictures of this site as local ones; text stays as it is."""
    own = re.compile(rf'(<[a-z][^<>]*?\s(?:src|href)="){re.escape(site.base_url)}/')
    return own.sub(rf"\g<1>{root(site)}/", body)


def _icon(site: Site) -> str:
    """The site's seal as an SVG in a `data:` URL: the first character of its title."""
    mark = site.title[:1].replace("&", "&amp;").replace("<", "&lt;")
    return "data:image/svg+xml," + quote(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
        '<rect width="32" height="32" rx="7" fill="#a5301c"/><text x="16" y="23" fill="#fff"'
        f' font-size="20" font-family="serif" text-anchor="middle">{mark}</text></svg>'
    )


def visible(text: str, *, longest: int | None = _LONGEST_LINE) -> str:
    """Text from a mail with its unseen characters spelt out; `longest` in characters."""
    shown = _UNSEEN.sub(lambda found: f"⟨{ord(found[0]):04X}⟩", text.replace("\r\n", "\n"))
    return shown if longest is None or len(shown) <= longest else shown[:longest] + "…"

"""What subscribers see, made of the sample site's posts: the letters that the tests look at."""

from datetime import UTC, datetime
from pathlib import Path

from publisher.content import loader
from publisher.content.loader import ContentOptions
from publisher.domain.newsletters import Period
from publisher.domain.posts import Post, newest_first
from publisher.render.digest import Digest, Edition, render_digest
from publisher.render.messages import Letter, Recipient, compile_body, compose
from publisher.render.notices import Notice, NoticeKind, render_notice
from publisher.render.templates import Templates
from publisher.services import pictures
from tests.factories import make_newsletter, make_site

REPOSITORY = Path(__file__).parents[2]
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
BASE = "https://letters.example.org"
LEAVE = f"{BASE}/u/11aaaaaaaaaaaaaaaaaaaaaa"
_PERIOD = Period(key="W:2026-W47", slot=datetime(2026, 11, 20, tzinfo=UTC))
_TITLES = {"zh": "灯塔周刊", "en": "Lighthouse Weekly", "mixed": "灯塔周刊 Lighthouse Weekly"}
_ABOUT = {
    "zh": "每周五早晨，一封来自灯塔的信。",
    "en": "Every Friday morning, a letter from the lighthouse.",
    "mixed": "每周五早晨，一封来自灯塔的信。 A letter from the lighthouse.",
}
LANGUAGES = {"zh": "zh-CN", "en": "en", "mixed": "zh-CN"}


def sample_posts(name: str) -> list[Post]:
    """The posts of the sample site in one language (`zh`, `en`), or all (`mixed`)."""
    site = make_site(base_url=BASE)
    options = ContentOptions(
        folder=REPOSITORY / "content",
        dialect="hexo",
        zone=site.zone,
        base_url=site.base_url,
        language="zh-CN",
    )
    posts = newest_first(loader.load(options, now=NOW).posts)
    return [post for post in posts if name == "mixed" or post.language.startswith(name)]


def sample_digest(
    name: str, *, template: str = "digest", posts: list[Post] | None = None
) -> Digest:
    chosen = sample_posts(name) if posts is None else posts
    edition = Edition(
        site=make_site(base_url=BASE),
        newsletter=make_newsletter(
            title=_TITLES[name],
            description=_ABOUT[name],
            language=LANGUAGES[name],
            template=template,
        ),
        period=_PERIOD,
        posts=chosen,
        nonce="0123456789abcdef",
        pictures=pictures.sizes(chosen),
    )
    return render_digest(Templates(), edition)


def with_local_pictures(html: str) -> str:
    """The letter with its pictures read from the repository, as if they had been fetched."""
    return html.replace(f"{BASE}/images", (REPOSITORY / "content" / "images").as_uri())


def sample_message(name: str) -> bytes:
    digest = sample_digest(name)
    letter = Letter(
        site=make_site(base_url=BASE),
        newsletter=make_newsletter(title=_TITLES[name], language=LANGUAGES[name]),
        issue=_PERIOD.key,
        subject=digest.subject,
        body=compile_body(digest),
    )
    recipient = Recipient(
        address="ann@example.com",
        name="Ann Keeper",
        message_id="1.abc",
        unsubscribe_url=LEAVE,
        preferences_url=LEAVE,
    )
    return compose(letter, recipient, date=datetime.now(UTC))


def sample_notice(kind: NoticeKind, language: str) -> Notice:
    links = dict.fromkeys(("act", "confirm", "subscribe", "preferences"), f"{BASE}/x/1abcdefghijkl")
    return render_notice(
        Templates(),
        kind,
        site=make_site(base_url=BASE),
        newsletter=make_newsletter(title=_TITLES[language], language=LANGUAGES[language]),
        links={**links, "unsubscribe": LEAVE, "archive": f"{BASE}/archive/weekly/"},
        next_at=_PERIOD.slot,
    )

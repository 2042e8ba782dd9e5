"""What the next issue would look like, without sending it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from publisher.domain.addresses import parse_address
from publisher.domain.newsletters import Newsletter
from publisher.domain.posts import Post
from publisher.errors import Conflict, NotFound
from publisher.lint.emails import lint_email
from publisher.lint.findings import Finding
from publisher.render.cards import Detail
from publisher.render.digest import encoded_size, personal
from publisher.render.messages import Letter, Recipient, compose
from publisher.services import issues, posts, subscribers, variants
from publisher.services.app import App
from publisher.services.issues import IssuePlan
from publisher.services.output import write_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who it is made for. Nobody real unless asked for."""

    address: str = "reader@example.org"
    name: str = "Reader"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The next issue as one reader would get it. Sizes are in bytes.

    `findings`: what clients and filters would hold against the message; `detail`: how much of
    its posts there was room for.
    """

    plan: IssuePlan
    subject: str
    html: str
    text: str
    message: bytes
    detail: Detail
    findings: tuple[Finding, ...]

    @property
    def html_size(self) -> int:
        """The HTML part before it is encoded."""
        return len(self.html.encode())

    @property
    def encoded_size(self) -> int:
        """The HTML part as it is sent; Gmail clips at about 102 kB."""
        return encoded_size(self.html)


def preview(app: App, newsletter: Newsletter, *, now: datetime, reader: str = "") -> Preview:
    """Renders the issue that is due, or else the next one; where nothing is new, the newest posts.

    `reader` is a subscriber's address. The unsubscribe link leads nowhere. Raises
    `TemplateError`, `Conflict` where there is no post at all, `NotFound` for a stranger.
    """
    plan = issues.plan(app, newsletter, posts.read(app, now=now), now=now)
    return look_at(app, plan, now=now, reader=_subscriber(app, newsletter, reader))


def look_at(app: App, plan: IssuePlan, *, now: datetime, reader: Reader | None = None) -> Preview:
    """Renders what a plan would send. Raises as `preview` does."""
    if not plan.shown:
        raise Conflict("newsletter", plan.newsletter.id, "there is no post to show yet")
    reader = reader or Reader()
    digest = variants.render(app, plan.newsletter, plan.period, plan.shown)
    link, choose = app.site.link("u/preview"), app.site.link("p/preview")
    letter = Letter(
        site=app.site,
        newsletter=plan.newsletter,
        issue=plan.period.key,
        subject=digest.subject,
        body=variants.body_of(plan.newsletter, digest, plan.shown),
    )
    recipient = Recipient(
        address=reader.address,
        name=reader.name,
        message_id="preview",
        unsubscribe_url=link,
        preferences_url=choose,
    )
    message = compose(letter, recipient, date=now)
    slots = {"name": reader.name, "unsubscribe": link, "preferences": choose}
    return Preview(
        plan=plan,
        subject=digest.subject,
        html=personal(digest.html, digest.nonce, slots, escaped=True),
        text=personal(digest.text, digest.nonce, slots, escaped=False),
        message=message,
        detail=digest.detail,
        findings=tuple(lint_email(message, written=_written(plan.shown))),
    )


def _written(shown: Sequence[Post]) -> str:
    """What the writers of the posts say in a mail."""
    words = (
        (post.title, post.description, *post.tags, post.excerpt.html, post.body.mail_html)
        for post in shown
    )
    return "\n".join(text for each in words for text in each)


def write(made: Preview, out: Path) -> list[Path]:
    """Writes a preview as .html, .txt and .eml into a folder; returns the files in that order."""
    stem = f"{made.plan.newsletter.id}-{made.plan.period.key.replace(':', '-')}"
    contents = {"html": made.html.encode(), "txt": made.text.encode(), "eml": made.message}
    files = []
    for ending, data in contents.items():
        files.append(out / f"{stem}.{ending}")
        write_file(files[-1], data)
    return files


def stamp(app: App) -> str:
    """Changes whenever a post, a picture or a template does."""
    seen = sha256(app.templates.fingerprint().encode())
    for path in sorted(app.content.folder.rglob("*")):
        try:
            status = path.stat()
        except FileNotFoundError:  # an editor has just renamed it
            continue
        seen.update(os.fsencode(path))  # a name need not be UTF-8
        seen.update(f"\0{status.st_mtime_ns}\0{status.st_size}\n".encode())
    return seen.hexdigest()[:16]


def _subscriber(app: App, newsletter: Newsletter, email: str) -> Reader | None:
    if not email:
        return None
    wanted = parse_address(email.strip())
    for row in subscribers.listing(app, newsletter=newsletter.id):
        if parse_address(row.address).key == wanted.key:
            return Reader(address=row.address, name=row.name)
    raise NotFound("subscriber", wanted.text)

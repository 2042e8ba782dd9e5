"""What the next issue would look like, without sending it."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from publisher.domain.newsletters import Newsletter
from publisher.errors import Conflict
from publisher.render.digest import personal
from publisher.render.messages import Letter, Recipient, compile_body, compose
from publisher.services import issues, posts
from publisher.services.app import App
from publisher.services.issues import IssuePlan
from publisher.services.output import write_file

_READER = ("reader@example.org", "Reader")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The next issue as a made-up reader would get it: `files` lie in the folder asked for."""

    plan: IssuePlan
    subject: str
    files: tuple[Path, ...]


def preview(app: App, newsletter: Newsletter, *, out: Path, now: datetime) -> Preview:
    """Writes the issue that is due, or else the next one, as .html, .txt and .eml into `out`.

    Where nothing is new it shows the newest posts. Its unsubscribe link leads nowhere. Raises
    `TemplateError`, and `Conflict` where there is no post at all.
    """
    plan = issues.plan(app, newsletter, posts.read(app, now=now), now=now)
    if not plan.shown:
        raise Conflict("newsletter", newsletter.id, "there is no post to show yet")
    digest = issues.render(app, plan, plan.shown)
    email, name = _READER
    link = app.site.link("u/preview")
    slots = {"name": name, "unsubscribe": link}
    letter = Letter(
        site=app.site,
        newsletter=newsletter,
        issue=plan.period.key,
        subject=digest.subject,
        body=compile_body(digest),
    )
    recipient = Recipient(address=email, name=name, message_id="preview", unsubscribe_url=link)
    contents = {
        "html": personal(digest.html, digest.nonce, slots, escaped=True).encode(),
        "txt": personal(digest.text, digest.nonce, slots, escaped=False).encode(),
        "eml": compose(letter, recipient, date=now),
    }
    stem = f"{newsletter.id}-{plan.period.key.replace(':', '-')}"
    files = []
    for ending, data in contents.items():
        path = out / f"{stem}.{ending}"
        write_file(path, data)
        files.append(path)
    return Preview(plan=plan, subject=digest.subject, files=tuple(files))

"""Issues: what is due, what would be in it, and the freezing of what is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from publisher.domain import selection
from publisher.domain.issues import Issue, IssueStatus, due
from publisher.domain.newsletters import Newsletter, Period, upcoming
from publisher.domain.posts import Library, Post
from publisher.domain.selection import Choice
from publisher.domain.subscribers import SubscriptionStatus
from publisher.domain.tokens import slot_nonce
from publisher.errors import NotFound
from publisher.render.digest import Digest, Edition, render_digest
from publisher.render.messages import Body, compile_body, dump_body
from publisher.services import pictures
from publisher.services.app import App
from publisher.store import issues as rows
from publisher.store import newsletters as newsletter_rows
from publisher.store import subscribers as subscriber_rows
from publisher.store.engine import Tx
from publisher.store.issues import StoredVariant


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuePlan:
    """What the next issue of a newsletter would be.

    `is_due`: its slot has passed and it has no issue yet. `recipients`: confirmed subscriptions.
    """

    newsletter: Newsletter
    period: Period
    is_due: bool
    choices: tuple[Choice, ...]
    recipients: int

    @property
    def posts(self) -> list[Post]:
        """The posts that would be in it, newest first."""
        return selection.chosen(self.choices)

    @property
    def shown(self) -> list[Post]:
        """The posts to look at: those in it, or the newest ten where nothing is new."""
        return self.posts or [choice.post for choice in self.choices[:10]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """An issue that was frozen just now. `status` is skipped where no post was due."""

    issue: int
    status: IssueStatus
    reason: str
    subject: str


def plan(app: App, newsletter: Newsletter, library: Library, *, now: datetime) -> IssuePlan:
    """The issue that is due, or else the next one, with every post and why it is in or out."""
    with app.store.read() as tx:
        start = newsletter.start or newsletter_rows.seen_at(tx, newsletter.id) or now
        done = rows.periods(tx, newsletter.id)
        mailed = rows.mailed(tx, newsletter.id)
        counts = subscriber_rows.counts(tx)
    waiting = due(newsletter, start=start, now=now, done=done)
    period = waiting or upcoming(newsletter.schedule, now)[0]
    return IssuePlan(
        newsletter=newsletter,
        period=period,
        is_due=waiting is not None,
        choices=tuple(
            selection.for_issue(library.posts, start=start, slot=period.slot, mailed=mailed)
        ),
        recipients=counts.get((newsletter.id, SubscriptionStatus.CONFIRMED), 0),
    )


def assemble(app: App, plan: IssuePlan, *, now: datetime) -> Assembled | None:
    """Freezes the issue that is due: posts, subject and bytes, before the first delivery exists.

    None if another process was first (one issue a period). Raises `TemplateError`; nothing is
    written then.
    """
    if not plan.posts:
        return _skip(app, plan, now=now)
    digest = render(app, plan, plan.posts)
    variant = StoredVariant(
        key="default",
        subject=digest.subject,
        html=digest.html,
        text=digest.text,
        nonce=digest.nonce,
        body=dump_body(body_of(plan.newsletter, digest, plan.posts)),
    )
    with app.store.begin() as tx:
        issue = _insert(tx, plan, IssueStatus.PLANNED, variant=variant, now=now)
    if issue is None:
        return None
    return Assembled(issue=issue, status=IssueStatus.PLANNED, reason="", subject=digest.subject)


def render(app: App, plan: IssuePlan, content: Sequence[Post]) -> Digest:
    """The digest of some posts, with slots for what is the subscriber's own.

    Raises `TemplateError`.
    """
    newsletter = plan.newsletter
    edition = Edition(
        site=app.site,
        newsletter=newsletter,
        period=plan.period,
        posts=content,
        nonce=slot_nonce(app.site_key, f"{newsletter.id}/{plan.period.key}"),
        pictures=pictures.sizes(content),
    )
    return render_digest(app.templates, edition)


def body_of(newsletter: Newsletter, digest: Digest, content: Sequence[Post]) -> Body:
    """A digest ready to be joined, with the pictures that travel inside it."""
    inside = pictures.embedded(content, digest.html, limit=newsletter.embed_bytes)
    return compile_body(digest, inside)


def listing(app: App, newsletter: str | None = None) -> list[Issue]:
    """The issues, newest first."""
    with app.store.read() as tx:
        return rows.listing(tx, newsletter)


def get(app: App, issue: int) -> Issue:
    """One issue. Raises `NotFound`."""
    with app.store.read() as tx:
        found = rows.get(tx, issue)
    if found is None:
        raise NotFound("issue", str(issue))
    return found


def posts_of(app: App, issue: int) -> list[str]:
    """The ids of the posts in an issue, in their order."""
    with app.store.read() as tx:
        return rows.posts_of(tx, issue)


def why_empty(choices: Sequence[Choice]) -> str:
    """Why no post was in, on one line: `0 of 7 posts: 5 dated before …, 2 in an earlier issue`."""
    reasons: dict[str, int] = {}
    for choice in choices:
        reasons[choice.reason] = reasons.get(choice.reason, 0) + 1
    counted = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
    return f"0 of {len(choices)} posts" + (f": {counted}" if counted else "")


def _skip(app: App, plan: IssuePlan, *, now: datetime) -> Assembled | None:
    with app.store.begin() as tx:
        issue = _insert(tx, plan, IssueStatus.SKIPPED, variant=None, now=now)
    if issue is None:
        return None
    return Assembled(
        issue=issue, status=IssueStatus.SKIPPED, reason=why_empty(plan.choices), subject=""
    )


def _insert(
    tx: Tx, plan: IssuePlan, status: IssueStatus, *, variant: StoredVariant | None, now: datetime
) -> int | None:
    return rows.add(
        tx,
        newsletter=plan.newsletter.id,
        period=plan.period,
        status=status,
        reason=why_empty(plan.choices) if variant is None else "",
        content_hash=sha256(variant.body).hexdigest() if variant else "",
        posts=[post.id for post in plan.posts],
        variant=variant,
        now=now,
    )

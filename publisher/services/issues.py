"""Issues: what is due, what would be in it, and the freezing of what is.

Three steps, each of which may be cut and repeated: `reconcile` takes the periods that are owed,
`assemble` settles the content of one that is taken, delivering begins with what is settled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import takewhile

from publisher.domain import selection
from publisher.domain.issues import Cause, Issue, IssueStatus, Record, Verdict, decide
from publisher.domain.newsletters import (
    Cadence,
    Newsletter,
    Period,
    Waiting,
    moved_by_the_clock,
    next_filled,
    upcoming,
)
from publisher.domain.posts import Library, Post
from publisher.domain.selection import Choice
from publisher.errors import NotFound
from publisher.services import variants
from publisher.services.app import App
from publisher.store import choices as choice_rows
from publisher.store import deliveries as delivery_rows
from publisher.store import issues as rows
from publisher.store import newsletters as newsletter_rows
from publisher.store import posts as post_rows
from publisher.store.engine import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuePlan:
    """What the next issue of a newsletter's series would be.

    `verdict` says what becomes of the period: None if it is still to come. `issue` is its row
    where there is one whose content is not settled. `recipients`: confirmed subscriptions in it.
    """

    newsletter: Newsletter
    period: Period
    verdict: Verdict | None
    choices: tuple[Choice, ...]
    recipients: int
    issue: Issue | None = None

    @property
    def is_due(self) -> bool:
        """Whether the period has come and its content is still to be settled."""
        return self.verdict is not None and self.verdict.status is not IssueStatus.SKIPPED

    @property
    def posts(self) -> list[Post]:
        """The posts that would be in it, in their order; empty where they are too few."""
        posts = selection.chosen(self.choices)
        return posts if len(posts) >= self.newsletter.selection.least else []

    @property
    def shown(self) -> list[Post]:
        """The posts to look at: those in it, or the newest ten where nothing is new."""
        return self.posts or [choice.post for choice in self.choices[:10]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """An issue whose content was settled just now, or that was skipped for want of posts."""

    issue: int
    status: IssueStatus
    reason: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A period that was taken just now, as `issue`."""

    issue: int
    verdict: Verdict


def reconcile(
    app: App, newsletter: Newsletter, *, now: datetime, library: Library | None = None
) -> list[Taken]:
    """Takes every period that is owed as of `now`: at most one is to be sent. Repeat it freely.

    `library` is needed for newsletters that count posts. An issue that is held, or could not be
    written, gives way to a newer one.
    """
    with app.store.begin() as tx:
        newsletter_rows.greet(tx, newsletter, now=now)
        record = _record(tx, newsletter, library, now=now)
        verdicts = decide(newsletter, record, max_late=app.schedule.max_late, now=now)
        taken = []
        for verdict in verdicts:
            issue = rows.add(
                tx,
                newsletter=newsletter.id,
                series=newsletter.series or "",
                verdict=verdict,
                now=now,
            )
            if issue is not None:
                taken.append(Taken(issue=issue, verdict=verdict))
                if verdict.status is not IssueStatus.SKIPPED:
                    _supersede(tx, newsletter, issue, verdict.period, now=now)
    return taken


def wants_posts(app: App, newsletter: Newsletter, *, now: datetime) -> bool:
    """Whether there is anything to plan or to assemble, as far as that is known without posts.

    Notes the newsletter's schedule, so that a change of it counts from now on.
    """
    if newsletter.schedule.cadence is Cadence.POSTS:
        return True
    with app.store.begin() as tx:
        newsletter_rows.greet(tx, newsletter, now=now)
        if rows.unfrozen(tx, newsletter.id, newsletter.series or ""):
            return True
        record = _record(tx, newsletter, None, now=now)
    return bool(decide(newsletter, record, max_late=app.schedule.max_late, now=now))


def next_slot(app: App, newsletter: Newsletter, *, now: datetime) -> datetime | None:
    """When the next issue is due: a moment of the past while one is owed and not taken.

    None for a newsletter that counts posts.
    """
    if newsletter.schedule.cadence is Cadence.POSTS:
        return None
    with app.store.read() as tx:
        record = _record(tx, newsletter, None, now=now)
    owed = decide(newsletter, record, max_late=app.schedule.max_late, now=now)
    return owed[0].period.slot if owed else upcoming(newsletter.schedule, now)[0].slot


def plan(app: App, newsletter: Newsletter, library: Library, *, now: datetime) -> IssuePlan:
    """The issue that is due, or else the next one, with every post and why it is in or out."""
    with app.store.read() as tx:
        record = _record(tx, newsletter, library, now=now)
        start = newsletter.start or newsletter_rows.seen(tx, newsletter, now=now).began_at
        mailed = rows.mailed(tx, newsletter.id, newsletter.series or "")
        taken = next(iter(rows.unfrozen(tx, newsletter.id, newsletter.series or "")), None)
        recipients = choice_rows.readers(tx, newsletter)
    period, verdict = _next(app, newsletter, record, taken, now=now)
    return IssuePlan(
        newsletter=newsletter,
        period=period,
        verdict=verdict,
        choices=tuple(
            selection.for_issue(
                library.posts,
                start=start,
                slot=now if newsletter.schedule.cadence is Cadence.POSTS else period.slot,
                mailed=mailed,
                rule=newsletter.selection,
            )
        ),
        recipients=recipients,
        issue=taken,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A period to come, and in words how a change of the clock moves it (mostly empty)."""

    period: Period
    moved: str


def slots(newsletter: Newsletter, *, now: datetime, until: datetime) -> list[Slot]:
    """The slots after `now` and up to `until`, soonest first; none for one that counts posts."""
    days = (until - now).days + 2  # more than one a day there is never
    periods = takewhile(
        lambda period: period.slot <= until, upcoming(newsletter.schedule, now, days)
    )
    return [
        Slot(period=period, moved=moved_by_the_clock(newsletter.schedule, period))
        for period in periods
    ]


def assemble(app: App, plan: IssuePlan) -> Assembled | None:
    """Settles posts, subject and bytes of the issue whose period is taken, before the first
    delivery exists; skips it where there are too few posts.

    None if there is nothing to settle, or another process was first. Raises `TemplateError`;
    the issue then waits as it is.
    """
    issue = plan.issue
    if issue is None:
        return None
    if not plan.posts:
        return _skip_empty(
            app, issue, why_empty(plan.choices, least=plan.newsletter.selection.least)
        )
    variant = variants.draw(app, plan.newsletter, plan.period, plan.posts)
    with app.store.begin() as tx:
        was_first = rows.freeze(
            tx,
            issue,
            content_hash=sha256(variant.body).hexdigest(),
            posts=[post.id for post in plan.posts],
            variant=variant,
        )
    if not was_first:
        return None
    return Assembled(
        issue=issue.id, status=issue.status, reason=issue.reason, subject=variant.subject
    )


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """One variant of an issue: the language of its words, its posts, how many get it."""

    key: str
    language: str
    posts: tuple[str, ...]
    recipients: int


def variants_of(app: App, issue: int) -> list[Rendering]:
    """The renderings of an issue, by key."""
    with app.store.read() as tx:
        found = rows.variants_of(tx, issue)
        counts = delivery_rows.variant_counts(tx, issue)
    return [
        Rendering(
            key=each.key,
            language=each.language,
            posts=each.posts,
            recipients=counts.get(each.key, 0),
        )
        for each in found
    ]


def why_empty(choices: Sequence[Choice], *, least: int = 1) -> str:
    """Why there is no issue, on one line: `0 of 7 posts: 5 dated before …, 2 in an earlier issue`.

    Where some qualified, but fewer than `least`, that comes first.
    """
    reasons: dict[str, int] = {}
    for choice in choices:
        if not choice.chosen:
            reasons[choice.reason] = reasons.get(choice.reason, 0) + 1
    ready = len(selection.chosen(choices))
    wanted = f", {least} are wanted" if ready else ""
    counted = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
    return f"{ready} of {len(choices)} posts{wanted}" + (f": {counted}" if counted else "")


def _record(tx: Tx, newsletter: Newsletter, library: Library | None, *, now: datetime) -> Record:
    seen = newsletter_rows.seen(tx, newsletter, now=now)
    return Record(
        seen_at=seen.first_at,
        rule_from=seen.rule_from,
        taken=rows.periods(tx, newsletter.id),
        last=rows.last(tx, newsletter.id, newsletter.series or ""),
        waiting=_waiting(tx, newsletter, library, start=seen.began_at, now=now),
    )


def _waiting(
    tx: Tx, newsletter: Newsletter, library: Library | None, *, start: datetime, now: datetime
) -> list[Waiting]:
    """The posts that wait, for a newsletter that counts them."""
    if newsletter.schedule.cadence is not Cadence.POSTS or library is None:
        return []
    ready = selection.for_issue(
        library.posts,
        start=newsletter.start or start,
        slot=now,
        mailed=rows.mailed(tx, newsletter.id, newsletter.series or ""),
        rule=newsletter.selection,
    )
    seen = post_rows.first_seen(tx)
    return [
        Waiting(post=post.id, at=max(post.published, seen.get(post.id, now)))
        for post in selection.chosen(ready)
    ]


def _next(
    app: App, newsletter: Newsletter, record: Record, taken: Issue | None, *, now: datetime
) -> tuple[Period, Verdict | None]:
    """The period that is due or next, and what becomes of it."""
    if taken is not None:
        period = Period(key=taken.period, slot=taken.slot)
        verdict = Verdict(
            period=period, status=taken.status, cause=taken.cause, reason=taken.reason
        )
        return period, verdict
    verdicts = decide(newsletter, record, max_late=app.schedule.max_late, now=now)
    if verdicts and verdicts[0].status is not IssueStatus.SKIPPED:
        return verdicts[0].period, verdicts[0]
    if newsletter.schedule.cadence is Cadence.POSTS:
        return next_filled(newsletter.schedule, record.waiting, now), None
    return upcoming(newsletter.schedule, now)[0], None


def _supersede(
    tx: Tx, newsletter: Newsletter, issue: int, period: Period, *, now: datetime
) -> None:
    """What still waits gives way to `issue`: two issues never come out of one silence.

    That is what is held, if its rows were being written too, and what a template that does not
    render has kept from being settled.
    """
    series = newsletter.series or ""
    for stuck in rows.stuck_before(tx, newsletter.id, issue, series=series):
        what = "held" if stuck.status is IssueStatus.HELD else "to be written"
        reason = f"was still {what} when {period.key} came; its posts are in that one"
        rows.move(
            tx,
            stuck.id,
            before=[stuck.status],
            after=IssueStatus.SKIPPED,
            cause=Cause.SUPERSEDED,
            reason=reason,
        )
        rows.release_posts(tx, stuck.id)
        delivery_rows.drop(tx, stuck.id, "cancelled", now=now)


def _skip_empty(app: App, issue: Issue, reason: str) -> Assembled | None:
    with app.store.begin() as tx:
        was_first = rows.move(
            tx,
            issue.id,
            before=[issue.status],
            after=IssueStatus.SKIPPED,
            cause=Cause.NO_POSTS,
            reason=reason,
        )
    if not was_first:
        return None
    return Assembled(issue=issue.id, status=IssueStatus.SKIPPED, reason=reason, subject="")

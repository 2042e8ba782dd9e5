"""`publisher plan`: what would be sent, and why."""

from datetime import datetime, timedelta

import click

from publisher.bootstrap import open_app
from publisher.cli.console import emit, local
from publisher.cli.looks import look_lines, look_payload
from publisher.cli.options import as_json, clock_at, config_of, newsletter_option, rehearsed
from publisher.cli.reports import print_plan
from publisher.domain.newsletters import Newsletter
from publisher.errors import TemplateError
from publisher.services import issues, posts, previews, series
from publisher.services.app import App
from publisher.services.issues import IssuePlan
from publisher.services.previews import Preview


@click.command(epilog="Example: publisher plan --now 2026-12-25T09:00:00+08:00")
@newsletter_option
@click.option(
    "--weeks",
    type=click.IntRange(1, 520),
    default=8,
    show_default=True,
    help="Show the slots of so many weeks.",
)
@rehearsed
@as_json
@click.pass_context
def plan(
    context: click.Context,
    newsletter: str | None,
    weeks: int,
    now: datetime | None,
    as_json: bool,
) -> None:
    """Show each newsletter's next issue: when, to how many, which posts are in or out and why,
    its subject, its size, what mail clients would hold against it; and its next slots.

    Writes nothing.
    """
    with open_app(config_of(context), clock=clock_at(now)) as app:
        moment = app.clock()
        library = posts.read(app, now=moment)
        wanted = [app.newsletter(newsletter)] if newsletter else list(app.newsletters)
        plans = [
            issues.plan(app, one, library, now=moment)
            for each in wanted
            for one in series.listing(app, each)
        ]
        looks = [_look(app, each, now=moment) for each in plans]
    if as_json:
        payload = [
            _payload(plan, look) | _slots_payload(plan, moment, weeks)
            for plan, look in zip(plans, looks, strict=True)
        ]
        emit("plan", {"newsletters": payload})
        return
    for number, (plan, look) in enumerate(zip(plans, looks, strict=True)):
        if number:
            click.echo()
        print_plan(plan)
        if isinstance(look, Preview):
            click.echo("\n".join(look_lines(look)))
        elif look:
            click.echo(f"  error     {look}")
        _print_slots(plan.newsletter, moment, weeks)


def _print_slots(newsletter: Newsletter, now: datetime, weeks: int) -> None:
    """Each slot in the newsletter's zone and in UTC, and what the clock change does to it."""
    slots = issues.slots(newsletter, now=now, until=now + timedelta(weeks=weeks))
    for slot in slots:
        moved = f"  ({slot.moved})" if slot.moved else ""
        utc = f"{slot.period.slot:%Y-%m-%d %H:%M} UTC"
        when = local(slot.period.slot, newsletter.schedule.zone)
        click.echo(f"  slot  {slot.period.key:<12} {when}  {utc}{moved}")


def _slots_payload(plan: IssuePlan, now: datetime, weeks: int) -> dict[str, object]:
    slots = issues.slots(plan.newsletter, now=now, until=now + timedelta(weeks=weeks))
    return {
        "slots": [
            {"period": slot.period.key, "slot": slot.period.slot, "moved": slot.moved}
            for slot in slots
        ]
    }


def _look(app: App, plan: IssuePlan, *, now: datetime) -> Preview | str:
    """What it would look like, or why it cannot be rendered; empty where there is nothing new."""
    if not plan.posts:
        return ""
    try:
        return previews.look_at(app, plan, now=now)
    except TemplateError as error:
        return str(error)


def _payload(plan: IssuePlan, look: Preview | str) -> dict[str, object]:
    rendered = look_payload(look) if isinstance(look, Preview) else {"problem": look}
    return rendered | {
        "newsletter": plan.newsletter.id,
        "series": plan.newsletter.series,
        "period": plan.period.key,
        "slot": plan.period.slot,
        "due": plan.is_due,
        "verdict": plan.verdict and {"status": plan.verdict.status, "cause": plan.verdict.cause},
        "recipients": plan.recipients,
        "posts": [
            {
                "id": choice.post.id,
                "path": choice.post.path,
                "title": choice.post.title,
                "chosen": choice.chosen,
                "reason": choice.reason,
            }
            for choice in plan.choices
        ],
    }

"""`publisher plan`: what would be sent, and why."""

from datetime import datetime

import click

from publisher.bootstrap import open_app
from publisher.cli.console import emit
from publisher.cli.options import as_json, clock_at, config_of, newsletter_option, rehearsed
from publisher.cli.reports import print_plan
from publisher.services import issues, posts
from publisher.services.issues import IssuePlan


@click.command(epilog="Example: publisher plan --now 2026-12-25T09:00:00+08:00")
@newsletter_option
@rehearsed
@as_json
@click.pass_context
def plan(
    context: click.Context, newsletter: str | None, now: datetime | None, as_json: bool
) -> None:
    """Show each newsletter's next issue: when, to how many, which posts are in or out and why.

    Writes nothing.
    """
    with open_app(config_of(context), clock=clock_at(now)) as app:
        moment = app.clock()
        library = posts.read(app, now=moment)
        wanted = [app.newsletter(newsletter)] if newsletter else list(app.newsletters)
        plans = [issues.plan(app, each, library, now=moment) for each in wanted]
    if as_json:
        emit("plan", {"newsletters": [_payload(each) for each in plans]})
        return
    for number, each in enumerate(plans):
        if number:
            click.echo()
        print_plan(each)


def _payload(plan: IssuePlan) -> dict[str, object]:
    return {
        "newsletter": plan.newsletter.id,
        "period": plan.period.key,
        "slot": plan.period.slot,
        "due": plan.is_due,
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

"""`publisher status`: how things stand."""

import click

from publisher.bootstrap import open_app
from publisher.cli.console import emit, local
from publisher.cli.options import as_json, config_of
from publisher.cli.reports import counted
from publisher.services import status as service
from publisher.services.status import NewsletterStatus


@click.command(epilog="Example: publisher status --json")
@as_json
@click.pass_context
def status(context: click.Context, as_json: bool) -> None:
    """Show each newsletter's subscribers, next slot and last issue."""
    with open_app(config_of(context)) as app:
        found = service.status(app, now=app.clock())
    if as_json:
        emit("status", {"newsletters": [_payload(each) for each in found]})
        return
    for each in found:
        _print(each)


def _print(status: NewsletterStatus) -> None:
    newsletter, zone = status.newsletter, status.newsletter.schedule.zone
    people = ", ".join(f"{count} {state}" for state, count in status.subscribers.items())
    click.echo(f"{newsletter.title}  [{newsletter.id}]")
    click.echo(f"  subscribers  {people}")
    if status.next:
        click.echo(f"  next issue   {local(status.next.slot, zone)}  {status.next.key}")
    else:
        click.echo(f"  next issue   after {newsletter.schedule.every} new posts")
    if status.last is None:
        click.echo("  last issue   none yet")
        return
    last = status.last
    click.echo(f"  last issue   {last.id}  {last.period}  {last.status}  {last.subject}")
    click.echo(f"               {counted(status.deliveries)}")


def _payload(status: NewsletterStatus) -> dict[str, object]:
    last = status.last
    return {
        "newsletter": status.newsletter.id,
        "subscribers": {state.value: count for state, count in status.subscribers.items()},
        "next": status.next and {"period": status.next.key, "slot": status.next.slot},
        "last": last
        and {
            "issue": last.id,
            "period": last.period,
            "status": last.status,
            "subject": last.subject,
            "deliveries": {state.value: count for state, count in status.deliveries.items()},
        },
    }

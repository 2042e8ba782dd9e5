"""`publisher deliveries`: who got what, and who did not."""

import click

from publisher.bootstrap import open_app
from publisher.cli.console import emit, local, say, table
from publisher.cli.options import as_json, config_of
from publisher.domain.deliveries import Delivery, DeliveryStatus
from publisher.services import deliveries as service
from publisher.services import issues


@click.group()
def deliveries() -> None:
    """Look at deliveries."""


@deliveries.command("list", epilog="Example: publisher deliveries list --issue 1 --state unknown")
@click.option("--issue", type=int, default=None, help="Only this issue.")
@click.option(
    "--state",
    "--status",
    "status",
    type=click.Choice([status.value for status in DeliveryStatus]),
    default=None,
    help="Only those that stand there.",
)
@as_json
@click.pass_context
def list_deliveries(
    context: click.Context, issue: int | None, status: str | None, as_json: bool
) -> None:
    """List deliveries: one row for each issue and subscriber."""
    with open_app(config_of(context)) as app:
        if issue is not None:
            issues.get(app, issue)
        wanted = DeliveryStatus(status) if status else None
        found = service.listing(app, issue=issue, status=wanted)
        zone = app.site.zone
    if as_json:
        emit("deliveries", {"deliveries": [_payload(row) for row in found]})
        return
    table(
        ("issue", "address", "status", "attempts", "changed", "reason"),
        [
            (
                str(row.issue),
                row.address,
                row.status.value,
                str(row.attempts),
                local(row.changed_at, zone),
                " ".join(filter(None, (row.reason, row.reply))),
            )
            for row in found
        ],
    )


@deliveries.command(epilog="Example: publisher deliveries retry 7 --failed")
@click.argument("issue", type=int)
@click.option("--failed", "status", flag_value="failed", help="Those that were refused.")
@click.option("--unknown", "status", flag_value="unknown", help="Those in doubt; may arrive twice.")
@click.pass_context
def retry(context: click.Context, issue: int, status: str | None) -> None:
    """Send an issue again to those who did not get it, and to them alone."""
    if status is None:
        raise click.UsageError("say which: --failed or --unknown")
    with open_app(config_of(context)) as app:
        count = service.retry(app, issue, DeliveryStatus(status))
    say(f"{count} {status} deliveries of issue {issue} are due again with the next run")


def _payload(row: Delivery) -> dict[str, object]:
    return {
        "delivery": row.id,
        "issue": row.issue,
        "address": row.address,
        "status": row.status,
        "reason": row.reason,
        "attempts": row.attempts,
        "next_attempt_at": row.next_attempt_at,
        "relay": row.relay,
        "reply": row.reply,
        "changed_at": row.changed_at,
    }

"""`publisher subscribers`: who receives what."""

from pathlib import Path

import click

from publisher.bootstrap import open_app
from publisher.cli.console import emit, local, progress, say, table
from publisher.cli.options import as_json, config_of, newsletter_option
from publisher.domain.subscribers import Joined, Subscription, SubscriptionStatus
from publisher.services import subscribers as service
from publisher.services.subscribers import ImportedRow, ImportPlan

SHOWN_REFUSALS = 20
PARTLY = 4


@click.group()
def subscribers() -> None:
    """Look at subscribers, add them, take them out."""


@subscribers.command("list", epilog="Example: publisher subscribers list --newsletter weekly")
@newsletter_option
@click.option(
    "--status",
    type=click.Choice([status.value for status in SubscriptionStatus]),
    default=None,
    help="Only those that stand there.",
)
@as_json
@click.pass_context
def list_subscribers(
    context: click.Context, newsletter: str | None, status: str | None, as_json: bool
) -> None:
    """List subscriptions by address."""
    with open_app(config_of(context)) as app:
        if newsletter:
            app.newsletter(newsletter)
        wanted = SubscriptionStatus(status) if status else None
        found = service.listing(app, newsletter=newsletter, status=wanted)
        zone = app.site.zone
    if as_json:
        emit("subscribers", {"subscribers": [_payload(row) for row in found]})
        return
    table(
        ("address", "name", "newsletter", "status", "since"),
        [
            (row.address, row.name, row.newsletter, row.status.value, local(row.changed_at, zone))
            for row in found
        ],
    )


@subscribers.command(
    epilog='Example: publisher subscribers add ann@example.org --name "Ann" --newsletter weekly'
)
@click.argument("email")
@click.option("--name", default="", help="What to call them.")
@click.option("--newsletter", required=True, help="The newsletter's id.")
@click.pass_context
def add(context: click.Context, email: str, name: str, newsletter: str) -> int:
    """Add EMAIL as a confirmed subscriber, on your word that they asked for it."""
    with open_app(config_of(context)) as app:
        result = service.add(app, newsletter, email=email, name=name, source="operator")
    words = {
        Joined.ADDED: "added",
        Joined.KNOWN: "known already; nothing was changed",
        Joined.REFUSED: "refused: the address is suppressed",
    }
    say(f"{email}: {words[result]}")
    return 1 if result is Joined.REFUSED else 0


@subscribers.command(epilog="Example: publisher subscribers remove ann@example.org")
@click.argument("email")
@click.pass_context
def remove(context: click.Context, email: str) -> None:
    """Remove EMAIL with every subscription."""
    with open_app(config_of(context)) as app:
        service.remove(app, email)
    say(f"{email}: removed")


@subscribers.command(
    "import",
    epilog="Example: publisher subscribers import people.csv --newsletter weekly --confirmed",
)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--newsletter", required=True, help="The newsletter's id.")
@click.option("--confirmed", is_flag=True, help="They have confirmed; else they wait as pending.")
@click.option("--dry-run", is_flag=True, help="Report, change nothing.")
@as_json
@click.pass_context
def import_subscribers(
    context: click.Context,
    file: Path,
    newsletter: str,
    confirmed: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Add the rows of FILE, a CSV with the columns email and name.

    Who is there already stays as they are, unsubscribed ones too. Repeating an import does no
    harm.
    """
    status = SubscriptionStatus.CONFIRMED if confirmed else SubscriptionStatus.PENDING
    counts = dict.fromkeys(Joined, 0)
    refusals: list[ImportedRow] = []
    with (
        open_app(config_of(context)) as app,
        file.open(encoding="utf-8", errors="replace", newline="") as lines,
        progress("importing") as update,
    ):
        import_plan = ImportPlan(newsletter=newsletter, status=status, source=file.name)
        for report in (
            [service.rehearse_csv(app, lines, import_plan)]
            if dry_run
            else service.import_csv(app, lines, import_plan)
        ):
            for row in report:
                counts[row.result] += 1
            refusals += [row for row in report if row.result is Joined.REFUSED]
            update(sum(counts.values()), sum(counts.values()))
    if as_json:
        refused = [{"line": r.line, "email": r.email, "problem": r.problem} for r in refusals]
        emit("import", {**{k.value: v for k, v in counts.items()}, "refusals": refused})
    else:
        _print_import(file, counts, refusals, dry_run=dry_run)
    return PARTLY if refusals else 0


@subscribers.command(
    "export", epilog="Example: publisher subscribers export --newsletter weekly > people.csv"
)
@newsletter_option
@click.option("--raw", is_flag=True, help="Cells as they are, not made harmless for spreadsheets.")
@click.pass_context
def export(context: click.Context, newsletter: str | None, raw: bool) -> None:
    """Print subscriptions as CSV."""
    with open_app(config_of(context)) as app:
        if newsletter:
            app.newsletter(newsletter)
        found = service.listing(app, newsletter=newsletter)
    click.echo(service.export_csv(found, raw=raw), nl=False)


def _print_import(
    file: Path, counts: dict[Joined, int], refusals: list[ImportedRow], *, dry_run: bool
) -> None:
    for row in refusals[:SHOWN_REFUSALS]:
        click.echo(f"{file.name}:{row.line}: refused {row.email!r}: {row.problem}")
    if len(refusals) > SHOWN_REFUSALS:
        click.echo(f"and {len(refusals) - SHOWN_REFUSALS} more; --json lists all")
    done = "would be " if dry_run else ""
    say(
        f"{counts[Joined.ADDED]} {done}added, {counts[Joined.KNOWN]} known, "
        f"{counts[Joined.REFUSED]} refused"
    )


def _payload(row: Subscription) -> dict[str, object]:
    return {
        "subscription": row.id,
        "email": row.address,
        "name": row.name,
        "newsletter": row.newsletter,
        "status": row.status,
        "changed_at": row.changed_at,
    }

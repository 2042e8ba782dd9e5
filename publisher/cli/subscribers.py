"""`publisher subscribers`: who receives what."""

from collections.abc import Iterable
from pathlib import Path

import click

from publisher.bootstrap import open_app
from publisher.cli.console import emit, local, progress, say, table
from publisher.cli.options import as_json, config_of, newsletter_option
from publisher.domain.addresses import ROLE_WARNING, parse_address
from publisher.domain.choices import Choices
from publisher.domain.exchange import Dialect
from publisher.domain.subscribers import Joined, Subscription, SubscriptionStatus
from publisher.services import choices, imports, personal_data, suppressions
from publisher.services import subscribers as service

SHOWN_ROWS = 20
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
    if result is Joined.ADDED and parse_address(email.strip()).is_role:
        say(f"{email}: {ROLE_WARNING}")
    return 1 if result is Joined.REFUSED else 0


@subscribers.command(epilog="Example: publisher subscribers remove ann@example.org")
@click.argument("email")
@click.pass_context
def remove(context: click.Context, email: str) -> None:
    """Remove EMAIL with every subscription."""
    with open_app(config_of(context)) as app:
        service.remove(app, email)
    say(f"{email}: removed")


@subscribers.command(epilog="Example: publisher subscribers show ann@example.org")
@click.argument("email")
@as_json
@click.pass_context
def show(context: click.Context, email: str, as_json: bool) -> None:
    """Show the subscriptions of EMAIL and all evidence of consent."""
    with open_app(config_of(context)) as app:
        kept, zone = service.evidence(app, email), app.site.zone
        theirs = [row for row in service.listing(app) if row.address == kept[0].address]
    if as_json:
        evidence = [
            {"at": one.at, "event": one.event, "newsletter": one.newsletter}
            | {"address": one.address, "source": one.evidence.source, "ip": one.evidence.ip}
            | {"text": one.evidence.text, "message_id": one.evidence.message_id}
            for one in kept
        ]
        rows = [_payload(row) for row in theirs]
        emit("subscriber", {"subscriptions": rows, "evidence": evidence})
        return
    for row in theirs:
        click.echo(f"{row.newsletter}  {row.status}  {row.choices}")
    table(
        ("at", "newsletter", "event", "how we know", "from"),
        [
            (
                local(one.at, zone),
                one.newsletter,
                one.event.value,
                one.evidence.source,
                one.evidence.ip,
            )
            for one in kept
        ],
    )


@subscribers.command(
    epilog="Example: publisher subscribers choose ann@example.org --newsletter weekly "
    "--frequency monthly --topic sea"
)
@click.argument("email")
@click.option("--newsletter", required=True, help="The newsletter's id.")
@click.option("--frequency", default="", help="One on offer; without it, as it usually comes.")
@click.option("--topic", "topics", multiple=True, help="Only these topics; may be repeated.")
@click.option("--language", "languages", multiple=True, help="Only posts in these; likewise.")
@click.pass_context
def choose(
    context: click.Context,
    email: str,
    newsletter: str,
    frequency: str,
    topics: tuple[str, ...],
    languages: tuple[str, ...],
) -> None:
    """Choose for EMAIL what they get of a newsletter; what is not named is not chosen."""
    wanted = Choices(frequency=frequency, topics=frozenset(topics), languages=frozenset(languages))
    with open_app(config_of(context)) as app:
        chosen = choices.choose(app, email, newsletter, wanted)
    say(f"{email}: {chosen.choices}")


@subscribers.command(epilog="Example: publisher subscribers confirm ann@example.org")
@click.argument("email")
@newsletter_option
@click.pass_context
def confirm(context: click.Context, email: str, newsletter: str | None) -> None:
    """Confirm what EMAIL asked for, on your word that they did."""
    with open_app(config_of(context)) as app:
        confirmed = service.confirm_by_operator(app, email, newsletter=newsletter)
    say(f"{email}: {confirmed} confirmed")


@subscribers.command("export-data", epilog="Example: publisher subscribers export-data ann@a.org")
@click.argument("email")
@click.pass_context
def export_data(context: click.Context, email: str) -> None:
    """Print everything that is kept about EMAIL, as JSON."""
    with open_app(config_of(context)) as app:
        click.echo(personal_data.export(app, email))


@subscribers.command(epilog="Example: publisher subscribers erase ann@example.org")
@click.argument("email")
@click.pass_context
def erase(context: click.Context, email: str) -> int:
    """Erase everything about EMAIL; a keyed hash stays, so that no import brings it back."""
    with open_app(config_of(context)) as app:
        known = personal_data.erase(app, email)
    say(f"{email}: erased" if known else f"{email}: nothing was known")
    return 0 if known else 1


@subscribers.command(
    "import",
    epilog="Example: publisher subscribers import people.csv --newsletter weekly --confirmed",
)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--newsletter", required=True, help="The newsletter's id.")
@click.option("--confirmed", is_flag=True, help="They have confirmed; else they wait as pending.")
@click.option(
    "--format",
    "dialect",
    type=click.Choice([dialect.value for dialect in Dialect]),
    default=None,
    help="Whose file it is; without it, its columns tell.",
)
@click.option("--encoding", default="", help="Of the file, if it is not UTF-8, such as gb18030.")
@click.option("--dry-run", is_flag=True, help="Report, change nothing.")
@as_json
@click.pass_context
def import_subscribers(
    context: click.Context,
    file: Path,
    newsletter: str,
    confirmed: bool,
    dialect: str | None,
    encoding: str,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Add the rows of FILE: CSV or JSONL, our own or that of another tool.

    Who is there already stays as they are, unsubscribed ones too; who has left there has left
    here. A cut import goes on where it stopped when it is repeated.
    """
    import_plan = imports.ImportPlan(
        newsletter=newsletter,
        status=SubscriptionStatus.CONFIRMED if confirmed else SubscriptionStatus.PENDING,
        source=file.name,
        dialect=Dialect(dialect) if dialect else None,
    )
    counts = dict.fromkeys(Joined, 0)
    refusals: list[imports.ImportedRow] = []
    warnings: list[imports.ImportedRow] = []
    run = imports.rehearse_file if dry_run else imports.import_file
    with open_app(config_of(context)) as app, progress("importing") as update:
        for report in run(app, file, import_plan, encoding=encoding):
            for row in report:
                counts[row.result] += 1
            refusals += [row for row in report if row.result is Joined.REFUSED]
            warnings += [row for row in report if row.warning]
            update(sum(counts.values()), sum(counts.values()))
    if as_json:
        refused = [{"line": r.line, "email": r.email, "problem": r.problem} for r in refusals]
        doubted = [{"line": r.line, "email": r.email, "warning": r.warning} for r in warnings]
        told = {k.value: v for k, v in counts.items()}
        emit("import", {**told, "refusals": refused, "warnings": doubted})
    else:
        _print_rows(f"{file.name}:{r.line}: refused {r.email!r}: {r.problem}" for r in refusals)
        _print_rows(f"{file.name}:{r.line}: added {r.email!r}: {r.warning}" for r in warnings)
        done = "would be " if dry_run else ""
        say(
            f"{counts[Joined.ADDED]} {done}added, {counts[Joined.KNOWN]} known, "
            f"{counts[Joined.REFUSED]} refused"
        )
    return PARTLY if refusals else 0


@subscribers.command(
    "export", epilog="Example: publisher subscribers export --newsletter weekly > people.csv"
)
@newsletter_option
@click.option(
    "--format",
    "form",
    type=click.Choice([*(dialect.value for dialect in Dialect), "jsonl"]),
    default=Dialect.OWN.value,
    help="Our own columns, those of another tool, or jsonl.",
)
@click.option("--raw", is_flag=True, help="Cells as they are, not made harmless for spreadsheets.")
@click.pass_context
def export(context: click.Context, newsletter: str | None, form: str, raw: bool) -> None:
    """Print subscriptions as CSV or JSONL; who must not be mailed is marked as that."""
    with open_app(config_of(context)) as app:
        if newsletter:
            app.newsletter(newsletter)
        found = service.listing(app, newsletter=newsletter)
        suppressed = suppressions.among(app, {row.address for row in found})
    if form == "jsonl":
        text = imports.export_jsonl(found, suppressed=suppressed)
    else:
        text = imports.export_csv(found, raw=raw, dialect=Dialect(form), suppressed=suppressed)
    click.echo(text.encode(), nl=False)  # a file for machines: UTF-8 whatever the terminal speaks


def _print_rows(lines: Iterable[str]) -> None:
    told = list(lines)
    for line in told[:SHOWN_ROWS]:
        click.echo(line)
    if len(told) > SHOWN_ROWS:
        click.echo(f"and {len(told) - SHOWN_ROWS} more; --json lists all")


def _payload(row: Subscription) -> dict[str, object]:
    return {
        "subscription": row.id,
        "email": row.address,
        "name": row.name,
        "newsletter": row.newsletter,
        "status": row.status,
        "changed_at": row.changed_at,
        "language": row.language,
        "frequency": row.choices.frequency,
        "topics": sorted(row.choices.topics),
        "languages": sorted(row.choices.languages),
    }

"""`publisher feeds`: what feeds there are, whether they are sound, who reads them; and a hub."""

from datetime import datetime

import click

from publisher.bootstrap import open_app
from publisher.cli.console import emit, local, say, table
from publisher.cli.options import as_json, clock_at, config_of, rehearsed
from publisher.cli.reports import findings_of, print_findings
from publisher.domain.documents import entity_tag
from publisher.services import feeds as service
from publisher.services import pings, polls, posts
from publisher.services.feeds import Listed

PROBLEMS, TRY_LATER = 3, 75


@click.group()
def feeds() -> None:
    """Feeds: list them, validate them, count their readers, tell a hub of them."""


@feeds.command("list", epilog="Example: publisher feeds list --json")
@rehearsed
@as_json
@click.pass_context
def list_(context: click.Context, now: datetime | None, as_json: bool) -> None:
    """List every feed with its entries, bytes, ETag and last change."""
    with open_app(config_of(context), clock=clock_at(now)) as app:
        found = service.listing(app, now=app.clock())
        if as_json:
            emit("feeds", {"feeds": [_payload(row) for row in found]})
            return
        rows = [
            (
                row.feed.paths[row.form],
                row.feed.kind.value,
                str(len(row.feed.entries)),
                f"{row.document.size:,}" if row.document else "not built",
                row.document.digest[:12] if row.document else "",
                local(row.document.modified_at, app.site.zone) if row.document else "",
            )
            for row in found
        ]
    table(("feed", "of", "entries", "bytes", "ETag", "last change"), rows)


@feeds.command(epilog="Example: publisher feeds validate public/rss.xml")
@click.argument("target", metavar="[FILE|URL]", required=False, default="")
@as_json
@click.pass_context
def validate(context: click.Context, target: str, as_json: bool) -> int:
    """Look at a feed as readers and validators do; without an argument at all of this site.

    A URL must be one of this site. Exits 3 if anything is found.
    """
    with open_app(config_of(context)) as app:
        faulty = service.validate(app, target)
    if as_json:
        emit("findings", {"findings": [row for each in faulty for row in findings_of(each)]})
    for each in () if as_json else faulty:
        print_findings(each)
    say(f"{sum(len(each.findings) for each in faulty)} findings")
    return PROBLEMS if faulty else 0


@feeds.command(epilog="Example: publisher feeds ping")
@click.pass_context
def ping(context: click.Context) -> int:
    """Tell the hub of every feed that changed since it was last told.

    `publisher publish` and `publisher serve` do so by themselves. Exits 75 if some must wait.
    """
    with open_app(config_of(context)) as app:
        now = app.clock()
        found = service.site_feeds_of(app, posts.read(app, now=now))
        report = pings.ping(app, found, now=now)
    for path in report.told:
        click.echo(path)
    if report.waiting:
        say(f"{report.waiting} wait for another attempt: {report.problem or 'the hub refused'}")
    return TRY_LATER if report.waiting else 0


@feeds.command(epilog="Example: publisher feeds stats --json")
@as_json
@click.pass_context
def stats(context: click.Context, as_json: bool) -> None:
    """Show how many people read each feed, at least, and how feed readers were answered.

    Hosted readers say for how many they ask; any other reader counts one.
    """
    with open_app(config_of(context)) as app:
        found = polls.statistics(app)
    if as_json:
        payload = [
            {
                "feed": each.feed,
                "readers": each.readers,
                "answers": each.answers,
                "unchanged_share": round(each.unchanged_share, 4),
            }
            for each in found
        ]
        emit("feed-stats", {"feeds": payload})
        return
    rows = [
        (
            each.feed,
            str(each.readers),
            f"{sum(each.answers.values()):,}",
            f"{100 * each.unchanged_share:.1f} %",
        )
        for each in found
    ]
    table(("feed", "readers, at least", "answers", "304"), rows)


def _payload(row: Listed) -> dict[str, object]:
    feed, document, told = row.feed, row.document, row.ping
    return {
        "path": feed.paths[row.form],
        "url": feed.urls[row.form],
        "format": row.form,
        "kind": feed.kind,
        "title": feed.title,
        "entries": len(feed.entries),
        "bytes": document.size if document else None,
        "etag": entity_tag(document.digest) if document else None,
        "last_modified": document.modified_at if document else None,
        "hub_told_at": told.told_at if told else None,
        "hub_answer": told.answer if told else None,
    }

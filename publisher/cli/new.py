"""`publisher new`: a post to write into."""

from datetime import datetime

import click

from publisher.bootstrap import open_app
from publisher.cli.console import emit
from publisher.cli.options import as_json, clock_at, config_of, rehearsed
from publisher.services import posts


@click.command(epilog='Example: publisher new "On harbours" --tag sea --category Craft')
@click.argument("title")
@click.option("--folder", default="", help="Below the content folder; else where posts lie.")
@click.option("--tag", "tags", multiple=True, help="A tag; may be repeated.")
@click.option("--category", "categories", multiple=True, help="A category; may be repeated.")
@click.option("--draft", "is_draft", is_flag=True, help="Keep it back until you say so.")
@rehearsed
@as_json
@click.pass_context
def new(
    context: click.Context,
    title: str,
    folder: str,
    tags: tuple[str, ...],
    categories: tuple[str, ...],
    is_draft: bool,
    now: datetime | None,
    as_json: bool,
) -> None:
    """Write a post with TITLE, a date and an id of its own; print its path."""
    with open_app(config_of(context), clock=clock_at(now)) as app:
        file = posts.create(
            app,
            title,
            now=app.clock(),
            folder=folder,
            tags=tags,
            categories=categories,
            is_draft=is_draft,
        )
    if as_json:
        emit("new", {"path": str(file)})
    else:
        click.echo(str(file))

"""`publisher posts`: what the content folder holds."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from publisher.bootstrap import open_app
from publisher.cli.console import emit, table
from publisher.cli.options import as_json, clock_at, config_of, rehearsed
from publisher.clock import system_clock
from publisher.content import loader
from publisher.content.loader import ContentOptions
from publisher.domain.posts import Facts, Failed, Library, Post, Skipped, each_id_once
from publisher.errors import PublisherError
from publisher.services import posts as service

PARTLY = 4
DIALECTS = ("auto", "hexo", "hugo", "jekyll", "pelican", "plain")


class Zone(click.ParamType[ZoneInfo]):
    """A time zone of the IANA database, such as Asia/Shanghai."""

    name = "ZONE"

    def convert(
        self, value: str | ZoneInfo, param: click.Parameter | None, ctx: click.Context | None
    ) -> ZoneInfo:
        if isinstance(value, ZoneInfo):
            return value
        try:
            return ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.fail(f"{value!r} is no time zone; write one such as Europe/Berlin", param, ctx)


@click.group()
def posts() -> None:
    """Look at the content folder."""


@posts.command(
    "list",
    epilog="Example: publisher posts list --content ../blog/source --timezone Asia/Shanghai",
)
@click.option(
    "--content",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=None,
    help="Any folder of posts; needs no site.",
)
@click.option(
    "--dialect",
    type=click.Choice(DIALECTS),
    default="auto",
    show_default=True,
    help="Whose habits the posts follow (with --content).",
)
@click.option(
    "--timezone",
    type=Zone(),
    default="UTC",
    show_default=True,
    help="Where naive dates are at home (with --content).",
)
@rehearsed
@as_json
@click.pass_context
def list_posts(
    context: click.Context,
    content: Path | None,
    dialect: str,
    timezone: ZoneInfo,
    now: datetime | None,
    as_json: bool,
) -> None:
    """List every file: published, kept back or unreadable, and why."""
    if content is None:
        with open_app(config_of(context), clock=clock_at(now)) as app:
            library = service.read(app, now=app.clock())
    else:
        options = ContentOptions(
            folder=content, dialect=dialect, zone=timezone, base_url="http://localhost", language=""
        )
        library = loader.load(options, now=now or system_clock())
    rows = _rows(library)
    if as_json:
        emit("posts", {"posts": rows})
        return
    table(
        ("date", "status", "title", "path", "reason"),
        [
            (
                str(row["date"] or "")[:10],
                str(row["status"]),
                str(row["title"] or ""),
                str(row["path"]),
                str(row["reason"]),
            )
            for row in rows
        ],
    )


@posts.command("id", epilog="Example: publisher posts id 2025/harbour.md --write")
@click.argument("paths", nargs=-1)
@click.option("--all", "is_all", is_flag=True, help="Every post of the content folder.")
@click.option("--write", is_flag=True, help="Write the id in use into the file.")
@click.option("--set", "new_id", default="", help="Write this id into the file.")
@click.option("--force", is_flag=True, help="Even if readers know the post by another id.")
@as_json
@click.pass_context
def post_id(
    context: click.Context,
    paths: tuple[str, ...],
    is_all: bool,
    write: bool,
    new_id: str,
    force: bool,
    as_json: bool,
) -> int:
    """Show the ids of posts, or write them into their files.

    An id that stands in the file survives a new name, another folder and a new database. Exits 4
    if some files could not be read or written.
    """
    if is_all == bool(paths) or (new_id and len(paths) != 1):
        raise click.UsageError("name the posts, or say --all; --set takes one post")
    rows: list[dict[str, object]] = []
    failed = 0
    with open_app(config_of(context)) as app:
        for path in service.paths(app) if is_all else paths:
            try:
                found = (
                    service.declare(app, path, new_id=new_id, force=force)
                    if write or new_id
                    else service.identity(app, path)
                )
            except PublisherError as error:
                failed += 1
                rows.append({"path": path, "id": None, "origin": "", "problem": str(error)})
                continue
            row = {"path": found.path, "id": found.id, "origin": found.origin, "problem": ""}
            rows.append(dict(row))
    if as_json:
        emit("post-ids", {"posts": rows})
    else:
        columns = ("id", "origin", "path", "problem")
        table(columns, [tuple(str(row[name] or "") for name in columns) for row in rows])
    return PARTLY if failed else 0


def _rows(library: Library) -> list[dict[str, object]]:
    copies = {failed.path: _reason(failed) for failed in each_id_once(library.posts)[1]}
    rows = [_ok(post, copies.get(post.path, "")) for post in library.posts]
    rows += [_other(skipped, "skip", skipped.explanation) for skipped in library.skipped]
    rows += [_other(failed, "error", _reason(failed)) for failed in library.failed]
    return sorted(rows, key=lambda row: str(row["path"]))


def _reason(failed: Failed) -> str:
    line = f"line {failed.line}: " if failed.line else ""
    return f"{line}{failed.problem} — {failed.remedy}"


def _ok(post: Post, reason: str) -> dict[str, object]:
    facts = Facts(
        id=post.id,
        title=post.title,
        published=post.published,
        updated=post.updated,
        tags=post.tags,
        categories=post.categories,
        language=post.language,
    )
    return _row(post.path, "ok", reason, facts)


def _other(file: Skipped | Failed, status: str, reason: str) -> dict[str, object]:
    return _row(file.path, status, reason, file.facts)


def _row(path: str, status: str, reason: str, facts: Facts | None) -> dict[str, object]:
    return {
        "path": path,
        "id": facts.id if facts else None,
        "title": facts.title if facts else None,
        "date": facts.published if facts else None,
        "updated": facts.updated if facts else None,
        "tags": list(facts.tags) if facts else [],
        "categories": [list(path) for path in facts.categories] if facts else [],
        "language": facts.language if facts else None,
        "draft": facts.is_draft if facts else False,
        "hidden": facts.is_hidden if facts else False,
        "status": status,
        "reason": reason,
    }

"""`publisher issues`: the editions that there are."""

import click

from publisher.bootstrap import open_app
from publisher.cli.console import emit, local, say, table
from publisher.cli.options import as_json, config_of, newsletter_option
from publisher.cli.reports import counted
from publisher.domain.controls import Verb
from publisher.domain.issues import Issue
from publisher.services import controls, deliveries
from publisher.services import issues as service


@click.group()
def issues() -> None:
    """Look at issues, and decide about those that wait."""


@issues.command("list", epilog="Example: publisher issues list --newsletter weekly")
@newsletter_option
@as_json
@click.pass_context
def list_issues(context: click.Context, newsletter: str | None, as_json: bool) -> None:
    """List issues, newest first."""
    with open_app(config_of(context)) as app:
        if newsletter:
            app.newsletter(newsletter)
        found = service.listing(app, newsletter)
        zone = app.site.zone
    if as_json:
        emit("issues", {"issues": [_payload(issue) for issue in found]})
        return
    table(
        ("issue", "newsletter", "period", "slot", "status", "subject"),
        [
            (
                str(issue.id),
                issue.newsletter,
                issue.period,
                local(issue.slot, zone),
                issue.status.value,
                issue.subject or issue.reason,
            )
            for issue in found
        ],
    )


@issues.command("show", epilog="Example: publisher issues show 1")
@click.argument("issue", type=int)
@as_json
@click.pass_context
def show_issue(context: click.Context, issue: int, as_json: bool) -> None:
    """Show one issue: its posts and how its deliveries stand."""
    with open_app(config_of(context)) as app:
        found = service.get(app, issue)
        posts = service.posts_of(app, issue)
        counts = deliveries.counts(app, issue)
        variants = service.variants_of(app, issue)
        zone = app.site.zone
    if as_json:
        deliveries_payload = {status.value: count for status, count in counts.items()}
        emit(
            "issue",
            {
                **_payload(found),
                "posts": posts,
                "variants": [
                    {"key": each.key, "language": each.language, "posts": list(each.posts)}
                    | {"recipients": each.recipients}
                    for each in variants
                ],
                "deliveries": deliveries_payload,
            },
        )
        return
    chosen = f" by choice, {found.series}" if found.series else ""
    click.echo(f"Issue {found.id}  {found.newsletter}{chosen}  {found.period}  {found.status}")
    click.echo(f"  subject     {found.subject}")
    click.echo(f"  slot        {local(found.slot, zone)}")
    click.echo(f"  sent        {local(found.sent_at, zone)}")
    click.echo(f"  deliveries  {counted(counts)}")
    if found.reason:
        click.echo(f"  reason      {found.reason}")
    for post in posts:
        click.echo(f"  post        {post}")
    if len(variants) > 1:
        for each in variants:
            held = ", ".join(each.posts)
            click.echo(f"  variant     {each.key}  for {each.recipients}: {held}")


def _control(verb: Verb, words: str, then: str = "") -> click.Command:
    """The command for one decision about one issue; `then` says what follows from it."""

    @click.command(verb.value, help=words, epilog=f"Example: publisher issues {verb} 7")
    @click.argument("issue", type=int)
    @click.pass_context
    def command(context: click.Context, issue: int) -> None:
        with open_app(config_of(context)) as app:
            found = controls.decide(app, verb, issue)
        say(f"issue {issue}, {found.period}, is {found.status}{then.format(issue=issue)}")

    return command


_NEXT_RUN = ": it goes on with the next run"

for control in (
    _control(Verb.APPROVE, "Let a held issue go out, exactly as it is.", _NEXT_RUN),
    _control(Verb.HOLD, "Make a planned issue wait until it is approved or skipped."),
    _control(Verb.SKIP, "Send nothing for this issue's period; its posts may be in a later issue."),
    _control(
        Verb.PAUSE,
        "Stop the sending of an issue; also of one that is being sent right now.",
        "; `publisher issues resume {issue}` lets it go on",
    ),
    _control(Verb.RESUME, "Let a paused issue go on where it stopped.", _NEXT_RUN),
    _control(
        Verb.CANCEL,
        "End the sending of an issue for good: who does not have it yet never gets it.",
    ),
):
    issues.add_command(control)


def _payload(issue: Issue) -> dict[str, object]:
    return {
        "issue": issue.id,
        "newsletter": issue.newsletter,
        "series": issue.series,
        "period": issue.period,
        "slot": issue.slot,
        "status": issue.status,
        "cause": issue.cause,
        "reason": issue.reason,
        "subject": issue.subject,
        "created_at": issue.created_at,
        "sent_at": issue.sent_at,
    }

"""`publisher resume`: lets a fenced instance send again."""

import click

from publisher.bootstrap import open_app
from publisher.cli.console import emit, say
from publisher.cli.options import as_json, config_of
from publisher.services import instances
from publisher.services.instances import Release


@click.command(epilog="Example: publisher resume")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Say what would be released, and change nothing.")
@as_json
@click.pass_context
def resume(context: click.Context, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Let a fenced instance plan and send again, after showing what that would release.

    Messages that sent.log knows to be sent are never sent again.
    """
    with open_app(config_of(context)) as app:
        release = instances.preview_resume(app)
        if release.fence and not dry_run:
            _show(release)
            if not yes:
                click.confirm("Send again?", abort=True, err=True)
            release = instances.resume(app, who="command")
    if as_json:
        emit("resume", _payload(release, is_done=bool(release.fence) and not dry_run))
    elif not release.fence:
        say("nothing is fenced")
    elif dry_run:
        _show(release)
    else:
        say("resumed: the daemon goes on at its next tick")


def _show(release: Release) -> None:
    say(f"fenced: {release.fence}")
    for issue, waiting in release.issues:
        say(f"  issue {issue.id}, {issue.newsletter} {issue.period}: {waiting} deliveries wait")
    if not release.issues:
        say("  no issue is unfinished; those that are due are planned anew")
    if release.mailed:
        say(f"  {release.mailed} messages stand in sent.log and are not sent again")


def _payload(release: Release, *, is_done: bool) -> dict[str, object]:
    return {
        "fence": release.fence,
        "resumed": is_done,
        "issues": [
            {"issue": issue.id, "period": issue.period, "pending": waiting}
            for issue, waiting in release.issues
        ],
        "mailed": release.mailed,
    }

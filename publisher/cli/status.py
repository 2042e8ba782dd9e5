"""`publisher status`: how things stand."""

from time import sleep
from zoneinfo import ZoneInfo

import click

from publisher.bootstrap import open_app
from publisher.cli.console import emit, local
from publisher.cli.options import as_json, config_of
from publisher.cli.reports import counted
from publisher.domain.checkups import Checkup, Grade
from publisher.services import backups, doctor, relays
from publisher.services import status as service
from publisher.services.backups import Backup
from publisher.services.health import Check, readiness
from publisher.services.status import NewsletterStatus

WATCH_SECONDS = 2


@click.command(epilog="Example: publisher status --watch")
@click.option("--watch", is_flag=True, help="Show it anew every two seconds, until Ctrl-C.")
@as_json
@click.pass_context
def status(context: click.Context, watch: bool, as_json: bool) -> None:
    """Show how things stand: the machine, each newsletter's people, next slot and last issue."""
    with open_app(config_of(context)) as app:
        while True:
            found = service.status(app, now=app.clock())
            checks, backup = readiness(app), next(iter(backups.listing(app)), None)
            checkup, standing = doctor.last(app), relays.standing(app)
            if as_json:
                told = _whole(found, checks, standing, backup=backup, checkup=checkup)
                emit("status", told)
            else:
                if watch:
                    click.clear()
                _print_machine(checks, backup, app.site.zone)
                for relay, problem in standing.items():
                    if problem:
                        click.echo(f"relay {relay}: {problem}")
                click.echo(f"doctor: {_told(checkup, app.site.zone)}")
                for each in found:
                    _print(each)
            if not watch:
                return
            sleep(WATCH_SECONDS)


def _whole(
    found: list[NewsletterStatus],
    checks: list[Check],
    standing: dict[str, str],
    *,
    backup: Backup | None,
    checkup: Checkup | None,
) -> dict[str, object]:
    return {
        "ready": not any(check.problem for check in checks),
        "checks": {check.name: check.problem or "ok" for check in checks},
        "relays": {relay: problem or "ok" for relay, problem in standing.items()},
        "backup": backup and backup.at,
        "doctor": checkup
        and {
            "at": checkup.at,
            "problems": {each.id: each.grade for each in reversed(checkup.problems)},
        },
        "newsletters": [_payload(each) for each in found],
    }


def _print_machine(checks: list[Check], backup: Backup | None, zone: ZoneInfo) -> None:
    for check in checks:
        if check.problem:
            click.echo(f"{check.name}: {check.problem}")
    click.echo(f"backup: {local(backup.at, zone) if backup else 'none yet'}")


def _told(checkup: Checkup | None, zone: ZoneInfo) -> str:
    if checkup is None:
        return "has not looked yet; `publisher doctor`"
    counts, named = checkup.counts, dict.fromkeys(each.id for each in checkup.problems)
    if not named:
        return f"{local(checkup.at, zone)}  nothing is wrong"
    told = ", ".join(f"{counts[grade]} {grade}" for grade in (Grade.FAIL, Grade.WARN))
    return f"{local(checkup.at, zone)}  {told}: {', '.join(named)}"


def _print(status: NewsletterStatus) -> None:
    newsletter, zone = status.newsletter, status.newsletter.schedule.zone
    people = ", ".join(f"{count} {state}" for state, count in status.subscribers.items())
    if newsletter.series:
        click.echo(f"{newsletter.title}  [{newsletter.id}]  by choice: {newsletter.series}")
        click.echo(f"  readers      {status.readers}")
    else:
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
        "series": status.newsletter.series,
        "readers": status.readers,
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

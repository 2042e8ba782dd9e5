"""`publisher doctor`: what harms the mail, on this machine and in the DNS."""

import re
from ipaddress import ip_address

import click

from publisher.bootstrap import open_app
from publisher.cli.console import emit, say
from publisher.cli.options import as_json, config_of
from publisher.domain.checkups import (
    GROUPS,
    REASONS,
    Checkup,
    Diagnosis,
    Grade,
    grouped,
    is_wanted,
)
from publisher.errors import StoreError
from publisher.net.dns import Resolver
from publisher.services import doctor as service
from publisher.services.app import App

PROBLEMS = 3

_PLACE = re.compile(
    r"(?:\[(?P<bracketed>[^][]+)\]|(?P<host>[^][:]+))(?::(?P<port>[0-9]{1,9}))?"  # else bare IPv6
)


class Server(click.ParamType[Resolver]):
    """A name server: an IP address, and perhaps a port (`192.0.2.53`, `[2001:db8::53]:5353`)."""

    name = "IP[:PORT]"

    def convert(
        self, value: str | Resolver, param: click.Parameter | None, ctx: click.Context | None
    ) -> Resolver:
        if isinstance(value, Resolver):
            return value
        found = _PLACE.fullmatch(value)
        port = int((found and found["port"]) or 53)
        try:
            address = ip_address(found["bracketed"] or found["host"] if found else value)
        except ValueError:
            self.fail(f"{value!r} is no IP address with or without a port", param, ctx)
        if not 1 <= port <= 65535:
            self.fail(f"{value!r}: a port is a number from 1 to 65535", param, ctx)
        return Resolver(server=str(address), port=port)


def _known(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> list[str]:
    wanted = [each.upper() for each in given]
    for each in wanted:
        if each not in GROUPS and each not in REASONS:
            groups = ", ".join(GROUPS)
            raise click.BadParameter(f"{each!r} is no check; groups are {groups}")
    return wanted


@click.command(epilog="Example: publisher doctor --only SPF")
@click.option("--offline", is_flag=True, help="Only look at this machine; ask nobody.")
@click.option("--online", is_flag=True, help="Only ask others: the DNS and the relays.")
@click.option("--only", multiple=True, metavar="ID", callback=_known, help="A check or a group.")
@click.option("--strict", is_flag=True, help="Exit 3 on warnings too, not only on failures.")
@click.option("--nameserver", type=Server(), default=None, help="Ask it, not this machine's own.")
@as_json
@click.pass_context
def doctor(
    context: click.Context,
    offline: bool,
    online: bool,
    only: list[str],
    strict: bool,
    nameserver: Resolver | None,
    as_json: bool,
) -> int:
    """Look for what harms your mail: data, keys, SPF, DKIM, DMARC, names, relays.

    Each check says what was seen, why it matters and what to do. Sends nothing. Exits 3 if one
    fails. Without --offline and --online both are done; a sample site asks nobody.
    """
    is_whole = offline == online and not only
    with open_app(config_of(context)) as app:
        skipped = "" if online else service.why_not_online(app)
        checkup = service.examine(
            app,
            offline=offline or not online,
            online=(online or not offline) and not skipped,
            only=only,
            resolver=nameserver,
        )
        if is_whole:
            _keep(app, checkup)
    if as_json:
        emit("doctor", _payload(checkup))
    else:
        _print(checkup)
    if skipped and not offline and any(is_wanted(group, only) for group in service.ONLINE):
        say(f"nobody was asked: {skipped}; `--online` asks all the same")
    counts = checkup.counts
    return PROBLEMS if counts[Grade.FAIL] or (strict and counts[Grade.WARN]) else 0


def _keep(app: App, checkup: Checkup) -> None:
    try:
        service.keep(app, checkup)
    except StoreError as error:  # a doctor must not die of what he finds
        say(f"not kept for `publisher status`: {error}")


def _print(checkup: Checkup) -> None:
    for words, diagnoses in grouped(checkup.diagnoses):
        click.echo(words)
        for each in diagnoses:
            _print_one(each)
    counts = checkup.counts
    told = ", ".join(f"{counts[grade]} {grade}" for grade in reversed(Grade))
    say(f"verdicts: {told}")


def _print_one(found: Diagnosis) -> None:
    about = f"{found.about}: " if found.about else ""
    click.echo(f"  {found.grade:<4}  {found.id}  {about}{_visible(found.seen)}")
    if found.grade is not Grade.OK:
        click.echo(f"        why  {found.reason}")
        click.echo(f"        fix  {_visible(found.remedy)}")


def _visible(text: str) -> str:
    """What stands in somebody's DNS, or what a relay says, is not to steer a terminal."""
    return "".join(mark if mark.isprintable() else repr(mark)[1:-1] for mark in text)


def _payload(checkup: Checkup) -> dict[str, object]:
    return {
        "at": checkup.at,
        "counts": {grade.value: count for grade, count in checkup.counts.items()},
        "diagnoses": [
            {
                "id": each.id,
                "grade": each.grade,
                "about": each.about,
                "seen": each.seen,
                "reason": each.reason,
                "remedy": each.remedy,
            }
            for each in checkup.diagnoses
        ],
    }

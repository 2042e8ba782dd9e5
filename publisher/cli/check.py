"""`publisher check`: what would go wrong."""

from dataclasses import replace
from datetime import datetime

import click

from publisher.bootstrap import open_app
from publisher.cli.console import emit, say
from publisher.cli.options import as_json, clock_at, config_of, rehearsed
from publisher.services import checks
from publisher.services.checks import CheckReport, Finding, Severity
from publisher.settings.load import unknown_variables

PROBLEMS = 3


@click.command(epilog="Example: publisher check --strict")
@click.option("--strict", is_flag=True, help="Exit 3 on warnings too, not only on errors.")
@rehearsed
@as_json
@click.pass_context
def check(context: click.Context, strict: bool, now: datetime | None, as_json: bool) -> int:
    """Read settings, posts and templates and list every problem. Changes nothing.

    Exits 3 if something would not be published.
    """
    with open_app(config_of(context), clock=clock_at(now)) as app:
        report = checks.check(app, now=app.clock())
    report = replace(report, findings=(*_variables(), *report.findings))
    if as_json:
        emit("check", _payload(report))
    else:
        _print(report)
    worst = {finding.severity for finding in report.findings}
    return PROBLEMS if Severity.ERROR in worst or (strict and worst) else 0


def _variables() -> list[Finding]:
    """Environment variables that look like ours and set nothing."""
    return [
        Finding(
            severity=Severity.WARNING,
            where=name,
            problem="an environment variable that sets nothing",
            remedy="write PUBLISHER_SECTION__KEY, for example PUBLISHER_SMTP__PASSWORD",
        )
        for name in unknown_variables()
    ]


def _print(report: CheckReport) -> None:
    for finding in report.findings:
        click.echo(_line(finding))
    library = report.library
    say(
        f"{len(library.posts)} posts, {len(library.skipped)} kept back, "
        f"{len(library.failed)} unreadable; {len(report.findings)} findings"
    )


def _line(finding: Finding) -> str:
    remedy = f" — {finding.remedy}" if finding.remedy else ""
    return f"{finding.where}: {finding.severity}: {finding.problem}{remedy}"


def _payload(report: CheckReport) -> dict[str, object]:
    return {
        "posts": len(report.library.posts),
        "skipped": len(report.library.skipped),
        "failed": len(report.library.failed),
        "findings": [
            {
                "severity": finding.severity,
                "where": finding.where,
                "problem": finding.problem,
                "remedy": finding.remedy,
            }
            for finding in report.findings
        ],
    }

"""What the worker did, as events in the log."""

import logging
from collections.abc import Iterable

from publisher.domain.deliveries import Delivery
from publisher.domain.issues import IssueStatus
from publisher.services.deliveries import IssueReport
from publisher.services.feeds import BuildReport
from publisher.services.publishing import NewsletterReport, SendReport

log = logging.getLogger(__name__)

_TAKEN = {
    IssueStatus.PLANNED: "issue.planned",
    IssueStatus.HELD: "issue.held",
    IssueStatus.SKIPPED: "issue.skipped",
}
"""What becomes of a period that was taken."""


def built(report: BuildReport) -> None:
    """Which feeds have new bytes."""
    for file in report.feeds:
        if file.changed:
            log.info("feed.written", extra={"feed": file.path, "bytes": file.size})


def sent(report: SendReport) -> None:
    """What was planned, held, skipped and delivered."""
    in_doubt(report.in_doubt)
    for entry in report.newsletters:
        _newsletter(entry)
    for issue in report.issues:
        _issue(issue)


def in_doubt(rows: Iterable[Delivery]) -> None:
    """Deliveries that the relay may or may not have."""
    for row in rows:
        log.warning("delivery.in_doubt", extra={"issue": row.issue, "delivery": row.id})


def fence(reason: str) -> None:
    """Nothing is sent any more, or again."""
    if reason:
        remedy = "look first, then `publisher resume`"
        log.error("instance.fenced", extra={"reason": reason, "remedy": remedy})
    else:
        log.info("instance.resumed")


def _newsletter(entry: NewsletterReport) -> None:
    newsletter = entry.plan.newsletter.id
    for taken in entry.taken:
        verdict = taken.verdict
        log.info(
            _TAKEN[verdict.status],
            extra={
                "newsletter": newsletter,
                "issue": taken.issue,
                "period": verdict.period.key,
                "cause": verdict.cause.value,
                "reason": verdict.reason,
            },
        )
    if entry.problem:
        log.error("issue.failed", extra={"newsletter": newsletter, "problem": entry.problem})
    elif entry.assembled:
        log.info(
            "issue.assembled",
            extra={
                "newsletter": newsletter,
                "issue": entry.assembled.issue,
                "status": entry.assembled.status.value,
                "reason": entry.assembled.reason,
            },
        )


def _issue(report: IssueReport) -> None:
    keys = {"issue": report.issue.id, "newsletter": report.issue.newsletter}
    counts = {status.value: count for status, count in report.counts.items()}
    if report.problem:
        log.error("issue.delayed", extra={**keys, **counts, "problem": report.problem})
    else:
        event = "issue.sent" if report.finished else "issue.waiting"
        log.info(event, extra={**keys, **counts})

"""Pages about issues: the list of those that went out, and the next one before it does."""

from collections.abc import Sequence
from dataclasses import dataclass

from publisher.domain.issues import Issue, archive_path, issue_path
from publisher.domain.newsletters import Newsletter, Period
from publisher.domain.sites import Site
from publisher.render.pages import page
from publisher.render.templates import Templates
from publisher.render.words import words_for


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPreview:
    """The next issue, looked at before it is sent. `sizes` in bytes: HTML, the same encoded,
    message. `findings` have severity, line, problem, fix and clients. `stamp` changes with it.
    """

    newsletter: Newsletter
    period: Period
    is_new: bool
    subject: str
    text: str
    sizes: tuple[int, int, int]
    detail: str
    findings: Sequence[object]
    stamp: str


def archive(
    templates: Templates, site: Site, *, newsletter: Newsletter, issues: Sequence[Issue]
) -> bytes:
    """The list of a newsletter's issues, in the order given, and how to leave it."""
    words, zone = words_for(templates, newsletter.language), newsletter.schedule.zone
    return page(
        templates,
        "archive",
        site,
        language=newsletter.language,
        newsletter=newsletter,
        issues=[
            {
                "path": issue_path(newsletter.id, issue.period),
                "subject": issue.subject,
                "date": words.date(issue.slot.astimezone(zone), "long"),
                "moment": issue.slot.isoformat(),
            }
            for issue in issues
        ],
        url=site.link(archive_path(newsletter.id)),
    )


def preview(
    templates: Templates, site: Site, *, newsletters: Sequence[Newsletter], shown: ShownPreview
) -> bytes:
    """The next issue in frames beside each other, with what is wrong with it."""
    sizes = [f"{size / 1000:.1f} kB" for size in shown.sizes]
    return page(templates, "preview", site, newsletters=newsletters, shown=shown, sizes=sizes)

"""The web version of each issue, and the list of a newsletter's issues, as files to publish.

The list has those of the newsletter's own schedule. The issues of its further series hold the
same posts again: they have pages, because mails link to them, and are in no list.
"""

from collections.abc import Iterator
from functools import cache, partial
from urllib.parse import urlsplit

from publisher.domain.issues import Issue, IssueStatus, archive_path, issue_path
from publisher.domain.newsletters import Newsletter
from publisher.render import fingerprint, issue_pages
from publisher.render.web_version import WebVersion, web_version
from publisher.services.app import App
from publisher.services.makers import OutputFile
from publisher.store import issues as rows

PUBLIC = frozenset({IssueStatus.PLANNED, IssueStatus.SENDING, IssueStatus.PAUSED, IssueStatus.SENT})
"""An issue is on the site before its first mail goes out, because the mail links to it; those that
went out before a pause still do."""


def files(app: App, *, makers: str) -> Iterator[OutputFile]:
    """The archive of every newsletter that has one. `makers`: a digest of what renders."""
    for newsletter in app.newsletters:
        if newsletter.is_archived:
            yield from _newsletter(app, newsletter, makers)


def _newsletter(app: App, newsletter: Newsletter, makers: str) -> Iterator[OutputFile]:
    with app.store.read() as tx:
        known = rows.listing(tx, newsletter.id)
    issues = [issue for issue in known if issue.status in PUBLIC and issue.subject]
    listed = [issue for issue in issues if not issue.series]
    titles = [(issue.period, issue.subject, issue.slot) for issue in listed]
    yield OutputFile(
        path=f"{archive_path(newsletter.id)}index.html",
        source=fingerprint.of_values(makers, app.site, newsletter, titles),
        data=partial(
            issue_pages.archive, app.templates, app.site, newsletter=newsletter, issues=listed
        ),
    )
    for issue in issues:
        yield from _issue(app, issue, makers)


def _issue(app: App, issue: Issue, makers: str) -> Iterator[OutputFile]:
    """The page of one issue and its sheet, drawn at most once and only if they are new."""
    folder = issue_path(issue.newsletter, issue.period)
    source = fingerprint.of_values(makers, app.site.base_url, issue.content_hash)

    @cache
    def drawn() -> WebVersion:
        with app.store.read() as tx:
            variant = rows.variant(tx, issue.id)
        if variant is None:
            raise AssertionError(f"issue {issue.id} is {issue.status} without a rendering")
        root = urlsplit(app.site.base_url).path.rstrip("/")
        return web_version(
            variant.html,
            variant.nonce,
            url=app.site.link(folder),
            sheet_url=f"{root}/{folder}letter.css",
        )

    yield OutputFile(path=f"{folder}letter.css", source=source, data=lambda: drawn().sheet)
    yield OutputFile(path=f"{folder}index.html", source=source, data=lambda: drawn().page)

"""The web version of each issue, and the list of a newsletter's issues, as files to publish."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from publisher.domain.issues import Issue, IssueStatus, archive_path, issue_path
from publisher.domain.newsletters import Newsletter
from publisher.render import pages
from publisher.render.web_version import web_version
from publisher.services.app import App
from publisher.services.documents import OutputFile
from publisher.store import issues as rows

PUBLIC = frozenset({IssueStatus.PLANNED, IssueStatus.SENDING, IssueStatus.SENT})
"""An issue is on the site before its first mail goes out, because the mail links to it."""


def files(app: App) -> Iterator[OutputFile]:
    """The archive of every newsletter that has one."""
    sheets: set[str] = set()
    for newsletter in app.newsletters:
        if newsletter.is_archived:
            yield from _newsletter(app, newsletter, sheets)


def _newsletter(app: App, newsletter: Newsletter, sheets: set[str]) -> Iterator[OutputFile]:
    with app.store.read() as tx:
        known = rows.listing(tx, newsletter.id)
    issues = [issue for issue in known if issue.status in PUBLIC and issue.subject]
    listing = pages.archive(app.templates, app.site, newsletter=newsletter, issues=issues)
    yield OutputFile(path=f"{archive_path(newsletter.id)}index.html", data=listing)
    for issue in issues:
        yield from _issue(app, issue, sheets)


def _issue(app: App, issue: Issue, sheets: set[str]) -> Iterator[OutputFile]:
    """The page of one issue, and its sheet unless another has the same."""
    with app.store.read() as tx:
        variant = rows.variant(tx, issue.id)
    if variant is None:
        return
    path = issue_path(issue.newsletter, issue.period)
    root = urlsplit(app.site.base_url).path.rstrip("/")
    made = web_version(variant.html, variant.nonce, root=root, url=app.site.link(path))
    yield OutputFile(path=f"{path}index.html", data=made.page)
    if made.sheet_path not in sheets:
        sheets.add(made.sheet_path)
        yield OutputFile(path=made.sheet_path, data=made.sheet)

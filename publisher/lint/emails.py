"""A finished message as mail clients, filters and receivers see it: bytes in, findings out.

    bytes ──▶ emails_message ──▶ Email ──▶ a check for each concern ──▶ findings

| concern | module |
|---|---|
| fields of the header | `emails_headers` |
| size, lines, parts | `emails_parts` |
| links, ways out | `emails_links` |
| images | `emails_images` |
| markup | `emails_markup` |
| the text part | `emails_text` |
| what Gmail does to style sheets | `emails_styles` |
| contrast, by day and in the dark | `emails_contrast`, `emails_cascade`, `emails_colours` |
| what clients do not know | `emails_support`, `clients` |

Limits are measured ones, named where they stand.
"""

from publisher.lint.emails_contrast import check_contrast
from publisher.lint.emails_css import read_styles
from publisher.lint.emails_headers import check_headers
from publisher.lint.emails_images import check_images
from publisher.lint.emails_links import check_links
from publisher.lint.emails_markup import check_markup
from publisher.lint.emails_message import read_email
from publisher.lint.emails_parts import check_parts
from publisher.lint.emails_styles import check_styles
from publisher.lint.emails_support import check_support
from publisher.lint.emails_text import check_text
from publisher.lint.findings import Finding, Severity


def lint_email(message: bytes) -> list[Finding]:
    """Everything that is wrong with a message, errors first, then by line. Never raises.

    A finding's line is that of the decoded HTML part; for rules `header-…` and `message-…` that
    of the message itself; for a `token` that of the part it names.
    """
    email = read_email(message)
    styles = read_styles(email)
    found = [
        *check_headers(email),
        *check_parts(email),
        *check_links(email),
        *check_images(email),
        *check_markup(email),
        *check_text(email),
        *check_styles(styles),
        *check_contrast(email, styles),
        *check_support(email, styles),
    ]
    return sorted(found, key=lambda finding: (finding.severity is Severity.WARNING, finding.line))

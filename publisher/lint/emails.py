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

RULES = {
    "header-missing": "a field that receivers want is not there",
    "header-twice": "a field that may stand once stands more often",
    "header-characters": "bytes that are not ASCII, or control characters",
    "header-fold": "a line longer than 78 characters that could be folded",
    "header-encoding": "encoded words that are broken, too long or where none may stand",
    "header-date": "Date in another form than mail's",
    "header-address": "From or To is not one address",
    "header-from-name": "the sender's name holds an @",
    "header-message-id": "Message-ID is not <left@right>",
    "header-list-id": "List-Id has no name between angle brackets",
    "header-unsubscribe": "List-Unsubscribe has no https URL, no mailto, or too long a URL",
    "header-one-click": "List-Unsubscribe-Post has another value than the only one",
    "message-newline": "a line that does not end in CRLF",
    "message-line": "a line longer than 998 bytes",
    "message-defect": "a MIME structure that can only be guessed",
    "part-html": "no HTML part",
    "part-text": "no text part",
    "part-order": "the text stands behind the HTML",
    "part-charset": "a part that is not in UTF-8",
    "size": "so large that Gmail clips it, or nearly so",
    "link-target": "a link that leads nowhere from a mail",
    "link-http": "a link that is not encrypted",
    "link-text": "a link that says another address than its own",
    "link-length": "a link longer than 2,000 characters",
    "link-count": "more than 100 links",
    "link-shortener": "a link that hides where it leads",
    "link-name": "a link without words",
    "unsubscribe-html": "no visible way out in the HTML",
    "unsubscribe-text": "no way out in the text part",
    "image-alt": "an image without alt",
    "image-size": "an image without width or height in pixels",
    "image-source": "an image that cannot be found from a mail",
    "image-data": "an image written into the HTML",
    "image-http": "an image that is not encrypted",
    "image-only": "hardly any text beside images",
    "element": "an element that every client removes",
    "token": "a slot or template expression left in the mail",
    "comment-mso": "comments for Outlook that do not pair",
    "id": "an id given twice",
    "preheader": "no preheader, or one too short or too long",
    "title": "<title> is not the subject",
    "ruby": "<ruby> without <rp>",
    "text-words": "a text part that says next to nothing",
    "text-links": "links of the HTML that the text part lacks",
    "style-size": "more style than Gmail keeps",
    "style-nesting": "an @ rule inside another",
    "style-error": "CSS that is not valid",
    "style-rgb": "rgb() without commas",
    "style-url": "url() in a style",
    "contrast": "text too faint by day",
    "contrast-dark": "text too faint in the dark",
}
"""Every rule of our own and what breaks it; the others are features of caniemail.com."""


def lint_email(message: bytes, *, written: str = "") -> list[Finding]:
    """Everything that is wrong with a message, errors first, then by line. Never raises.

    `written`: words and markup of the posts in it; what looks like a template there is theirs.

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
        *check_markup(email, written=written),
        *check_text(email),
        *check_styles(styles),
        *check_contrast(email, styles),
        *check_support(email, styles),
    ]
    return sorted(found, key=lambda finding: (finding.severity is Severity.WARNING, finding.line))

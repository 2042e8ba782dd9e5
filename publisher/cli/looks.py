"""How a rendered issue reads on a terminal: subject, size, and what clients hold against it."""

from collections.abc import Iterator

from publisher.lint.findings import Finding
from publisher.render.cards import Detail
from publisher.services.previews import Preview

_SHOWN_CLIENTS = 4


def look_lines(preview: Preview) -> Iterator[str]:
    """Subject, size and findings, indented as parts of a plan."""
    yield f"  subject   {preview.subject}"
    yield f"  size      {_size(preview)}"
    if preview.detail is not Detail.FULL:
        yield f"  shortened {preview.detail}, or mail clients would clip it"
    for finding in preview.findings:
        yield f"  {finding.severity:<9} {_told(finding)}"


def _size(preview: Preview) -> str:
    """The HTML before and after encoding, the text, and the whole message, in kB."""
    text = len(preview.text.encode())
    parts = (preview.html_size, preview.encoded_size, text, len(preview.message))
    html, encoded, words, whole = (f"{part / 1000:.1f} kB" for part in parts)
    return f"HTML {html} ({encoded} as sent), text {words}, message {whole}"


def _told(finding: Finding) -> str:
    """Line, problem, whom it concerns, what to do, and the rule's name."""
    line = f"line {finding.line}: " if finding.line else ""
    clients = ", ".join(finding.clients[:_SHOWN_CLIENTS])
    more = len(finding.clients) - _SHOWN_CLIENTS
    concerned = f" [{clients}{f' and {more} more' if more > 0 else ''}]" if clients else ""
    return f"{line}{finding.problem}{concerned} — {finding.fix}  ({finding.rule})"


def look_payload(preview: Preview) -> dict[str, object]:
    """The same for JSON."""
    return {
        "subject": preview.subject,
        "html_bytes": preview.html_size,
        "encoded_bytes": preview.encoded_size,
        "message_bytes": len(preview.message),
        "detail": preview.detail.name.lower(),
        "findings": [
            {
                "rule": finding.rule,
                "severity": finding.severity,
                "line": finding.line,
                "problem": finding.problem,
                "fix": finding.fix,
                "clients": finding.clients,
            }
            for finding in preview.findings
        ],
    }

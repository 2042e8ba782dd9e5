"""What Gmail does to style sheets: it takes all of one or nothing, and not much."""

from collections.abc import Iterator

from publisher.lint.clients import GMAIL
from publisher.lint.emails_css import Declaration, Sheet, Styles, walk
from publisher.lint.findings import Finding, Severity

TOTAL_LIMIT = 15_000
"""Bytes of all style sheets; Gmail drops what goes beyond 16 KB (email-bugs #90)."""

SHEET_LIMIT = 8_192
"""Characters of one style sheet, the limit that Gmail once had; its relatives may have it yet."""


def check_styles(styles: Styles) -> Iterator[Finding]:
    """The rules `style-size`, `style-nesting`, `style-error`, `style-rgb` and `style-url`."""
    yield from _sizes(styles.sheets)
    for sheet in styles.sheets:
        yield from _nesting(sheet)
        yield from _errors(sheet)
    yield from _inline_errors(styles)
    yield from _blank_rgb(styles)
    yield from _urls(styles)


def _sizes(found: tuple[Sheet, ...]) -> Iterator[Finding]:
    total = sum(sheet.size for sheet in found)
    if total > TOTAL_LIMIT:
        yield Finding(
            rule="style-size",
            severity=Severity.ERROR,
            line=found[0].line,
            problem=f"the style sheets have {total:,} bytes together; Gmail drops them at 16 KB",
            fix=f"keep them below {TOTAL_LIMIT:,} bytes; what can be inlined need not stand there",
            clients=GMAIL,
        )
        return
    for sheet in found:
        if sheet.size > SHEET_LIMIT:
            yield Finding(
                rule="style-size",
                severity=Severity.WARNING,
                line=sheet.line,
                problem=f"one style sheet has {sheet.size:,} characters, more than {SHEET_LIMIT:,}",
                fix="split it into two <style> elements",
                clients=GMAIL,
            )


def _nesting(sheet: Sheet) -> Iterator[Finding]:
    for at_rule in sheet.at_rules:
        if at_rule.nested and at_rule.keyword:
            yield Finding(
                rule="style-nesting",
                severity=Severity.ERROR,
                line=at_rule.line,
                problem=f"@{at_rule.keyword} stands inside another @ rule: Gmail drops the whole "
                "style sheet",
                fix="write it beside the other, its condition joined by `and`",
                clients=GMAIL,
            )


def _errors(sheet: Sheet) -> Iterator[Finding]:
    for line, problem in sheet.errors[:1]:  # the others mostly follow from the first
        yield Finding(
            rule="style-error",
            severity=Severity.ERROR,
            line=line,
            problem=f"the style sheet is not valid CSS ({problem}): Gmail drops all of it",
            fix="mend or remove that rule",
            clients=GMAIL,
        )


def _inline_errors(styles: Styles) -> Iterator[Finding]:
    for inline in styles.inlines:
        for line, problem in inline.errors[:1]:
            yield Finding(
                rule="style-error",
                severity=Severity.WARNING,
                line=line,
                problem=f"a style attribute of <{inline.element.tag}> is not valid CSS ({problem})",
                fix="clients drop the declaration or the attribute; mend it",
            )


def _blank_rgb(styles: Styles) -> Iterator[Finding]:
    lines = sorted(style.line for style in styles.declarations if _has_blank_rgb(style))
    if lines:
        yield Finding(
            rule="style-rgb",
            severity=Severity.ERROR,
            line=lines[0],
            problem=f"rgb() without commas, {_times(len(lines))}: Gmail drops the whole attribute "
            "or style sheet (caniemail.com, css-rgb)",
            fix="write #rrggbb",
            clients=GMAIL,
        )


def _urls(styles: Styles) -> Iterator[Finding]:
    lines = sorted(style.line for style in styles.declarations if _has_url(style))
    if lines:
        yield Finding(
            rule="style-url",
            severity=Severity.WARNING,
            line=lines[0],
            problem=f"url() in a style, {_times(len(lines))}: many clients drop the declaration, "
            "and filters distrust it",
            fix="use an <img>, or a plain colour",
        )


def _has_blank_rgb(style: Declaration) -> bool:
    return any(
        token.type == "function"
        and token.lower_name in ("rgb", "rgba")
        and not any(part == "," for part in token.arguments)
        for token in walk(style.tokens)
    )


def _has_url(style: Declaration) -> bool:
    return any(
        token.type == "url" or (token.type == "function" and token.lower_name == "url")
        for token in walk(style.tokens)
    )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"

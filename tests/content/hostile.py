"""Files that nobody writes but somebody sends: each must end as a post, skipped or failed."""

import os
import signal

from publisher.content.folder import File

HEAD = "---\ntitle: T\ndate: 2025-01-02 03:04:05\n---\n"


def _front(block: str) -> bytes:
    return f"---\ntitle: T\ndate: 2025-01-02\n{block}\n---\nbody".encode()


def _body(text: str) -> bytes:
    return (HEAD + text).encode()


ALIASES = "\n".join(
    ["l0: &l0 [x]", *[f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 9)]]
)

FRONT = {
    "brackets": _front("a: " + "[" * 32_000),
    "few-brackets": _front("a: " + "[" * 64),
    "braces": _front("a: " + "{a: " * 20_000),
    "items": _front("- " * 7_000),
    "questions": _front("? " * 7_000),
    "indents": _front("\n".join(" " * n + "a:" for n in range(170))),
    "aliases": _front(ALIASES),
    "self": _front("a: &a [*a]"),
    "long": _front("a: " + "x" * 20_000),
    "keys": _front("\n".join(f"k{n}: v" for n in range(1_500))),
    "colons": _front("a" + ":" * 10_000),
    "quotes": _front("a: " + '"' * 9_999),
    "escapes": _front('a: "' + "\\x07" * 3_000 + '"'),
    "spaces": _front("a:" + " " * 15_000 + "b: c"),
    "tabs": _front("\t" * 15_000),
    "commas": _front("tags: a" + "," * 15_000),
    "date-blanks": _front("updated: '2025" + " " * 15_000 + "x'"),
    "double-keys": _front("a:b\n" * 3_500),
    "double-blanks": _front("a: 1\na: 2" + "\n" * 14_000),
    "json-deep": (';;;\n"title": "T", "date": "2025-01-02", "a": ' + "[" * 60 + "]" * 60
                  + "\n;;;\nx").encode(),
    "json-open": ('{"title": ' * 100_000).encode(),
    "toml-deep": ("+++\ntitle = 'T'\na = " + "[" * 60 + "]" * 60 + "\n+++\nx").encode(),
    "toml-dots": ("+++\n" + "a." * 7_000 + "b = 1\n+++\nx").encode(),
    "open-yaml": b"a:\n" * 50_000 + b"---\nx",
    "fences": b"---\n" * 100_000,
    "dashes": b"-" * 1_000_000,
}  # fmt: skip

BODY = {
    "brackets": _body("[" * 100_000),
    "images": _body("![a](" * 20_000),
    "links": _body("[a](b" * 20_000),
    "lists": _body("- " * 20_000 + "x"),
    "deep-lists": _body("\n".join("  " * n + "- x" for n in range(700))),
    "numbers": _body("1. " * 10_000 + "x"),
    "quotes": _body(">" * 50_000 + "x"),
    "stars": _body("*a " * 30_000),
    "stars-both": _body("*a** " * 20_000),
    "underscores": _body("_" * 50_000 + "a" + "_" * 50_000),
    "backticks": _body("".join("`" * n + "a" for n in range(1, 800))),
    "tildes": _body("~~a" * 30_000),
    "entities": _body("&#x" + "0" * 100_000 + ";" + "&#7;" * 10_000),
    "dollars": _body("$" * 60_000 + "a$" * 10_000),
    "divs": _body("<div>" * 20_000),
    "divs-lines": _body("<div>\n" * 20_000),
    "spans": _body("a <span>" * 20_000),
    "comments": _body("<!--" * 20_000),
    "declarations": _body("<!A " * 20_000 + "<![CDATA[" * 5_000 + "<?" * 5_000),
    "attributes": _body("<p " + "a=b " * 50_000 + ">"),
    "attribute": _body("<p a='" + "x" * 400_000),
    "iframes": _body("<iframe src=a>" * 10_000),
    "table": _body("|a" * 50 + "|\n" + "|-" * 50 + "|\n" + ("|x" * 50 + "|\n") * 1_000),
    "table-wide": _body("|a" * 10_000 + "|\n" + "|-" * 10_000 + "|\n" + "|x\n" * 1_000),
    "pairs": _body("{% note %}\n" * 5_000 + "{% endnote %}\n" * 5_000),
    "pairs-open": _body("{% note %}\n" * 20_000),
    "tags": _body("{% a " * 20_000),
    "tags-closed": _body("{% a %}" * 20_000),
    "shortcodes": _body("{{< a " * 20_000),
    "outputs": _body("{{ site.a" * 20_000),
    "raw": _body("{% raw %}" * 10_000),
    "raw-links": _body("[{% raw %}" * 4_000),
    "tag-blanks": _body("{%a" + " " * 20_000 + "x"),
    "tag-only-blanks": _body("{%" + " " * 60_000),
    "tag-slash-blanks": _body("{{</" + " " * 60_000),
    "shortcode-blanks": _body("{{<a" + " " * 20_000 + "x"),
    "tag-lines": _body("{%a x" + "\n" * 40_000),
    "filters": _body("{{ site.a| x " * 4_000),
    "sized": _body("![a](b =" + "1" * 40_000),
    "pairs-apart": _body("{% note %}\n{% endnote %}\n" * 2_000),
    "tab-blanks": _body("<!-- tab" + " " * 20_000 + "x"),
    "tab-icons": _body("<!-- tab a" + "@" * 20_000 + " x"),
    "tabs-open": _body("<div>\n" + "<!-- tab a " * 4_000),
    "inputs": _body("<div>\n" + "<input " * 10_000),
    "inputs-checked": _body("<div>\n<input " + 'type="checkbox"' * 4_000),
    "embeds": _body("<embed>" * 4_000),
    "embeds-open": _body("<div>\n" + "<embed " * 8_000),
    "videos": _body("<video>" * 200 + "<video src=a>x" * 2_000),
    "cells-open": _body("<div>\n" + '<td style="text-align:' * 4_000),
    "lazy-open": _body("<div>\n" + "<img data-src=" * 4_000),
    "closers": _body("</b>" * 8_000 + "<div>" * 8_000),
    "closers-between": _body("<div></b>" * 8_000),
    "addresses": _body("http://a" * 20_000),
    "addresses-none": _body("https://中" * 6_000),
    "addresses-apart": _body("http://a " * 5_000),
    "parentheses": _body("http://a/" + "(" * 50_000 + ")" * 50_000),
    "headings": _body("# a\n" * 10_000),
    "headings-long": _body("# " + "a " * 100_000),
    "footnotes": _body("[^1]: [^1]\n\n" + "[^1] " * 5_000),
    "footnotes-many": _body("".join(f"[^{n}]: x [^{n + 1}]\n\n" for n in range(2_000)) + "[^0]"),
    "definitions": _body("".join(f"[a{n}]: /b\n" for n in range(10_000)) + "[a1] " * 1_000),
    "terms": _body("a\n: b\n" * 5_000),
    "breaks": _body("a\n" * 200_000),
    "nothing": _body("\n" * 1_000_000),
    "rules": _body("***\n" * 50_000),
    "line": _body("x" * 1_900_000),
    "han": _body("字" * 600_000),
    "marks": _body("e" + "\u0301" * 300_000),
    "code": _body("```python\n" + "(" * 100_000 + "\n```"),
    "code-open": _body("```" * 30_000),
    "more": _body("<!-- more -->\n" * 20_000),
    "nulls": _body("\0" * 500_000),
    "svg": _body("<svg><math><mtext><table>" * 5_000),
    "ruby": _body("<ruby>a<rt>" * 5_000),
    "escapes": _body("\\" * 200_000),
}

BYTES = {
    "ten-megabytes": b"x" * 10_000_000,
    "three-megabytes": b"---\n" + b"a: b\n" * 600_000,
    "zeros": bytes(300_000),
    "ones": b"\xff" * 300_000,
    "utf-16-odd": b"\xff\xfe" + b"a\0" * 1_000 + b"a",
    "surrogates": b"\xff\xfe" + b"\x00\xd8" * 1_000,
    "overlong": b"\xc0\xaf" * 10_000,
    "gb": bytes(range(0x81, 0xFF)) * 500,
    "empty": b"",
    "mark": b"\xef\xbb\xbf",
}

BLANKS = {
    "heading-blanks": b"# a" + b" " * 990 + b"x",
    "code-blanks": _body("{% secret" + " " * 60_000 + "x"),
}

FILES: dict[str, bytes] = {
    f"{kind}-{name}": data
    for kind, group in (("front", FRONT), ("body", BODY), ("bytes", BYTES), ("blanks", BLANKS))
    for name, data in group.items()
}


def end_its_process(file: File) -> str:
    """Kills the process that does it, as a fault in a C library would, at one file."""
    if file.path == "bad.md":
        os.kill(os.getpid(), signal.SIGKILL)
    return file.path

"""Each rule on the smallest message that breaks it and nothing else."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.lint.clients import features
from publisher.lint.emails import RULES, lint_email
from publisher.lint.findings import Finding

OUT = "https://example.org/u/1"
HEADER = {
    "From": "Lighthouse <letters@example.org>",
    "To": "Ann <ann@example.org>",
    "Subject": "Letters",
    "Date": "Tue, 24 Nov 2026 12:00:00 +0000",
    "Message-ID": "<1.abc@example.org>",
    "List-Id": "Weekly <weekly.example.org>",
    "List-Unsubscribe": f"<{OUT}>, <mailto:letters@example.org>",
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    "Auto-Submitted": "auto-generated",
    "MIME-Version": "1.0",
}
PREHEADER = '<div style="display:none">What a mailbox shows behind the subject.</div>'
LEAVE = f'<p><a href="{OUT}">Leave</a></p>'
WORDS = (
    "The keeper of our lighthouse writes one letter each week, about fog, ships and stars, "
    "and today it tells how a lamp was mended before night fell over the bay."
)
TEXT = f"{WORDS}\n\nLeave: {OUT}\n"


def make_html(body: str = "", *, head: str = "", preheader: str = PREHEADER) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f"<title>Letters</title>{head}</head>\n"
        f"<body>{preheader}\n<p>{WORDS}</p>\n{body}\n{LEAVE}</body></html>\n"
    )


def part(kind: str, content: str, *, charset: str = "utf-8", more: str = "") -> str:
    encoded = b64encode(content.replace("\n", "\r\n").encode(charset)).decode()
    lines = [encoded[start : start + 76] for start in range(0, len(encoded), 76)]
    return (
        f'Content-Type: {kind}; charset="{charset}"\r\n{more}'
        "Content-Transfer-Encoding: base64\r\n\r\n" + "\r\n".join(lines) + "\r\n"
    )


def make_email(
    html: str | None = None,
    *,
    text: str = TEXT,
    parts: list[str] | None = None,
    **header: str | None,
) -> bytes:
    """A message without a fault but those asked for; `header` overrides, None leaves out."""
    changes = {name.replace("_", "-"): value for name, value in header.items()}
    fields = {name: value for name, value in (HEADER | changes).items() if value is not None}
    if parts is None:
        parts = [part("text/plain", text), part("text/html", html or make_html())]
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    kind = 'Content-Type: multipart/alternative; boundary="=_x"\r\n\r\n'
    body = "".join(f"--=_x\r\n{each}\r\n" for each in parts)
    return f"{head}{kind}{body}--=_x--\r\n".encode("latin-1")


def rules(message: bytes) -> list[tuple[str, str]]:
    return [(str(finding.severity), finding.rule) for finding in lint_email(message)]


def only(message: bytes) -> Finding:
    (finding,) = lint_email(message)
    return finding


def kilobytes(count: int) -> str:
    """HTML whose encoded part has that many kB."""
    room = int(count * 1000 * 57 / 78) - len(make_html())
    return make_html("<!--" + "x\n" * (room // 3) + "-->")  # a line end has two bytes


HTML_PART, TEXT_PART = part("text/html", make_html()), part("text/plain", TEXT)
MANY_LINKS = "".join(f'<a href="https://example.org/{n}">a</a> ' for n in range(101))
MANY_URLS = "".join(f"https://example.org/{n} " for n in range(101))
LATIN_PART = part("text/html", make_html("é"), charset="latin-1")
PLAIN, NEAR = "http://example.org/", "http://a.localhost/"
HALF_SECURE = f'<a href="{NEAR}">{NEAR.replace("http:", "https:")}</a>'
FAR = "https://example.org/u/" + "a" * 54
FAR_WAYS = f"<{FAR}>,\r\n <mailto:letters@example.org>"
LONG = "https://example.org/?" + "q" * 2_000
LOGO = 'src="https://example.org/a.png"'
SIZED = 'alt="" width="10" height="10"'

ERRORS: list[tuple[str, bytes]] = [
    ("header-missing", make_email(Date=None)),
    ("header-missing", make_email(To="")),
    ("header-twice", b"From: a@example.org\r\n" + make_email()),
    ("header-characters", make_email(Reply_To="f\u00fcr@example.org")),
    ("header-characters", make_email(Comments="a\x07b")),
    ("header-encoding", make_email(List_Archive="=?utf-8?q?<https://example.org/>?=")),
    ("header-encoding", make_email(Comments="\r\n =?utf-8?q?" + "a" * 64 + "?=")),
    ("header-encoding", make_email(Comments="=?utf-8?q?a=FF?=")),
    ("header-encoding", make_email(Comments="=?utf-9?q?a?=")),
    ("header-encoding", make_email(Comments="=?utf-8?q?two words?=")),
    ("header-date", make_email(Date="2026-11-24T12:00:00Z")),
    ("header-address", make_email(To="ann@example.org, bob@example.org")),
    ("header-address", make_email(From="Lighthouse")),
    ("header-message-id", make_email(Message_ID="<1.abc>")),
    ("header-list-id", make_email(List_Id="Weekly letters")),
    ("header-one-click", make_email(List_Unsubscribe_Post="One-Click")),
    ("header-unsubscribe", make_email(List_Unsubscribe="<mailto:letters@example.org>")),
    ("header-unsubscribe", make_email(List_Unsubscribe="<http://example.org/>, <mailto:a@b.cd>")),
    ("message-newline", make_email().replace(b"\r\n\r\n--", b"\n\n--")),
    ("message-line", make_email(Comments="x" * 999)),
    ("message-defect", make_email().replace(b"\r\n--=_x--", b"")),
    ("part-text", make_email(parts=[HTML_PART])),
    ("part-text", make_email(parts=[part("text/plain", " \n"), HTML_PART])),
    ("part-html", make_email(parts=[TEXT_PART])),
    ("part-order", make_email(parts=[HTML_PART, TEXT_PART])),
    ("size", make_email(kilobytes(101))),
    ("link-target", make_email(make_html('<a href="/posts/">Posts</a>'))),
    ("link-target", make_email(make_html('<a href="">Posts</a>'))),
    ("link-target", make_email(make_html('<a href="javascript:alert(1)">Posts</a>'))),
    ("link-target", make_email(make_html('<a href="//[x">Posts</a>'))),
    ("link-text", make_email(make_html(f'<a href="{OUT}">https://bank.example/</a>'))),
    ("unsubscribe-html", make_email(make_html().replace(LEAVE, ""))),
    ("unsubscribe-html", make_email(make_html().replace("<p><a", '<p style="display: none"><a'))),
    ("unsubscribe-text", make_email(text=WORDS), ),
    ("image-alt", make_email(make_html(f'<img {LOGO} width="1" height="1">'))),
    ("image-source", make_email(make_html(f'<img src="a.png" {SIZED}>'))),
    ("image-source", make_email(make_html(f"<img {SIZED}>"))),
    ("image-source", make_email(make_html(f'<img src="cid:logo" {SIZED}>'))),
    ("image-data", make_email(make_html(f'<img src="data:image/png;base64,AAAA" {SIZED}>'))),
    ("element", make_email(make_html("<script>1</script>"))),
    ("element", make_email(make_html('<iframe src="https://example.org/"></iframe>'))),
    ("token", make_email(make_html("<p>nl0123456789abcdef_name</p>"))),
    ("token", make_email(make_html("<p>{{ name }}</p>"))),
    ("token", make_email(text="Dear {{ name }},\n" + TEXT)),
    ("comment-mso", make_email(make_html("<!--[if mso]><br>-->"))),
    ("comment-mso", make_email(make_html("<!--[if mso]><table><![endif]-->"))),
    ("comment-mso", make_email(make_html("<!--[if mso]>a<!--[if mso]>b<![endif]-->"))),
    ("style-size", make_email(make_html(head=f"<style>{'a{color:#000}' * 1200}</style>"))),
    ("style-nesting", make_email(make_html(head="<style>@media screen{@page{margin:0}}</style>"))),
    ("style-error", make_email(make_html(head="<style>a{color:#000</style>"))),
    ("style-error", make_email(make_html(head="<style>a{color #000}</style>"))),
    ("style-error", make_email(make_html(head="<style>a}b{color:#000}</style>"))),
    ("style-rgb", make_email(make_html('<p style="color:rgb(0 0 0)">a</p>'))),
    ("style-rgb", make_email(make_html(head="<style>a{color:rgb(0 0 0)}</style>"))),
    ("html-form", make_email(make_html("<form></form>"))),
]  # fmt: skip
WARNINGS: list[tuple[str, bytes]] = [
    ("header-missing", make_email(List_Id=None)),
    ("header-fold", make_email(Comments="a word and " * 8)),
    ("header-fold", make_email(Comments=f"a\r\n {'b ' * 40}c")),
    ("header-from-name", make_email(From='"a@b" <letters@example.org>')),
    ("header-unsubscribe", make_email(List_Unsubscribe=f"<{OUT}>")),
    ("header-unsubscribe", make_email(
        make_html().replace(OUT, FAR), text=TEXT + FAR, List_Unsubscribe=FAR_WAYS
    )),
    ("part-charset", make_email(parts=[TEXT_PART, LATIN_PART])),
    ("size", make_email(kilobytes(91))),
    ("link-http", make_email(make_html(f'<a href="{PLAIN}">a</a>'), text=TEXT + PLAIN)),
    ("link-text", make_email(make_html(HALF_SECURE), text=TEXT + NEAR)),
    ("link-length", make_email(make_html(f'<a href="{LONG}">a</a>'), text=TEXT + LONG)),
    ("link-count", make_email(make_html(MANY_LINKS), text=TEXT + MANY_URLS)),
    ("link-shortener", make_email(make_html('<a href="https://bit.ly/x">a</a>'), text=TEXT + "https://bit.ly/x")),
    ("link-name", make_email(make_html(f'<a href="{OUT}"><img {LOGO} {SIZED}></a>'))),
    ("image-size", make_email(make_html(f'<img {LOGO} alt="a" width="100%" height="9">'))),
    ("image-size", make_email(make_html(f'<img {LOGO} alt="a" width="10">'))),
    ("image-http", make_email(make_html(f'<img src="http://example.org/a.png" {SIZED}>'))),
    ("image-only", make_email(make_html(f"<img {LOGO} {SIZED}>").replace(WORDS, ""))),
    ("id", make_email(make_html('<p id="a">a</p><p id="a">b</p>'))),
    ("preheader", make_email(make_html(preheader=""))),
    ("preheader", make_email(make_html(preheader="<!-- a --><br>Hello"))),
    ("preheader", make_email(make_html(preheader=PREHEADER.replace("shows behind", "")))),
    ("preheader", make_email(make_html(preheader=PREHEADER.replace("shows", "shows " + WORDS)))),
    ("title", make_email(Subject="Other letters")),
    ("ruby", make_email(make_html("<ruby>漢<rt>kan</rt></ruby>"))),
    ("text-words", make_email(text=f"See {OUT}")),
    ("text-links", make_email(make_html('<a href="https://example.org/1">a</a>'))),
    ("style-size", make_email(make_html(head=f"<style>{'a{color:#000}' * 640}</style>"))),
    ("style-error", make_email(make_html('<p style="color;x:y">a</p>'))),
    ("style-error", make_email(make_html('<p style="p{color:#000}">a</p>'))),
    ("style-url", make_email(make_html('<p style="background-image:url(https://example.org/a.png)"></p>'))),
    ("style-url", make_email(make_html(head='<style>p{background:url("a.png") #fff}</style>'))),
    ("contrast", make_email(make_html('<p style="color:#999">Faint</p>'))),
    ("contrast-dark", make_email(make_html(head='<meta name="color-scheme" content="light dark">',
                                           body='<p style="color:#444">Faint</p>'))),
    ("css-gap", make_email(make_html('<p style="gap:1px">a</p>'))),
]  # fmt: skip


def test_a_message_without_a_fault_has_no_finding() -> None:
    assert lint_email(make_email()) == []


@pytest.mark.parametrize(("rule", "message"), ERRORS, ids=[rule for rule, _ in ERRORS])
def test_one_error(rule: str, message: bytes) -> None:
    assert rules(message) == [("error", rule)]


@pytest.mark.parametrize(("rule", "message"), WARNINGS, ids=[rule for rule, _ in WARNINGS])
def test_one_warning(rule: str, message: bytes) -> None:
    assert rules(message) == [("warning", rule)]


NOTE = make_html('<p>a<a href="https://example.org/1/#fn1">1</a></p>')


@pytest.mark.parametrize("end", ["", ".", "\n", ")"])
def test_a_footnote_is_in_the_page_that_the_text_names(end: str) -> None:
    assert rules(make_email(NOTE, text=f"{TEXT}https://example.org/1/{end}")) == []
    far = f"{TEXT}https://example.org/1/2/{end}"
    assert rules(make_email(NOTE, text=far)) == [("warning", "text-links")]


def test_what_a_writer_says_of_templates_is_no_slot() -> None:
    title = "How {{ 'a' | b & c }} and {{ x }} work"
    shown = "How {{ &#39;a&#39; | b &amp; c }} and\n{{ x }} work"
    message = make_email(make_html(f"<p>{shown}</p>"), text=TEXT + title.replace(" | ", "\n| "))
    assert rules(message) == [("error", "token")] * 2
    assert lint_email(message, written=title) == []
    left = make_email(make_html(f"<p>{shown} {{{{ name }}}}</p>"))
    assert [each.problem for each in lint_email(left, written=title)] == [
        "{{ name }} was left in the text/html part"
    ]


def test_every_rule_has_its_message() -> None:
    shown = {rule for rule, _ in (*ERRORS, *WARNINGS)}
    assert shown - set(features()) == set(RULES)


def test_a_field_that_cannot_be_decoded_is_told_of_as_it_is() -> None:
    found = rules(make_email(Subject="=?utf-8?b?A?="))
    assert found == [("error", "header-encoding"), ("warning", "title")]


@pytest.mark.parametrize("charset", ["latin-nonsense", "punycode", "rot13", ""])
def test_a_charset_that_no_mail_is_in_is_read_as_utf_8(charset: str) -> None:
    html = HTML_PART.replace("utf-8", charset, 1)
    assert set(rules(make_email(parts=[TEXT_PART, html]))) <= {("warning", "part-charset")}


def test_findings_carry_the_line_of_the_decoded_html() -> None:
    html = make_html("<p>\n</p>\n<p>a</p><a href='/x'>b</a>")
    finding = only(make_email(html))
    assert "<a href='/x'>" in html.splitlines()[finding.line - 1]


def test_findings_on_the_header_carry_the_line_of_the_message() -> None:
    message = make_email(Comments="a\r\n b\r\n c", Date="today")
    assert message.splitlines()[only(message).line - 1] == b"Date: today"


def test_a_rule_of_a_style_sheet_is_found_where_it_stands() -> None:
    head = "<style>\n/* two\nlines */\na { color: #000 }\n@import 'x.css';\n</style>"
    html = make_html(head=head)
    finding = only(make_email(html))
    assert finding.rule == "css-at-import"
    assert "@import" in html.splitlines()[finding.line - 1]


def test_errors_come_first_and_then_the_order_of_lines() -> None:
    html = make_html('<p style="gap:1px"></p>\n<a href="/x">a</a>\n<a href="/y">a</a>')
    found = lint_email(make_email(html))
    assert [finding.rule for finding in found] == ["link-target", "link-target", "css-gap"]
    assert found[0].line < found[1].line


def test_every_finding_says_what_to_do() -> None:
    for _, message in (*ERRORS, *WARNINGS):
        for finding in lint_email(message):
            assert finding.problem
            assert finding.fix
            assert not finding.problem.endswith(".")


FINE = {
    "a long URL in one piece": make_email(
        List_Archive="<https://example.org/" + "a" * 70 + ">",
    ),
    "encoded words in names and text": make_email(
        From="=?utf-8?B?54Gv5aGU?= <letters@example.org>",
        List_Id="=?utf-8?B?54Gv5aGU?=\r\n =?utf-8?B?5p2l5L+h?= <weekly.example.org>",
        Comments="a =?utf-8?q?b=3D=3Fc?=",
    ),
    "an address alone": make_email(To="ann@example.org"),
    "text of no words but signs": make_email(make_html('<p style="color:#eee">* · *</p>')),
    "decoration without words": make_email(make_html(f"<img {LOGO} {SIZED}>")),
    "an image that is attached": make_email(
        make_html(f'<img src="cid:logo@example.org" {SIZED}>'),
        parts=[
            TEXT_PART,
            part("text/html", make_html(f'<img src="cid:logo@example.org" {SIZED}>')),
            part("image/png", "x", more="Content-ID: <logo@example.org>\r\n"),
        ],
    ),
    "a template quoted in code": make_email(
        make_html("<pre>{% for %}</pre><code>{{ name }}</code>"), text=f"{{{{ name }}}}\n{TEXT}"
    ),
    "comments for Outlook that pair": make_email(
        make_html(
            "<!--[if mso]><table><tr><td><![endif]--><p>a</p><!--[if mso]></td></tr></table>"
            "<![endif]--><!--[if !mso]><!--><table><tr><td>b</td></tr></table><!--<![endif]-->"
        )
    ),
    "89 kB": make_email(kilobytes(89)),
    "ruby with rp": make_email(make_html("<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>")),
    "a link whose words are its address": make_email(make_html(f'<a href="{OUT}">{OUT}</a>')),
    "a host that is written in letters of its own": make_email(
        make_html('<a href="https://xn--bcher-kva.de/">https://bücher.de/</a>'),
        text=f"{TEXT}\nhttps://xn--bcher-kva.de/",
    ),
    "a way to write and to call": make_email(
        make_html('<a href="mailto:a@example.org">a</a> <a href="tel:+123">b</a>')
    ),
    "a rehearsal on this machine": make_email(
        make_html().replace(OUT, "http://localhost:8080/u"),
        text=TEXT.replace(OUT, "http://localhost:8080/u"),
        List_Unsubscribe="<http://localhost:8080/u>, <mailto:a@example.org>",
    ),
    "a few words": make_email(make_html().replace(WORDS, "Hi."), text=f"See {OUT}"),
    "ASCII text without a charset": make_email(
        parts=[TEXT_PART.replace('; charset="utf-8"', ""), HTML_PART]
    ),
}


@pytest.mark.parametrize("name", FINE)
def test_nothing_is_wrong_with(name: str) -> None:
    assert lint_email(FINE[name]) == []


@pytest.mark.parametrize(("size", "found"), [(89, []), (91, ["warning"]), (101, ["error"])])
def test_gmail_clips_at_a_hundred_kilobytes(size: int, found: list[str]) -> None:
    message = make_email(kilobytes(size))
    encoded = message.split(b"base64\r\n\r\n")[2].partition(b"\r\n--=_x")[0]
    assert abs(len(encoded) - size * 1000) < 300
    assert [severity for severity, _ in rules(message)] == found


def test_the_size_that_counts_is_the_larger_of_the_two() -> None:
    html = kilobytes(91)
    quoted = (
        'Content-Type: text/html; charset="utf-8"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n'
        + html.replace("\n", "\r\n")
    )
    assert rules(make_email(parts=[TEXT_PART, quoted])) == []
    assert rules(make_email(html)) == [("warning", "size")]


NESTED = {
    "brackets": make_html(head="<style>a{b:" + "(" * 9_000),
    "braces": make_html(head="<style>" + "{" * 9_000),
    "media": make_html(head="<style>" + "@media x{" * 2_000),
    "selectors": make_html(head=f"<style>{':not(' * 999}{')' * 999}{{color:red}}</style>"),
    "functions": make_html(f'<p style="color:{"f(" * 9_000}">a</p>'),
    "elements": make_html("<b>" * 9_000),
    "comments": make_html("<!--[if " * 9_000),
    "expressions": make_html("{{" * 9_000),
}


@pytest.mark.parametrize("name", NESTED)
def test_no_depth_is_too_deep_in(name: str) -> None:
    lint_email(make_email(NESTED[name]))


def test_parts_within_parts_without_end_are_a_defect() -> None:
    levels = (
        f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n" for n in range(1_500)
    )
    assert ("error", "message-defect") in rules("".join(levels).encode())


KNOWN = set(RULES) | set(features())
MARKUP = st.text(alphabet="<>/=\"'{}()@#:;.,*-!&%[]? abipstyle\n\0\x85é漢\ud800", max_size=200)
CSS = st.text(alphabet="{}()[]@#:;.,*>+~!/\\\"'&-_ aeiodmprux019%\n", max_size=200)


@given(message=st.binary(max_size=400))
def test_no_bytes_are_too_strange(message: bytes) -> None:
    assert {rule for _, rule in rules(message)} <= KNOWN


@given(markup=MARKUP)
def test_no_markup_is_too_strange(markup: str) -> None:
    raw = markup.encode("utf-8", "replace").decode("latin-1")
    message = make_email(parts=[TEXT_PART, f"Content-Type: text/html\r\n\r\n{raw}"])
    assert {rule for _, rule in rules(message)} <= KNOWN


@given(css=CSS)
def test_no_style_is_too_strange(css: str) -> None:
    quoted = css.replace('"', "'")
    html = make_html(head=f"<style>{css}</style>", body=f'<p style="{quoted}">a</p>')
    assert {rule for _, rule in rules(make_email(html))} <= KNOWN


@given(name=st.sampled_from(sorted(HEADER)), value=st.binary(max_size=80))
def test_no_field_is_too_strange(name: str, value: bytes) -> None:
    message = make_email(**{name.replace("-", "_"): None})
    assert {rule for _, rule in rules(name.encode() + b": " + value + b"\r\n" + message)} <= KNOWN

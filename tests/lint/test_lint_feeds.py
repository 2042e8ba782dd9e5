"""Every rule of feeds on a document that breaks it alone."""

import json
from datetime import UTC, datetime

import pytest

from publisher.lint.feeds import RULES, lint_feed
from publisher.lint.findings import Severity

NOW = datetime(2026, 11, 25, tzinfo=UTC)

RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss xmlns:atom="http://www.w3.org/2005/Atom" xmlns:dc="http://purl.org/dc/elements/1.1/"
  xmlns:content="http://purl.org/rss/1.0/modules/content/"
  xmlns:fh="http://purl.org/syndication/history/1.0"
  xmlns:slash="http://purl.org/rss/1.0/modules/slash/"
  xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"
  xmlns:media="http://search.yahoo.com/mrss/" version="2.0">
<channel>
<title>Lamp</title>
<link>https://example.org/</link>
<description>Essays</description>
<atom:link href="https://example.org/rss.xml" rel="self" type="application/rss+xml"/>
<language>zh-CN</language>
<lastBuildDate>Sat, 11 Oct 2025 06:16:29 +0800</lastBuildDate>
<ttl>60</ttl>
<item>
<title>One</title>
<link>https://example.org/one/</link>
<description>The first.</description>
<content:encoded><![CDATA[<p>Hello <a href="https://example.org/">there</a>.</p>]]></content:encoded>
<guid isPermaLink="false">tag:example.org,2025:one</guid>
<category>sea</category>
<pubDate>Sat, 11 Oct 2025 06:16:29 +0800</pubDate>
<dc:creator>Lin</dc:creator>
</item>
</channel>
</rss>
"""

ATOM = """<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:fh="http://purl.org/syndication/history/1.0"
  xmlns:media="http://search.yahoo.com/mrss/" xmlns:a="http://www.w3.org/2005/Atom">
<id>tag:example.org,2025:feed</id>
<title>Lamp</title>
<updated>2025-10-11T06:16:29+08:00</updated>
<author><name>Lin</name></author>
<link href="https://example.org/atom.xml" rel="self" type="application/atom+xml"/>
<link href="https://example.org/" rel="alternate" type="text/html"/>
<entry>
<id>tag:example.org,2025:one</id>
<title>One</title>
<updated>2025-10-11T06:16:29+08:00</updated>
<link href="https://example.org/one/" rel="alternate" type="text/html"/>
<content type="html">&lt;p&gt;Hello.&lt;/p&gt;</content>
<summary>The first.</summary>
</entry>
<entry>
<id>tag:example.org,2025:two</id>
<title>Two</title>
<updated>2025-10-11T06:16:29.5+08:00</updated>
<content type="html">&lt;p&gt;Again.&lt;/p&gt;</content>
</entry>
</feed>
"""

JSON = {
    "version": "https://jsonfeed.org/version/1.1",
    "title": "Lamp",
    "feed_url": "https://example.org/feed.json",
    "items": [
        {"id": "tag:example.org,2025:one", "content_html": "<p>Hello.</p>",
         "url": "https://example.org/one/", "date_published": "2025-10-11T06:16:29+08:00"}
    ],
}  # fmt: skip

BODY = '<p>Hello <a href="https://example.org/">there</a>.</p>'
TITLE = "<title>One</title>"
GUID = '<guid isPermaLink="false">tag:example.org,2025:one</guid>'
ID = "<id>tag:example.org,2025:one</id>"
SELF = '<atom:link href="https://example.org/rss.xml" rel="self" type="application/rss+xml"/>'
ATOM_SELF = '<link href="https://example.org/atom.xml" rel="self" type="application/atom+xml"/>'
DATE = "<pubDate>Sat, 11 Oct 2025 06:16:29 +0800</pubDate>"
UPDATED = "<updated>2025-10-11T06:16:29.5+08:00</updated>"
CREATOR = "<dc:creator>Lin</dc:creator>"
TTL = "<ttl>60</ttl>"


def body(html: str) -> tuple[str, str]:
    return BODY, html


IN_RSS = [
    ("T1", TITLE, "<title>a &#x3C;/b&#x3E; c</title>"),
    ("T2", TITLE, "<title>R&amp;D1</title>"),
    ("T2", TITLE, "<title>a &amp;copy b</title>"),
    ("T2", TITLE, "<title>a &amp;#39 b</title>"),
    ("T2", "<description>Essays</description>", "<description>&amp;amp;</description>"),
    ("T2", "<category>sea</category>", "<category>&amp;apos;</category>"),
    ("T3", TITLE, "<title>a &lt;new&gt; b</title>"),
    ("T3", TITLE, "<title><![CDATA[a <new> b]]></title>"),
    ("H1", *body("<p>a<b>c</p></b>")),
    ("H1", *body("<div>open")),
    ("H1", *body('<a href="https://example.org/?a=1&copy=2">x</a>')),
    ("H1", *body("<p/>")),
    ("H1", *body("</br>")),
    ("H1", *body("<p>x</p></div>")),
    ("H1", *body('<img src="https://example.org/a.png" alt="" alt="">')),
    ("H1", *body("<a><a>x</a></a>")),
    ("H1", *body("<table><p>x</p></table>")),
    ("H1", *body("<p>x</p><td>y</td>")),
    ("H1", *body("a < b")),
    ("H1", *body("<p>&foo; x</p>")),
    ("H2", *body("<p>x<nobr>y</nobr></p>")),
    ("H2", *body("<my-card>y</my-card>")),
    ("H2", *body("<svg></svg>")),
    ("H3", *body('<iframe src="https://example.org/"></iframe>')),
    ("H3", *body("<p>x</p><script>1</script>")),
    ("H3", *body("<p><bdo>x</bdo></p>")),
    ("H4", *body('<p style="color:red">x</p>')),
    ("H4", *body('<p onclick="x()">x</p>')),
    ("H5", *body('<a href="/x">x</a>')),
    ("H5", *body('<a href="#x">x</a>')),
    ("H5", *body('<img src="a.png" alt="">')),
    ("H5", *body('<img src="//example.org/a.png" alt="">')),
    ("H5", *body('<img src="https://e.org/a" srcset="https://e.org/a 1x, b.png 2x" alt="">')),
    ("H5", *body('<video poster="a.png" src="https://example.org/a"></video>')),
    ("H6", *body('<a href="javascript:x()">x</a>')),
    ("H6", *body("<input>")),
    ("I1", GUID, ""),
    ("I1", GUID, "<guid>tag:example.org,2025:one</guid>"),
    ("I1", GUID, '<guid isPermaLink="false">1234</guid>'),
    ("I4", "</item>", f"</item><item><title>T</title><description>x</description>{GUID}</item>"),
    ("U1", "https://example.org/one/", "https://example.org/a b"),
    ("U1", "https://example.org/one/", "https://example.org/[1]"),
    ("U1", "https://example.org/one/", "https://example.org/依恋"),
    ("U1", "https://example.org/one/", "https://例.org/"),
    ("D1", DATE, "<pubDate>Fri, 11 Oct 2025 06:16:29 +0800</pubDate>"),
    ("D1", DATE, "<pubDate>Sat, 11 Oct 25 06:16:29 +0800</pubDate>"),
    ("D1", DATE, "<pubDate>Sat, 11 Oct 2025 06:16:29 +0545</pubDate>"),
    ("D1", DATE, "<pubDate>2025-10-11</pubDate>"),
    ("D1", DATE, "<pubDate>Mon, 01 Jan 1980 00:00:00 +0000</pubDate>"),
    ("D1", DATE, "<pubDate>Wed, 25 Nov 2026 00:11:00 +0000</pubDate>"),
    ("A2", TITLE, "<title></title>"),
    ("A2", "<category>sea</category>", "<category> </category>"),
    ("A3", "</item>", "</item><docs>https://example.org/</docs>"),
    ("R1", "<link>https://example.org/</link>", ""),
    ("R1", "<description>The first.</description>", ""),
    ("R2", CREATOR, "<author>Lin</author>"),
    ("R2", CREATOR, "<author>lin@example.org</author>"),
    ("R2", CREATOR, "<author>Lin &lt;lin@example.org&gt;</author>"),
    ("R2", TTL, f"{TTL}<webMaster>lin@example.org</webMaster>"),
    ("R3", CREATOR, f"{CREATOR}<author>lin@example.org (Lin)</author>"),
    ("R3", CREATOR, "<dc:date>2025-10-11</dc:date>"),
    ("R3", CREATOR, "<dc:subject>sea</dc:subject>"),
    ("R4", CREATOR, '<enclosure url="https://example.org/a" type="a/b" length="1"/>' * 2),
    ("R4", CREATOR, '<enclosure url="https://localhost/a" type="a/b" length="1"/>'),
    ("R4", CREATOR, '<enclosure url="https://example.org" type="a/b" length="1"/>'),
    ("R4", CREATOR, '<enclosure url="https://example.org/a" type="a/b" length="-1"/>'),
    ("R4", CREATOR, '<enclosure url="https://example.org/a" length="0"/>'),
    ("R5", TTL, "<image><url>https://e.org/a.webp</url><title>Lamp</title>"
     "<link>https://example.org/</link></image>"),
    ("R5", TTL, "<image><url>https://e.org/a.png</url><title>Lamp</title>"
     "<link>https://example.org/</link><width>145</width></image>"),
    ("R5", TTL, "<image><url>https://e.org/a.png</url><title>Another</title>"
     "<link>https://example.org/</link></image>"),
    ("R6", "<language>zh-CN</language>", "<language>cmn</language>"),
    ("R6", TTL, "<ttl>0</ttl>"),
    ("R6", TTL, "<itunes:author>Lin</itunes:author>"),
    ("L1", SELF, ""),
    ("L1", SELF, SELF.replace("rss.xml", "other.xml")),
    ("L1", SELF, SELF.replace("application/rss+xml", "text/html")),
    ("L1", SELF, f'{SELF}<atom:link rel="hub"/>'),
    ("L2", SELF, f'{SELF}<atom:link href="https://example.org/" rel="friend"/>'),
    ("L2", CREATOR, '<atom:link href="https://example.org/" rel="prev-archive"/>'),
    ("L3", TTL, "<fh:archive/>"),
    ("N1", CREATOR, '<x:a xmlns:x="http://webfeeds.org/rss/1.0">1</x:a>'),
    ("N1", CREATOR, "<dc:maker>Lin</dc:maker>"),
    ("N1", CREATOR, "<writer>Lin</writer>"),
    ("N2", CREATOR, '<media:group><media:content url="https://e.org/a.png"/></media:group>'),
    ("N2", CREATOR, '<media:thumbnail url="https://e.org/a.png" width="0"/>'),
    ("C1", TITLE, "<title>a\ufffdb</title>"),
    ("C1", TITLE, "<title>a\x85b\x80</title>"),
    ("C1", TITLE, "<title>a\x01b</title>"),
    ("C1", "</rss>", ""),
    ("C1", '<?xml version="1.0" encoding="UTF-8"?>', '<!DOCTYPE rss [<!ENTITY a "b">]>'),
]  # fmt: skip

IN_ATOM = [
    ("T1", TITLE, "<title>a &#x3C;/b&#x3E; c</title>"),
    ("T2", TITLE, "<title>R&amp;D1</title>"),
    ("T2", "<name>Lin</name>", "<name>&amp;lt;</name>"),
    ("H1", "&lt;p&gt;Hello.&lt;/p&gt;", "&lt;b&gt;&lt;p&gt;Hello.&lt;/b&gt;"),
    ("I2", ID, "<id>one</id>"),
    ("I2", ID, "<id>tag:Example.org,2025:one</id>"),
    ("I2", ID, "<id>tag:example.org,2025:依恋</id>"),
    ("I2", ID, "<id>urn:uuid:a1b2c3d4-e5f6-7a8b-9c0d-1e2f3g4h5i6j</id>"),
    ("I2", ID, "<id> tag:example.org,2025:one</id>"),
    ("I3", ID, "<id>tag:example.org,2025:%e4</id>"),
    ("I3", ID, "<id>tag:example.org,2025:a%2Db</id>"),
    ("I3", ID, "<id>https://example.org</id>"),
    ("I4", "<id>tag:example.org,2025:two</id>", ID),
    ("D1", UPDATED, "<updated>2025-10-11</updated>"),
    ("D1", UPDATED, "<updated>2025-10-11T06:16+08:00</updated>"),
    ("D1", UPDATED, "<updated>2025-10-11T06:16:29</updated>"),
    ("D1", UPDATED, " <updated> 2025-10-11T06:16:29Z</updated>"),
    ("D1", UPDATED, "<updated>2026-11-26T00:00:01Z</updated>"),
    ("D2", UPDATED, "<updated>2025-10-11T06:16:29+08:00</updated>"),
    ("A1", ID, ""),
    ("A1", "<author><name>Lin</name></author>", ""),
    ("A1", "<summary>", '<link href="https://example.org/2" type="text/html"/><summary>'),
    ("A1", '<content type="html">&lt;p&gt;Again.&lt;/p&gt;</content>', "<summary>x</summary>"),
    ("A2", TITLE, "<title></title>"),
    ("A3", "</feed>", "<subtitle>x</subtitle></feed>"),
    ("L1", ATOM_SELF, ""),
    ("L3", ATOM_SELF, f"{ATOM_SELF}<fh:archive/><link href='https://e.org/' rel='prev-archive'/>"),
    ("L3", ATOM_SELF, f"{ATOM_SELF}<fh:archive/><link href='https://e.org/' rel='current'/>"),
    ("N1", "<title>Lamp</title>", "<a:title>Lamp</a:title>"),
    ("N1", "<summary>", "<abstract>x</abstract><summary>"),
]

IN_JSON = [
    ("A1", {"version": "1"}),
    ("A1", {"title": ""}),
    ("A1", {"items": {}}),
    ("A1", {"items": [{"content_html": "<p>x</p>", "id": ""}]}),
    ("A1", {"items": [{"id": "one", "summary": "x"}]}),
    ("A2", {"items": [{"id": "one", "content_html": ""}]}),
    ("L1", {"feed_url": ""}),
    ("L1", {"feed_url": "https://example.org/other.json"}),
    ("H5", {"home_page_url": "/"}),
    ("H5", {"items": [{"id": "one", "content_html": '<a href="/x">x</a>'}]}),
    ("H1", {"items": [{"id": "one", "content_html": "<b>x"}]}),
    ("U1", {"home_page_url": "https://example.org/依恋"}),
    ("D1", {"items": [{"id": "one", "content_html": "x", "date_published": "today"}]}),
    ("I4", {"items": [{"id": "one", "content_html": "x"}, {"id": "one", "content_html": "y"}]}),
]


def rules(document: str, url: str) -> set[str]:
    return {found.rule for found in lint_feed(document.encode(), url=url, now=NOW)}


def test_sound_feeds_have_no_finding() -> None:
    assert lint_feed(RSS.encode(), url="https://example.org/rss.xml", now=NOW) == []
    assert lint_feed(ATOM.encode(), url="https://example.org/atom.xml", now=NOW) == []
    assert lint_feed(json.dumps(JSON).encode(), url="https://example.org/feed.json") == []


@pytest.mark.parametrize("url", ["http://localhost:8080/rss.xml", ""])
def test_a_rehearsal_may_have_its_recordings_where_it_is(url: str) -> None:
    here = RSS.replace("https://example.org/rss.xml", "http://localhost:8080/rss.xml")
    recording = '<enclosure url="http://localhost:8080/{}" type="audio/mpeg" length="1"/>'
    assert rules(here.replace(CREATOR, recording.format("a.mp3"), 1), url) == set()
    elsewhere = recording.format("a.mp3").replace("localhost", "machine")
    assert rules(here.replace(CREATOR, elsewhere, 1), url) == {"R4"}


@pytest.mark.parametrize(("rule", "old", "new"), IN_RSS)
def test_a_fault_in_rss_breaks_its_rule_alone(rule: str, old: str, new: str) -> None:
    assert old in RSS
    assert rules(RSS.replace(old, new, 1), "https://example.org/rss.xml") == {rule}


@pytest.mark.parametrize(("rule", "old", "new"), IN_ATOM)
def test_a_fault_in_atom_breaks_its_rule_alone(rule: str, old: str, new: str) -> None:
    assert old in ATOM
    assert rules(ATOM.replace(old, new, 1), "https://example.org/atom.xml") == {rule}


@pytest.mark.parametrize(("rule", "change"), IN_JSON)
def test_a_fault_in_json_breaks_its_rule_alone(rule: str, change: dict[str, object]) -> None:
    assert rules(json.dumps(JSON | change), "https://example.org/feed.json") == {rule}


@pytest.mark.parametrize("text", ["x &lt; y", "&lt;3", "AT&amp;T", "R&#x26;D1 &#x3C;new&#x3E;"])
def test_text_that_every_reader_shows_as_it_is_passes(text: str) -> None:
    assert rules(RSS.replace(TITLE, f"<title>{text}</title>"), "") == set()


def test_one_hexadecimal_reference_does_not_hide_another_fault() -> None:
    title = "<title>&#x26;amp; &amp;amp;</title>"
    assert rules(RSS.replace(TITLE, title), "") == {"T2"}


@pytest.mark.parametrize(
    ("document", "media_type", "is_wrong"),
    [
        (RSS, "application/rss+xml; charset=utf-8", False), (RSS, "application/xml", False),
        (RSS, "text/xml", False), (RSS, "application/atom+xml", True), (RSS, "text/html", True),
        (ATOM, "application/atom+xml", False), (ATOM, "application/rss+xml", True),
    ],
)  # fmt: skip
def test_the_media_type_must_be_that_of_the_feed(
    document: str, media_type: str, is_wrong: bool
) -> None:
    found = lint_feed(document.encode(), media_type=media_type, now=NOW)
    assert [finding.rule for finding in found] == ["M1"] * is_wrong


def test_a_large_feed_is_told() -> None:
    large = RSS.replace("Hello", "Hello " * 170_000)
    assert rules(large, "") == {"S1"}


def test_slash_comments_want_a_date_of_the_channel() -> None:
    bare = RSS.replace("<lastBuildDate>Sat, 11 Oct 2025 06:16:29 +0800</lastBuildDate>\n", "")
    commented = bare.replace(CREATOR, "<slash:comments>3</slash:comments>")
    assert rules(bare, "") == set()
    assert rules(commented, "") == {"R6"}


def test_ten_entries_of_one_id_are_an_error() -> None:
    item = RSS[RSS.index("<item>") : RSS.index("</item>") + 7]
    found = lint_feed(RSS.replace(item, item * 10).encode(), now=NOW)
    assert [(finding.rule, finding.severity) for finding in found] == [("I4", Severity.ERROR)]


def test_findings_have_the_line_and_say_what_to_do() -> None:
    html = "<p>one</p>\n<p>two</p>\n<script>1</script>"
    document = RSS.replace(BODY, html)
    (found,) = lint_feed(document.encode(), now=NOW)
    assert document.splitlines()[found.line - 1].startswith("<script>")
    assert found.fix


def test_errors_come_before_warnings() -> None:
    document = RSS.replace(TITLE, "<title></title>").replace("https://example.org/one/", "a b")
    found = [finding.severity for finding in lint_feed(document.encode(), now=NOW)]
    assert found == sorted(found, key=lambda severity: severity is Severity.WARNING)
    assert len(set(found)) == 2


@pytest.mark.parametrize(
    "item",
    [
        b"<pubDate>Sat, 11 Oct 99999999999999999999999 06:16:29 +0800</pubDate>",
        b'<enclosure url="http://["/>',
        b"<a>" * 5_000 + b"</a>" * 5_000,
    ],
)
def test_hostile_items_are_told_and_never_raise(item: bytes) -> None:
    channel = b"<title>t</title><item>" + item + b"</item>"
    assert lint_feed(b'<rss version="2.0"><channel>' + channel + b"</channel></rss>")


@pytest.mark.parametrize("junk", [b"", b"<", b"{", b"[]", b"\x00", b"<html/>", b"\xff\xfe<", b"{}"])
def test_junk_is_told_and_never_raises(junk: bytes) -> None:
    assert lint_feed(junk)


def test_every_rule_has_a_document_that_breaks_it() -> None:
    tried = {rule for rule, *_ in (*IN_RSS, *IN_ATOM, *IN_JSON)}
    assert tried | {"M1", "S1"} == set(RULES)

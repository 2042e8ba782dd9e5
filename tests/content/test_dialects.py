"""What the fields mean, dialect by dialect."""

import pytest

from publisher.content.dialects import DIALECTS, Meaning
from tests.factories import make_text


def meaning(lines: str, dialect: str, path: str = "post.md", body: str = "body") -> Meaning:
    return make_text(f"---\n{lines}\n---\n{body}", path, dialect=dialect).source.meaning


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("key", ["title", "description", "image", "language", "author"])
def test_each_key_alone_is_read_and_the_first_of_several_counts(dialect: str, key: str) -> None:
    keys = [name for name in getattr(DIALECTS[dialect], key) if "." not in name]
    field = {"author": "authors"}.get(key, key)
    samples = {name: f"s{number}.png" for number, name in enumerate(keys)}
    if key == "language":
        samples = dict(zip(keys, ["fr", "de"], strict=True))
    for name, value in samples.items():
        found = getattr(meaning(f"{name.title()}: {value}", dialect), field)
        assert found in (value, (value,)), name
    lines = [f"{name}: {value}" for name, value in reversed(samples.items())]
    found = getattr(meaning("\n".join(lines), dialect), field)
    assert found in (samples[keys[0]], (samples[keys[0]],))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_key_of_a_date_alone_is_read(dialect: str) -> None:
    for field, keys in (
        ("published", DIALECTS[dialect].date),
        ("updated", DIALECTS[dialect].updated),
    ):
        for key in keys:
            found = getattr(meaning(f"{key}: 2025-01-02 03:04", dialect), field)
            assert found is not None, key
            assert found.isoformat() == "2025-01-02T03:04:00+08:00"


@pytest.mark.parametrize(
    ("dialect", "line", "tags"),
    [
        ("hexo", "tags: 读书,HTTP", ("读书,HTTP",)),
        ("hexo", "tags: google iap", ("google iap",)),
        ("hexo", "tags: [a, ' b ', a, '']", ("a", "b")),
        ("hexo", "tag: a", ("a",)),
        ("hexo", "tags:\ntag: a", ("a",)),
        ("hexo", "tags: [Rust、Go]", ("Rust、Go",)),
        ("hexo", "tags: [404, 1.0]", ("404", "1.0")),
        ("jekyll", "tags: a b  c", ("a", "b", "c")),
        ("jekyll", "tags: [a b, c]", ("a b", "c")),
        ("hugo", "tags: [a, b]", ("a", "b")),
        ("pelican", "tags: a, b c,d", ("a", "b c", "d")),
        ("pelican", "tags: a, b; c", ("a, b", "c")),
        ("plain", "taxonomies: {tags: [a]}", ("a",)),
    ],
)
def test_tags_are_parted_as_the_generator_does(
    dialect: str, line: str, tags: tuple[str, ...]
) -> None:
    assert meaning(line, dialect).tags == tags


@pytest.mark.parametrize(
    ("dialect", "line", "path", "categories"),
    [
        ("hexo", "categories: A", "p.md", (("A",),)),
        ("hexo", "categories: [A, B]", "p.md", (("A", "B"),)),
        ("hexo", "categories: [[A, B], [C]]", "p.md", (("A", "B"), ("C",))),
        ("hexo", "categories: [[A, B], C, []]", "p.md", (("A", "B"), ("C",))),
        ("hexo", "category: A", "p.md", (("A",),)),
        ("hexo", "categories:", "a/p.md", ()),
        ("jekyll", "categories: a b", "p.md", (("a",), ("b",))),
        ("jekyll", "categories: [a b, c]", "p.md", (("a b",), ("c",))),
        ("jekyll", "x: y", "news/_posts/p.md", (("news",),)),
        ("hugo", "categories: [A, B]", "p.md", (("A",), ("B",))),
        ("pelican", "category: A", "x/p.md", (("A",),)),
        ("pelican", "x: y", "note/p.md", (("note",),)),
        ("plain", "taxonomies: {categories: [A]}", "p.md", (("A",),)),
    ],
)
def test_categories_are_paths_as_the_generator_makes_them(
    dialect: str, line: str, path: str, categories: tuple[tuple[str, ...], ...]
) -> None:
    assert meaning(line, dialect, path).categories == categories


@pytest.mark.parametrize(
    ("line", "iso"),
    [
        ("date: 2025-01-02 03:04:05", "2025-01-02T11:04:05+08:00"),
        ("date: '2025-01-02 03:04:05'", "2025-01-02T03:04:05+08:00"),
        ("date: 2025-01-02 03:04", "2025-01-02T03:04:00+08:00"),
        ("date: 2025-01-02", "2025-01-02T00:00:00+08:00"),
        ("date: 2025-01-02 03:04:05 +0100", "2025-01-02T10:04:05+08:00"),
    ],
)
def test_jekyll_reads_a_bare_time_with_seconds_as_utc(line: str, iso: str) -> None:
    found = meaning(line, "jekyll").published
    assert found is not None
    assert found.isoformat() == iso


def test_a_date_that_cannot_be_read_gives_way_to_the_next_key_and_to_the_file_name() -> None:
    assert str(meaning("date: x\npubDate: 2025-01-02", "plain").published)[:10] == "2025-01-02"
    assert str(meaning("a: b", "jekyll", "_posts/2025-01-02-x.md").published)[:10] == "2025-01-02"
    assert str(meaning("a: b", "hugo", "2025-01-02-x/index.md").published)[:10] == "2025-01-02"
    assert str(meaning("a: b", "hugo", "2025-01-02-x/index.en.md").published)[:10] == "2025-01-02"
    assert str(meaning("a: b", "plain", "2025-01-02.md").published)[:10] == "2025-01-02"
    assert meaning("a: b", "hexo", "x.md").published is None


@pytest.mark.parametrize(
    ("path", "body", "title"),
    [
        ("a/harbour.md", "text", "harbour"),
        ("2025-01-02-on-harbours.md", "text", "on-harbours"),
        ("harbour.zh.md", "text", "harbour"),
        ("a/harbour/index.md", "text", "harbour"),
        ("a/harbour/index.en.md", "text", "harbour"),
        ("a.md", "# Heading #\n\ntext", "Heading"),
        ("a.md", "\n\n#  Heading  \n", "Heading"),
        ("a.md", "text\n# Later\n", "a"),
        ("a.md", "#no heading", "a"),
        ("v1.0.md", "text", "v1.0"),
        ("2025-01-02.md", "text", "2025-01-02"),
    ],
)
def test_without_a_title_there_is_one(path: str, body: str, title: str) -> None:
    assert meaning("title: '  '", "hexo", path, body).title == title


@pytest.mark.parametrize("title", ["\\ufffd", "\\x80\\x9f", " \\u0085 ", "\\x07\\ufffd"])
def test_a_title_of_which_feeds_show_nothing_is_none(title: str) -> None:
    line = f'title: "{title}"'
    assert meaning(line, "hexo", "harbour.md", "# Heading\n").title == "Heading"
    assert meaning(line, "hexo", "harbour.md", "# \ufffd\n").title == "harbour"
    assert meaning(line, "hexo", "\ufffd.md").title == "post"
    assert meaning(f'{line}\ntags: ["{title}", a]', "hexo").tags == ("a",)


@pytest.mark.parametrize(
    ("line", "path", "language"),
    [
        ("lang: zh_TW", "p.md", "zh-TW"),
        ("language: en", "p.md", "en"),
        ("lang: AR", "p.md", "ar"),
        ("lang: ZH-cn", "p.md", "zh-cn"),
        ("lang: es_419", "p.md", "es-419"),
        ("x: y", "EN/p.md", ""),
        ("x: y", "p.zh-cn.md", "zh-cn"),
        ("x: y", "en/p.md", "en"),
        ("x: y", "source/_posts/en/p.md", "en"),
        ("x: y", "go/p.md", ""),  # a language of programming
        ("x: y", "p.js.md", ""),
        ("lang: no language at all", "p.md", ""),
    ],
)
def test_the_language_stands_in_the_field_the_name_or_the_folder(
    line: str, path: str, language: str
) -> None:
    assert meaning(line, "hexo", path).language == language


@pytest.mark.parametrize("value", ["false", "true", "transparent", "'#fff'", ""])
def test_what_a_theme_calls_a_picture_may_be_none(value: str) -> None:
    assert meaning(f"cover: {value}", "hexo").image == ""


def test_of_pictures_in_a_list_or_a_map_the_first_is_taken() -> None:
    assert meaning("photos: [a.png, b.png]", "hexo").image == "a.png"
    assert meaning("cover: {image: a.png}", "hugo").image == "a.png"
    assert meaning("header: {teaser: a.png}", "jekyll").image == "a.png"


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ("abbrlink: 0228", "0228"),
        ("abbrlink: 0", "0"),
        ("id: a\nabbrlink: b", "a"),
        ("feed_id: f\nid: a", "f"),
        ("uuid: a1b2c3d4-e5f6-7a8b-9c0d-1e2f3g4h5i6j", "a1b2c3d4-e5f6-7a8b-9c0d-1e2f3g4h5i6j"),
        ("guid: https://e.com/?p=1", "https://e.com/?p=1"),
        ("abbrlink: ''", None),
        ("x: y", None),
    ],
)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_id_is_opaque_text(lines: str, found: str | None, dialect: str) -> None:
    assert meaning(lines, dialect).id == found


@pytest.mark.parametrize(
    ("dialect", "line", "authors"),
    [
        ("pelican", "authors: One, Two", ("One", "Two")),
        ("pelican", "authors: One, Jr.; Two", ("One, Jr.", "Two")),
        ("pelican", "author: One, Two", ("One, Two",)),
        ("hexo", "author: One, Two", ("One, Two",)),
        ("hugo", "authors: [One, Two]", ("One", "Two")),
    ],
)
def test_authors_are_parted_where_the_generator_does(
    dialect: str, line: str, authors: tuple[str, ...]
) -> None:
    assert meaning(line, dialect).authors == authors


@pytest.mark.parametrize("key", ["publishDate", "expiryDate", "unpublishdate"])
def test_a_time_that_cannot_be_read_is_an_obstacle_and_not_overlooked(key: str) -> None:
    text = f"---\ntitle: T\ndate: 2025-01-02\n{key}: 2025-02-30\n---\nbody"
    stops = make_text(text, dialect="hugo").source.obstacle
    assert stops is not None
    assert stops.line == 4
    assert key.lower() in stops.problem
    assert make_text(text, dialect="hexo").source.obstacle is None  # means nothing there


def test_an_abstract_is_no_summary_and_an_excerpt_is_no_description() -> None:
    found = meaning("abstract: it is encrypted\nexcerpt: opening", "hexo")
    assert found.description == ""
    assert found.excerpt == "opening"


@pytest.mark.parametrize(
    ("line", "key", "words"),
    [
        ("tags: a, b", "tags", "one tag"),
        ("date: 2025-01-02 03:04 CST", "date", "CST"),
    ],
)
def test_a_doubt_leads_to_its_line(line: str, key: str, words: str) -> None:
    source = make_text(f"---\ntitle: T\n{line}\nx: y\n---\nbody").source
    doubts = [w for w in source.warnings if words in w.problem]
    assert [doubt.line for doubt in doubts] == [3]
    assert all(doubt.remedy for doubt in doubts)

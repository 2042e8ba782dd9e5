"""Catalogues: complete, right, and open to a site's own words."""

import re
from collections.abc import Iterator
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from publisher.errors import TemplateError
from publisher.render.templates import Templates, shipped_templates
from publisher.render.words import known_language, language_for, words_for

WORDS = shipped_templates() / "email" / "words"
SHIPPED = sorted(path.stem for path in WORDS.glob("*.po"))
METHODS = [("**.html", "jinja2.ext:babel_extract"), ("**.txt", "jinja2.ext:babel_extract")]


def said() -> Iterator[tuple[str, ...]]:
    """Every message of the templates and of the code."""
    for folder, methods in ((shipped_templates() / "email", METHODS),):
        for _file, _line, message, *_ in extract_from_dir(str(folder), methods):
            yield message if isinstance(message, tuple) else (message,)
    render = Path(__file__).parents[2] / "publisher" / "render"
    for path in render.glob("*.py"):
        for found in re.findall(r'words\.text\("([^"]+)"', path.read_text(encoding="utf-8")):
            yield (found,)


def catalogue(name: str) -> Catalog:
    return read_po(BytesIO((WORDS / f"{name}.po").read_bytes()), locale=name)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_message_is_translated_and_none_is_left_over(name: str) -> None:
    messages = {m.id if isinstance(m.id, tuple) else (m.id,): m for m in catalogue(name) if m.id}
    assert set(messages) == set(said())
    for message in messages.values():
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(strings), message.id
    assert not any(message.fuzzy for message in messages.values())


@pytest.mark.parametrize("name", SHIPPED)
def test_a_translation_fills_in_no_other_values(name: str) -> None:
    for message in catalogue(name):
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        known = {"count"} | {hole for text in ids for hole in re.findall(r"%\((\w+)\)s", text)}
        holes = {hole for text in strings for hole in re.findall(r"%\((\w+)\)s", text)}
        assert holes <= known, message.id


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("zh", "阅读全文"),
        ("zh-CN", "阅读全文"),
        ("zh-Hans", "阅读全文"),
        ("zh-Hant", "閱讀全文"),
        ("zh-TW", "閱讀全文"),
        ("zh-HK", "閱讀全文"),
        ("en", "Read on"),
        ("en-GB", "Read on"),
        ("fi", "Read on"),
        ("qq-x", "Read on"),
    ],
)
def test_a_language_takes_the_nearest_words(language: str, expected: str) -> None:
    assert words_for(Templates(), language).text("Read on") == expected


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("", "fi"),
        ("fi-0001", "fi"),
        ("qq-x", "fi"),
        ("en-GB", "en"),
        ("en-BUY.PILLS.ORG/x", "en"),
        ("zh-0001", "zh"),
        ("zh-CN", "zh"),
        ("zh-TW", "zh-Hant"),
    ],
)
def test_people_are_written_to_under_a_tag_of_ours(wanted: str, expected: str) -> None:
    assert language_for(Templates(), wanted, "fi") == expected


def test_a_language_is_known_by_its_words_or_by_name() -> None:
    assert known_language(Templates(), "sv-FI") == ""
    assert known_language(Templates(), "sv-FI", also=("sv",)) == "sv"
    assert known_language(Templates(), "sv-FI", also=("sv-FI",)) == "sv-FI"
    assert known_language(Templates(), "qq", also=("sv",)) == ""


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("zh-CN", "2026年11月20日星期五"),
        ("zh-TW", "2026年11月20日 星期五"),
        ("en", "Friday, November 20, 2026"),
        ("en-GB", "Friday, 20 November 2026"),
        ("fi", "Friday, November 20, 2026"),  # English words, so an English date
    ],
)
def test_dates_are_written_as_the_language_does(language: str, expected: str) -> None:
    assert words_for(Templates(), language).date(date(2026, 11, 20), "full") == expected


def test_numbers_choose_their_form() -> None:
    words = words_for(Templates(), "en")
    message = ("%(num)s more post online", "%(num)s more posts online")
    assert words.count(*message, 1) == "1 more post online"
    assert words.count(*message, 2) == "2 more posts online"


def own(tmp_path: Path, name: str, text: str) -> Templates:
    folder = tmp_path / "email" / "words"
    folder.mkdir(parents=True)
    (folder / name).write_text(text, encoding="utf-8")
    return Templates(tmp_path)


def test_a_site_changes_single_words_and_keeps_the_others(tmp_path: Path) -> None:
    templates = own(tmp_path, "zh.po", 'msgid "Read on"\nmsgstr "接着读"\n')
    assert words_for(templates, "zh-CN").text("Read on") == "接着读"
    assert words_for(templates, "zh-CN").text("Unsubscribe") == "退订"
    assert words_for(Templates(), "zh-CN").text("Read on") == "阅读全文"


def test_a_site_adds_a_language_or_changes_english(tmp_path: Path) -> None:
    templates = own(tmp_path, "en.po", 'msgid "Read on"\nmsgstr "Continue"\n')
    assert words_for(templates, "en").text("Read on") == "Continue"
    (tmp_path / "email" / "words" / "fi.po").write_text(
        'msgid "Read on"\nmsgstr "Lue lisää"\n', encoding="utf-8"
    )
    assert words_for(templates, "fi").text("Read on") == "Lue lisää"
    assert words_for(templates, "fi").date(date(2026, 11, 20), "long") == "20. marraskuuta 2026"


def test_a_broken_catalogue_is_named_with_its_line(tmp_path: Path) -> None:
    templates = own(tmp_path, "zh.po", 'msgid "Read on"\nmsgstr "接着读"\nmsgfoo "x"\n')
    with pytest.raises(TemplateError, match=r"email/words/zh\.po:\d"):
        words_for(templates, "zh")


@pytest.mark.parametrize(
    "header", ["Plural-Forms: nplurals=2; plural=(n;", "Plural-Forms: nplurals=x"]
)
def test_a_catalogue_whose_header_makes_no_sense_is_named(tmp_path: Path, header: str) -> None:
    with pytest.raises(TemplateError, match=r"email/words/fi\.po"):
        words_for(own_words(tmp_path, "fi", header), "fi")


@pytest.mark.parametrize("charset", ["CHARSET", "ISO-8859-1", "UTF-8"])
def test_a_catalogue_is_in_utf_8_whatever_its_header_says(tmp_path: Path, charset: str) -> None:
    header = f"Content-Type: text/plain; charset={charset}"
    words = words_for(own_words(tmp_path, "fi", header), "fi")
    assert words.text("Feeds") == "Syötteet"


def own_words(folder: Path, name: str, header: str) -> Templates:
    """A catalogue with one message and this field in its header."""
    path = folder / "email" / "words" / f"{name}.po"
    path.parent.mkdir(parents=True)
    message = 'msgid "Feeds"\nmsgstr "Syötteet"\n'
    path.write_text(f'msgid ""\nmsgstr "{header}\\n"\n\n{message}', encoding="utf-8")
    return Templates(folder)


def test_right_to_left_languages_are_known() -> None:
    assert words_for(Templates(), "ar").direction == "rtl"
    assert words_for(Templates(), "zh-TW").direction == "ltr"


@pytest.mark.parametrize(
    ("language", "direction"),
    [("ku", "ltr"), ("ku-Arab", "rtl"), ("ckb", "rtl"), ("ur-latn-PK", "ltr"), ("ar-EG", "rtl")],
)
def test_the_script_decides_from_where_a_language_is_read(language: str, direction: str) -> None:
    assert words_for(Templates(), language).direction == direction


def test_languages_of_han_are_known_even_where_there_are_no_words_for_them() -> None:
    assert words_for(Templates(), "ja").is_han
    assert words_for(Templates(), "zh-Hant").is_han
    assert not words_for(Templates(), "en").is_han

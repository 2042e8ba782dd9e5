from pathlib import Path

import pytest

from publisher.errors import TemplateError
from publisher.render.catalogues import page_words
from publisher.render.templates import Templates


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "email").mkdir()
    return tmp_path


def write(folder: Path, text: str) -> Templates:
    (folder / "email" / "try.html").write_text(text, encoding="utf-8")
    return Templates(folder)


def test_html_is_escaped_and_text_is_not(own: Path) -> None:
    templates = write(own, "{{ value }}")
    assert templates.html("email/try.html", value="<a> & b") == "&lt;a&gt; &amp; b"
    assert templates.text("email/try.html", value="<a> & b") == "<a> & b"


def test_a_name_that_does_not_exist_is_told_with_template_and_line(own: Path) -> None:
    with pytest.raises(TemplateError) as error:
        write(own, "one\ntwo {{ nobody }}").html("email/try.html")
    assert (error.value.template, error.value.line) == ("email/try.html", 2)
    assert "'nobody' is undefined" in error.value.problem


def test_a_mistake_in_the_syntax_is_told_with_its_line(own: Path) -> None:
    with pytest.raises(TemplateError) as error:
        write(own, "one\n{% if %}").html("email/try.html")
    assert (error.value.template, error.value.line) == ("email/try.html", 2)


def test_a_missing_template_is_named(own: Path) -> None:
    with pytest.raises(TemplateError, match=r"email/none\.html: there is no such template"):
        Templates(own).html("email/none.html")
    with pytest.raises(TemplateError, match=r"none\.css"):
        Templates(own).source("email/none.css")


def test_the_mark_that_some_editors_begin_a_file_with_is_no_part_of_it(own: Path) -> None:
    templates = write(own, "\ufeffHello")
    assert templates.text("email/try.html") == "Hello"
    assert templates.source("email/try.html") == "Hello"
    assert templates.sources("email/try.html") == ["Hello"]


def test_a_file_that_is_not_in_utf_8_is_named(own: Path) -> None:
    (own / "email" / "try.html").write_bytes("颜色".encode("gbk"))
    with pytest.raises(TemplateError, match=r"email/try\.html: it is not in UTF-8"):
        Templates(own).sources("email/try.html")


@pytest.mark.parametrize(
    ("text", "problem"), [("[en\n", "line 1"), ('[zh]\nskip = "x"\n', r"a table \[en\]")]
)
def test_a_catalogue_of_pages_that_cannot_serve_is_named(
    own: Path, text: str, problem: str
) -> None:
    (own / "pages").mkdir()
    (own / "pages" / "words.toml").write_text(text, encoding="utf-8")
    with pytest.raises(TemplateError, match=rf"pages/words\.toml: .*{problem}"):
        page_words(Templates(own), "fr")


@pytest.mark.parametrize(
    "attack",
    [
        "{{ value.__class__.__mro__ }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
        "{{ value.append(1) }}",
        "{{ lipsum() }}",
        "{{ [1, 2]|random }}",
        "{% include '/etc/passwd' %}",
        "{% include '../../etc/passwd' %}",
        "{{ 1 / 0 }}",
        "{{ value['x'] }}",
    ],
)
def test_the_sandbox_holds(own: Path, attack: str) -> None:
    with pytest.raises(TemplateError):
        write(own, attack).html("email/try.html", value=[])


def test_a_site_overrides_file_by_file(own: Path) -> None:
    (own / "email" / "base").mkdir()
    (own / "email" / "base" / "head.css").write_text("own", encoding="utf-8")
    templates = Templates(own)
    assert templates.source("email/base/head.css") == "own"
    assert "masthead" in templates.source("email/base/inline.css")


def never(*_: object, **__: object) -> None:
    raise AssertionError("compiled once more")


def test_what_was_compiled_is_not_compiled_again(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(own, "{{ value }}")
    kept = tmp_path / "state" / "templates"
    first = Templates(own, compiled=kept)
    assert first.html("email/try.html", value="<") == "&lt;"
    assert first.text("email/try.html", value="<") == "<"
    monkeypatch.setattr("jinja2.environment.generate", never)
    second = Templates(own, compiled=kept)
    assert second.html("email/try.html", value="<") == "&lt;"
    assert second.text("email/try.html", value="<") == "<"


def test_an_edited_template_is_compiled_anew(own: Path, tmp_path: Path) -> None:
    for text in ("one", "two"):
        write(own, text)
        assert Templates(own, compiled=tmp_path / "kept").html("email/try.html") == text


def test_the_sandbox_holds_in_what_was_compiled(own: Path, tmp_path: Path) -> None:
    write(own, "{{ value.__class__.__mro__ }}")
    for _ in range(2):
        with pytest.raises(TemplateError) as error:
            Templates(own, compiled=tmp_path / "kept").html("email/try.html", value=[])
        assert (error.value.template, error.value.line) == ("email/try.html", 1)


def test_damaged_and_unwritable_compiled_templates_are_none(own: Path, tmp_path: Path) -> None:
    write(own, "text")
    kept = tmp_path / "kept"
    Templates(own, compiled=kept).html("email/try.html")
    for path in (kept / "html").iterdir():
        path.write_bytes(b"x")
    assert Templates(own, compiled=kept).html("email/try.html") == "text"
    (tmp_path / "file").write_text("in the way")
    assert Templates(own, compiled=tmp_path / "file").html("email/try.html") == "text"

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from publisher.domain.labels import Label, LabelKind, file_posts, key_of, labels_of, slug_of
from tests.factories import make_post


def tags(*names: str, known: list[Label] | None = None) -> dict[str, str]:
    """Tag -> slug, for one post of each."""
    posts = [make_post(number, tags=(name,)) for number, name in enumerate(names, start=1)]
    filed = file_posts(posts, known or [], author="Lin")
    labels = [label for label in labels_of(filed) if label.kind is LabelKind.TAG]
    return {label.name: label.slug for label in labels}


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Deep Sea", "deep-sea"), ("依恋", "依恋"), ("C++", "c-plus-plus"), ("C#", "c-sharp"),
        ("node.js", "node-js"), ("a/b", "a/b"), ("../../etc", "etc"), ("feed.xml", "feed-xml"),
        ("…", "-"), ("Ｗide", "wide"), ("क्या", "क्या"), ("x" * 99, "x" * 60),
    ],
)  # fmt: skip
def test_a_slug_is_what_can_stand_in_an_address(name: str, slug: str) -> None:
    assert slug_of(name) == slug


@given(st.text())
def test_a_slug_never_leads_anywhere_else(name: str) -> None:
    parts = slug_of(name).split("/")
    assert all(part and part[0] != "." for part in parts)
    assert not re.search(r"[\s.\\?#%\x00-\x1f]", slug_of(name))


def test_labels_of_one_slug_get_numbers() -> None:
    assert tags("C", "c!", "c?") == {"C": "c", "c!": "c-2", "c?": "c-3"}


def test_a_slug_that_was_given_stays_and_is_never_given_again() -> None:
    old = [Label(kind=LabelKind.TAG, key="sea", name="Sea", slug="the-ocean")]
    assert tags("sea", known=old) == {"sea": "the-ocean"}
    gone = [Label(kind=LabelKind.TAG, key="other", name="Other", slug="sea")]
    assert tags("sea", known=gone) == {"sea": "sea-2"}


def test_case_width_and_blanks_make_no_other_label() -> None:
    assert key_of(" Deep　SEA ") == key_of("deep sea")
    posts = [make_post(1, tags=("Sea",)), make_post(2, tags=("sea",))]
    (label,) = [item for item in file_posts(posts, [], author="x") if item.label.kind == "tag"]
    assert (label.label.name, len(label.posts)) == ("Sea", 2)


def test_a_post_in_a_branch_is_in_its_stem() -> None:
    post = make_post(1, categories=(("life", "growth"), ("life",)))
    filed = file_posts([post], [], author="x")
    found = {item.label.slug: len(item.posts) for item in filed if item.label.kind == "category"}
    assert found == {"life": 1, "life/growth": 1}


def test_authors_and_languages_are_labels_only_where_there_are_several() -> None:
    posts = [make_post(1), make_post(2)]
    assert file_posts(posts, [], author="Lin") == []
    posts[1] = replace(posts[1], authors=("Guest",), language="zh")
    found = [(item.label.kind, item.label.name) for item in file_posts(posts, [], author="Lin")]
    assert found == [("author", "Guest"), ("author", "Lin"), ("language", "en"), ("language", "zh")]


def test_the_address_of_a_label_is_percent_encoded_and_its_folder_is_not() -> None:
    label = Label(kind=LabelKind.CATEGORY, key="x", name="x", slug="生活/growth")
    assert label.folder == "categories/生活/growth"
    assert label.path == "/categories/%E7%94%9F%E6%B4%BB/growth/"

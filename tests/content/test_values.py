import pytest

from publisher.content.values import (
    FALSE,
    KEEPING,
    TRUE,
    Value,
    is_set,
    look_up,
    texts,
    the_stricter,
)


@pytest.mark.parametrize("text", sorted(FALSE))
def test_clearly_false_is_not_set_in_any_case(text: str) -> None:
    assert not is_set(text)
    assert not is_set(text.upper())
    assert not is_set(f" {text} ")


@pytest.mark.parametrize("value", [*sorted(TRUE), "maybe", "2", [], {}, ["false"]])
def test_anything_else_is_set(value: Value) -> None:
    assert is_set(value)


def test_what_is_not_given_is_not_set() -> None:
    assert not is_set(None)


def test_a_dot_looks_into_a_map_in_any_case() -> None:
    assert look_up({"cover": {"Image": "a.png"}}, "cover.image") == "a.png"
    assert look_up({"cover": "a.png"}, "cover.image") is None
    assert look_up({}, "cover.image") is None


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, ()), ("", ()), (" a ", ("a",)), (["b", "a", "b", "", None, {"x": "y"}], ("b", "a")),
        ({"a": "b"}, ()), (["0"], ("0",)),
    ],
)  # fmt: skip
def test_texts_are_trimmed_and_stand_once_in_their_order(
    value: Value, found: tuple[str, ...]
) -> None:
    assert texts(value) == found


@pytest.mark.parametrize("key", sorted(KEEPING - {"password"}))
def test_of_two_marks_the_one_that_keeps_back_counts(key: str) -> None:
    assert the_stricter(key, "true", "false") == "true"
    assert the_stricter(key, "false", "true") == "true"
    assert the_stricter(key.upper(), "true", None) == "true"


@pytest.mark.parametrize(
    ("key", "kept", "public"),
    [("status", "draft", "published"), ("status", "draft", None), ("status", ["draft"], "publish"),
     ("published", "false", "true"), ("published", "maybe", "2020-01-01"),
     ("published", "no", ""), ("published", "no", None)],
)  # fmt: skip
def test_of_two_that_say_whether_it_is_published_the_no_counts(
    key: str, kept: Value, public: Value
) -> None:
    assert the_stricter(key, kept, public) == kept
    assert the_stricter(key.upper(), public, kept) == kept


@pytest.mark.parametrize(
    "pair", [("0", ""), ("", "0"), ("false", None), (None, "false"), ("x", "")]
)
def test_of_two_passwords_the_one_that_is_one_counts(pair: tuple[Value, Value]) -> None:
    assert the_stricter("password", *pair) == next(value for value in pair if value)

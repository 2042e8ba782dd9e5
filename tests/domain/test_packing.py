import pickle

import pytest

from publisher.domain.packing import NOTHING, Held, pack, unpack
from publisher.domain.posts import Body, Excerpt


@pytest.mark.parametrize("text", ["", "a", "海" * 10_000, "half a pair \ud83e", "x\0y"])
def test_a_text_comes_back_as_it_was(text: str) -> None:
    assert unpack(pack(text)) == text
    assert Held(pack(text)).text() == text


def test_two_texts_are_equal_if_they_hold_the_same() -> None:
    one, other = Held(pack("sea")), Held(pack("sea"))
    assert one == other
    assert hash(one) == hash(other)
    assert one != Held(pack("sky"))
    assert one != pack("sea")
    assert pickle.loads(pickle.dumps(one)) == one


def test_bodies_that_differ_in_one_form_only_differ() -> None:
    assert Body.of("<p>a</p>", "<p>b</p>") != Body.of("<p>a</p>", "<p>c</p>")
    assert Body.of("<p>a</p>", "<p>a</p>") == Body.of("<p>a</p>")
    assert Excerpt.of("a", "b", is_manual=True) != Excerpt.of("a", "c", is_manual=True)


def test_nothing_is_an_empty_text() -> None:
    assert (NOTHING.text(), Body().html, Body().mail_html) == ("", "", "")

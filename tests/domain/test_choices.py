from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.choices import (
    EVEN,
    Balance,
    Choices,
    Taste,
    change_series,
    join_names,
    offered,
    split_names,
    theirs,
)
from publisher.domain.newsletters import Frequency
from tests.factories import make_newsletter, make_post

NEWSLETTER = make_newsletter(
    frequencies=(Frequency.DAILY,), topics=("sea", "stars"), languages=("en", "zh")
)
SEA = make_post(1, tags=("Sea",), language="en")
STARS = make_post(2, tags=("stars", "sky"), language="zh-CN")
PLAIN = make_post(3, language="en")

IDS = st.frozensets(st.sampled_from("abcdefgh"))


def titles(taste: Taste, *owed: int) -> list[int]:
    late = [make_post(number, language="en") for number in owed]
    found = theirs(NEWSLETTER, taste, [PLAIN, STARS, SEA], late)
    return [int(post.id.removeprefix("post-")) for post in found]


def test_who_chooses_nothing_gets_everything() -> None:
    assert titles(Taste("", "", "")) == [3, 2, 1]


def test_topics_take_posts_with_any_of_them_in_any_case() -> None:
    assert titles(Taste("", "sea", "")) == [1]
    assert titles(Taste("", "sea\nstars", "")) == [2, 1]


def test_languages_take_their_varieties() -> None:
    assert titles(Taste("", "", "zh")) == [2]


def test_topic_and_language_must_both_fit() -> None:
    assert titles(Taste("", "sea", "zh")) == []


def test_a_topic_that_is_no_longer_offered_counts_as_none() -> None:
    assert titles(Taste("", "bread", "fr")) == [3, 2, 1]


def test_what_was_had_is_left_out_and_what_is_owed_comes_in_its_place_by_date() -> None:
    taste = Taste("", "", "", Balance(had=frozenset({"post-2"}), owed=frozenset({"post-4"})))
    assert titles(taste, 4) == [4, 3, 1]


def test_a_post_that_is_owed_and_carried_comes_once() -> None:
    taste = Taste("", "", "", Balance(owed=frozenset({"post-1"})))
    assert titles(taste, 1) == [3, 2, 1]


@given(st.frozensets(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1)))
def test_a_set_comes_back_as_it_was_packed(values: frozenset[str]) -> None:
    assert split_names(join_names(values)) == values


def test_only_what_is_on_offer_is_kept() -> None:
    wanted = Choices(frequency="monthly", topics=frozenset({"sea", "x"}), languages=frozenset("y"))
    assert offered(NEWSLETTER, wanted) == Choices(topics=frozenset({"sea"}))


def test_choices_say_what_they_are() -> None:
    chosen = Choices(frequency="daily", topics=frozenset({"sea", "air"}))
    assert str(chosen) == "daily; topics: air, sea"
    assert str(Choices()) == "everything, as it comes"


@given(IDS, IDS, IDS)
def test_going_to_another_series_keeps_what_was_had(
    before: frozenset[str], after: frozenset[str], then: frozenset[str]
) -> None:
    balance = change_series(EVEN, before=before, after=after)
    assert (after - balance.owed) | balance.had == before
    further = change_series(balance, before=after, after=then)
    assert (then - further.owed) | further.had == before
    assert not further.had & further.owed


@given(IDS, IDS)
def test_going_there_and_back_changes_nothing(one: frozenset[str], two: frozenset[str]) -> None:
    there = change_series(EVEN, before=one, after=two)
    assert change_series(there, before=two, after=one) == EVEN

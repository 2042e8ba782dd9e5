from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.posts import Post
from publisher.domain.selection import chosen, for_issue

START = datetime(2026, 10, 1, tzinfo=UTC)
SLOT = datetime(2026, 11, 20, 8, tzinfo=UTC)
SECOND = timedelta(seconds=1)
EAST = timezone(timedelta(hours=8))


def make_post(name: str, at: datetime) -> Post:
    return Post(
        id=name,
        declares_id=True,
        path=f"{name}.md",
        title=name,
        published=at,
        updated=at,
        url=f"https://example.org/{name}",
        language="en",
        body_hash=name,
    )


def issue(*posts: Post, mailed: frozenset[str] = frozenset()) -> dict[str, str]:
    """Post id -> "in", or the reason why it is out."""
    choices = for_issue(posts, start=START, slot=SLOT, mailed=mailed)
    return {choice.post.id: "in" if choice.chosen else choice.reason for choice in choices}


POSTS = st.lists(
    st.tuples(st.integers(0, 30), st.datetimes(timezones=st.just(UTC))),
    unique_by=lambda pair: pair[0],
).map(lambda pairs: [make_post(str(number), at) for number, at in pairs])


def test_a_post_dated_between_start_and_slot_is_in() -> None:
    assert issue(make_post("a", START), make_post("b", SLOT)) == {"a": "in", "b": "in"}


def test_an_archive_is_never_mailed() -> None:
    reason = issue(make_post("old", START - SECOND))["old"]
    assert reason == "dated before the newsletter's start, 2026-10-01 00:00"


def test_a_post_of_the_future_waits_for_its_issue() -> None:
    reason = issue(make_post("soon", SLOT + SECOND))["soon"]
    assert reason == "dated after this issue's slot, 2026-11-20 08:00"


def test_a_reason_speaks_in_the_posts_own_time() -> None:
    reason = issue(make_post("soon", (SLOT + SECOND).astimezone(EAST)))["soon"]
    assert reason == "dated after this issue's slot, 2026-11-20 16:00"


def test_a_post_is_mailed_once() -> None:
    found = issue(
        make_post("a", SLOT), make_post("b", SLOT - SECOND), mailed=frozenset({"a", "gone"})
    )
    assert found == {"a": "was in an earlier issue", "b": "in"}


def test_a_post_mailed_before_and_dated_anew_is_not_mailed_again() -> None:
    assert issue(make_post("a", START - SECOND), mailed=frozenset("a")) == {
        "a": "was in an earlier issue"
    }


def test_a_post_found_late_is_not_lost() -> None:
    assert issue(make_post("late", START + SECOND), mailed=frozenset({"newer"}))["late"] == "in"


@given(POSTS, st.sets(st.integers(0, 30).map(str)))
def test_each_post_is_answered_for_and_the_newest_comes_first(
    posts: list[Post], mailed: set[str]
) -> None:
    choices = for_issue(posts, start=START, slot=SLOT, mailed=mailed)
    assert sorted(choice.post.id for choice in choices) == sorted(post.id for post in posts)
    assert all(choice.reason for choice in choices)
    dates = [choice.post.published for choice in choices]
    assert dates == sorted(dates, reverse=True)
    for post in chosen(choices):
        assert START <= post.published <= SLOT
        assert post.id not in mailed

from collections import Counter
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from publisher.domain.posts import KnownPost, Post, body_hash, newest_first, settle_ids
from tests.factories import NOW

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def make_post(path: str, body: str = "", *, declared: str = "", at: datetime = NOON) -> Post:
    return Post(
        id=declared or path,
        declares_id=bool(declared),
        path=path,
        title=path,
        published=at,
        updated=at,
        url=f"https://example.org/{path}",
        language="en",
        body_hash=body_hash(body or f"body of {path}"),
    )


def remember(known: list[KnownPost], settled: list[Post]) -> list[KnownPost]:
    """The registry after a run: ids are never forgotten, their places follow the files."""
    rows = {row.id: row for row in known}
    rows |= {
        post.id: KnownPost(id=post.id, path=post.path, body_hash=post.body_hash) for post in settled
    }
    return list(rows.values())


def ids(posts: list[Post], known: list[KnownPost]) -> dict[str, str]:
    return {post.path: post.id for post in settle_ids(posts, known, now=NOW)}


def known_after(*posts: Post) -> list[KnownPost]:
    return remember([], settle_ids(posts, [], now=NOW))


def test_what_is_a_draft_today_keeps_its_id_from_a_copy() -> None:
    known = known_after(make_post("a.md", "text"))
    (copy,) = settle_ids([make_post("b.md", "text")], known, present={"a.md"}, now=NOW)
    assert copy.id == "b.md"
    (moved,) = settle_ids([make_post("b.md", "text")], known, now=NOW)
    assert moved.id == "a.md"


def test_a_declared_id_wins() -> None:
    post = make_post("a.md", declared="42")
    assert ids([post], []) == {"a.md": "42"}
    assert ids([post], known_after(make_post("a.md"))) == {"a.md": "42"}


def test_without_one_the_path_at_first_sight_is_the_id() -> None:
    assert ids([make_post("a.md"), make_post("b/c.md")], []) == {"a.md": "a.md", "b/c.md": "b/c.md"}


def test_an_edited_post_keeps_its_id() -> None:
    known = known_after(make_post("a.md", "old"))
    assert ids([make_post("a.md", "new")], known) == {"a.md": "a.md"}


def test_a_renamed_file_keeps_its_id() -> None:
    known = known_after(make_post("a.md", "text"), make_post("c.md"))
    assert ids([make_post("b.md", "text"), make_post("c.md")], known)["b.md"] == "a.md"


def test_a_file_renamed_twice_and_then_edited_keeps_its_id() -> None:
    known = known_after(make_post("a.md", "text"))
    for path, body in (("b.md", "text"), ("c.md", "text"), ("c.md", "edited"), ("d.md", "edited")):
        settled = settle_ids([make_post(path, body)], known, now=NOW)
        known = remember(known, settled)
        assert [post.id for post in settled] == ["a.md"]


def test_a_whole_folder_renamed_keeps_its_ids_even_with_equal_bodies() -> None:
    known = known_after(*(make_post(f"old/{name}.md", "same") for name in "abc"))
    moved = [make_post(f"new/{name}.md", "same") for name in "cba"]
    assert ids(moved, known) == {f"new/{name}.md": f"old/{name}.md" for name in "abc"}


def test_a_copy_is_another_post() -> None:
    known = known_after(make_post("a.md", "text"))
    found = ids([make_post("a.md", "text"), make_post("b.md", "text")], known)
    assert found == {"a.md": "a.md", "b.md": "b.md"}


def test_a_new_file_at_the_old_place_of_a_renamed_one_is_another_post() -> None:
    known = known_after(make_post("a.md", "text"))
    known = remember(known, settle_ids([make_post("b.md", "text")], known, now=NOW))
    found = ids([make_post("a.md", "other"), make_post("b.md", "text")], known)
    assert found == {"a.md": "a.md~2", "b.md": "a.md"}


@pytest.mark.parametrize(
    ("days", "body", "expected"),
    [(2, "other", "a.md~2"), (2, "text", "a.md"), (0.5, "other", "a.md")],
)
def test_another_text_where_one_was_taken_down_is_another_post(
    days: float, body: str, expected: str
) -> None:
    gone_at = NOW - timedelta(days=days)
    known = [KnownPost(id="a.md", path="a.md", body_hash=body_hash("text"), gone_at=gone_at)]
    assert ids([make_post("a.md", body)], known) == {"a.md": expected}


def test_an_id_once_given_stays_burnt() -> None:
    known = [
        KnownPost(id="a.md", path="gone-1.md", body_hash="1"),
        KnownPost(id="a.md~2", path="gone-2.md", body_hash="2"),
    ]
    assert ids([make_post("a.md")], known) == {"a.md": "a.md~3"}


def test_a_path_does_not_take_the_id_that_another_post_declares() -> None:
    assert ids([make_post("a.md"), make_post("b.md", declared="a.md")], []) == {
        "a.md": "a.md~2",
        "b.md": "a.md",
    }


def test_a_file_in_the_place_of_a_moved_one_does_not_take_its_declared_id() -> None:
    known = known_after(make_post("a.md", declared="42"))
    found = ids([make_post("a.md", "new"), make_post("b.md", declared="42")], known)
    assert found == {"a.md": "a.md", "b.md": "42"}


def test_a_lost_id_that_is_declared_now_does_not_move_to_an_equal_body() -> None:
    known = known_after(make_post("a.md", "text"))
    found = ids([make_post("b.md", "text", declared="a.md"), make_post("c.md", "text")], known)
    assert found == {"b.md": "a.md", "c.md": "c.md"}


PATHS = st.sampled_from(["a.md", "b.md", "c.md", "a.md~2"])
FILES = st.dictionaries(
    PATHS, st.tuples(st.sampled_from("xyz"), st.sampled_from(["", "", "a.md", "b.md", "42"]))
)


@given(st.lists(FILES, max_size=6))
def test_whatever_writers_do_no_id_is_given_twice(runs: list[dict[str, tuple[str, str]]]) -> None:
    known: list[KnownPost] = []
    for files in runs:
        counts = Counter(declared for _, declared in files.values())
        posts = [
            make_post(path, body, declared=declared if counts[declared] == 1 else "")
            for path, (body, declared) in files.items()
        ]
        settled = settle_ids(posts, known, now=NOW)
        assert len({post.id for post in settled}) == len(posts)
        known = remember(known, settled)
        assert settle_ids(posts, known, now=NOW) == settled


@given(st.permutations(["a.md", "b.md", "c.md", "d.md"]))
def test_the_order_of_the_files_does_not_matter(order: list[str]) -> None:
    known = known_after(make_post("old.md", "same"))
    posts = [make_post(path, "same") for path in order]
    settled = settle_ids(posts, known, now=NOW)
    assert [post.path for post in settled] == sorted(order)
    assert settled[0].id == "old.md"


def test_nothing_but_the_id_changes() -> None:
    post = make_post("b.md", "text")
    known = known_after(make_post("a.md", "text"))
    assert settle_ids([post], known, now=NOW) == [replace(post, id="a.md")]


def test_the_newest_come_first_and_ties_are_settled_by_id() -> None:
    east = timezone(timedelta(hours=8))
    posts = [
        make_post("a", at=NOON),
        make_post("c", at=NOON.astimezone(east)),
        make_post("b", at=NOON),
        make_post("later", at=(NOON + timedelta(seconds=1)).astimezone(east)),
    ]
    expected = ["later", "c", "b", "a"]
    assert [post.id for post in newest_first(posts)] == expected
    assert [post.id for post in newest_first(posts[::-1])] == expected


def test_the_hash_of_a_body_takes_any_text() -> None:
    assert body_hash("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert body_hash("\ud800") != body_hash("?")

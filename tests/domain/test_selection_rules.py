from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from publisher.domain.selection import Order, Selection, chosen, for_issue
from tests.factories import make_post

START = datetime(2025, 10, 1, tzinfo=UTC)
SLOT = datetime(2025, 11, 1, tzinfo=UTC)


def choose(rule: Selection) -> tuple[list[str], dict[str, str]]:
    """The ids that are in, in their order, and the reasons of the others."""
    posts = [
        make_post(1, tags=("Sea", "craft"), categories=(("Essays", "Harbour"),)),
        make_post(2, tags=("sea",), language="zh-CN", categories=(("Notes",),)),
        make_post(3, tags=("internal", "sea")),
        make_post(4, tags=("featured",), language="zh"),
    ]
    choices = for_issue(posts, start=START, slot=SLOT, mailed=(), rule=rule)
    inside = [post.id.removeprefix("post-") for post in chosen(choices)]
    return inside, {c.post.id.removeprefix("post-"): c.reason for c in choices if not c.chosen}


@pytest.mark.parametrize(
    ("rule", "inside"),
    [
        (Selection(), "4321"),
        (Selection(tags=frozenset({"SEA"})), "321"),
        (Selection(tags=frozenset({"craft", "featured"})), "41"),
        (Selection(without_tags=frozenset({"Internal"})), "421"),
        (Selection(categories=frozenset({"harbour"})), "1"),
        (Selection(categories=frozenset({"essays", "notes"})), "21"),
        (Selection(language="zh"), "42"),
        (Selection(language="zh-CN"), "2"),
        (Selection(order=Order.OLDEST), "1234"),
        (Selection(most=2), "43"),
        (Selection(most=2, order=Order.OLDEST), "12"),
        (Selection(pinned=frozenset({"craft"})), "1432"),
        (Selection(pinned=frozenset({"craft"}), most=2), "14"),
    ],
)
def test_a_rule_lets_these_through_in_this_order(rule: Selection, inside: str) -> None:
    assert choose(rule)[0] == list(inside)


def test_each_post_that_is_out_has_its_reason() -> None:
    rule = Selection(
        tags=frozenset({"sea", "craft"}), without_tags=frozenset({"internal"}), language="en"
    )
    assert choose(rule)[1] == {
        "2": "is written in zh-CN, not in en",
        "3": "has the tag internal",
        "4": "has none of the tags craft, sea",
    }
    rule = Selection(categories=frozenset({"essays"}))
    assert choose(rule)[1]["2"] == "is in none of the categories essays"
    assert choose(Selection(most=3))[1] == {
        "1": "more than 3 new posts: it waits for the next issue"
    }


def test_what_is_over_the_limit_is_in_the_next_issue() -> None:
    posts = [make_post(number) for number in range(1, 6)]
    rule = Selection(most=2)
    mailed: set[str] = set()
    rounds = []
    for week in range(3):
        slot = SLOT + timedelta(weeks=week)
        found = chosen(for_issue(posts, start=START, slot=slot, mailed=mailed, rule=rule))
        rounds.append([post.id for post in found])
        mailed |= {post.id for post in found}
    assert rounds == [["post-5", "post-4"], ["post-3", "post-2"], ["post-1"]]


def test_a_private_tag_counts_in_any_case() -> None:
    post = replace(make_post(1), tags=("INTERNAL",))
    rule = Selection(without_tags=frozenset({"internal"}))
    (choice,) = for_issue([post], start=START, slot=SLOT, mailed=(), rule=rule)
    assert choice.reason == "has the tag INTERNAL"

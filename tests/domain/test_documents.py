"""The conditional requests of RFC 9110 as a table."""

from datetime import UTC, datetime, timedelta
from time import perf_counter

import pytest

from publisher.domain.documents import (
    OLD_ADDRESSES,
    Condition,
    choose_encoding,
    first_seen,
    holds,
    http_date,
    usual_new_address,
)

AT = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
SAME, OLDER, NEWER = (http_date(AT + timedelta(seconds=n)) for n in (0, -1, 1))
YES, NO = True, False


@pytest.mark.parametrize(
    ("tags", "since", "expected"),
    [
        ((), "", NO),
        (("*",), "", YES),
        (('"abc"',), "", YES),
        (('W/"abc"',), "", YES),
        (('"abc-gzip"',), "", YES),
        (('"abc;gzip"',), "", YES),
        (('W/"abc-br"',), "", YES),
        (('"x", "abc"',), "", YES),
        (('"x"', '"abc"'), "", YES),
        ((), "Mon, 01 Jan 99999999999999999999 00:00:00 GMT", NO),
        ((), "Mon, 24 Nov 2025 00:00:00 +99999999999999999999", NO),
        (('"abc"',), OLDER, YES),
        (("abc",), "", NO),
        (('"abcd"',), "", NO),
        (('"abc-zstd"',), "", NO),
        (('"x"',), NEWER, NO),
        (("",), NEWER, NO),
        (("garbage",), SAME, NO),
        ((), SAME, YES),
        ((), NEWER, YES),
        ((), OLDER, NO),
        ((), "Tuesday, 24-Nov-26 03:00:00 GMT", YES),
        ((), "Tue Nov 24 03:00:00 2026", YES),
        ((), "24.11.2026", NO),
        ((), "-1", NO),
    ],
)
def test_the_whole_matrix(tags: tuple[str, ...], since: str, expected: bool) -> None:
    condition = Condition(if_none_match=tags, if_modified_since=since)
    assert holds(condition, digest="abc", modified_at=AT) is expected


def test_bytes_of_unknown_age_are_always_sent_for_a_date() -> None:
    assert not holds(Condition(if_modified_since=NEWER), digest="abc", modified_at=None)


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ([], ""), ([""], ""), (["identity"], ""), (["gzip"], "gzip"), (["gzip, br"], "br"),
        (["br;q=0.5, gzip"], "gzip"), (["GZIP"], "gzip"), (["gzip;q=0"], ""), (["*"], "br"),
        (["br;q=0, *"], "gzip"), (["*;q=0"], ""), (["deflate, zstd"], ""), (["gzip", "br"], "br"),
        (["gzip;q=1.0;x"], ""), (["gzip ; q=0.3"], "gzip"), (["identity;q=0"], ""),
    ],
)  # fmt: skip
def test_the_encoding_is_one_that_the_client_takes(accepted: list[str], expected: str) -> None:
    assert choose_encoding(accepted, ["", "gzip", "br"]) == expected


def test_who_likes_plain_bytes_better_gets_them() -> None:
    assert choose_encoding(["identity;q=1, gzip;q=0.2"], ["", "gzip", "br"]) == ""
    assert choose_encoding(["identity;q=0.5, gzip;q=0.5"], ["", "gzip", "br"]) == "gzip"


def test_an_encoding_that_is_not_there_is_never_chosen() -> None:
    assert choose_encoding(["br, gzip"], ["", "gzip"]) == "gzip"
    assert choose_encoding(["br, gzip"], [""]) == ""


def test_no_header_makes_choosing_slow() -> None:
    began = perf_counter()
    assert choose_encoding(["gzip" + " " * 60_000 + "!", " br ; q = 0.5 "], ["", "br"]) == "br"
    assert perf_counter() - began < 1


def test_last_modified_has_whole_seconds_and_only_grows() -> None:
    late = AT + timedelta(microseconds=900_000)
    assert first_seen(late, None) == AT
    assert first_seen(late, AT) == AT + timedelta(seconds=1)
    assert first_seen(AT - timedelta(days=9), AT) == AT + timedelta(seconds=1)


def test_no_usual_old_address_is_a_present_one() -> None:
    assert not set(OLD_ADDRESSES) & set(OLD_ADDRESSES.values())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("feed/", "rss.xml"), ("rss2.xml", "rss.xml"), ("index.xml", "rss.xml"),
        ("feeds/all.atom.xml", "atom.xml"), ("tags/Sea/index.xml", "tags/sea/feed.xml"),
        ("tag/sea/feed/", "tags/sea/feed.xml"), ("feeds/tag.sea.atom.xml", "tags/sea/feed.xml"),
        ("category/life/growth/feed/", "categories/life/growth/feed.xml"),
        ("author/lin/rss/", "authors/lin/feed.xml"),
        ("feeds/life.atom.xml", "categories/life/feed.xml"),
        ("posts/one/", ""), ("", ""),
    ],
)  # fmt: skip
def test_the_addresses_of_other_generators_are_known(old: str, new: str) -> None:
    assert usual_new_address(old) == new

"""Dates as people write them; nothing is guessed and nothing rolls over."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.content.dates import date_of_name, is_naive, parse_date, zone_without_meaning

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")

READ = [
    ("2025-10-11 06:16:29", "2025-10-11T06:16:29+08:00"),
    ("2025-10-11", "2025-10-11T00:00:00+08:00"),
    ("2025/1/2 3:4", "2025-01-02T03:04:00+08:00"),
    ("2025.10.11 06:16", "2025-10-11T06:16:00+08:00"),
    ("2025年10月11日", "2025-10-11T00:00:00+08:00"),
    ("2025年1月2日 03:04:05", "2025-01-02T03:04:05+08:00"),
    ("2025-10-11T06:16:29", "2025-10-11T06:16:29+08:00"),
    ("2025-10-11, 06:16", "2025-10-11T06:16:00+08:00"),
    ("2025-10-11T06:16:29Z", "2025-10-11T14:16:29+08:00"),
    ("2025-10-11 06:16:29 UTC", "2025-10-11T14:16:29+08:00"),
    ("2025-10-11 06:16:29 GMT", "2025-10-11T14:16:29+08:00"),
    ("2025-10-11 06:16:29 +0000", "2025-10-11T14:16:29+08:00"),
    ("2025-10-11T06:16:29-0700", "2025-10-11T21:16:29+08:00"),
    ("2025-10-11T06:16:29+08:00", "2025-10-11T06:16:29+08:00"),
    ("2025-10-11 06:16:29 +08", "2025-10-11T06:16:29+08:00"),
    ("2025-10-11 06:16:29 GMT+0800 (China Standard Time)", "2025-10-11T06:16:29+08:00"),
    ("2025-10-11T06:16:29.734Z", "2025-10-11T14:16:29+08:00"),
    ("2025-10-11 06:16 PM", "2025-10-11T18:16:00+08:00"),
    ("2025-10-11 12:30 am", "2025-10-11T00:30:00+08:00"),
    ("2025-10-11 12:30:00 p.m.", "2025-10-11T12:30:00+08:00"),
    ("2025-10-11 24:00", "2025-10-12T00:00:00+08:00"),
    ("2025-12-31 24:00:00", "2026-01-01T00:00:00+08:00"),
    ("2022-10-11 22:010:17", "2022-10-11T22:10:17+08:00"),
    ("2022-10-11 12:42:33:16", "2022-10-11T12:42:33+08:00"),
    ("2023-01-11 18:30:22 2023 -0800", "2023-01-12T10:30:22+08:00"),
    ("2025-10-11 06:16:29 CST", "2025-10-11T06:16:29+08:00"),
    ("1760134589", "2025-10-11T06:16:29+08:00"),
    ("1760134589000", "2025-10-11T06:16:29+08:00"),
    ("20251011", "2025-10-11T00:00:00+08:00"),
    ("Oct 11, 2025 6:16 PM", "2025-10-11T18:16:00+08:00"),
    ("Sat Oct 11 2025 06:16:29 GMT+0800 (CST)", "2025-10-11T06:16:29+08:00"),
    ("Sat, 11 Oct 2025 06:16:29 +0000", "2025-10-11T14:16:29+08:00"),
    ("11 October 2025", "2025-10-11T00:00:00+08:00"),
    ("11-Oct-2025", "2025-10-11T00:00:00+08:00"),
    ("11 OCT 2025 06:16", "2025-10-11T06:16:00+08:00"),
    ("Oct 11, 2025 06:16:29Z", "2025-10-11T14:16:29+08:00"),
    ("Oct 11, 2025 06:16:29+0000", "2025-10-11T14:16:29+08:00"),
    ("Sat Oct 11 06:16:29 UTC 2025", "2025-10-11T14:16:29+08:00"),
    ("Sat Oct 11 06:16:29 +0000 2025", "2025-10-11T14:16:29+08:00"),
    ("Sat Oct 11 06:16:29 -0700 2025", "2025-10-11T21:16:29+08:00"),
    ("Sat Oct 11 06:16:29 CST 2025", "2025-10-11T06:16:29+08:00"),
    ("  2025-10-11  ", "2025-10-11T00:00:00+08:00"),
]
REFUSED = [
    "", "today", "now", "2020-02-30", "2025-13-01", "2025-10-32", "2025-10-11 25:00",
    "2025-10-11 24:01", "2025-10-11 12:60", "2025-10-11 13:00 PM", "10/11/2025", "11/10/2025",
    "2025-10", "2025", "Oct 11", "10-11", "12:30", "{{ date }}", "true", "0", "-1", "99999999",
    "0000-01-01", "9999-12-31 23:59:59 -2300", "2025-10-11 x", "x 2025-10-11",
    "2025-10-11" + " " * 10_000 + "x", "9" * 5_000, "²" * 10, "2025-10-11T06:16:29+99:99",
    "12345678901234567890123456789.5h Jan", "Oct 11 2025 06:16:29 +9999",
]  # fmt: skip


@pytest.mark.parametrize(("text", "iso"), READ, ids=[text for text, _ in READ])
def test_a_date_is_the_instant_that_was_meant(text: str, iso: str) -> None:
    found = parse_date(text, SHANGHAI)
    assert found is not None
    assert found.isoformat() == iso
    assert found.tzinfo is SHANGHAI


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:24] or "nothing")
def test_what_would_have_to_be_guessed_is_no_date(text: str) -> None:
    assert parse_date(text, SHANGHAI) is None


@pytest.mark.parametrize("zone", [SHANGHAI, BERLIN, ZoneInfo("America/St_Johns")])
def test_a_text_without_an_offset_is_at_home_in_the_zone(zone: ZoneInfo) -> None:
    assert parse_date("2025-10-11 06:16:29", zone) == datetime(2025, 10, 11, 6, 16, 29, tzinfo=zone)


def test_a_time_that_never_comes_is_told_by_a_clock_that_was_put_forward() -> None:
    """As a cache, which keeps the instant alone, gives it back."""
    found = parse_date("2025-03-30 02:30:00", BERLIN)
    assert found is not None
    assert found.isoformat() == "2025-03-30T03:30:00+02:00"
    assert found.astimezone(UTC).astimezone(BERLIN).isoformat() == found.isoformat()


def test_the_hour_that_comes_twice_is_the_first_and_the_one_that_never_comes_is_read() -> None:
    twice = parse_date("2025-10-26 02:30", BERLIN)
    never = parse_date("2026-03-29 02:30", BERLIN)
    assert twice is not None
    assert never is not None
    assert twice.astimezone(UTC).isoformat() == "2025-10-26T00:30:00+00:00"
    assert never.astimezone(UTC).isoformat() == "2026-03-29T01:30:00+00:00"


@pytest.mark.parametrize(
    ("text", "zone"), [("2025-10-11 06:16 CST", "CST"), ("2025-10-11 06:16 UTC", ""),
                       ("2025-10-11 06:16 PM", ""), ("2025-10-11 6:16 EST", "EST")]
)  # fmt: skip
def test_a_zone_that_means_several_is_named(text: str, zone: str) -> None:
    assert zone_without_meaning(text) == zone


@pytest.mark.parametrize(
    ("text", "naive"),
    [("2025-10-11 06:16:29", True), ("2025-10-11", False), ("2025-10-11 06:16", False),
     ("2025-10-11 06:16:29 +0800", False), ("Oct 11, 2025", False)],
)  # fmt: skip
def test_naive_are_times_with_seconds_and_no_zone(text: str, naive: bool) -> None:
    assert is_naive(text) is naive


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("2025-10-11-harbour.md", 11),
        ("2025-10-9-harbour", 9),
        ("2025-10-11", 11),
        ("2025-10-11.md", 11),
        ("2025-10-11.zh.md", 11),
    ],
)
def test_a_file_name_may_begin_with_a_date(name: str, day: int) -> None:
    assert date_of_name(name, SHANGHAI) == datetime(2025, 10, day, tzinfo=SHANGHAI)


@pytest.mark.parametrize("name", ["harbour.md", "2025-02-30-x.md", "20251011.md", "x-2025-10-11"])
def test_other_names_have_no_date(name: str) -> None:
    assert date_of_name(name, SHANGHAI) is None


OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))


SECONDS = st.integers(-2_177_452_800, 32_000_000_000)


@given(st.builds(datetime.fromtimestamp, SECONDS, OFFSETS))
def test_an_iso_date_is_its_instant_in_every_zone(instant: datetime) -> None:
    for zone in (SHANGHAI, BERLIN):
        assert parse_date(instant.isoformat(), zone) == instant


@given(st.text(alphabet="0123456789-/.:年月日 TZ+APMapm,GUTCjanoctsu()", max_size=40))
def test_no_text_makes_the_reading_fail_and_what_is_read_is_in_the_zone(text: str) -> None:
    found = parse_date(text, BERLIN)
    assert found is None or (found.tzinfo is BERLIN and not found.microsecond)

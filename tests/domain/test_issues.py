from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.issues import (
    MOST_ROWS,
    Cause,
    Issue,
    IssueStatus,
    Record,
    Verdict,
    decide,
)
from publisher.domain.newsletters import Cadence, Newsletter, Schedule, Waiting, upcoming
from tests.factories import make_newsletter

SEEN = datetime(2026, 10, 1, tzinfo=UTC)
FRIDAY = datetime(2026, 11, 20, 7, tzinfo=UTC)  # 08:00 in Berlin, in winter
SECOND = timedelta(seconds=1)
LATE = timedelta(hours=36)
CALENDAR = st.sampled_from([cadence for cadence in Cadence if cadence is not Cadence.POSTS])
PLANNED, HELD, SKIPPED = IssueStatus.PLANNED, IssueStatus.HELD, IssueStatus.SKIPPED


def newsletter(cadence: Cadence = Cadence.WEEKLY, **changes: object) -> Newsletter:
    berlin = ZoneInfo("Europe/Berlin")
    schedule = Schedule(cadence=cadence, zone=berlin, at=time(8), weekday=4)
    return make_newsletter(**{"schedule": schedule, "start": None, **changes})


def record(*taken: str, **changes: object) -> Record:
    values = {"seen_at": SEEN, "rule_from": SEEN, "taken": frozenset(taken)}
    return Record(**{**values, **changes})  # type: ignore[arg-type]


def decided(
    now: datetime,
    known: Record,
    *,
    letter: Newsletter | None = None,
    max_late: timedelta = LATE,
) -> list[tuple[str, str, str]]:
    found = decide(letter or newsletter(), known, max_late=max_late, now=now)
    return [(row.period.key, row.status.value, row.cause.value) for row in found]


def weeks(first: int, last: int) -> list[str]:
    return [f"W:2026-W{week}" for week in range(first, last + 1)]


def sent(period: str, slot: datetime) -> Issue:
    return Issue(
        id=1,
        newsletter="weekly",
        period=period,
        slot=slot,
        status=IssueStatus.SENT,
        reason="",
        subject="",
        content_hash="x",
        created_at=slot,
        sent_at=slot,
    )


def test_an_issue_is_owed_from_its_slot_on() -> None:
    before = record(*weeks(40, 46))
    assert decided(FRIDAY - SECOND, before) == []
    assert decided(FRIDAY, before) == [("W:2026-W47", "planned", "")]


def test_a_period_that_is_taken_is_owed_nothing() -> None:
    assert decided(FRIDAY + timedelta(days=6), record(*weeks(40, 47))) == []


def test_a_slot_before_the_rule_was_made_is_never_due() -> None:
    for moved, expected in ((timedelta(0), [("W:2026-W47", "planned", "")]), (SECOND, [])):
        known = record(rule_from=FRIDAY + moved, seen_at=FRIDAY + moved)
        assert decided(FRIDAY + timedelta(days=1), known) == expected


def test_after_a_silence_the_newest_is_sent_and_each_older_one_has_its_row() -> None:
    daily = newsletter(Cadence.DAILY)
    done = {f"D:2026-11-{day:02}" for day in range(1, 18)} | {
        f"D:2026-10-{day:02}" for day in range(1, 32)
    }
    now = FRIDAY + timedelta(hours=1)
    found = decided(now, record(*done), letter=daily, max_late=timedelta(days=5))
    assert found == [
        ("D:2026-11-20", "planned", ""),
        ("D:2026-11-19", "skipped", "down"),
        ("D:2026-11-18", "skipped", "down"),
    ]


def test_a_missed_period_is_told_where_its_posts_are() -> None:
    found = decide(newsletter(), record(*weeks(40, 45)), max_late=LATE, now=FRIDAY)
    assert found[1].reason == "nobody was at work at its slot; its posts are in W:2026-W47"


def test_of_a_very_long_silence_so_many_rows_are_written_and_no_more() -> None:
    found = decide(
        newsletter(Cadence.DAILY), record(), max_late=LATE, now=SEEN + timedelta(days=900)
    )
    assert len(found) == MOST_ROWS + 1


def test_what_is_found_late_is_held_with_the_reason() -> None:
    known = record(*weeks(40, 46))
    assert decided(FRIDAY + LATE, known) == [("W:2026-W47", "planned", "")]
    (found,) = decide(newsletter(), known, max_late=LATE, now=FRIDAY + timedelta(hours=40))
    assert (found.status, found.cause) == (HELD, Cause.LATE)
    assert found.reason == "found 40 hours after its slot, more than 36 hours"


def test_the_first_issue_of_a_new_newsletter_with_a_start_is_not_late() -> None:
    now = FRIDAY + timedelta(days=4)
    new = record(seen_at=now, rule_from=SEEN)
    assert decided(now, new) == [("W:2026-W47", "planned", "")]
    assert decided(now + LATE + SECOND, new) == [("W:2026-W47", "held", "late")]


def test_what_was_due_before_a_newsletter_was_first_seen_was_missed_by_nobody() -> None:
    known = record(seen_at=FRIDAY - timedelta(days=1), rule_from=SEEN)
    assert decided(FRIDAY, known) == [("W:2026-W47", "planned", "")]


def test_a_newsletter_that_asks_for_approval_waits_for_it() -> None:
    known = record(*weeks(40, 46))
    letter = newsletter(approval=True)
    assert decided(FRIDAY, known, letter=letter) == [("W:2026-W47", "held", "approval")]


def test_a_schedule_changed_within_the_week_makes_no_second_issue() -> None:
    monday = Schedule(cadence=Cadence.WEEKLY, zone=ZoneInfo("Europe/Berlin"), at=time(9), weekday=0)
    known = record(*weeks(40, 47), rule_from=FRIDAY + timedelta(hours=1))
    for schedule in (monday, newsletter().schedule):
        letter = newsletter(schedule=schedule)
        assert decided(FRIDAY + timedelta(days=2), known, letter=letter) == []


def test_after_a_change_of_cadence_the_next_issue_keeps_its_distance() -> None:
    monthly = newsletter(Cadence.MONTHLY)
    known = record(*weeks(40, 48), rule_from=FRIDAY, last=sent("W:2026-W48", FRIDAY))
    (found,) = decide(monthly, known, max_late=LATE, now=datetime(2026, 12, 1, 8, tzinfo=UTC))
    assert (found.period.key, found.status, found.cause) == ("M:2026-12", SKIPPED, Cause.MIN_GAP)
    assert found.reason == "the cadence was changed, and W:2026-W48 was only 11 days away"
    later = datetime(2027, 1, 1, 8, tzinfo=UTC)
    assert decided(later, replace(known, taken={"M:2026-12"}), letter=monthly) == [
        ("M:2027-01", "planned", "")
    ]


def test_within_one_cadence_no_distance_is_kept() -> None:
    tuesday = Schedule(
        cadence=Cadence.WEEKLY, zone=ZoneInfo("Europe/Berlin"), at=time(9), weekday=1
    )
    known = record(*weeks(40, 47), rule_from=FRIDAY, last=sent("W:2026-W47", FRIDAY))
    found = decided(FRIDAY + timedelta(days=5), known, letter=newsletter(schedule=tuesday))
    assert found == [("W:2026-W48", "planned", "")]


def waiting(*hours: int) -> list[Waiting]:
    return [Waiting(post=f"post-{h}", at=FRIDAY + timedelta(hours=h)) for h in hours]


def counted(every: int) -> Newsletter:
    schedule = Schedule(cadence=Cadence.POSTS, zone=ZoneInfo("UTC"), at=time(8), every=every)
    return newsletter(schedule=schedule)


def test_an_instant_newsletter_is_due_with_its_first_post() -> None:
    (found,) = decide(
        counted(1), record(waiting=waiting(0, 1, 5)), max_late=LATE, now=FRIDAY + 2 * SECOND
    )
    assert (found.period.slot, found.status) == (FRIDAY, PLANNED)
    assert found.period.key.startswith("P:2026-11-20-")


def test_a_newsletter_of_every_third_post_waits_for_the_third() -> None:
    now = FRIDAY + timedelta(days=1)
    assert decided(now, record(waiting=waiting(2, 1)), letter=counted(3)) == []
    (found,) = decide(counted(3), record(waiting=waiting(3, 1, 2)), max_late=LATE, now=now)
    assert found.period.slot == FRIDAY + timedelta(hours=3)
    more = record(waiting=waiting(1, 2, 3, 4))
    assert decide(counted(3), more, max_late=LATE, now=now) == [found]  # the same period


def test_posts_of_a_skipped_period_come_with_the_next_post() -> None:
    now = FRIDAY + timedelta(hours=3)
    one = record(waiting=waiting(1))
    (skipped,) = decide(counted(1), one, max_late=LATE, now=now)
    assert decided(now, replace(one, taken={skipped.period.key}), letter=counted(1)) == []
    two = record(skipped.period.key, waiting=waiting(1, 2))
    (found,) = decide(counted(1), two, max_late=LATE, now=now)
    assert found.period.slot == FRIDAY + timedelta(hours=2)


@given(
    CALENDAR,
    st.lists(st.timedeltas(timedelta(hours=-30), timedelta(days=50)), min_size=1, max_size=30),
)
def test_however_the_clock_goes_each_period_has_one_row(
    cadence: Cadence, steps: list[timedelta]
) -> None:
    letter, now, known = newsletter(cadence), SEEN, record()
    rows: list[Verdict] = []
    for step in steps:
        now += step
        found = decide(letter, known, max_late=LATE, now=now)
        assert sum(row.status is not SKIPPED for row in found) <= 1
        assert all(SEEN <= row.period.slot <= now for row in found)
        rows += found
        known = replace(known, taken={row.period.key for row in rows})
        assert decide(letter, known, max_late=LATE, now=now) == []
    assert len({row.period.key for row in rows}) == len(rows)


@given(CALENDAR, st.integers(1, 20))
def test_woken_at_each_slot_no_period_is_missed(cadence: Cadence, count: int) -> None:
    letter, taken = newsletter(cadence), set[str]()
    for expected in upcoming(letter.schedule, SEEN, count):
        (found,) = decide(letter, record(*taken), max_late=LATE, now=expected.slot)
        assert (found.period, found.status) == (expected, PLANNED)
        taken.add(expected.key)

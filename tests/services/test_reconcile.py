"""The real reconcile on a real database, whatever the clock, the settings and the process do."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from publisher.content.options import ContentOptions
from publisher.domain.issues import MOST_ROWS, IssueStatus
from publisher.domain.newsletters import Cadence, Schedule, passed
from publisher.render.templates import Templates
from publisher.services import issues
from publisher.services.app import App, FeedOptions, Folders, Listen, LogOptions
from publisher.store import newsletters as newsletter_rows
from publisher.store.engine import open_store
from tests.factories import make_newsletter, make_site
from tests.services.conftest import FakeClock

BERLIN = ZoneInfo("Europe/Berlin")
FRIDAY = Schedule(cadence=Cadence.WEEKLY, zone=BERLIN, at=time(8), weekday=4)
MONDAY = Schedule(cadence=Cadence.WEEKLY, zone=BERLIN, at=time(9), weekday=0)
MONTHLY = Schedule(cadence=Cadence.MONTHLY, zone=BERLIN, at=time(8), day=27)
GAP = Schedule(cadence=Cadence.WEEKLY, zone=BERLIN, at=time(2, 30), weekday=6)
DAILY = Schedule(cadence=Cadence.DAILY, zone=BERLIN, at=time(2, 30))
SCHEDULES = (FRIDAY, MONDAY, MONTHLY, GAP, DAILY)


def with_schedule(app: App, schedule: Schedule) -> App:
    return replace(app, newsletters=(make_newsletter(schedule=schedule, start=None),))


def reconcile(app: App, now: datetime) -> list[tuple[str, str, str]]:
    """What was taken just now: period, status, cause."""
    taken = issues.reconcile(app, app.newsletters[0], now=now)
    verdicts = [one.verdict for one in taken]
    return [(one.period.key, one.status.value, one.cause.value) for one in verdicts]


def test_a_schedule_that_moves_within_its_week_and_back_sends_one_issue(
    app: App, clock: FakeClock
) -> None:
    friday, monday = with_schedule(app, FRIDAY), with_schedule(app, MONDAY)
    thursday = datetime(2026, 11, 26, 12, tzinfo=UTC)
    assert reconcile(friday, thursday) == []
    assert reconcile(monday, thursday + timedelta(hours=1)) == []
    assert reconcile(friday, thursday + timedelta(hours=2)) == []
    at_slot = datetime(2026, 11, 27, 7, tzinfo=UTC)
    assert reconcile(friday, at_slot) == [("W:2026-W48", "planned", "")]
    for hours, edited in ((1, monday), (2, friday), (3, monday)):
        assert reconcile(edited, at_slot + timedelta(hours=hours)) == []
    next_monday = datetime(2026, 11, 30, 8, tzinfo=UTC)
    assert reconcile(monday, next_monday) == [("W:2026-W49", "planned", "")]
    assert len(issues.listing(app)) == 2


def test_a_new_rule_never_reaches_back_before_it_was_made(app: App) -> None:
    friday, monday = with_schedule(app, FRIDAY), with_schedule(app, MONDAY)
    tuesday = datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert reconcile(friday, tuesday) == []
    # This week's Monday is past; under the new rule it is nothing that was missed.
    assert reconcile(monday, tuesday + timedelta(hours=1)) == []
    assert reconcile(monday, datetime(2026, 11, 30, 8, tzinfo=UTC)) == [
        ("W:2026-W49", "planned", "")
    ]


def test_from_weekly_to_monthly_within_a_week_sends_no_second_issue(app: App) -> None:
    friday, monthly = with_schedule(app, FRIDAY), with_schedule(app, MONTHLY)
    reconcile(friday, datetime(2026, 11, 24, tzinfo=UTC))
    assert reconcile(friday, datetime(2026, 11, 20 + 7, 7, tzinfo=UTC)) == [
        ("W:2026-W48", "planned", "")
    ]
    # The monthly slot of the same day and hour is past once the rule changes.
    assert reconcile(monthly, datetime(2026, 11, 27, 7, 1, tzinfo=UTC)) == []
    assert reconcile(monthly, datetime(2026, 12, 27, 7, tzinfo=UTC)) == [
        ("M:2026-12", "planned", "")
    ]


def test_a_monthly_slot_just_after_a_weekly_issue_is_skipped_and_says_why(app: App) -> None:
    friday = with_schedule(app, FRIDAY)
    soon = with_schedule(app, replace(MONTHLY, day=29))
    reconcile(friday, datetime(2026, 11, 24, tzinfo=UTC))
    reconcile(friday, datetime(2026, 11, 27, 7, tzinfo=UTC))
    assert reconcile(soon, datetime(2026, 11, 27, 9, tzinfo=UTC)) == []
    later = datetime(2026, 11, 30, 8, tzinfo=UTC)
    assert reconcile(soon, later) == [("M:2026-11", "skipped", "min_gap")]


class Reconciling(RuleBasedStateMachine):
    """Time goes on, the clock is set back, settings change, processes end and begin."""

    @initialize()
    def found(self) -> None:
        self.folder = TemporaryDirectory()
        root = Path(self.folder.name)
        self.now = datetime(2026, 10, 20, 12, tzinfo=UTC)
        site = make_site()
        self.app = with_schedule(
            App(
                site=site,
                newsletters=(),
                content=ContentOptions(
                    folder=root, dialect="plain", zone=BERLIN, base_url="", language="en"
                ),
                feeds=FeedOptions(entries=30, full=True),
                relays=(),
                store=open_store(root / "publisher.db"),
                templates=Templates(),
                clock=lambda: self.now,
                site_key=b"k" * 32,
                folders=Folders(root=root, state=root, output=root / "public"),
                listen=Listen(host="127.0.0.1", port=0),
                log=LogOptions(level="info", format="text"),
            ),
            FRIDAY,
        )
        self.taken: dict[str, IssueStatus] = {}

    @rule(hours=st.sampled_from([0.1, 1, 5, 23, 24, 25, 70, 169, 340]))
    def time_goes_on(self, hours: float) -> None:
        self.now += timedelta(hours=hours)

    @rule(hours=st.integers(1, 30))
    def the_clock_is_set_back(self, hours: int) -> None:
        self.now -= timedelta(hours=hours)

    @rule(schedule=st.sampled_from(SCHEDULES))
    def the_schedule_is_edited(self, schedule: Schedule) -> None:
        self.app = with_schedule(self.app, schedule)

    @rule()
    def the_process_begins_anew(self) -> None:
        self.app.store.close()
        self.app = replace(self.app, store=open_store(self.app.folders.state / "publisher.db"))

    @rule(times=st.integers(1, 2))
    def it_is_reconciled(self, times: int) -> None:
        for number in range(times):
            verdicts = [
                one.verdict
                for one in issues.reconcile(self.app, self.app.newsletters[0], now=self.now)
            ]
            assert number == 0 or verdicts == []
            to_send = [one for one in verdicts if one.status is not IssueStatus.SKIPPED]
            assert len(to_send) <= 1
            for one in verdicts:
                assert one.period.key not in self.taken
                assert one.period.slot <= self.now
                self.taken[one.period.key] = one.status
        self.no_period_is_left_out()

    def no_period_is_left_out(self) -> None:
        """Every slot under the present rule that has passed has its row."""
        newsletter = self.app.newsletters[0]
        with self.app.store.read() as tx:
            seen = newsletter_rows.seen(tx, newsletter, now=self.now)
        from_here = max(seen.rule_from, seen.first_at)
        for period in islice(passed(newsletter.schedule, self.now), MOST_ROWS):
            if period.slot >= from_here:
                assert period.key in self.taken

    @invariant()
    def each_period_has_one_row(self) -> None:
        if hasattr(self, "taken"):
            assert sorted(row.period for row in issues.listing(self.app)) == sorted(self.taken)

    def teardown(self) -> None:
        if hasattr(self, "app"):
            self.app.store.close()
            self.folder.cleanup()


Reconciling.TestCase.settings = settings(max_examples=10, stateful_step_count=15, deadline=None)


@pytest.mark.filterwarnings("default::pytest.PytestUnraisableExceptionWarning")
class TestReconciling(Reconciling.TestCase):  # type: ignore[misc]
    """As pytest runs it."""

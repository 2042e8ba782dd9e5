"""Weeks of simulated time, several daemons at once, kills, and a clock that jumps.

Whatever happens: each newsletter has one row a period, each reader each issue once.
"""

import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from hashlib import sha256
from pathlib import Path
from time import sleep

import pytest

from publisher.bootstrap import open_app
from publisher.domain.deliveries import DeliveryStatus
from publisher.domain.newsletters import upcoming
from publisher.services import deliveries, issues, subscribers
from publisher.services.app import App

REPOSITORY = Path(__file__).parents[2]

NEWSLETTERS = (
    ("berlin", "Europe/Berlin", "sun", "02:30:00"),
    ("santiago", "America/Santiago", "sun", "00:00:00"),
    ("shanghai", "Asia/Shanghai", "fri", "08:00:00"),
    ("apia", "Pacific/Apia", "mon", "09:00:00"),
    ("lord-howe", "Australia/Lord_Howe", "sun", "01:45:00"),
)
READERS = 4
START = datetime(2026, 9, 1, 12, tzinfo=UTC)
STEPS_BACK = (timedelta(hours=1), timedelta(hours=5), timedelta(hours=30))


def found_site(folder: Path) -> Path:
    lines = [
        "[site]",
        'title = "Chaos"',
        'base_url = "http://localhost:8080"',
        'timezone = "UTC"',
        "since = 2025",
        "[schedule]",
        "max_late_hours = 72.0",
    ]
    for name, zone, weekday, at in NEWSLETTERS:
        lines += [
            "[[newsletters]]",
            f'id = "{name}"',
            f'title = "{name}"',
            f'timezone = "{zone}"',
            f'weekday = "{weekday}"',
            f"at = {at}",
            'sender_name = "C"',
            'sender_address = "c@example.org"',
        ]
    (folder / "content").mkdir(parents=True)
    (folder / "var").mkdir()
    (folder / "var" / "secret-key").write_text("a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=\n")
    (folder / "config.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with open_app(folder / "config.toml", clock=lambda: START) as app:
        for name, *_ in NEWSLETTERS:
            for number in range(READERS):
                email = f"reader{number}@example.org"
                subscribers.add(app, name, email=email, name="", source="test")
    return folder


def write_posts(site: Path, now: datetime) -> None:
    """A new post a day, so that no issue is empty."""
    path = site / "content" / f"{now:%Y-%m-%d}.md"
    path.write_text(f"---\ntitle: Day {now:%j}\ndate: {now:%Y-%m-%d %H:%M:%S}\n---\n\nText.\n")


def run_daemons(
    site: Path, clock: Path, seeds: list[str], *, kill_after: float | None = None
) -> int:
    """Several daemons at once, all in the race for the lock; returns how many died.

    One of them is killed from outside after so many seconds, whatever it is doing.
    """
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.faults.worker", str(site), str(clock), seed, "1"],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            cwd=REPOSITORY,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for seed in seeds
    ]
    if kill_after is not None:
        sleep(kill_after)
        running[0].kill()
    return sum(process.wait(timeout=120) < 0 for process in running)


def expected(app: App, until: datetime) -> set[tuple[str, str]]:
    return {
        (newsletter.id, period.key)
        for newsletter in app.newsletters
        for period in upcoming(newsletter.schedule, START, 200)
        if period.slot <= until
    }


def draw(seed: int, step: int, name: str) -> float:
    return int.from_bytes(sha256(f"{seed}/{step}/{name}".encode()).digest()[:4]) / 2**32


def weeks_of_chaos(folder: Path, *, seed: int, days: int, step: timedelta) -> str:
    """Lets the days go by and checks the books at the end; returns the figures."""
    site = found_site(folder / "site")
    clock, now, kills, steps_back, starts = folder / "clock", START, 0, 0, 0
    highest = START
    number = 0
    while highest < START + timedelta(days=days):
        number += 1
        now += step * (0.5 + draw(seed, number, "step"))
        if draw(seed, number, "back") < 0.05:
            now -= STEPS_BACK[number % len(STEPS_BACK)]
            steps_back += 1
        highest = max(highest, now)
        write_posts(site, now)
        clock.write_text(now.isoformat(), encoding="ascii")
        count = 1 + int(3 * draw(seed, number, "daemons"))
        starts += count
        is_struck = draw(seed, number, "strike") < 0.15
        kills += run_daemons(
            site,
            clock,
            [f"{seed}-{number}-{n}" for n in range(1, count + 1)],
            kill_after=0.4 + 1.2 * draw(seed, number, "moment") if is_struck else None,
        )
    clock.write_text(highest.isoformat(), encoding="ascii")
    for _ in range(3):
        run_daemons(site, clock, ["0"])
    return check_books(site, highest, starts=starts, kills=kills, steps_back=steps_back)


def check_books(site: Path, now: datetime, *, starts: int, kills: int, steps_back: int) -> str:
    with open_app(site / "config.toml", clock=lambda: now) as app:
        rows = issues.listing(app)
        wanted = expected(app, now)
        periods = Counter((row.newsletter, row.period) for row in rows)
        assert set(periods) == wanted
        assert set(periods.values()) == {1}
        assert {row.status.value for row in rows} <= {"sent", "skipped"}
        unknown = deliveries.listing(app, status=DeliveryStatus.UNKNOWN)
        assert len(unknown) <= kills
        copies: Counter[tuple[str, str]] = Counter()
        for path in (site / "var" / "inbox").rglob("*"):
            if path.is_file():
                message = message_from_bytes(path.read_bytes(), policy=policy.default)
                copies[str(message["Message-ID"]), str(message["To"])] += 1
        assert max(copies.values()) == 1
        sent = deliveries.listing(app, status=DeliveryStatus.SENT)
        assert len(copies) >= len(sent)
        return (
            f"{starts} starts, {kills} kills, {steps_back} steps back: "
            f"{len(rows)} of {len(wanted)} issues, {len(copies)} messages, "
            f"0 duplicates, {len(unknown)} unknown"
        )


def test_a_week_of_chaos_over_a_change_of_clocks(tmp_path: Path) -> None:
    """Santiago changes its clock at midnight of 6 September, a slot of its newsletter."""
    print(weeks_of_chaos(tmp_path, seed=1, days=6, step=timedelta(hours=24)))


@pytest.mark.acceptance
def test_half_a_year_of_chaos(tmp_path: Path) -> None:
    """Every zone but Shanghai's and Apia's changes its clock on the way, some of them twice."""
    print("\n" + weeks_of_chaos(tmp_path, seed=2, days=210, step=timedelta(hours=20)))

"""Two processes that plan at the same moment: the database is the judge."""

import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from publisher.bootstrap import open_app
from publisher.services import issues

REPOSITORY = Path(__file__).parents[2]
FIRST = datetime(2026, 11, 24, 12, tzinfo=UTC)
CONFIG = """
[site]
title = "Race"
base_url = "http://localhost:8080"
timezone = "UTC"
since = 2025
[[newsletters]]
id = "daily"
title = "Daily"
timezone = "Europe/Berlin"
cadence = "daily"
at = 08:00:00
sender_name = "D"
sender_address = "d@example.org"
start = 2026-11-24
"""


def start(site: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.reconciler", str(site)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def race(site: Path, rounds: int) -> list[tuple[str, ...]]:
    """What both processes answered in each round."""
    (site / "content").mkdir(parents=True)
    (site / "var").mkdir()
    (site / "var" / "secret-key").write_text("a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=\n")
    (site / "config.toml").write_text(CONFIG)
    runners = [start(site) for _ in range(2)]
    answers = []
    for number in range(rounds):
        now = FIRST + timedelta(days=number)
        for runner in runners:
            assert runner.stdin is not None
            runner.stdin.write(f"{now.isoformat()}\n")
            runner.stdin.flush()
        answers.append(tuple(str(runner.stdout.readline()) for runner in runners if runner.stdout))
    for runner in runners:
        runner.communicate()
        assert runner.returncode == 0
    return answers


def judge(site: Path, rounds: int) -> str:
    answers = race(site, rounds)
    assert set(answers) <= {("1\n", "0\n"), ("0\n", "1\n")}
    with open_app(site / "config.toml", clock=lambda: FIRST) as app:
        periods = Counter(issue.period for issue in issues.listing(app))
    assert len(periods) == rounds
    assert set(periods.values()) == {1}
    first = sum(answer[0] == "1\n" for answer in answers)
    return f"{rounds} rounds: {rounds} issues, 0 errors; the first process won {first}"


def test_of_two_processes_that_plan_at_once_one_takes_the_period(tmp_path: Path) -> None:
    print(judge(tmp_path / "site", 50))


@pytest.mark.acceptance
def test_a_thousand_times(tmp_path: Path) -> None:
    print("\n" + judge(tmp_path / "site", 1000))

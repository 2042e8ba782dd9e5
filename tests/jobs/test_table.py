from datetime import time, timedelta

import pytest

from publisher.errors import PublisherError
from publisher.jobs.table import JOBS, Job, run_due
from publisher.services import backups, housekeeping
from publisher.services.app import App
from tests.services.conftest import FakeClock


def job(runs: list[str], problem: str = "") -> Job:
    def work(app: App) -> None:
        runs.append(f"{app.clock():%d %H:%M}")
        if problem:
            raise PublisherError(problem)

    return Job(name="sample", at=time(3, 10), run=work)


def test_a_job_runs_once_a_slot_in_the_sites_zone(app: App, clock: FakeClock) -> None:
    runs: list[str] = []
    for _ in range(50):  # every hour for two days; 03:10 in Shanghai is 19:10 in Greenwich
        run_due(app, now=clock.now, jobs=(job(runs),))
        run_due(app, now=clock.now, jobs=(job(runs),))
        clock.now += timedelta(hours=1)
    assert runs == ["24 12:00", "24 20:00", "25 20:00"]


def test_after_downtime_a_job_runs_once_and_not_for_each_day(app: App, clock: FakeClock) -> None:
    runs: list[str] = []
    run_due(app, now=clock.now, jobs=(job(runs),))
    clock.now += timedelta(days=9)
    run_due(app, now=clock.now, jobs=(job(runs),))
    run_due(app, now=clock.now, jobs=(job(runs),))
    assert len(runs) == 2


def test_a_job_that_fails_says_why_and_is_tried_again_after_an_hour(
    app: App, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    runs: list[str] = []
    for minutes in (0, 30, 30, 30):
        clock.now += timedelta(minutes=minutes)
        run_due(app, now=clock.now, jobs=(job(runs, "the disk is full"),))
    assert len(runs) == 2
    assert housekeeping.runs(app)["sample"].problem == "the disk is full"
    (first, _) = [record for record in caplog.records if record.message == "job.failed"]
    assert vars(first)["problem"] == "the disk is full"
    clock.now += timedelta(hours=1)
    assert run_due(app, now=clock.now, jobs=(job(runs),)) == ["sample"]
    assert housekeeping.runs(app)["sample"].problem == ""


def test_one_broken_job_stops_only_itself(
    app: App, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    def crash(_app: App) -> None:
        raise ZeroDivisionError

    runs: list[str] = []
    broken = Job(name="broken", at=time(3), run=crash)
    assert run_due(app, now=clock.now, jobs=(broken, job(runs))) == ["broken", "sample"]
    assert len(runs) == 1
    assert "ZeroDivisionError" in caplog.text


def test_the_jobs_that_there_are_all_run(app: App, clock: FakeClock) -> None:
    assert run_due(app, now=clock.now) == [job.name for job in JOBS]
    assert [run.problem for run in housekeeping.runs(app).values()] == [""] * len(JOBS)
    assert len(backups.listing(app)) == 1

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from publisher.domain.instances import Marks, disagreement, silence

HERE = Marks(instance="abc", starts=7, machine="m1")
NOW = datetime(2026, 11, 20, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("file", "machine"),
    [
        (HERE, "m1"),
        (replace(HERE, starts=6), "m1"),  # the last start was cut between database and file
        (HERE, ""),  # a container without an id
        (replace(HERE, machine=""), "m1"),
    ],
)
def test_marks_that_belong_together(file: Marks, machine: str) -> None:
    assert disagreement(HERE, file, machine=machine) == ""


@pytest.mark.parametrize(
    ("file", "machine", "word"),
    [
        (None, "m1", "missing"),
        (replace(HERE, instance="xyz"), "m1", "another one"),
        (replace(HERE, starts=8), "m1", "a backup was put back"),
        (replace(HERE, starts=5), "m1", "a backup was put back"),
        (HERE, "m2", "a clone"),
    ],
)
def test_a_copy_is_told_from_the_original(file: Marks | None, machine: str, word: str) -> None:
    assert word in disagreement(HERE, file, machine=machine)


def test_a_database_that_never_knew_its_machine_accepts_any() -> None:
    assert disagreement(replace(HERE, machine=""), HERE, machine="m2") == ""


def test_a_long_silence_is_told_with_its_length() -> None:
    limit = timedelta(hours=36)
    assert silence(None, max_late=limit, now=NOW) == ""
    assert silence(NOW - limit, max_late=limit, now=NOW) == ""
    assert silence(NOW + timedelta(days=400), max_late=limit, now=NOW) == ""  # stepped back
    told = silence(NOW - timedelta(hours=40), max_late=limit, now=NOW)
    assert "40 hours old (at 2026-11-18 15:00 UTC)" in told

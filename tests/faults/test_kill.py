"""A worker killed at any instant: nobody is lost, nobody is mailed twice, doubt is named."""

import os
import signal
import sqlite3
import subprocess
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from publisher.domain.deliveries import DeliveryStatus, OnUnknown
from tests.faults.proof import PATIENCE_SECONDS, kill_at_random, prove, relay_process, worker
from tests.faults.world import accepted, found

CONNECTIONS = 16
SHORT = (600, 3, 0.1)
LONG = (20_000, 20, 0.5)


def readers(count: int) -> Sequence[str]:
    return [f"reader{number}@d{number % 97}.example.org" for number in range(count)]


@pytest.mark.parametrize("on_unknown", list(OnUnknown))
@pytest.mark.parametrize("size", [SHORT, pytest.param(LONG, marks=pytest.mark.acceptance)])
def test_kills_lose_nobody_and_double_nobody_without_our_knowing(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    size: tuple[int, int, float],
    on_unknown: OnUnknown,
) -> None:
    recipients, kills, seconds = size
    found(tmp_path, readers(recipients))
    log = tmp_path / "accepted.jsonl"
    with relay_process(log) as port:
        command = worker(tmp_path, port, "--on-unknown", on_unknown.value)
        done = kill_at_random(command, log, kills=kills, seconds=seconds)
    proof = prove(tmp_path, kills=done)
    with capsys.disabled():
        print(f"\n{on_unknown}: {proof}")

    assert done >= 1
    assert (proof.recipients, proof.unsettled) == (recipients, 0)
    assert proof.lost == []
    assert proof.sent_but_not_accepted == []
    assert proof.doubts <= CONNECTIONS * done
    if on_unknown is OnUnknown.HOLD:
        assert proof.doubled == 0
        assert set(proof.statuses) <= {DeliveryStatus.SENT, DeliveryStatus.UNKNOWN}
    else:
        assert proof.doubled <= proof.doubts


CHANCES = (
    '{"rcpt450": 0.02, "rcpt550_5.1.1": 0.01, "dot451": 0.01, "bodyreset": 0.005,'
    ' "dotacceptreset": 0.005}'
)


@pytest.mark.parametrize(
    "size", [(800, 2, 0.2), pytest.param((6_000, 4, 1.0), marks=pytest.mark.acceptance)]
)
def test_in_chaos_the_books_agree_with_the_relay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], size: tuple[int, int, float]
) -> None:
    recipients, kills, seconds = size
    found(tmp_path, readers(recipients))
    log = tmp_path / "accepted.jsonl"
    with relay_process(log, "--chances", CHANCES, "--per-connection", "60", "--seed", "7") as port:
        command = worker(tmp_path, port, "--hours-a-run", "1")
        done = kill_at_random(command, log, kills=kills, seconds=seconds)
        for _ in range(3):  # those put off come due
            subprocess.run(command, check=True, timeout=PATIENCE_SECONDS, stdout=subprocess.DEVNULL)
    proof = prove(tmp_path, kills=done)
    with capsys.disabled():
        print(f"\nchaos: {proof}; {proof.statuses}")

    assert (proof.recipients, proof.unsettled) == (recipients, 0)
    assert proof.sent_but_not_accepted == []
    assert proof.lost == []
    assert proof.doubled == 0
    assert proof.statuses[DeliveryStatus.FAILED] > 0


def test_who_was_stopped_beyond_its_lease_sends_nothing_when_it_wakes(tmp_path: Path) -> None:
    found(tmp_path, readers(900))
    log = tmp_path / "accepted.jsonl"
    with relay_process(log, "--delay", "2") as port:
        command = worker(tmp_path, port, "--no-recovery", "--hours-a-run", "1")
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as stopped:
            try:
                while len(accepted(log)) < 50:
                    assert stopped.poll() is None
                stop_outside_transactions(stopped, tmp_path / "publisher.db")
                before = prove(tmp_path, kills=0)
                subprocess.run(
                    command, check=True, timeout=PATIENCE_SECONDS, stdout=subprocess.DEVNULL
                )
                between = prove(tmp_path, kills=0)
                stopped.send_signal(signal.SIGCONT)
                assert stopped.wait(timeout=PATIENCE_SECONDS) == 0
            finally:
                stopped.kill()  # else who waits for a stopped one waits for ever
    proof = prove(tmp_path, kills=0)

    assert before.unsettled > 100  # it was in the middle
    assert between.unsettled == 0  # an hour later its leases were worth nothing
    assert between.unknown <= CONNECTIONS
    assert (proof.lost, proof.doubled, proof.sent_but_not_accepted) == ([], 0, [])
    assert proof.unknown <= between.unknown  # its late answers settle doubts about their attempts


def stop_outside_transactions(process: subprocess.Popen[bytes], database: Path) -> None:
    """SIGSTOP at an instant at which the process does not hold the lock of the database."""
    with closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as probe:
        while True:
            process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED)  # the signal alone stops nothing yet
            try:
                probe.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                process.send_signal(signal.SIGCONT)
                continue
            probe.execute("ROLLBACK")
            return


def test_sigterm_in_the_middle_leaves_no_doubt(tmp_path: Path) -> None:
    found(tmp_path, readers(400))
    log = tmp_path / "accepted.jsonl"
    with relay_process(log, "--delay", "2") as port:
        command = worker(tmp_path, port)
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            while len(accepted(log)) < 20:
                assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=PATIENCE_SECONDS)
            assert process.returncode == 0
        between = prove(tmp_path, kills=0)
        subprocess.run(command, check=True, timeout=PATIENCE_SECONDS, stdout=subprocess.DEVNULL)
    proof = prove(tmp_path, kills=0)

    assert between.unsettled > 0
    assert between.unknown == proof.unknown == 0
    assert proof.statuses == {DeliveryStatus.SENT: 400}
    assert (proof.lost, proof.doubled) == ([], 0)


def test_two_workers_on_one_database_double_nobody(tmp_path: Path) -> None:
    found(tmp_path, readers(2_000))
    with relay_process(tmp_path / "accepted.jsonl", "--delay", "1") as port:
        command = worker(tmp_path, port, "--no-recovery")
        both = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(2)]
        assert [process.wait(timeout=PATIENCE_SECONDS) for process in both] == [0, 0]
        subprocess.run(command, check=True, timeout=PATIENCE_SECONDS, stdout=subprocess.DEVNULL)
    proof = prove(tmp_path, kills=0)

    assert proof.statuses == {DeliveryStatus.SENT: 2_000}
    assert (proof.lost, proof.doubled) == ([], 0)

import os
import subprocess
import sys
from pathlib import Path

import pytest

from publisher.errors import Locked, StoreError
from publisher.services.lock import exclusive

HOLD = """
import sys, pathlib
from publisher.services.lock import exclusive
with exclusive(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_that_cannot_be_opened_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "daemon.lock").mkdir()
    with pytest.raises(StoreError, match=r"daemon\.lock: .*; give this user"), exclusive(tmp_path):
        pass


def test_a_second_process_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(Locked) as refused, exclusive(tmp_path):
            pass
        assert refused.value.pid == holder.pid
        holder.kill()
        holder.wait()

    with exclusive(tmp_path):  # the kernel freed it: no stale lock after a kill
        assert (tmp_path / "daemon.lock").read_text() == f"{os.getpid()}\n"


def test_the_lock_is_free_again_afterwards(tmp_path: Path) -> None:
    with exclusive(tmp_path):
        pass
    with exclusive(tmp_path):
        pass

"""The second factor of an operator on the command line, on the sample site."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from pyotp import TOTP

from publisher.cli.main import run
from publisher.services import second_factors

SECRET = "GEZDGNBVGY3TQOJQ" * 2
Run = Callable[..., tuple[int, str, str]]


class Terminal(StringIO):
    """Somebody types."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    """`publisher admin` on a site with the operator Ann, whose next secret is known."""

    def call(*words: str) -> tuple[int, str, str]:
        code = run(["-C", str(tmp_path / "site"), "admin", *words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    assert run(["init", str(tmp_path / "site")]) == 0
    monkeypatch.setattr("sys.stdin", StringIO("a lamp in every window\n"))
    assert call("add", "ann")[0] == 0
    monkeypatch.setattr(second_factors, "random_base32", lambda: SECRET)
    return call


def has_second_factor(command: Run) -> bool:
    (ann,) = json.loads(command("list", "--json")[1])["admins"]
    shown = command("list")[1].splitlines()[1].split()[-1] == "yes"
    assert shown is ann["second_factor"]
    return shown


def test_a_secret_is_shown_and_confirmed_later(command: Run) -> None:
    code, out, err = command("totp", "ann")
    uri, secret = out.splitlines()
    assert code == 0
    assert uri.startswith("otpauth://totp/")
    assert f"secret={SECRET}" in uri
    assert secret == "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ"
    assert "--code" in err
    assert not has_second_factor(command)

    code, out, err = command("totp", "ann", "--code", TOTP(SECRET).now())
    assert (code, out) == (0, "")
    assert SECRET not in err
    assert has_second_factor(command)
    assert command("totp", "ann")[0] == 1

    assert command("totp", "ann", "--off")[0] == 0
    assert not has_second_factor(command)
    log = command("log")[1]
    assert "admin totp off" in log
    assert SECRET not in log


def test_on_a_terminal_the_first_code_is_asked_for(
    command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(f"{TOTP(SECRET).now()}\n"))
    code, out, _ = command("totp", "ann")
    assert (code, "otpauth://totp/" in out) == (0, True)
    assert has_second_factor(command)


def test_a_wrong_first_code_turns_nothing_on(command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("12345\n"))
    code, _, err = command("totp", "ann")
    assert (code, "--code" in err) == (1, True)
    assert not has_second_factor(command)
    assert command("totp", "ann", "--code", TOTP(SECRET).now())[0] == 0  # the secret still stands
    assert has_second_factor(command)


def test_nobody_and_nothing_are_told_apart(command: Run) -> None:
    assert "no operator 'eve'" in command("totp", "eve")[2]
    assert "no second factor" in command("totp", "ann", "--off")[2]
    assert "no secret" in command("totp", "ann", "--code", "123456")[2]

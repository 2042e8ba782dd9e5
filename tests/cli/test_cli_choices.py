"""Choices on the command line, on the sample site."""

import json
from pathlib import Path

import pytest

from publisher.cli.main import run


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    folder = tmp_path / "site"
    assert run(["init", str(folder)]) == 0
    command(folder, "subscribers", "add", "zoe@example.org", "--newsletter", "weekly")
    capsys.readouterr()
    return folder


def command(site: Path, *words: str) -> int:
    return run(["-C", str(site), *words])


def test_an_operator_chooses_for_somebody_and_sees_it(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = ("--frequency", "monthly", "--topic", "craft", "--language", "en")
    assert (
        command(site, "subscribers", "choose", "zoe@example.org", "--newsletter", "weekly", *chosen)
        == 0
    )
    assert command(site, "publish") == 0
    capsys.readouterr()

    command(site, "subscribers", "show", "zoe@example.org")
    told = capsys.readouterr().out
    assert "weekly  confirmed  monthly; topics: craft; posts in: en" in told
    assert "operator: monthly; topics: craft" in told
    command(site, "subscribers", "list", "--json")
    (zoe,) = [
        row
        for row in json.loads(capsys.readouterr().out)["subscribers"]
        if row["email"] == "zoe@example.org"
    ]
    assert (zoe["frequency"], zoe["topics"], zoe["languages"]) == ("monthly", ["craft"], ["en"])
    command(site, "status")
    assert "by choice: monthly" in capsys.readouterr().out
    command(site, "plan", "--json")
    plans = json.loads(capsys.readouterr().out)["newsletters"]
    assert [(one["series"], one["recipients"]) for one in plans] == [(None, 3), ("monthly", 1)]


def test_what_is_not_on_offer_is_refused_by_name(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("choose", "zoe@example.org", "--newsletter", "weekly", "--topic", "bread")
    assert command(site, "subscribers", *asked) != 0
    assert "no topic 'bread': newsletter weekly offers" in capsys.readouterr().err


def test_choices_travel_in_our_own_files(
    site: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    chosen = ("--frequency", "daily", "--topic", "craft", "--topic", "夜航")
    command(site, "subscribers", "choose", "zoe@example.org", "--newsletter", "weekly", *chosen)
    for form, name in (("own", "people.csv"), ("jsonl", "people.jsonl")):
        capsys.readouterr()
        command(site, "subscribers", "export", "--format", form)
        file = tmp_path / name
        file.write_text(capsys.readouterr().out, encoding="utf-8")
        other = tmp_path / form
        run(["init", str(other)])
        command(other, "subscribers", "import", str(file), "--newsletter", "weekly", "--confirmed")
        capsys.readouterr()
        command(other, "subscribers", "show", "zoe@example.org")
        assert "daily; topics: craft, 夜航" in capsys.readouterr().out

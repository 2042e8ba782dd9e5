"""Founding a site, its key, and rehearsals that leave it as it is."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from publisher.cli.main import run
from tests.cli.conftest import Run


def test_init_twice_changes_nothing(command: Run, site: Path) -> None:
    before = {
        path: path.read_bytes()
        for path in site.rglob("*")
        if path.is_file() and not path.name.startswith("publisher.db")
    }
    _, out, _ = command("subscribers", "list", "--json")

    code, _, words = command("init", str(site))

    assert code == 0
    assert "kept" in words
    assert "created" not in words
    assert command("subscribers", "list", "--json")[1] == out
    assert {p: p.read_bytes() for p in before} == before


def test_an_empty_site_has_no_sample_posts_and_nobody_to_mail(tmp_path: Path) -> None:
    assert run(["init", "--empty", str(tmp_path / "mine")]) == 0
    assert list((tmp_path / "mine" / "content").iterdir()) == []
    assert run(["-C", str(tmp_path / "mine"), "publish"]) == 0


def test_an_empty_site_has_every_setting_and_no_word_of_the_sample(tmp_path: Path) -> None:
    sample = Path(__file__).parents[2].joinpath("config.toml").read_text(encoding="utf-8")
    assert run(["init", "--empty", str(tmp_path)]) == 0
    text = (tmp_path / "config.toml").read_text(encoding="utf-8")

    def parts(line: str) -> tuple[str, str]:
        return line.partition(" = ")[0], line.rpartition("  # ")[2]

    assert [parts(line) for line in text.splitlines()[1:]] == [
        parts(line) for line in sample.splitlines()[1:]
    ]
    for word in ("Lighthouse", "lighthouse", "灯塔", "Harbour", "Shanghai", "2025", "hexo"):
        values = [line.rpartition("  # ")[0] for line in text.splitlines()]
        assert not [line for line in values if word in line]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], {"title", "description", "author", "author_email", "authority", "postal_address",
              "sender_name"}),
        (["--empty"], {"title", "sender_name"}),
    ],
)  # fmt: skip
def test_a_public_site_is_told_what_is_left_of_the_sample(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], named: set[str]
) -> None:
    def found() -> set[str]:
        run(["-C", str(tmp_path), "check", "--json"])
        rows = json.loads(capsys.readouterr().out)["findings"]
        return {row["where"].rpartition(".")[2] for row in rows if "not yours" in row["problem"]}

    assert run(["init", *arguments, str(tmp_path)]) == 0
    config = tmp_path / "config.toml"
    assert found() == set()  # a rehearsal
    config.write_text(config.read_text().replace("http://localhost:8080", "https://lights.net"))
    assert found() == named


def test_init_makes_its_folder_seen_from_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    assert run(["-C", "../there", "init", "--empty"]) == 0
    assert run(["-C", "../there", "init", "--empty", "more"]) == 0
    assert run(["--config", "other.toml", "init", "--empty"]) == 2

    assert (tmp_path / "there" / "config.toml").is_file()
    assert (tmp_path / "there" / "more" / "config.toml").is_file()
    assert list((tmp_path / "here").iterdir()) == []


def test_a_site_whose_key_is_away_gets_no_other_one(command: Run, site: Path) -> None:
    key = site / "var" / "secret-key"
    before = key.read_bytes()
    key.unlink()

    for arguments in (("status",), ("init",)):
        code, _, words = command(*arguments)
        assert code == 78
        assert "put this site's own there" in words

    assert not key.exists()
    key.write_bytes(before)
    assert command("status")[0] == 0


def test_without_a_key_no_database_is_made(tmp_path: Path) -> None:
    sample = Path(__file__).parents[2] / "config.toml"
    (tmp_path / "config.toml").write_bytes(sample.read_bytes())
    assert run(["-C", str(tmp_path), "status"]) == 78
    assert not (tmp_path / "var").exists()
    assert run(["-C", str(tmp_path), "init"]) == 0


def test_the_secret_key_is_for_the_owner_only(site: Path) -> None:
    assert (site / "var" / "secret-key").stat().st_mode & 0o077 == 0


def standing(site: Path) -> tuple[list[str], dict[Path, tuple[bytes, int]]]:
    """The database as text, and what is published with its times."""
    with closing(sqlite3.connect(site / "var" / "publisher.db")) as raw:
        rows = list(raw.iterdump())
    public = [path for path in (site / "public").rglob("*") if path.is_file()]
    return rows, {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in public}


@pytest.mark.parametrize("moment", ["2100-01-01T00:00:00Z", "2025-01-01T00:00:00Z"])
def test_a_rehearsal_of_another_moment_leaves_the_site_as_it_is(
    command: Run, site: Path, tmp_path: Path, moment: str
) -> None:
    coming = "---\ntitle: Far ahead\ndate: 2090-01-01 00:00:00\n---\nSoon.\n"
    (site / "content" / "far.md").write_text(coming)
    assert command("build")[0] == 0
    before, out = standing(site), tmp_path / "then"

    assert command("build", "--now", moment)[0] == 2
    assert command("build", "--now", moment, "--out", str(out))[0] == 0

    assert ("Far ahead" in (out / "rss.xml").read_text()) is moment.startswith("2100")
    assert standing(site) == before
    assert sorted(path.name for path in (site / "var").iterdir()) == [
        "cache",
        "publisher.db",
        "secret-key",
    ]


def test_a_rehearsal_is_written_into_an_empty_folder_that_is_not_the_site_s(
    command: Run, site: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "index.html").write_text("Mine.")

    for folder in (tmp_path / "mine", site / "public", site / "public" / "new"):
        assert command("build", "--out", str(folder))[0] == 1

    assert (tmp_path / "mine" / "index.html").read_text() == "Mine."
    assert not (site / "public").exists()

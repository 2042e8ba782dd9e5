import json
from collections.abc import Callable
from pathlib import Path

import pytest

from publisher.cli.main import run

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    assert run(["init", str(folder)]) == 0
    return folder


@pytest.fixture
def command(site: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    capsys.readouterr()

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(["-C", str(site), *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


READING = [
    ("check",),
    ("plan",),
    ("status",),
    ("posts", "list"),
    ("issues", "list"),
    ("deliveries", "list"),
    ("subscribers", "list"),
    ("config", "show"),
    ("build",),
    ("preview", "weekly"),
]


@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_every_reading_command_prints_json_with_its_schema(
    command: Run, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = command(*arguments, "--json")
    assert code == 0
    assert json.loads(out)["schema"].startswith("publisher.")


@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_piped_output_has_no_escape_codes(
    command: Run, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = command(*arguments)
    assert code == 0
    assert "\x1b" not in out + err


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


def test_the_secret_key_is_for_the_owner_only(site: Path) -> None:
    assert (site / "var" / "secret-key").stat().st_mode & 0o077 == 0


def test_a_wrong_setting_exits_78_with_its_place(command: Run, site: Path) -> None:
    config = site / "config.toml"
    config.write_text(config.read_text().replace("entries = 30", 'entires = 30\nentries = "x"'))

    code, out, err = command("plan")

    assert (code, out) == (78, "")
    assert "did you mean" in err.lower()
    assert err.count("config.toml:") == 2


def test_a_folder_without_a_site_exits_78(tmp_path: Path) -> None:
    assert run(["-C", str(tmp_path), "status"]) == 78


def test_a_wrong_command_line_exits_2(command: Run) -> None:
    assert command("plan", "--now", "yesterday")[0] == 2
    assert command("plan", "--now", "2026-11-24T00:00:00")[0] == 2
    assert command("nonsense")[0] == 2


def test_an_unknown_newsletter_exits_1_and_names_the_known(command: Run) -> None:
    code, _, err = command("preview", "wekly")
    assert code == 1
    assert "weekly" in err


def test_plan_writes_nothing(command: Run, site: Path) -> None:
    before = (site / "var" / "publisher.db").read_bytes()
    code, out, _ = command("plan", "--now", "2026-11-24T00:00:00Z")
    assert code == 0
    assert "依恋" in out
    assert (site / "var" / "publisher.db").read_bytes() == before
    assert not (site / "public").exists()


def test_an_import_reports_lines_and_exits_4_for_refusals(command: Run, tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    people.write_text("email,name\nzoe@example.org,Zoe\nnobody,N\nann@example.org,A\n")
    arguments = ("subscribers", "import", str(people), "--newsletter", "weekly", "--confirmed")

    rehearsed = command(*arguments, "--dry-run")
    code, out, err = command(*arguments)

    assert rehearsed[0] == code == 4
    assert "people.csv:3" in out
    assert "1 added, 1 known, 1 refused" in err


def test_posts_of_any_folder_are_listed_without_a_site(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hello.md").write_text("---\ntitle: Hello\ndate: 2025-01-02 03:04:05\n---\n\nHi.\n")

    code = run(
        ["posts", "list", "--json", "--content", str(tmp_path), "--dialect", "hexo",
         "--timezone", "Asia/Shanghai", "--now", "2026-01-01T00:00:00Z"]
    )  # fmt: skip

    (row,) = json.loads(capsys.readouterr().out)["posts"]
    assert code == 0
    assert row["date"] == "2025-01-02T03:04:05+08:00"
    assert list(row) == [
        "path", "id", "title", "date", "updated", "tags", "categories", "language",
        "draft", "hidden", "status", "reason",
    ]  # fmt: skip


def test_preview_writes_three_files(command: Run, tmp_path: Path) -> None:
    code, out, _ = command("preview", "weekly", "--out", str(tmp_path / "look"))
    assert code == 0
    assert {Path(line).suffix for line in out.splitlines()} == {".html", ".txt", ".eml"}
    assert all(Path(line).stat().st_size for line in out.splitlines())

import json
import sqlite3
import subprocess
import sys
import tomllib
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path

import pytest

from publisher.cli.lazy import LazyCommand
from publisher.cli.main import cli, run
from publisher.services.backups import present_form
from publisher.services.lock import exclusive
from tests.cli.conftest import Run
from tests.test_architecture import commands

READING = [
    ("admin", "list"),
    ("admin", "log"),
    ("admin", "sessions"),
    ("backup", "--list"),
    ("build",),
    ("check",),
    ("config", "show"),
    ("db", "check"),
    ("deliveries", "list"),
    ("dkim", "show"),
    ("doctor",),
    ("feeds", "list"),
    ("feeds", "stats"),
    ("feeds", "validate"),
    ("issues", "list"),
    ("issues", "show", "1"),
    ("plan",),
    ("posts", "id", "hello.md"),
    ("posts", "list"),
    ("preview", "weekly"),
    ("resume", "--dry-run"),
    ("send", "1", "--dry-run"),
    ("status",),
    ("subscribers", "list"),
    ("subscribers", "show", "ann@example.org"),
    ("suppressions", "list"),
    ("tokens", "list"),
]
ACTING = {"dkim keygen", "new", "publish", "send", "smtp test", "subscribers import"}
"""Commands whose --json says what they did."""


def test_every_command_that_prints_json_is_tried() -> None:
    found = {
        path.removeprefix("publisher ")
        for path, command in commands(cli)
        if any("--json" in parameter.opts for parameter in command.params)
    }
    tried = {" ".join(arguments) for arguments in READING}
    untried = {path for path in found if not any(one.startswith(path) for one in tried)}
    assert untried <= ACTING


def test_only_the_command_that_is_called_is_loaded() -> None:
    program = (
        "import sys; from publisher.cli.main import run; run(sys.argv[1:]);"
        "print(*(name for name in sys.modules if name.startswith('publisher.')))"
    )

    def loaded_by(*arguments: str) -> set[str]:
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
        )
        return {*done.stdout.splitlines()[-1].split()}

    assert loaded_by("--help") == loaded_by("--version")
    assert "publisher.cli.build" not in loaded_by("--help")
    assert "publisher.store.engine" not in loaded_by("healthcheck", "--help")


def test_the_list_of_commands_tells_what_each_says_of_itself() -> None:
    for name, listed in cli.commands.items():
        assert isinstance(listed, LazyCommand)
        assert listed.load().name == name
        assert listed.get_short_help_str(80) == listed.load().get_short_help_str(80) != ""


@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_every_reading_command_prints_json_with_its_schema(
    prepared: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    capsys.readouterr()
    assert run(["-C", str(prepared), *arguments, "--json", *elsewhere(prepared, arguments)]) == 0
    assert json.loads(capsys.readouterr().out)["schema"].startswith("publisher.")


@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_piped_output_has_no_escape_codes(
    prepared: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    capsys.readouterr()
    assert run(["-C", str(prepared), *arguments, *elsewhere(prepared, arguments)]) == 0
    captured = capsys.readouterr()
    assert captured.out + captured.err
    assert "\x1b" not in captured.out + captured.err


def elsewhere(folder: Path, arguments: tuple[str, ...]) -> tuple[str, ...]:
    """A preview writes files; not where the tests run."""
    return ("--out", str(folder / "look")) if arguments[0] == "preview" else ()


def test_every_exit_code_is_what_it_means(
    command: Run, site: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert command("status")[0] == 0
    assert command("issues", "show", "99")[0] == 1
    assert command("status", "--nonsense")[0] == 2
    with exclusive(site / "var"):
        code, _, err = command("publish")
        assert (code, "held by process" in err) == (75, True)
    monkeypatch.setattr("sys.stdin", StringIO(""))
    copy = tmp_path / "copy.db"
    assert command("backup", "--to", str(copy))[0] == 0
    assert command("restore", str(copy))[0] == 130  # nobody answers
    people = tmp_path / "people.csv"
    people.write_text("email,name\nnobody,N\n")
    arguments = ("subscribers", "import", str(people), "--newsletter", "weekly", "--confirmed")
    assert command(*arguments)[0] == 4
    (site / "content" / "broken.md").write_bytes(b"---\ntitle: [\n---\n")
    assert command("check", "--strict")[0] == 3
    (site / "config.toml").write_text("[site\n")
    assert command("status")[0] == 78


def test_a_database_of_another_form_is_told_and_vacuuming_gives_back_room(
    command: Run, site: Path
) -> None:
    assert command("db", "migrate", "--check")[0] == 0
    assert "nothing to do" in command("db", "migrate")[2]
    database = site / "var" / "publisher.db"
    with sqlite3.connect(database) as raw:
        raw.execute("CREATE TABLE ballast AS SELECT zeroblob(3000000) AS b")
        raw.execute("DROP TABLE ballast")
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        raw.execute("UPDATE alembic_version SET version_num = '0001'")
    raw.close()
    code, _, err = command("db", "migrate", "--check")
    assert (code, "revision 0001" in err) == (3, True)
    with sqlite3.connect(database) as raw:
        raw.execute("UPDATE alembic_version SET version_num = ?", (present_form(),))
    raw.close()
    before = database.stat().st_size
    assert command("db", "vacuum")[0] == 0
    assert database.stat().st_size < before - 2_500_000


def test_plan_says_what_a_change_of_the_clock_does_and_writes_nothing(
    command: Run, site: Path
) -> None:
    config = site / "config.toml"
    text = config.read_text(encoding="utf-8")
    for old, new in (
        ('timezone = "Asia/Shanghai"  # where its', 'timezone = "Europe/Berlin"  # where its'),
        ('weekday = "fri"', 'weekday = "sun"'),
        ("at = 08:00:00", "at = 02:30:00"),
    ):
        assert old in text
        text = text.replace(old, new)
    config.write_text(text, encoding="utf-8")
    before = (site / "var" / "publisher.db").read_bytes()
    code, out, _ = command("plan", "--now", "2027-03-22T00:00Z", "--weeks", "2")
    assert code == 0
    (line,) = [line for line in out.splitlines() if "2027-03-28" in line and "01:00" in line]
    assert "03:00" in line
    assert "02:30 does not exist" in line
    assert (site / "var" / "publisher.db").read_bytes() == before


def test_what_there_is_not_is_named_in_a_sentence(command: Run) -> None:
    _, _, words = command("feeds", "validate", "http://elsewhere.example/feed.xml")
    assert words.startswith("error: no feed 'http://elsewhere.example/feed.xml': not an address")
    choose = ("subscribers", "choose", "ann@example.org", "--newsletter", "weekly")
    _, _, words = command(*choose, "--frequency", "hourly")
    assert "no frequency 'hourly': newsletter weekly offers instant, daily, monthly" in words
    _, _, words = command(*choose, "--topic", "stars")
    assert "no topic 'stars': newsletter weekly offers 日常, 夜航, craft" in words


@pytest.mark.parametrize("arguments", [["subscribers", "export"], ["plan"], ["config", "show"]])
def test_a_full_disk_is_told_in_one_line(site: Path, arguments: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "publisher", "-C", str(site), *arguments],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "error: No space left on device\n")


def test_tables_within_tables_are_shown_as_such(command: Run, site: Path) -> None:
    config = site / "config.toml"
    config.write_text(config.read_text().replace("redirects = {}", 'redirects = {"/a" = "/b"}'))
    _, out, _ = command("config", "show")
    assert tomllib.loads(out.partition("[feeds.redirects]")[2].partition("[")[0]) == {"/a": "/b"}
    assert '[feeds.podcast]\ncategory = ""\n' in out
    shown = json.loads(command("config", "show", "--json")[1])["feeds"]
    assert shown["redirects"] == {"/a": "/b"}
    assert shown["podcast"]["explicit"] is False


def test_no_number_of_seconds_is_refused(command: Run) -> None:
    assert command("healthcheck", "--timeout", "nan")[0] == 2


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


@pytest.mark.parametrize("moment", ["2027-03-27", "2027-03-27+08:00", "2027-03-27T09:00"])
def test_a_moment_without_offset_is_refused_with_one_that_is_taken(
    command: Run, moment: str
) -> None:
    code, _, words = command("plan", "--now", moment)
    assert code == 2
    example = words.split("for example ")[1].split()[0]
    assert command("plan", "--now", example)[0] == 0


@pytest.mark.parametrize("moment", ["0001-01-01T00:00+14:00", "9999-12-31T23:59-12:00"])
def test_a_moment_beyond_the_calendar_is_refused(command: Run, moment: str) -> None:
    code, _, words = command("plan", "--now", moment)
    assert code == 2
    assert "1900 to 9998" in words


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


@pytest.mark.parametrize(
    "told", [("export",), ("export", "--format", "jsonl"), ("export-data", "li.lei@example.com")]
)
def test_what_is_exported_is_utf_8_whatever_the_terminal_speaks(
    site: Path, monkeypatch: pytest.MonkeyPatch, told: tuple[str, ...]
) -> None:
    written = BytesIO()
    monkeypatch.setattr("sys.stdout", TextIOWrapper(written, encoding="latin-1"))
    assert run(["-C", str(site), "subscribers", *told]) == 0
    assert "李雷" in written.getvalue().decode()


@pytest.mark.parametrize(
    ("form", "word"), [("own", ",suppressed,"), ("jsonl", '"suppressed"'), ("listmonk", "blockl")]
)
def test_who_must_not_be_mailed_is_exported_as_that(command: Run, form: str, word: str) -> None:
    command("subscribers", "add", "zoe@example.org", "--newsletter", "weekly")
    command("suppressions", "add", "zoe@example.org")
    _, out, _ = command("subscribers", "export", "--format", form)
    assert [word in line for line in out.splitlines() if "zoe@" in line] == [True]

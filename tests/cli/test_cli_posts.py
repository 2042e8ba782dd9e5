"""`publisher posts`, `new` and `check`, as a writer uses them."""

import json
from pathlib import Path

import pytest

from publisher.cli.main import run
from tests.cli.conftest import Run

HEAD = "---\ntitle: T\ndate: 2025-01-02 03:04:05\n"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    assert run(["init", "--empty", str(tmp_path / "site")]) == 0
    return tmp_path / "site"


def test_a_new_post_is_one_that_publishes(command: Run, site: Path) -> None:
    code, out, _ = command("new", "On Harbours: #1", "--tag", "sea", "--category", "Craft")
    assert code == 0
    file = Path(out.strip())
    assert file == site / "content" / "on-harbours-1.md"
    file.write_text(file.read_text("utf-8") + "Words.\n", "utf-8")
    (row,) = json.loads(command("posts", "list", "--json")[1])["posts"]
    assert row["status"] == "ok"
    assert row["title"] == "On Harbours: #1"
    assert row["tags"] == ["sea"]
    assert row["categories"] == [["Craft"]]
    assert len(row["id"]) == 16


def test_a_new_post_lies_below_the_content_folder(command: Run, site: Path) -> None:
    for outside in ("../escaped", "/tmp/escaped", "a/../../b"):
        code, _, err = command("new", "Same", "--folder", outside)
        assert code != 0
        assert "outside the content folder" in err
    code, out, _ = command("new", "信" * 200)
    assert code == 0
    assert Path(out.strip()).is_file()


@pytest.mark.parametrize(
    ("files", "draft"),
    [
        (["_config.yml"], "_drafts/same.md"),
        (["hugo.toml", "content/blog/a.md", "content/about.md"], "content/blog/same.md"),
        (["hugo.toml", "content/a.md"], "content/same.md"),
        (["pelicanconf.py", "content/a.md"], "content/same.md"),
    ],
)
def test_a_new_post_of_a_site_lies_where_its_posts_do(
    command: Run, site: Path, files: list[str], draft: str
) -> None:
    for name in files:
        (site / "blog" / name).parent.mkdir(parents=True, exist_ok=True)
        (site / "blog" / name).write_text(f"{HEAD}---\nb" if name.endswith(".md") else "", "utf-8")
    config = site / "config.toml"
    config.write_text(config.read_text("utf-8").replace('\nsite = ""', '\nsite = "blog"'), "utf-8")
    before = len(json.loads(command("posts", "list", "--json")[1])["posts"])
    code, out, _ = command("new", "Same", "--draft")
    assert code == 0
    assert Path(out.strip()) == site / "blog" / draft
    file = Path(command("new", "Other")[1].strip())
    assert file.is_file()
    assert len(json.loads(command("posts", "list", "--json")[1])["posts"]) == before + 2


def test_a_new_draft_is_kept_back_and_a_second_post_of_one_title_is_refused(
    command: Run, site: Path
) -> None:
    assert command("new", "Same", "--draft")[0] == 0
    code, _, err = command("new", "Same", "--draft")
    assert code == 1
    assert "is there already" in err
    file = site / "content" / "same.md"
    file.write_text(file.read_text("utf-8") + "Words.\n", "utf-8")
    (row,) = json.loads(command("posts", "list", "--json")[1])["posts"]
    assert (row["status"], row["draft"]) == ("skip", True)


def test_an_id_is_proposed_then_remembered_then_declared(command: Run, site: Path) -> None:
    file = site / "content" / "a.md"
    file.write_text(f"{HEAD}---\nbody", "utf-8")
    before = file.read_bytes()

    def origin() -> str:
        (row,) = json.loads(command("posts", "id", "a.md", "--json")[1])["posts"]
        return str(row["origin"])

    assert origin() == "proposed"
    assert file.read_bytes() == before
    assert command("build")[0] == 0
    assert origin() == "remembered"
    code, out, _ = command("posts", "id", "a.md", "--write", "--json")
    assert code == 0
    assert origin() == "declared"
    written = json.loads(out)["posts"][0]["id"]
    assert file.read_text("utf-8").splitlines()[1] == f'feed_id: "{written}"'
    once = file.read_bytes()
    assert command("posts", "id", "--all", "--write")[0] == 0
    assert file.read_bytes() == once


def test_another_id_for_a_post_that_readers_know_needs_force(command: Run, site: Path) -> None:
    (site / "content" / "a.md").write_text(f"{HEAD}---\nbody", "utf-8")
    command("build")
    code, out, _ = command("posts", "id", "a.md", "--set", "mine")
    assert code == 4
    assert "--force" in out
    assert command("posts", "id", "a.md", "--set", "mine", "--force")[0] == 0
    assert command("posts", "id", "gone.md")[0] == 4


@pytest.mark.parametrize(
    ("text", "codes", "line"),
    [
        (f"{HEAD}---\nbody", (0, 0), ""),
        (f"{HEAD}tags: a, b\n---\nbody", (0, 3), "a.md:4: warning: several tags"),
        ("---\ntitle: T\ndate: 2020-02-30\n---\nbody", (3, 3), "a.md:3: error: has a date"),
        ("---\ntitle: T\nnever closed", (3, 3), "a.md:2: error: the front matter is never closed"),
        (f"{HEAD}---\n\n![x](gone.png)", (0, 3), "a.md:6: warning: shows 'gone.png'"),
        (f"{HEAD}draft: true\n---\nbody", (0, 0), ""),
    ],
)
def test_check_names_file_line_problem_and_remedy_and_strict_exits_3(
    command: Run, site: Path, text: str, codes: tuple[int, int], line: str
) -> None:
    (site / "content" / "a.md").write_text(text, "utf-8")
    code, out, _ = command("check")
    assert (code, command("check", "--strict")[0]) == codes
    told = out.splitlines()
    assert bool(told) == bool(line)
    assert not line or any(one.startswith(line) and " — " in one for one in told)


def test_a_missing_content_folder_is_one_clear_line(command: Run, site: Path) -> None:
    (site / "content").rmdir()
    for arguments in (("check",), ("posts", "list"), ("build",), ("publish",)):
        code, _, err = command(*arguments)
        assert code == 1
        assert "cannot be opened" in err
        assert "set content.folder" in err
        assert "Traceback" not in err

"""Real posts of real blogs with the values that a loader must extract; third-party, not here."""

import csv
import json
import re
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from publisher.cli.main import cli
from publisher.content.loader import ContentOptions, load

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
ZONE = "Asia/Shanghai"
NOW = "2026-11-22T00:00:00+08:00"

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not on this machine")


def expected() -> list[dict[str, str]]:
    path = CORPUS / "expected.csv"
    return list(csv.DictReader(path.read_text("utf-8").splitlines())) if path.is_file() else []


@pytest.fixture(scope="module")
def listed() -> dict[str, dict[str, object]]:
    """Every file of the corpus as `publisher posts list --json` shows it, by repo and path."""
    found: dict[str, dict[str, object]] = {}
    for repo, dialect in {(row["repo"], row["dialect"]) for row in expected()}:
        command = ["posts", "list", "--content", str(CORPUS / repo), "--dialect", dialect,
                   "--timezone", ZONE, "--now", NOW, "--json"]  # fmt: skip
        result = CliRunner().invoke(cli, command)
        assert result.exit_code == 0, result.output
        for row in json.loads(result.output)["posts"]:
            found[f"{dialect}:{repo}/{row['path']}"] = row
    return found


@pytest.mark.parametrize("row", expected(), ids=lambda row: f"{row['repo']}/{row['path']}")
def test_every_row_holds(row: dict[str, str], listed: dict[str, dict[str, object]]) -> None:
    found = listed[f"{row['dialect']}:{row['repo']}/{row['path']}"]
    assert found["status"] in row["expected_outcome"].split("|"), found["reason"]
    if row["password"] == "1":
        assert found["title"] is None
        assert found["reason"] == "protected by a password"
        return
    assert (found["title"] or "") == row["title"]
    assert (found["date"] or "") == row["date"]
    assert " ; ".join(found["tags"]) == row["tags"]  # type: ignore[call-overload]
    shown = " | ".join(" > ".join(path) for path in found["categories"])  # type: ignore[attr-defined]
    assert shown == row["categories"]
    assert found["draft"] == (row["draft"] == "1")
    assert found["hidden"] == (row["hidden"] == "1")


def test_no_file_of_the_corpus_is_left_out(listed: dict[str, dict[str, object]]) -> None:
    assert len(expected()) >= 81
    assert len(listed) >= len(expected())


SECRETS = ("CANARY", "hugo-encryptor", "title: shell.md", "hexo-blog-encrypt-password")
IN_CODE = re.compile(r"<(pre|code)\b.*?</\1>", re.DOTALL)
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
SCRIPTED = re.compile(r"""(?:href|src)=["']?javascript:""", re.IGNORECASE)


@pytest.mark.parametrize("dialect", ["hexo", "hugo", "jekyll", "pelican", "plain", "auto"])
def test_nothing_that_must_stay_inside_comes_out(dialect: str) -> None:
    options = ContentOptions(
        folder=CORPUS,
        dialect=dialect,
        zone=ZoneInfo(ZONE),
        base_url="https://example.org",
        language="zh",
    )
    library = load(options, now=datetime.fromisoformat(NOW))
    assert library.posts
    everything = repr((library.posts, library.skipped, library.failed, library.warnings))
    assert not [secret for secret in SECRETS if secret in everything]
    for post in library.posts:
        for html in (post.body.html, post.body.mail_html, post.excerpt.html):
            assert "{%" not in IN_CODE.sub("", html), post.path
            assert not CONTROL.search(html), post.path
            assert not SCRIPTED.search(html), post.path
            assert "<script" not in html


def test_a_site_built_from_the_corpus_leaks_nothing(tmp_path: Path) -> None:
    runner = CliRunner()
    assert runner.invoke(cli, ["init", str(tmp_path), "--empty"]).exit_code == 0
    config = tmp_path / "config.toml"
    text = config.read_text().replace('folder = "content"', f'folder = "{CORPUS}"')
    config.write_text(text)
    out = str(tmp_path / "as-of-then")
    result = runner.invoke(cli, ["-C", str(tmp_path), "build", "--now", NOW, "--out", out])
    assert result.exit_code == 0, result.output
    check = runner.invoke(cli, ["-C", str(tmp_path), "check", "--now", NOW])
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > 50
    for secret in SECRETS[:2]:
        assert secret not in result.output + check.output
        assert [p for p in written if secret.encode() in p.read_bytes()] == []

"""Real posts of real blogs, third-party and not here, built as one site."""

import re
import subprocess
from pathlib import Path

import feedparser
import pytest
from click.testing import CliRunner

from publisher.cli.main import cli

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
NOW = "2026-11-22T00:00:00+08:00"

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not on this machine")

RELATIVE = re.compile(r'<[^<>]+?\s(?:href|src|srcset|poster|cite)="(?!https?:|mailto:|tel:|data:)')


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The feeds in XML of a strict build: a finding would have failed it."""
    site, runner = tmp_path_factory.mktemp("corpus"), CliRunner()
    assert runner.invoke(cli, ["init", str(site), "--empty"]).exit_code == 0
    config = site / "config.toml"
    text = config.read_text().replace('folder = "content"', f'folder = "{CORPUS}"')
    config.write_text(text)
    out = site / "as-of-then"
    command = ["-C", str(site), "build", "--strict", "--now", NOW, "--out", str(out)]
    built = runner.invoke(cli, command)
    assert built.exit_code == 0, built.output
    found = sorted(out.rglob("*.xml"))
    assert len(found) > 100
    return found


def test_the_corpus_makes_sound_feeds_without_a_relative_address(documents: list[Path]) -> None:
    for path in documents:
        parsed = feedparser.parse(path.read_bytes())
        assert not parsed.bozo, path
        for entry in parsed.entries:
            for part in entry.get("content", []):
                assert not RELATIVE.search(part.value), path


@pytest.mark.acceptance
def test_xmllint_has_nothing_to_say_of_the_corpus(documents: list[Path]) -> None:
    done = subprocess.run(
        ["xmllint", "--noout", *map(str, documents)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

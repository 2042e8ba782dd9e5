"""Real posts of real blogs, third-party and not here, built as one site."""

import re
from pathlib import Path

import feedparser
import pytest
from click.testing import CliRunner

from publisher.cli.main import cli

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
NOW = "2026-11-22T00:00:00+08:00"

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not on this machine")

RELATIVE = re.compile(r'<[^<>]+?\s(?:href|src|srcset|poster|cite)="(?!https?:|mailto:|tel:|data:)')


def test_the_corpus_makes_sound_feeds_without_a_relative_address(tmp_path: Path) -> None:
    runner = CliRunner()
    assert runner.invoke(cli, ["init", str(tmp_path), "--empty"]).exit_code == 0
    config = tmp_path / "config.toml"
    text = config.read_text().replace('folder = "content"', f'folder = "{CORPUS}"')
    config.write_text(text)
    built = runner.invoke(cli, ["-C", str(tmp_path), "build", "--strict", "--now", NOW])
    assert built.exit_code == 0, built.output
    public = tmp_path / "public"
    documents = sorted(path for path in public.rglob("*.xml"))
    assert len(documents) > 100
    for path in documents:
        parsed = feedparser.parse(path.read_bytes())
        assert not parsed.bozo, path
        for entry in parsed.entries:
            for part in entry.get("content", []):
                assert not RELATIVE.search(part.value), path

"""The sample site's letters in a real browser and before a real filter.

Chromium draws them on a phone and a desk, light, dark and without any style; axe looks for what
people with weak eyes or a screen reader cannot use; SpamAssassin says what a receiver thinks.
"""

import html as html_text
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from publisher.lint.emails import lint_email
from publisher.lint.findings import Severity
from publisher.render.notices import NoticeKind
from publisher.render.previews import Look, as_seen
from tests.acceptance.letters import (
    LANGUAGES,
    REPOSITORY,
    sample_digest,
    sample_message,
    sample_notice,
    sample_posts,
)
from tests.acceptance.screens import FLAGS, browser
from tests.factories import make_post

pytestmark = pytest.mark.acceptance

AXE = REPOSITORY / ".tools" / "node_modules" / "axe-core" / "axe.min.js"
LETTERS: dict[str, Callable[[], str]] = {
    **{name: lambda name=name: sample_digest(name).html for name in LANGUAGES},  # type: ignore[misc]
    "single": lambda: sample_digest("en", template="single", posts=sample_posts("en")[:1]).html,
    "code": lambda: sample_digest("en", template="single", posts=sample_posts("en")[2:3]).html,
    **{
        f"{kind}-{language}": lambda kind=kind, language=language: (
            sample_notice(  # type: ignore[misc]
                kind, language
            ).html
        )
        for kind in NoticeKind
        for language in ("zh", "en")
    },
}

RUN_AXE = """
<script>{axe}</script><script>
axe.run(document, {{runOnly: ["wcag2a", "wcag2aa", "wcag21aa"]}}).then((found) => {{
  const said = document.createElement("pre");
  said.id = "said";
  said.textContent = JSON.stringify(found.violations.map((each) => (
    {{rule: each.id, impact: each.impact, nodes: each.nodes.map((node) => node.html)}})));
  document.body.replaceChildren(said);
}});
</script></body>
"""
MEASURE = """<!DOCTYPE html><body style="margin:0">
<iframe src="{src}" style="border:0;width:{width}px;height:900px"></iframe>
<script>onload = () => {{
  const page = document.querySelector("iframe").contentDocument.documentElement;
  document.body.innerHTML = `<pre id="said">[${{page.scrollWidth}}, ${{page.clientWidth}}]</pre>`;
}};</script>"""


def said(page: Path, profile: Path) -> Any:
    """What the script on a page wrote down for us."""
    done = subprocess.run(
        [*browser(), *FLAGS, f"--user-data-dir={profile}", "--virtual-time-budget=20000",
         "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )  # fmt: skip
    found = re.search(r'<pre id="said">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stdout[-2000:] + done.stderr[-2000:]
    return json.loads(html_text.unescape(found[1]))


@pytest.mark.parametrize("look", [Look.LIGHT, Look.DARK])
@pytest.mark.parametrize("name", LETTERS)
def test_axe_finds_nothing(name: str, look: Look, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    run = RUN_AXE.format(axe=AXE.read_text(encoding="utf-8"))
    page.write_text(as_seen(LETTERS[name](), look).replace("</body>", run), encoding="utf-8")
    assert said(page, tmp_path / "profile") == []


def test_axe_would_find_a_fault(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    run = RUN_AXE.format(axe=AXE.read_text(encoding="utf-8"))
    html = LETTERS["en"]().replace("color:#57606a", "color:#d0d7de")
    page.write_text(html.replace("</body>", run), encoding="utf-8")
    assert {each["rule"] for each in said(page, tmp_path / "profile")} == {"color-contrast"}


@pytest.mark.parametrize("look", [Look.LIGHT, Look.BARE])
@pytest.mark.parametrize("width", [320, 375, 600])
@pytest.mark.parametrize("name", ["zh", "en", "mixed", "single", "code"])
def test_nothing_is_wider_than_the_screen(
    name: str, width: int, look: Look, tmp_path: Path
) -> None:
    (tmp_path / "letter.html").write_text(as_seen(LETTERS[name](), look), encoding="utf-8")
    page = tmp_path / "page.html"
    page.write_text(MEASURE.format(src="letter.html", width=width), encoding="utf-8")
    scroll_width, client_width = said(page, tmp_path / "profile")
    assert scroll_width == client_width == width


@pytest.mark.parametrize("name", LANGUAGES)
def test_spamassassin_likes_it(name: str) -> None:
    command = shutil.which("spamassassin")
    assert command, "spamassassin is not installed"
    done = subprocess.run(
        [command, "-L", "-t"],
        input=sample_message(name),
        capture_output=True,
        timeout=120,
        check=True,
    )
    score = re.search(rb"X-Spam-Status: \w+, score=(-?[\d.]+)", done.stdout)
    assert score, done.stdout[:500]
    sys.stderr.write(f"SpamAssassin on {name}: {score[1].decode()}\n")
    assert float(score[1]) <= 0.2


@pytest.mark.parametrize("name", LANGUAGES)
def test_our_own_lint_finds_nothing(name: str) -> None:
    found = lint_email(sample_message(name))
    assert [each for each in found if each.severity is Severity.ERROR] == []


def test_twenty_posts_have_less_than_seventy_kilobytes() -> None:
    posts = sample_posts("mixed")
    more = [make_post(n, excerpt=posts[n % len(posts)].excerpt) for n in range(1, 21 - len(posts))]
    digest = sample_digest("mixed", posts=[*posts, *more])
    assert digest.html.count('class="post') == 20
    assert len(digest.html.encode()) < 70_000

"""Scanners over the interface and over the code; what they may find has its reason here."""

import subprocess
from pathlib import Path

import pytest

from tests.acceptance.conftest import REPOSITORY, publisher

pytestmark = pytest.mark.acceptance

SCANNERS = REPOSITORY / ".tools" / "scanners" / "bin"
SCOPES = ("subscribers:read", "subscribers:write", "issues:read", "deliveries:read")
EXCEPTIONS = {
    # Every Markup() wraps HTML that `content.sanitise` has cleaned; each says so in its line.
    "bandit": "B704",
    # Our addresses are stricter than JSON Schema's `format: email`.
    "schemathesis": "positive_data_acceptance",
}

needs_scanners = pytest.mark.skipif(not SCANNERS.exists(), reason="`make acceptance` installs them")


def scan(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SCANNERS / command[0], *command[1:]],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@needs_scanners
def test_bandit_finds_nothing_of_medium_or_high(tmp_path: Path) -> None:
    done = scan("bandit", "-q", "-r", "publisher", "-ll", "--skip", EXCEPTIONS["bandit"])
    assert done.returncode == 0, done.stdout


@needs_scanners
def test_schemathesis_finds_nothing_in_the_interface(
    daemon: tuple[subprocess.Popen[str], str], site: Path
) -> None:
    scopes = [word for scope in SCOPES for word in ("--scope", scope)]
    secret = publisher(site, "tokens", "create", "scanner", *scopes).strip()
    done = scan(
        "st",
        "run",
        f"{daemon[1]}/api/v1/openapi.json",
        "--header",
        f"Authorization: Bearer {secret}",
        "--exclude-checks",
        EXCEPTIONS["schemathesis"],
        "--max-examples",
        "25",
        "--no-color",
    )
    assert done.returncode == 0, done.stdout[-4000:]

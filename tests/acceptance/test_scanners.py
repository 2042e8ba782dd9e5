"""Scanners over the interface and over the code; what they may find has its reason here."""

import json
import subprocess
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.acceptance.conftest import REPOSITORY, eventually, inbox, publisher

pytestmark = pytest.mark.acceptance

TOOLS = REPOSITORY / ".tools"
SCANNERS = TOOLS / "scanners" / "bin"
WAPITI = TOOLS / "wapiti" / "bin" / "wapiti"
ATTACKS = "cookieflags,crlf,csp,exec,file,http_headers,methods,permanentxss,redirect,sql,xss"
SCOPES = ("subscribers:read", "subscribers:write", "issues:read", "deliveries:read")
EXCEPTIONS = {  # scanner -> what it may find
    # Every Markup() wraps HTML that `content.sanitise` has cleaned; each says so in its line.
    "bandit": {"B704"},
    # Our addresses are stricter than JSON Schema's `format: email`.
    "schemathesis": {"positive_data_acceptance"},
    # The site of the test has no https, under which alone a browser takes the first header. The
    # second is X-Frame-Options: `frame-ancestors 'none'` in our policy says the same (CSP 2, 7.7).
    "wapiti": {"HTTP Strict Transport Security (HSTS)", "Clickjacking Protection"},
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
    done = scan("bandit", "-q", "-r", "publisher", "-ll", "--skip", *EXCEPTIONS["bandit"])
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
        *EXCEPTIONS["schemathesis"],
        "--max-examples",
        "25",
        "--no-color",
    )
    assert done.returncode == 0, done.stdout[-4000:]


@pytest.mark.skipif(not WAPITI.exists(), reason="`make acceptance` installs it")
def test_wapiti_finds_nothing_in_the_pages(
    daemon: tuple[subprocess.Popen[str], str], site: Path, tmp_path: Path
) -> None:
    eventually((site / "public" / "index.html").exists)  # the first build is done
    eventually(lambda: inbox(site))
    leave = path_in(inbox(site)[0])
    report = tmp_path / "report.json"
    starts = [f"{daemon[1]}{path}" for path in (leave, "/subscribe", "/admin/login")]
    options = {
        "--url": f"{daemon[1]}/",
        "--module": ATTACKS,
        "--scope": "domain",
        "--depth": "4",
        "--max-scan-time": "240",
        "--format": "json",
        "--output": str(report),
        "--store-session": str(tmp_path / "session"),
    }
    done = subprocess.run(
        [
            WAPITI,
            "--no-bugreport",
            *(word for option in options.items() for word in option),
            *(word for start in starts for word in ("--start", start)),
        ],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    found = json.loads(report.read_text(encoding="utf-8"))
    assert found["infos"]["crawled_pages_nbr"] > 20
    faults = {**found["vulnerabilities"], **found["anomalies"]}
    assert {name: rows for name, rows in faults.items() if rows}.keys() <= EXCEPTIONS["wapiti"]


def path_in(mail: EmailMessage) -> str:
    """Where a letter's reader may leave."""
    return urlsplit(str(mail["List-Unsubscribe"]).strip("<").partition(">")[0]).path

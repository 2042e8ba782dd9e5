"""Scanners over the interface and over the code; what they may find has its reason here."""

import json
import re
import subprocess
import urllib.error
import urllib.request
from collections import defaultdict
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from publisher.bootstrap import open_app
from publisher.domain.controls import Verb
from publisher.services import admins
from publisher.web.app import build_app
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

PASSWORD = "a lamp in every window"
WORDS = {  # half of the time a word that means something
    name: {"anyOf": [{"enum": words}, {"type": "string", "minLength": 1}]}
    for name, words in {
        "verb": [verb.value for verb in Verb],
        "status": ["failed", "unknown"],
        "plot": ["subscribers", "deliveries"],
    }.items()
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


@needs_scanners
def test_schemathesis_finds_nothing_in_the_operator_page(
    daemon: tuple[subprocess.Popen[str], str], site: Path, tmp_path: Path
) -> None:
    """Whatever is sent to it, logged in and with the token of its forms, it does not break."""
    with open_app(site / "config.toml") as app:
        admins.add(app, "ann", PASSWORD)
        login = admins.log_in(app, "ann", PASSWORD, client="127.0.0.1")
    routes = build_routes(site)
    document = {
        "openapi": "3.1.0",
        "info": {"title": "The operator page", "version": "1"},
        "paths": {
            path: {method: _operation(path, method, login.form_token) for method in methods}
            for path, methods in routes.items()
        },
    }
    headers = {"Cookie": f"session={login.cookie}", "Origin": daemon[1]}
    assert status_of(f"{daemon[1]}/admin/issues/999/hold", headers, login.form_token) == 404
    schema = tmp_path / "operator.json"
    schema.write_text(json.dumps(document), encoding="utf-8")
    done = scan(
        "st",
        "run",
        str(schema),
        "--url",
        daemon[1],
        *(word for name, value in headers.items() for word in ("--header", f"{name}: {value}")),
        "--checks",
        "not_a_server_error",
        "--max-examples",
        "50",
        "--no-color",
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert f"{sum(map(len, routes.values()))} passed" in done.stdout, done.stdout[-4000:]


def status_of(url: str, headers: dict[str, str], token: str) -> int:
    """What a POST with the token of a form is answered."""
    request = urllib.request.Request(url, data=f"token={token}".encode(), headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        return refusal.code


def build_routes(site: Path) -> dict[str, list[str]]:
    """Path -> methods of every route of the operator page but the one that ends the session."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    with open_app(site / "config.toml") as app:
        for route in build_app(app).routes:
            path = getattr(route, "path", "").replace(":int", "")
            if path.startswith("/admin") and path != "/admin/logout":
                found[path] += [each.lower() for each in route.methods if each != "HEAD"]
    return found


def _operation(path: str, method: str, token: str) -> dict[str, object]:
    """Any words in the path, numbers where a number belongs; the token of our forms."""
    text, number = {"type": "string", "minLength": 1}, {"type": "integer"}
    named = re.findall(r"{(\w+)}", path)
    operation: dict[str, object] = {
        "responses": {"default": {"description": "whatever it says"}},
        "parameters": [
            {
                "name": each,
                "in": "path",
                "required": True,
                "schema": number if each == "issue" else WORDS.get(each, text),
            }
            for each in named
        ],
    }
    if method == "post":
        fields = {"token": {"const": token}, "name": text, "password": text}
        form = {"type": "object", "properties": fields, "required": ["token"]}
        operation["requestBody"] = {
            "content": {"application/x-www-form-urlencoded": {"schema": form}}
        }
    return operation


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

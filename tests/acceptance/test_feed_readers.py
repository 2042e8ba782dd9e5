"""Real feed readers, nginx and Caddy: nobody fetches in vain, nobody sees an old post as new."""

import email.utils
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import feedparser
import pytest

from tests.acceptance.conftest import (
    PATIENCE_SECONDS,
    REPOSITORY,
    eventually,
    free_port,
    publisher,
)

pytestmark = pytest.mark.acceptance

VENDOR = REPOSITORY / "var" / "acceptance"

NGINX = """
worker_processes 1; daemon off; error_log {folder}/error.log; pid {folder}/pid;
events {{ worker_connections 64; }}
http {{
  access_log {folder}/access.log; include /etc/nginx/mime.types; default_type text/plain;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  {inner}
}}
"""


@contextmanager
def nginx(folder: Path, inner: str, port: int) -> Iterator[Path]:
    """A real nginx; yields its access log."""
    folder.mkdir()
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, inner=inner), encoding="utf-8")
    with running(port, "nginx", "-c", str(config), "-e", str(folder / "error.log")):
        yield folder / "access.log"


@contextmanager
def nginx_of_ours(site: Path, folder: Path, port: int) -> Iterator[None]:
    """With the host file that we ship, but for names, port and certificate."""
    inner = (REPOSITORY / "deploy" / "nginx-static.conf").read_text(encoding="utf-8")
    inner = re.sub(r"listen 443 ssl;", f"listen 127.0.0.1:{port};", inner)
    inner = re.sub(r"\n\s*(ssl_|http2 ).*", "", inner).replace("/srv/letters", str(site))
    # nginx's workers are another user; the test's folder is not theirs to enter.
    for each in (site, *site.parents):
        if each.is_relative_to(folder.parents[1]):
            each.chmod(0o755)
    with nginx(folder / "nginx", inner, port):
        yield


@contextmanager
def caddy_of_ours(site: Path, folder: Path, port: int) -> Iterator[None]:
    """With the file that we ship, but for names, port and certificate."""
    ours = (REPOSITORY / "deploy" / "Caddyfile").read_text(encoding="utf-8")
    ours = ours.replace("letters.example.org", f"http://:{port}").replace("/srv/letters", str(site))
    config = folder / "Caddyfile"
    config.write_text("{\n\tadmin off\n\tauto_https off\n}\n" + ours, encoding="utf-8")
    homes = {name: str(folder / "caddy") for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    with running(port, "caddy", "run", "--config", str(config), "--adapter", "caddyfile", **homes):
        yield


@contextmanager
def running(port: int, *command: str, **environment: str) -> Iterator[None]:
    process = subprocess.Popen(
        command, env={**os.environ, **environment}, stderr=subprocess.DEVNULL
    )
    try:
        eventually(lambda: answers(port))
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def get(url: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, headers={"Host": "localhost", **named})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, {k.lower(): v for k, v in error.headers.items()}, error.read()


def statuses(log: Path, path: str) -> list[int]:
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return [int(found[1]) for line in lines if (found := re.search(rf'{path} \S+" (\d+)', line))]


def proxy(port: int, upstream: str) -> str:
    return (
        f"server {{ listen 127.0.0.1:{port}; gzip on; gzip_min_length 1; gzip_proxied any;"
        " gzip_types application/rss+xml application/atom+xml application/feed+json;"
        f" location / {{ proxy_pass {upstream}; proxy_set_header Host localhost; }} }}"
    )


@pytest.mark.parametrize("name", ["rss.xml", "atom.xml", "feed.json"])
def test_behind_nginx_that_compresses_by_itself_a_304_is_a_304(
    daemon: tuple[subprocess.Popen[str], str], tmp_path: Path, name: str
) -> None:
    port = free_port()
    with nginx(tmp_path / "nginx", proxy(port, daemon[1]), port):
        url = f"http://127.0.0.1:{port}/{name}"
        eventually(lambda: get(url)[0] == 200)
        status, headers, _ = get(url, Accept_Encoding="identity")
        weak = f"W/{headers['etag']}"
        assert status == 200
        for tag in (headers["etag"], weak, headers["etag"][:-1] + '-gzip"'):
            assert get(url, If_None_Match=tag)[0] == 304
        assert get(url, If_Modified_Since=headers["last-modified"])[0] == 304


@pytest.mark.parametrize("server", [nginx_of_ours, caddy_of_ours])
def test_a_web_server_serves_the_same_folder_as_plain_files(
    site: Path, tmp_path: Path, server: Callable[[Path, Path, int], AbstractContextManager[None]]
) -> None:
    publisher(site, "build")
    port = free_port()
    with server(site, tmp_path, port):
        base = f"http://127.0.0.1:{port}"
        plain, packed = (
            get(f"{base}/rss.xml", Accept_Encoding=encoding) for encoding in ("identity", "gzip")
        )
        assert plain[2] == (site / "public" / "rss.xml").read_bytes()
        assert packed[2] == (site / "public" / "rss.xml.gz").read_bytes()
        assert packed[1]["content-encoding"] == "gzip"
        for status, headers, _ in (plain, packed):
            assert status == 200
            assert headers["content-type"] == "application/rss+xml; charset=utf-8"
            assert headers["vary"] == "Accept-Encoding"
            assert headers["access-control-allow-origin"] == "*"
            assert get(f"{base}/rss.xml", If_Modified_Since=headers["last-modified"])[0] == 304
        assert plain[1]["etag"] != packed[1]["etag"]
        assert get(f"{base}/rss.xml", If_None_Match=plain[1]["etag"])[0] == 304
        before = plain[1]["last-modified"], plain[1]["etag"]
        (site / "public" / "rss.xml").touch()
        publisher(site, "build")
        again = get(f"{base}/rss.xml", Accept_Encoding="identity")[1]
        assert (again["last-modified"], again["etag"]) == before
        assert get(f"{base}/atom.xml")[1]["content-type"].startswith("application/atom+xml")
        assert get(f"{base}/feed.json")[1]["content-type"].startswith("application/feed+json")
        assert get(f"{base}/")[0] == 200
        post = site / "public" / "inbox-zero" / "index.html"
        post.parent.mkdir()
        post.write_text("A post about mail.")
        assert get(f"{base}/inbox-zero/")[0] == 200
        for hidden in (
            ".publisher/written.json",
            "inbox",
            "inbox/",
            "inbox/1",
            "posts/.git/config",
        ):
            assert get(f"{base}/{hidden}")[0] == 404
        assert get(f"{base}/.new-1/0")[0] == 404


def test_feedparser_fetches_once(daemon: tuple[subprocess.Popen[str], str]) -> None:
    url = f"{daemon[1]}/rss.xml"
    eventually(lambda: get(url)[0] == 200)
    first = feedparser.parse(url)
    assert (first.status, first.bozo) == (200, False)
    assert feedparser.parse(url, etag=first.etag).status == 304
    assert feedparser.parse(url, modified=first.modified).status == 304
    assert feedparser.parse(url).status == 200


class Newsboat:
    """newsboat in a folder of its own."""

    def __init__(self, folder: Path, url: str) -> None:
        folder.mkdir()
        (folder / "urls").write_text(f"{url}\n")
        (folder / "config").write_text("")
        self._command = ["newsboat", "-u", str(folder / "urls"), "-c", str(folder / "cache.db"),
                         "-C", str(folder / "config"), "-x"]  # fmt: skip

    def reload(self) -> int:
        """Polls once; the number of unread articles."""
        subprocess.run([*self._command, "reload"], check=True, timeout=PATIENCE_SECONDS)
        done = subprocess.run(
            [*self._command, "print-unread"], check=True, timeout=PATIENCE_SECONDS,
            capture_output=True, text=True,
        )  # fmt: skip
        found = re.search(r"(\d+)", done.stdout)
        assert found, done.stdout
        return int(found[1])


def test_newsboat_polls_in_vain_for_nothing_and_sees_a_new_post_once(
    daemon: tuple[subprocess.Popen[str], str], site: Path, tmp_path: Path
) -> None:
    port = free_port()
    with nginx(tmp_path / "nginx", proxy(port, daemon[1]), port) as log:
        url = f"http://127.0.0.1:{port}/rss.xml"
        eventually(lambda: get(url)[0] == 200)
        boat = Newsboat(tmp_path / "boat", url)
        polls = len(statuses(log, "/rss.xml"))
        unread = [boat.reload() for _ in range(4)]
        assert len(set(unread)) == 1
        assert statuses(log, "/rss.xml")[polls:][2:] == [304, 304]

        before = get(url)[1]["etag"]
        new = "---\ntitle: Brand new\ndate: 2025-11-01 08:00:00\nid: brand-new\n---\n\nHello.\n"
        (site / "content" / "brand-new.md").write_text(new)
        eventually(lambda: get(url)[1]["etag"] != before)
        assert boat.reload() == unread[0] + 1

        before = get(url)[1]["etag"]
        post = site / "content" / "brand-new.md"
        post.write_text(new.replace("Brand new", "Renamed").replace("Hello", "Hello again"))
        post.rename(post.with_name("renamed.md"))
        eventually(lambda: get(url)[1]["etag"] != before)
        assert boat.reload() == unread[0] + 1


READER = """
import sys
from reader import make_reader
reader = make_reader(sys.argv[1])
reader.add_feed(sys.argv[2], exist_ok=True)
found = reader.update_feed(sys.argv[2])  # at once, though the feed says that there is time
print(found.new if found else 0, found.modified if found else 0)
"""


def test_the_reader_library_sees_an_edit_as_an_edit(
    daemon: tuple[subprocess.Popen[str], str], site: Path, tmp_path: Path
) -> None:
    python = VENDOR / "readers" / "bin" / "python"
    if not python.exists():
        shutil.rmtree(python.parents[1], ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", python.parents[1]], check=True)
        lock = REPOSITORY / "tests" / "acceptance" / "readers.lock"
        command = [
            python,
            "-m",
            "pip",
            "install",
            "-q",
            "--no-deps",
            "--require-hashes",
            "-r",
            lock,
        ]
        subprocess.run(command, check=True)
    url = f"{daemon[1]}/atom.xml"

    def update() -> tuple[int, int]:
        done = subprocess.run(
            [python, "-c", READER, tmp_path / "reader.db", url],
            capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        new, modified = done.stdout.split()
        return int(new), int(modified)

    eventually(lambda: get(url)[0] == 200)
    new, modified = update()
    assert new > 5
    assert modified == 0
    assert update() == (0, 0)
    before = get(url)[1]["etag"]
    post = site / "content" / "small-repairs.md"
    post.write_text(post.read_text(encoding="utf-8") + "\nOne more line.\n", encoding="utf-8")
    eventually(lambda: get(url)[1]["etag"] != before)
    assert update() == (0, 1)


RSS_PARSER = """
const Parser = require("rss-parser");
new Parser().parseURL(process.argv.at(-1)).then(feed => {
  console.log(feed.items.length, feed.items.every(item => item.title && item.guid || item.id));
});
"""


def test_rss_parser_reads_every_entry(daemon: tuple[subprocess.Popen[str], str]) -> None:
    folder = VENDOR / "rss-parser"
    if not (folder / "node_modules" / "rss-parser").exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "rss-parser@3.13.0"]
        subprocess.run(command, cwd=folder, check=True)
    for name in ("rss.xml", "atom.xml"):
        url = f"{daemon[1]}/{name}"
        eventually(lambda url=url: get(url)[0] == 200)
        done = subprocess.run(
            ["node", "-e", RSS_PARSER, "--", url], cwd=folder, capture_output=True, text=True,
            check=True, timeout=PATIENCE_SECONDS, env={**os.environ},
        )  # fmt: skip
        assert done.stdout.split() == [str(len(feedparser.parse(url).entries)), "true"]


def test_every_feed_of_the_sample_site_is_clean_for_xmllint(site: Path) -> None:
    publisher(site, "build", "--strict")
    found = sorted((site / "public").rglob("*.xml"))
    assert len(found) > 20
    subprocess.run(["xmllint", "--noout", *map(str, found)], check=True)


def test_a_date_of_last_change_is_one_of_http(daemon: tuple[subprocess.Popen[str], str]) -> None:
    url = f"{daemon[1]}/rss.xml"
    eventually(lambda: get(url)[0] == 200)
    assert email.utils.parsedate_to_datetime(get(url)[1]["last-modified"]).utcoffset() is not None

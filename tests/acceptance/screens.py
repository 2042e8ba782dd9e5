"""Pictures of what people see: letters, pages, the operator page after a season, in Chromium.

    python tests/acceptance/screens.py FOLDER

Draws the sample site's letters, in Chinese, in English and mixed, light, dark and without any
style; founds the sample site in a temporary folder, sends its digest, serves it, and writes PNG
files into FOLDER. Look at them; nothing here judges. `docs/images/` shows some of them. Needs
`chromium` on the path, fonts with han characters, and Playwright (`make tools`).
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from publisher.render.notices import NoticeKind
from publisher.render.previews import Look, as_seen
from tests.acceptance.conftest import configure, eventually, free_port, publisher
from tests.acceptance.letters import LANGUAGES, sample_digest, sample_notice, with_local_pictures
from tests.acceptance.season import OPERATOR, live_through

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--allow-file-access-from-files",
)
DARK = "--blink-settings=preferredColorScheme=0"
PHONE, MAIL, DESK = 375, 600, 1100


def main(folder: Path) -> None:
    """Takes every picture."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, served_site(Path(name)) as address:
        eventually(lambda: len(list(Path(name).glob("site/var/inbox/new/*"))) == 3)
        take_letters(Path(name), folder)
        for shade, flags in (("light", ()), ("dark", (DARK,))):
            take(f"{address}/feeds/", folder / f"feeds-{shade}.png", DESK, 1500, *flags)
            take(f"{address}/inbox", folder / f"inbox-{shade}.png", DESK, 760, *flags)
            take(f"{address}/", folder / f"home-{shade}.png", DESK, 1500, *flags)
        take(f"{address}/preview", folder / "preview-light.png", 1400, 1500)
        take(f"{address}/archive/weekly/", folder / "archive-light.png", DESK, 760)
        take(f"{address}/", folder / "home-375-light.png", PHONE, 1500)
    with tempfile.TemporaryDirectory() as name, served_site(Path(name), live_through) as address:
        take_operator_page(address, folder)


def take_letters(work: Path, folder: Path) -> None:
    """Every letter as every kind of client shows it; a client without styles on a desk only."""
    letters = {language: sample_digest(language).html for language in LANGUAGES}
    letters |= {kind.value: sample_notice(kind, "zh").html for kind in NoticeKind}
    for name, html in letters.items():
        height = 700 if name in list(NoticeKind) else 4200
        for look in Look:
            page = work / f"{name}-{look}.html"
            page.write_text(as_seen(with_local_pictures(html), look), encoding="utf-8")
            for width in (MAIL,) if look is Look.BARE else (MAIL, PHONE):
                take(page.as_uri(), folder / f"{name}-{width}-{look}.png", width, height)


def take_operator_page(address: str, folder: Path) -> None:
    """What an operator sees who has just logged in."""
    from playwright.sync_api import sync_playwright  # the rest of this file does without

    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=browser()[0], args=["--no-sandbox"])
        for name, width, height, scheme in (
            ("operator", 1280, 1500, "light"),
            ("operator-dark", 1280, 1500, "dark"),
            ("operator-phone", PHONE, 1600, "light"),
        ):
            page = chromium.new_page(
                viewport={"width": width, "height": height}, color_scheme=scheme, locale="en-GB"
            )
            page.goto(f"{address}/admin/login")
            for field, value in zip(("#name", "#password"), OPERATOR, strict=True):
                page.fill(field, value)
            page.press("#password", "Enter")
            page.wait_for_url(f"{address}/admin")
            page.screenshot(path=folder / f"{name}.png")
            print(folder / f"{name}.png")
            page.close()
        chromium.close()


@contextmanager
def served_site(folder: Path, prepare: Callable[[Path], None] = lambda _: None) -> Iterator[str]:
    """The sample site served on a free port, once it is built; its address."""
    site, port = folder / "site", free_port()
    address = f"http://localhost:{port}"
    publisher(folder, "init", str(site))
    configure(site, ("port = 8080", f"port = {port}"), ("http://localhost:8080", address))
    prepare(site)
    process = subprocess.Popen([sys.executable, "-m", "publisher", "-C", str(site), "serve"])
    try:
        eventually((site / "public" / "index.html").exists)
        yield address
    finally:
        process.terminate()
        process.wait()


def take(url: str, target: Path, width: int, height: int, *flags: str) -> None:
    """One picture; widths below Chromium's smallest window go through a frame."""
    with tempfile.TemporaryDirectory() as name:
        if width < 500:
            frame = Path(name) / "frame.html"
            style = f"border:0;width:{width}px;height:{height}px"
            frame.write_text(
                f'<body style="margin:0"><iframe src="{url}" style="{style}">', "utf-8"
            )
            url = frame.as_uri()
        window = f"--window-size={max(width, 500)},{height}"
        subprocess.run(
            [*browser(), *FLAGS, *flags, f"--user-data-dir={name}/profile", window,
             f"--screenshot={target}", url],
            check=True,
            capture_output=True,
            timeout=120,
        )  # fmt: skip
    print(target)


def browser() -> list[str]:
    """Chromium by any of its names."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
    if found is None:
        sys.exit("chromium is not installed")
    return [found]


if __name__ == "__main__":
    main(Path(sys.argv[1]))

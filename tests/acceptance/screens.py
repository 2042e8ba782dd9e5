"""Pictures of what people see: the digest, the inbox and the feed page, in headless Chromium.

    python tests/acceptance/screens.py FOLDER

Founds the sample site in a temporary folder, sends its digest, serves it, and writes PNG files
into FOLDER. Look at them; nothing here judges. Needs `chromium` on the path and fonts with han
characters.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.acceptance.conftest import configure, eventually, free_port, publisher

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
    with tempfile.TemporaryDirectory() as name, served_site(Path(name)) as (site, address):
        publisher(site, "preview", "weekly", "--out", str(site / "preview"))
        digest = next((site / "preview").glob("*.html"))
        bare = site / "preview" / "bare.html"
        bare.write_text(re.sub(r"(?s)<style.*?</style>", "", digest.read_text("utf-8")), "utf-8")
        for shade, flags in (("light", ()), ("dark", (DARK,))):
            for width in (MAIL, PHONE):
                take(digest.as_uri(), folder / f"digest-{width}-{shade}.png", width, 4200, *flags)
            take(f"{address}/feeds/", folder / f"feeds-{shade}.png", DESK, 1500, *flags)
            take(f"{address}/inbox", folder / f"inbox-{shade}.png", DESK, 760, *flags)
            take(f"{address}/", folder / f"home-{shade}.png", DESK, 1500, *flags)
        take(bare.as_uri(), folder / "digest-600-bare.png", MAIL, 4200)
        take(f"{address}/", folder / "home-375-light.png", PHONE, 1500)


@contextmanager
def served_site(folder: Path) -> Iterator[tuple[Path, str]]:
    """The sample site, its digest sent, served on a free port."""
    site, port = folder / "site", free_port()
    address = f"http://localhost:{port}"
    publisher(folder, "init", str(site))
    configure(site, ("port = 8080", f"port = {port}"), ("http://localhost:8080", address))
    process = subprocess.Popen([sys.executable, "-m", "publisher", "-C", str(site), "serve"])
    try:
        eventually(lambda: len(list((site / "var").glob("inbox/new/*"))) == 3)
        yield site, address
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

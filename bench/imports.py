"""How fast a million subscribers come in, in what memory, and how large the database is then.

    python bench/imports.py [ROWS]

The ratio is against reading the same file with the csv module and parsing its addresses, in the
same run: what no import can do without.
"""

import csv
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from publisher.bootstrap import found_site, open_app
from publisher.domain.addresses import parse_address
from publisher.domain.subscribers import SubscriptionStatus
from publisher.services import imports
from publisher.services.imports import ImportPlan

ROWS = 1_000_000


def main(rows: int) -> None:
    """Writes a file, reads it plainly, imports it, imports it again."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "people.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["email", "name"])
            writer.writerows((f"reader{n:07}@example.org", f"Reader {n}") for n in range(rows))
        plain = timed(lambda: read_plainly(path))
        found_site(folder / "site", sample=False)
        plan = ImportPlan(
            newsletter="weekly", status=SubscriptionStatus.CONFIRMED, source=path.name
        )
        with open_app(folder / "site" / "config.toml") as app:
            before = peak()

            def run() -> None:
                for _report in imports.import_file(app, path, plan):
                    pass

            first, second = timed(run), timed(run)
        size = sum(file.stat().st_size for file in (folder / "site" / "var").glob("publisher.db*"))
        print(f"rows                      {rows:>12,}")
        print(f"file                      {path.stat().st_size / 1e6:>12.1f} MB")
        print(f"import, rows a second     {rows / first:>12,.0f}")
        print(f"again (all known), /s     {rows / second:>12,.0f}")
        print(f"times as long as reading  {first / plain:>12.1f}")
        print(f"memory before and at most {before:>8.0f} {peak():>8.0f} MB")
        print(f"database                  {size / 1e6:>12.1f} MB, {size / rows:.0f} bytes a row")


def read_plainly(path: Path) -> None:
    """What no import can do without."""
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            parse_address(row["email"])


def timed(work: Callable[[], None]) -> float:
    """Seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def peak() -> float:
    """The most memory so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)

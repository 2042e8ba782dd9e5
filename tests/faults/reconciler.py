"""A process that reconciles on command, for a race: `python -m tests.faults.reconciler SITE`.

Each line of stdin is an instant; the answer is how many issues this process took, or its error.
"""

import sys
from datetime import datetime
from pathlib import Path

from publisher.bootstrap import open_app
from publisher.errors import PublisherError
from publisher.services import issues


def main(site: Path) -> None:
    with open_app(site / "config.toml") as app:
        print("ready", flush=True)
        for line in sys.stdin:
            now = datetime.fromisoformat(line.strip())
            try:
                print(len(issues.reconcile(app, app.newsletters[0], now=now)), flush=True)
            except PublisherError as error:
                print(f"error: {error}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

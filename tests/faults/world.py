"""A site with any number of readers and an issue ready to be sent, for proofs and benchmarks.

Run by itself it is a worker: `python tests/faults/world.py FOLDER --port P` names what an earlier
one left in doubt and sends what is due, as the daemon does; it can be killed at any instant.
"""

import argparse
import json
import signal
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from sqlalchemy import insert

from publisher.clock import Clock, system_clock
from publisher.content.loader import ContentOptions
from publisher.domain.deliveries import DeliveryStatus, OnUnknown
from publisher.domain.issues import IssueStatus, Verdict
from publisher.domain.newsletters import Period
from publisher.mail.relays import Relay, Security
from publisher.render.digest import Digest
from publisher.render.messages import compile_body, dump_body
from publisher.render.templates import Templates
from publisher.services import deliveries
from publisher.services.app import App, FeedOptions, Folders, Listen, LogOptions
from publisher.store import issues
from publisher.store.engine import Store, open_store
from publisher.store.issues import StoredVariant
from publisher.store.tables import subscribers, subscriptions
from tests.factories import NOW, make_newsletter, make_site

WORDS = "nlNONCE_name, this is the letter. nlNONCE_unsubscribe\n"


@contextmanager
def open_world(
    folder: Path,
    relays: Sequence[Relay],
    *,
    clock: Clock = system_clock,
    on_unknown: OnUnknown = OnUnknown.HOLD,
    durable: bool = True,
) -> Iterator[App]:
    """The app of a folder; there is no content, only people and issues."""
    site = make_site()
    store = open_store(folder / "publisher.db", durable=durable)
    content = ContentOptions(
        folder=folder, dialect="plain", zone=site.zone, base_url=site.base_url, language="en"
    )
    try:
        yield App(
            site=site,
            newsletters=(make_newsletter(on_unknown=on_unknown),),
            content=content,
            feeds=FeedOptions(entries=30, full=True),
            relays=tuple(relays),
            store=store,
            templates=Templates(),
            clock=clock,
            site_key=b"k" * 32,
            folders=Folders(root=folder, state=folder, output=folder / "public"),
            listen=Listen(host="127.0.0.1", port=0),
            log=LogOptions(level="info", format="text"),
        )
    finally:
        store.close()


def found(folder: Path, addresses: Sequence[str], *, body_bytes: int = 400) -> None:
    """People and one planned issue, with a body of about so many bytes on the wire."""
    store = open_store(folder / "publisher.db")
    try:
        join(store, addresses)
        plan(store, body_bytes=body_bytes)
    finally:
        store.close()


def join(store: Store, addresses: Sequence[str]) -> None:
    """Confirmed subscriptions, written in bulk."""
    for start in range(0, len(addresses), 50_000):
        part = list(enumerate(addresses[start : start + 50_000], start=start + 1))
        with store.begin() as tx:
            tx.execute(
                insert(subscribers),
                [
                    {
                        "id": number,
                        "address": address,
                        "address_key": address,
                        "name": f"Reader {number}",
                        "created_at": NOW,
                    }
                    for number, address in part
                ],
            )
            tx.execute(
                insert(subscriptions),
                [
                    {
                        "id": number,
                        "subscriber": number,
                        "newsletter": "weekly",
                        "status": "confirmed",
                        "changed_at": NOW,
                    }
                    for number, _ in part
                ],
            )


def plan(store: Store, *, body_bytes: int = 400, key: str = "W:2026-W47") -> int:
    """One planned issue. Its slot has just passed, whenever that is."""
    filler = "0123456789abcdef" * max(1, (body_bytes - 1_100) * 3 // 4 // 16)
    digest = Digest(subject="Hello", html=f"<p>{filler}</p>", text=WORDS, nonce="NONCE")
    variant = StoredVariant(
        key="default",
        subject="Hello",
        html=digest.html,
        text=digest.text,
        nonce="NONCE",
        body=dump_body(compile_body(digest)),
    )
    with store.begin() as tx:
        verdict = Verdict(period=Period(key=key, slot=system_clock()), status=IssueStatus.PLANNED)
        number = issues.add(tx, newsletter="weekly", verdict=verdict, now=NOW)
        issue = issues.get(tx, number) if number else None
        assert issue
        assert issues.freeze(tx, issue, content_hash="h", posts=(), variant=variant)
    return issue.id


def statuses(app: App) -> dict[str, DeliveryStatus]:
    return {row.address: row.status for row in deliveries.listing(app)}


def accepted(log: Path) -> Counter[str]:
    """Who got how many, by the relay's own log; a line that a kill cut in two does not count."""
    if not log.exists():
        return Counter()
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
    return Counter(json.loads(line)["rcpt"] for line in lines if line.endswith("\n"))


def make_relay(port: int, **changes: object) -> Relay:
    values = {"host": "127.0.0.1", "port": port, "security": Security.NONE, "name": "main"}
    values |= {"backoff_seconds": 0.05, "timeout_seconds": 30.0}
    return Relay(**{**values, **changes})  # type: ignore[arg-type]


def _clock_of_runs(folder: Path, hours: float) -> Clock:
    """The real clock, ahead by some hours for each run so far: what was put off comes due."""
    runs = folder / "runs"
    count = len(runs.read_text()) if runs.exists() else 0
    runs.write_text("x" * (count + 1))
    return lambda: system_clock() + timedelta(hours=hours * count)


def main() -> None:
    """Recovers and delivers until all is settled or nothing is due."""
    options = argparse.ArgumentParser()
    options.add_argument("folder", type=Path)
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--connections", type=int, default=16)
    options.add_argument("--on-unknown", type=OnUnknown, default=OnUnknown.HOLD)
    options.add_argument("--no-recovery", action="store_true")
    options.add_argument("--hours-a-run", type=float, default=0, help="later at each start")
    given = options.parse_args()
    relay = make_relay(given.port, max_connections=given.connections)
    clock = _clock_of_runs(given.folder, given.hours_a_run)
    with open_world(given.folder, [relay], clock=clock, on_unknown=given.on_unknown) as app:
        if not given.no_recovery:
            deliveries.recover(app)
        stop = Event()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        for report in deliveries.deliver(app, stopping=stop.is_set):
            sys.stdout.write(f"{report.finished} {report.problem}\n")


if __name__ == "__main__":
    main()

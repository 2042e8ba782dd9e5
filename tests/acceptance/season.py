"""A season in the life of a site, written into its database: for pictures of the operator page.

People come and leave, twelve issues go out and a few messages fail, feed readers poll. All of it
is drawn from one seed and ends now, so that two pictures look alike.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import insert

from publisher.bootstrap import open_app
from publisher.services import admins
from publisher.store import tables
from publisher.store.engine import Tx
from publisher.store.issues import DEFAULT
from tests.acceptance.conftest import configure

OPERATOR = ("ann", "a lamp in every window")
DAYS, WEEKS = 90, 12

Rows = list[dict[str, Any]]


def live_through(site: Path) -> None:
    """Fills the database of a founded site, and makes its operator, who reads English."""
    configure(site, ('language = ""  # of those mails', 'language = "en"  # of those mails'))
    with open_app(site / "config.toml") as app:
        admins.add(app, *OPERATOR)
        now, chance = app.clock(), Random(7)
        (newsletter,) = app.newsletters
        slot = _last_slot(now.astimezone(newsletter.schedule.zone))
        with app.store.begin() as tx:
            people = _come_and_go(tx, newsletter.id, chance, now)
            for age in reversed(range(WEEKS)):
                _send(tx, newsletter.id, people, chance, slot - timedelta(weeks=age))
            _poll(tx, chance, now.astimezone(app.site.zone))


def _last_slot(now: datetime) -> datetime:
    """The newest Friday, eight in the morning."""
    friday = now - timedelta(days=(now.weekday() - 4) % 7)
    slot = friday.replace(hour=8, minute=0, second=0, microsecond=0)
    return slot if slot <= now else slot - timedelta(weeks=1)


def _come_and_go(tx: Tx, newsletter: str, chance: Random, now: datetime) -> dict[int, datetime]:
    """Who is here, by number, and since when."""
    came = sorted(now - timedelta(days=chance.uniform(0, DAYS)) for _ in range(170))
    here, people, subscriptions, consents = {}, Rows(), Rows(), Rows()
    for number, at in enumerate(came, start=1001):
        address = f"reader{number}@example.net"
        has_left = chance.random() < 0.1
        left = at + (now - at) * chance.random()
        people.append(
            {"id": number, "address": address, "address_key": address, "name": "", "created_at": at}
        )
        subscriptions.append(
            {
                "id": number,
                "subscriber": number,
                "newsletter": newsletter,
                "status": "unsubscribed" if has_left else "confirmed",
                "changed_at": left if has_left else at,
            }
        )
        consents += _said(number, (("confirmed", at), ("unsubscribed", left))[: 1 + has_left])
        if not has_left:
            here[number] = at
    tx.execute(insert(tables.subscribers), people)
    tx.execute(insert(tables.subscriptions), subscriptions)
    tx.execute(insert(tables.consents), consents)
    return here


def _said(number: int, events: tuple[tuple[str, datetime], ...]) -> Iterator[dict[str, Any]]:
    for event, at in events:
        yield {"subscription": number, "event": event, "source": "form", "at": at}


def _send(
    tx: Tx, newsletter: str, people: dict[int, datetime], chance: Random, slot: datetime
) -> None:
    """One issue, twenty messages a minute; now and then one fails."""
    period = f"W:{slot:%G-W%V}"
    values = {"newsletter": newsletter, "period": period, "slot": slot, "status": "sent"}
    values |= {"cause": "", "reason": "", "content_hash": "", "subject": f"{period[2:]}: letters"}
    owed = [number for number, since in people.items() if since < slot]
    ended = slot + timedelta(seconds=3 * len(owed))
    sent = tx.execute(insert(tables.issues).values(**values, created_at=slot, sent_at=ended))
    (issue,) = sent.inserted_primary_key or (0,)
    drawn = {"issue": issue, "key": DEFAULT, "subject": values["subject"], "nonce": "", "body": b""}
    tx.execute(insert(tables.variants).values(**drawn, html="<p>Letters.</p>", text="Letters.\n"))
    rows = [
        {
            "issue": issue,
            "subscriber": number,
            "subscription": number,
            "address": f"reader{number}@example.net",
            "status": chance.choices(("sent", "failed", "unknown"), (96, 3, 1))[0],
            "reason": "",
            "attempts": 1,
            "deferrals": 0,
            "relay": "inbox",
            "reply": "",
            "changed_at": slot + timedelta(seconds=3 * place),
        }
        for place, number in enumerate(owed)
    ]
    if rows:
        tx.execute(insert(tables.deliveries), rows)


def _poll(tx: Tx, chance: Random, now: datetime) -> None:
    """Ever more readers, who mostly have the newest bytes already."""
    answers, readers = Rows(), Rows()
    for age in range(DAYS):
        day = (now - timedelta(days=age)).date()
        people = 30 + (DAYS - age) // 2 + chance.randrange(8)
        for status, count in ((304, people * 4), (200, people // 6), (404, chance.randrange(3))):
            row = {"day": day, "feed": "rss.xml", "status": status, "answers": count}
            answers.append(row)
        readers.append({"day": day, "people": people})
    tx.execute(insert(tables.feed_polls), answers)
    tx.execute(insert(tables.feed_reader_days), readers)

"""Whether this database may send, or is fenced until the operator has looked.

Each process that is going to send calls `start` once it holds the lock, and the daemon `beat` at
every tick. See `domain.instances` for what is compared.
"""

import json
import logging
import os
import secrets
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from publisher.domain.addresses import parse_address
from publisher.domain.deliveries import DeliveryStatus
from publisher.domain.instances import Instance, Marks, disagreement, silence
from publisher.domain.issues import Issue
from publisher.domain.sent_log import Mailed, address_hash, parse
from publisher.errors import InvalidAddress, StoreError
from publisher.services.app import App
from publisher.services.output import write_file
from publisher.store import audit
from publisher.store import deliveries as delivery_rows
from publisher.store import instances as rows
from publisher.store import issues as issue_rows
from publisher.store.engine import Store, Tx
from publisher.store.instances import Attempted

log = logging.getLogger(__name__)

SENT_LOG = "sent.log"
MACHINE_ID = Path("/etc/machine-id")

_TAIL = 5_000
"""So many of the last lines of sent.log are compared at a start; a restored database lacks the
last ones, if it lacks any."""

_LINE_BYTES = 120
"""More than most lines of sent.log have."""

_STEP_BACK = timedelta(minutes=2)
"""A clock that is set back by less is not worth a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What `resume` would set free. `mailed`: deliveries that sent.log knows to be sent, though
    the database does not. `issues` are unfinished, each with how many deliveries wait."""

    fence: str
    issues: tuple[tuple[Issue, int], ...]
    mailed: int


def start(app: App) -> str:
    """Checks the marks and counts this start. Returns why nothing may be sent, or nothing.

    The caller holds the lock of the state folder.
    """
    now, machine = app.clock(), _machine()
    file = _read_marks(app)
    with app.store.begin() as tx:
        found = rows.get(tx)
        is_new = found is None and file is None
        known = found.marks if found else Marks(instance=_new_id(), starts=0, machine=machine)
        reason = "" if is_new else disagreement(known, file, machine=machine)
        reason = reason or _unknown_to(tx, app)
        earlier = file.starts if file else known.starts
        starts = max(known.starts, earlier) + 1 if reason else earlier + 1
        marks = Marks(instance=known.instance, starts=starts, machine=known.machine or machine)
        rows.put(tx, marks)
        if reason:
            rows.fence(tx, reason, now=now)
    _write_marks(app, marks)
    return fence(app)


def beat(app: App, *, now: datetime) -> str:
    """A sign of life of the daemon. Returns why nothing may be sent, or nothing.

    After a silence of more than `max_late` the instance is fenced from here on.
    """
    with app.store.begin() as tx:
        found = rows.get(tx)
        last = found.beat_at if found else None
        if last and now < last - _STEP_BACK:
            log.warning("clock.behind", extra={"seconds": round((last - now).total_seconds())})
        if reason := silence(last, max_late=app.schedule.max_late, now=now):
            rows.fence(tx, reason, now=now)
        rows.beat(tx, now)
    return fence(app)


def get(app: App) -> Instance | None:
    """How this instance stands; None before its first start."""
    with app.store.read() as tx:
        return rows.get(tx)


def fence(app: App) -> str:
    """Why nothing is planned or sent; empty: all is well."""
    found = get(app)
    return found.fence if found else ""


def preview_resume(app: App) -> Release:
    """What `resume` would set free; changes nothing."""
    with app.store.read() as tx:
        found = rows.get(tx)
        waiting = [
            (issue, delivery_rows.counts(tx, issue.id).get(DeliveryStatus.PENDING, 0))
            for issue in issue_rows.unfinished(tx)
        ]
        mailed = len(_unknown(tx, app, _mailed(app)))
    return Release(fence=found.fence if found else "", issues=tuple(waiting), mailed=mailed)


def resume(app: App, *, who: str) -> Release:
    """Ends the fence. What sent.log knows to be sent is never sent again.

    The instance gets a new name, so that a further copy of the old one is fenced.
    """
    now = app.clock()
    release = preview_resume(app)
    with app.store.begin() as tx:
        unknown = _unknown(tx, app, _mailed(app))
        rows.remember(tx, unknown)
        for newsletter, period in {(one.newsletter, one.period) for one in unknown}:
            _spare(tx, app, newsletter, period, now=now)
        found = rows.get(tx)
        marks = Marks(
            instance=_new_id(), starts=found.marks.starts if found else 0, machine=_machine()
        )
        rows.put(tx, marks)
        rows.unfence(tx, now=now)
        audit.add(tx, "resume", who=who, detail=release.fence, now=now)
    _write_marks(app, marks)
    return release


def fence_restored(store: Store, *, now: datetime) -> None:
    """A database that is put back sends nothing until the operator says so."""
    with store.begin() as tx:
        found = rows.get(tx)
        rows.put(tx, found.marks if found else Marks(instance=_new_id(), starts=0, machine=""))
        rows.fence(tx, "a backup was put back", now=now)


def spare_mailed(app: App, tx: Tx, issue: Issue, *, now: datetime) -> None:
    """Marks as sent who has this issue already, as sent.log told at the last `resume`."""
    _spare(tx, app, issue.newsletter, issue.period, now=now)


def _spare(tx: Tx, app: App, newsletter: str, period: str, *, now: datetime) -> None:
    have = rows.remembered(tx, newsletter, period)
    if not have:
        return
    numbers = [
        number
        for number, address in rows.addressed(tx, newsletter, period)
        if have & _hashes(app, address)
    ]
    rows.settle_as_sent(tx, numbers, reason="sent before a restore", now=now)


def _unknown_to(tx: Tx, app: App) -> str:
    """Why sent.log speaks against the database; empty where it does not."""
    newest = _mailed(app, tail=_TAIL)
    unknown = _unknown(tx, app, newest)
    if not unknown:
        return ""
    return (
        f"{SENT_LOG} knows of {len(unknown)} messages that the database does not: "
        "it is older than what was sent"
    )


def _unknown(tx: Tx, app: App, mailed: Iterable[Mailed]) -> list[Mailed]:
    """The messages that were sent and that the database would send once more."""
    issues: dict[tuple[str, str], dict[str, datetime | None]] = defaultdict(dict)
    for one in mailed:  # the last line of each counts
        issues[one.newsletter, one.period][one.address_hash] = one.at
    found = []
    for (newsletter, period), lines in sorted(issues.items()):
        lost, erased = lines.keys() - rows.remembered(tx, newsletter, period), 0
        known = rows.attempted(tx, newsletter, period)
        while lost and (row := next(known, None)) is not None:
            own = _hashes(app, row.address)
            lost -= {each for each in own & lost if _is_known(row, lines[each])}
            erased += not own
        if len(lost) > erased:  # a person who was erased has left a line and a row without address
            found += [Mailed(newsletter, period, one) for one in sorted(lost)]
    return found


def _is_known(row: Attempted, mailed_at: datetime | None) -> bool:
    """Whether a row knows of a message that was sent at some moment.

    Each final dot is told of first in the row, then in the log, and what came of it in the row
    again. So a row that waits and is older than the line is one of a restored backup: it was
    sent once more since, and whether that was in vain the backup cannot tell.
    """
    return row.until is None or mailed_at is None or mailed_at <= row.until


def _hashes(app: App, address: str) -> set[str]:
    """How sent.log may know an address, by the present key and by those before a rotation."""
    try:
        key = parse_address(address).key
    except InvalidAddress:
        return set()
    return {address_hash(site_key, key) for site_key in app.keys}


def _mailed(app: App, *, tail: int = 0) -> list[Mailed]:
    """What sent.log says; its last `tail` lines alone, read from its end, where that is not 0."""
    try:
        with (app.folders.state / SENT_LOG).open("rb") as file:
            if tail:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(size - tail * _LINE_BYTES, 0))
            lines = (line.decode("ascii", "replace") for line in file)
            return list(parse(lines))[-tail:]
    except FileNotFoundError:
        return []


def _read_marks(app: App) -> Marks | None:
    """What the file says; None where it is missing, or damaged: that is asked about alike."""
    path = _marks_file(app)
    try:
        found = Marks(**json.loads(path.read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    except OSError as error:  # root has run a command here, for example
        raise StoreError(f"{path}: {error.strerror}; give it to the user of the daemon") from error
    kinds = {"instance": str, "starts": int, "machine": str}
    is_whole = all(isinstance(getattr(found, name), kind) for name, kind in kinds.items())
    return found if is_whole else None


def _write_marks(app: App, marks: Marks) -> None:
    write_file(_marks_file(app), json.dumps(asdict(marks)).encode() + b"\n", mode=0o600)


def _marks_file(app: App) -> Path:
    return app.folders.state / "instance"


def _machine() -> str:
    try:
        return MACHINE_ID.read_text(encoding="ascii").strip()
    except (OSError, UnicodeError):
        return ""


def _new_id() -> str:
    return secrets.token_hex(8)

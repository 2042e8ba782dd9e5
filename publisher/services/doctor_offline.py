"""What the doctor finds on this machine, without asking anybody."""

import os
import stat
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from publisher.domain.checkups import Diagnosis, Grade, ill, judged, ok
from publisher.domain.issues import IssueStatus
from publisher.errors import ConfigError, StoreError
from publisher.mail.dkim import Key, dkim_record, sign, verify
from publisher.services import backups, checks, dkim, health, issues
from publisher.services.app import App
from publisher.services.checks import Severity

BACKUP_AGE = timedelta(hours=48)
"""Two nights: one may have been missed by a machine that slept."""

LONGEST_LOG = 256_000_000
"""Bytes of the write-ahead log; checkpoints keep it at an eighth of that."""

_MENDED = {(3, 11): 10, (3, 12): 5}
"""Python release -> the first of its versions without CVE-2024-6923; later releases have none."""

_ONE_CLICK = b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
_SAMPLE = (
    b"From: {sender}\r\nTo: reader@{domain}\r\nSubject: A sample\r\n"
    b"Date: Thu, 01 Jan 1970 00:00:00 +0000\r\nMessage-ID: <sample@{domain}>\r\n"
    b"List-Unsubscribe: <https://{domain}/u/sample>\r\n" + _ONE_CLICK + b"\r\nA sample.\r\n"
)


def settings(app: App) -> Iterator[Diagnosis]:
    """What `check` says: each finding of it, or that there is none."""
    report = checks.check(app, now=app.clock())
    findings = [found for found in report.findings if found.where != "dkim.selector"]  # see `keys`
    for found in findings:
        is_error = found.severity is Severity.ERROR
        grade = Grade.FAIL if is_error else Grade.WARN
        yield ill(
            "CHK001", found.where, found.problem, remedy=found.remedy or "mend it", grade=grade
        )
    if not findings:
        yield ok("CHK001", "", "settings, posts and templates are in order")


def machine(app: App) -> Iterator[Diagnosis]:
    """Who can read the secrets, which Python this is, what stands below each mail."""
    files = [path for path in _secrets(app) if path.is_file()]
    open_ones = [path for path in files if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)]
    for path in open_ones:
        found = path.stat()
        seen = f"others can read or write it ({stat.S_IMODE(found.st_mode):04o})"
        # What a container or systemd hands over is not ours to change.
        grade = Grade.FAIL if found.st_uid == os.geteuid() else Grade.WARN
        yield ill("CFG001", str(path), seen, remedy=f"chmod 600 {path}", grade=grade)
    if not open_ones:
        yield ok("CFG001", "", f"nobody else can read the secrets ({len(files)})")
    yield python_version(*sys.version_info[:3])
    if app.site.postal_address:
        yield ok("CFG003", "site.postal_address", app.site.postal_address)
    else:
        remedy = "set it, unless the law of your country asks for none"
        yield ill("CFG003", "site.postal_address", "is empty", remedy=remedy, grade=Grade.WARN)


def python_version(major: int, minor: int, micro: int) -> Diagnosis:
    """Whether a Python has the fault of its `email` package that forges header fields."""
    wanted = _MENDED.get((major, minor), 0)
    seen = f"{major}.{minor}.{micro}"
    if micro >= wanted:
        return ok("CFG002", "Python", seen)
    remedy = f"install Python {major}.{minor}.{wanted} or later"
    return ill("CFG002", "Python", seen, remedy=remedy, grade=Grade.WARN)


def data(app: App) -> Iterator[Diagnosis]:
    """The database, its copies, its disk; whether anything stands still."""
    place = backups.database(app)
    wrong = _damage(place)
    remedy = "put a backup in its place: `publisher backup --list`, `publisher restore FILE`"
    yield judged("DAT001", str(place), "; ".join(wrong), fine="whole", remedy=remedy)
    log = place.with_name(f"{place.name}-wal")
    size = log.stat().st_size if log.is_file() else 0
    yield judged(
        "DAT002",
        str(log),
        f"{size / 1e6:.0f} MB" if size > LONGEST_LOG else "",
        fine=f"{size / 1e6:.1f} MB",
        remedy="end what reads the database all the time, then `publisher db vacuum`",
        grade=Grade.WARN,
    )
    yield _backup(app)
    if not wrong:
        yield from _fitness(app)
        yield from _issues(app)


def keys(app: App) -> Iterator[Diagnosis]:
    """Our own signing keys: each signs a sample, and its record verifies it."""
    if not app.dkim.selector:
        seen = "no selector is set: the relay signs"
        remedy = "mail yourself a sample and look for dkim=pass; else `publisher dkim keygen`"
        yield ill("DKM001", "dkim.selector", seen, remedy=remedy, grade=Grade.INFO)
        return
    for sender in dkim.senders(app):
        try:
            found = dkim.keys(app, sender)
        except ConfigError as error:
            remedy = "`publisher dkim keygen`, then publish the records"
            yield ill("DKM001", sender, str(error), remedy=remedy)
            continue
        yield ok("DKM001", sender, f"{len(found)} keys sign")
        yield from (_proof(app, key, sender) for key in found)


def _proof(app: App, key: Key, sender: str) -> Diagnosis:
    record = dkim_record(key)
    message = _SAMPLE.replace(b"{sender}", sender.encode())
    message = message.replace(b"{domain}", key.domain.encode())
    signed = sign(message, (key,), at=app.clock()) + message
    fine = verify(signed, record) and not verify(signed.replace(_ONE_CLICK, b""), record)
    return judged(
        "DKM002",
        record.name,
        "" if fine else "a sample signed with it does not verify",
        fine="a sample verifies, both List-Unsubscribe fields in it",
        remedy="make another key under another selector",
    )


def _damage(database: Path) -> tuple[str, ...]:
    try:
        return backups.inspect(database).problems
    except StoreError as error:
        return (str(error),)


def _secrets(app: App) -> list[Path]:
    keys = [app.folders.state / "secret-key", *app.dkim.folder.rglob("*.pem")]
    return [*keys, *app.secrets, *backups.files(app)]


def _backup(app: App) -> Diagnosis:
    newest = next(iter(backups.listing(app)), None)
    remedy = "`publisher backup`; see on the operator page why the nightly one failed"
    if newest is None:
        grade = Grade.INFO if app.site.is_sample else Grade.WARN
        return ill("DAT003", "", "no backup yet", remedy="`publisher backup`", grade=grade)
    about, age = str(newest.path), app.clock() - newest.at
    if problems := _damage(newest.path):
        seen = f"the newest backup is damaged: {problems[0]}"
        return ill("DAT003", about, seen, remedy="`publisher backup`; check the disk")
    seen = f"{age / timedelta(hours=1):.0f} hours old, and whole"
    if age > BACKUP_AGE:
        return ill("DAT003", about, seen, remedy=remedy, grade=Grade.WARN)
    return ok("DAT003", about, seen)


_FITNESS = {
    "disk": ("DAT004", Grade.FAIL, "make room", "there is room"),
    "fenced": ("DAT005", Grade.FAIL, "`publisher resume --dry-run`, then `publisher resume`", "no"),
    "worker": ("DAT007", Grade.INFO, "`publisher serve`, unless cron runs `run --once`", "at work"),
}
"""Check of `health` -> what it is here, and what to do."""


def _fitness(app: App) -> Iterator[Diagnosis]:
    for check in health.readiness(app):
        if check.name in _FITNESS:
            id, grade, remedy, fine = _FITNESS[check.name]
            yield judged(id, check.name, check.problem, fine=fine, remedy=remedy, grade=grade)


def _issues(app: App) -> Iterator[Diagnosis]:
    waiting = {IssueStatus.HELD: "issues approve", IssueStatus.PAUSED: "issues resume"}
    found = [issue for issue in issues.listing(app) if issue.status in waiting]
    for issue in found:
        about = f"{issue.newsletter} {issue.period}"
        remedy = f"`publisher {waiting[issue.status]} {issue.id}`, or let it be skipped"
        seen = f"{issue.status}: {issue.reason}"
        yield ill("DAT006", about, seen, remedy=remedy, grade=Grade.WARN)
    if not found:
        yield ok("DAT006", "issues", "none waits for a decision")

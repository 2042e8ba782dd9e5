"""The daily examination: what is kept of it, and what a machine shows by itself."""

import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from publisher.domain.checkups import Checkup, Diagnosis, Grade
from publisher.domain.replies import RelayKind
from publisher.jobs.table import JOBS
from publisher.mail.relays import Relay, Security
from publisher.net.dns import Resolver
from publisher.services import (
    backups,
    dkim,
    doctor,
    doctor_offline,
    housekeeping,
    instances,
    issues,
    relays,
)
from publisher.services.app import App, DkimOptions
from publisher.services.relays import RelayTrial
from publisher.store import checkups
from tests.factories import make_site
from tests.net.name_server import SERVFAIL, Zone, serving
from tests.services.conftest import FakeClock, write_post


def grades(checkup: Checkup) -> dict[str, Grade]:
    return {each.id: each.grade for each in checkup.diagnoses}


def offline(app: App, *only: str) -> dict[str, Grade]:
    return grades(doctor.examine(app, online=False, only=only))


def test_the_daily_job_keeps_the_problems_of_its_newest_run(app: App, clock: FakeClock) -> None:
    assert doctor.last(app) is None
    (job,) = [each for each in JOBS if each.name == "doctor"]
    job.run(app)
    first = doctor.last(app)
    assert first is not None
    assert first.at == clock.now
    assert "DAT005" not in grades(first)
    instances.fence_restored(app.store, now=clock.now)
    clock.now += timedelta(days=1)
    job.run(app)
    second = doctor.last(app)
    assert second is not None
    assert grades(second)["DAT005"] is Grade.FAIL
    assert second.problems[0].seen == "a backup was put back"
    assert second.problems[0].remedy


def test_checkups_are_forgotten_with_the_runs_of_jobs(app: App, clock: FakeClock) -> None:
    doctor.keep(app, Checkup(at=clock.now - timedelta(days=100), diagnoses=()))
    doctor.keep(app, Checkup(at=clock.now - timedelta(days=80), diagnoses=()))
    housekeeping.sweep(app)
    with app.store.begin() as tx:
        checkups.sweep(tx, clock.now - timedelta(days=79))
    assert doctor.last(app) is None


def test_what_is_well_is_counted_but_not_kept(app: App, clock: FakeClock) -> None:
    fine = Diagnosis(id="SPF001", grade=Grade.OK, about="a.net", seen="there is a record")
    ill = Diagnosis(id="SPF005", grade=Grade.WARN, about="a.net", seen="1", remedy="mend it")
    worse = Diagnosis(id="SPF006", grade=Grade.FAIL, about="a.net", seen="+all", remedy="end it")
    doctor.keep(app, Checkup(at=clock.now, diagnoses=(fine, ill, worse)))
    assert doctor.last(app) == Checkup(at=clock.now, diagnoses=(worse, ill))


@pytest.mark.parametrize(
    ("url", "is_asked"),
    [
        ("http://localhost:8080", False),
        ("https://letters.test", False),
        ("https://letters.example.org", False),
        ("https://lighthouse-letters.net", True),
    ],
)
def test_a_sample_site_asks_nobody(app: App, url: str, is_asked: bool) -> None:
    public = replace(app, site=make_site(base_url=url))
    assert (doctor.why_not_online(public) == "") is is_asked


def test_a_domain_of_which_nobody_knows_anything_fails_by_name(app: App) -> None:
    with serving({}) as server:
        found = doctor.examine(app, offline=False, resolver=server.resolver)
    failed = {each.id for each in found.diagnoses if each.grade is Grade.FAIL}
    assert failed == {"SPF001", "DMC001", "HST004"}
    assert {each.about for each in found.diagnoses} == {"example.org", "localhost"}


RELAY_ZONE = {("mail.a.net", "A"): ["93.184.215.25"]}


@pytest.mark.parametrize(
    ("kind", "grade"),
    [
        (RelayKind.RELAY, Grade.WARN),
        (RelayKind.DIRECT, Grade.FAIL),
        (RelayKind.SES, None),
        (RelayKind.GMAIL, None),
    ],
)
def test_a_nameless_relay_matters_as_much_as_it_faces_the_world(
    app: App, kind: RelayKind, grade: Grade | None
) -> None:
    relay = Relay(host="mail.a.net", port=25, security=Security.STARTTLS, kind=kind)
    with serving(RELAY_ZONE) as server:
        found = doctor.examine(
            replace(app, relays=(relay,)),
            offline=False,
            only=["HST002", "HST003", "SPF007"],
            resolver=server.resolver,
        )
    assert grades(found) == ({"HST002": grade} if grade else {})


def test_a_line_in_plain_text_a_short_offer_and_a_false_name_are_told(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = RelayTrial(
        name="r", address="mail.a.net:25", greeting="nowhere.a.net", offers={"SIZE": "1000"}
    )
    monkeypatch.setattr(relays, "look_at", lambda _relay: trial)
    for kind, grade in ((RelayKind.RELAY, Grade.INFO), (RelayKind.DIRECT, Grade.WARN)):
        relay = Relay(host="mail.a.net", port=25, security=Security.NONE, kind=kind)
        with serving(RELAY_ZONE) as server:
            found = doctor.examine(
                replace(app, relays=(relay,)),
                offline=False,
                only=["SMT"],
                resolver=server.resolver,
            )
        assert grades(found) == {
            "SMT001": Grade.OK,
            "SMT002": Grade.WARN,
            "SMT003": Grade.INFO,
            "SMT004": grade,
        }
    assert "PIPELINING, 8BITMIME, DSN" in found.diagnoses[2].seen


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ({("example.org", "MX"): ["10 m.example.org."], ("m.example.org", "A"): ["198.51.100.1"]},
         {"HST004": Grade.OK}),
        ({("example.org", "A"): ["198.51.100.1"]}, {"HST004": Grade.INFO}),
        ({("example.org", "MX"): ["10 gone.example.org."]}, {"HST004": Grade.FAIL}),
        ({("example.org", "MX"): [SERVFAIL]}, {"HST005": Grade.WARN}),
    ],
)  # fmt: skip
def test_somebody_must_take_mail_for_a_sender(
    app: App, zone: Zone, expected: dict[str, Grade]
) -> None:
    only = ["HST004", "HST005"]
    with serving(zone) as server:
        found = doctor.examine(app, offline=False, only=only, resolver=server.resolver)
    assert grades(found) == expected


def test_our_own_keys_prove_themselves(app: App, tmp_path: Path) -> None:
    signing = replace(app, dkim=DkimOptions(selector="autumn", folder=tmp_path / "dkim"))
    dkim.keygen(signing, "autumn")
    found = doctor.examine(signing, online=False, only=["DKM"]).diagnoses
    assert [(each.id, each.grade) for each in found] == [
        ("DKM001", Grade.OK),
        ("DKM002", Grade.OK),
        ("DKM002", Grade.OK),
    ]
    assert offline(signing, "CFG001") == {"CFG001": Grade.OK}
    (tmp_path / "dkim" / "example.org" / "autumn.pem").chmod(0o640)
    assert offline(signing, "CFG001") == {"CFG001": Grade.FAIL}


def test_a_file_of_a_password_must_be_ours_alone(app: App, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("secret")
    file.chmod(0o604)
    careless = replace(app, secrets=(file,))
    (found,) = doctor.examine(careless, online=False, only=["CFG001"]).diagnoses
    assert (found.grade, found.about, found.remedy) == (Grade.FAIL, str(file), f"chmod 600 {file}")


@pytest.mark.parametrize("name", ["publisher.db", "publisher.db-wal", "backups/before-restore.db"])
def test_the_database_and_its_copies_must_be_ours_alone(app: App, name: str) -> None:
    backups.take(app)
    assert offline(app, "CFG001") == {"CFG001": Grade.OK}
    path = app.folders.state / name
    path.touch()
    path.chmod(0o640)
    (found,) = doctor.examine(app, online=False, only=["CFG001"]).diagnoses
    assert (found.grade, found.about) == (Grade.FAIL, str(path))


def test_a_secret_that_is_handed_over_to_us_is_a_warning(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "password"
    file.write_text("secret")
    file.chmod(0o444)
    monkeypatch.setattr("os.geteuid", lambda: file.stat().st_uid + 1)
    assert offline(replace(app, secrets=(file,)), "CFG001") == {"CFG001": Grade.WARN}


def test_a_damaged_database_fails_and_the_rest_is_told_all_the_same(app: App) -> None:
    raw = sqlite3.connect(backups.database(app))
    raw.execute("INSERT INTO memos VALUES (99, 'held', 'pending', '', 0, '2026-11-24', NULL)")
    raw.commit()
    raw.close()
    found = offline(app, "DAT")
    assert found == {"DAT001": Grade.FAIL, "DAT002": Grade.OK, "DAT003": Grade.INFO}


def test_a_missing_postal_address_is_a_warning(app: App) -> None:
    nowhere = replace(app, site=make_site(postal_address=""))
    assert offline(nowhere, "CFG003") == {"CFG003": Grade.WARN}


def test_without_any_name_server_nothing_is_condemned(app: App) -> None:
    deaf = Resolver(server="127.0.0.1", port=9, seconds=0.05)
    found = doctor.examine(app, offline=False, resolver=deaf).diagnoses
    assert {each.id for each in found} == {"SPF008", "DMC006", "HST001", "HST005"}
    assert {each.grade for each in found} == {Grade.WARN}


def test_a_backup_that_is_old_damaged_or_missing_is_told(app: App, clock: FakeClock) -> None:
    assert offline(app, "DAT003") == {"DAT003": Grade.INFO}
    public = replace(app, site=make_site(base_url="https://lighthouse-letters.net"))
    assert offline(public, "DAT003") == {"DAT003": Grade.WARN}
    taken = backups.take(app)
    clock.now += timedelta(hours=47)
    assert offline(app, "DAT003") == {"DAT003": Grade.OK}
    clock.now += timedelta(hours=2)
    assert offline(app, "DAT003") == {"DAT003": Grade.WARN}
    size = taken.path.stat().st_size
    taken.path.write_bytes(taken.path.read_bytes()[: size // 2])
    assert offline(app, "DAT003") == {"DAT003": Grade.FAIL}


def test_a_log_of_the_database_that_grew_without_end_is_told(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert offline(app, "DAT002") == {"DAT002": Grade.OK}
    monkeypatch.setattr(doctor_offline, "LONGEST_LOG", 10)
    doctor.keep(app, Checkup(at=app.clock(), diagnoses=()))
    assert offline(app, "DAT002") == {"DAT002": Grade.WARN}


def test_an_issue_that_waits_is_told_with_the_command_that_decides(
    app: App, clock: FakeClock
) -> None:
    (newsletter,) = app.newsletters
    careful = replace(app, newsletters=(replace(newsletter, approval=True),))
    write_post(app, "one.md", title="One", date="2026-11-23 10:00:00")
    issues.reconcile(careful, careful.newsletters[0], now=clock.now)
    clock.now += timedelta(days=7)
    write_post(app, "two.md", title="Two", date="2026-11-25 10:00:00")
    issues.reconcile(careful, careful.newsletters[0], now=clock.now)
    found = doctor.examine(careful, online=False, only=["DAT006"]).diagnoses
    held = [issue for issue in issues.listing(careful) if issue.status == "held"]
    assert held
    assert [each.grade for each in found] == [Grade.WARN] * len(held)
    assert found[0].remedy.startswith(f"`publisher issues approve {held[0].id}`")


def test_a_missing_key_fails_once(app: App, tmp_path: Path) -> None:
    signing = replace(app, dkim=DkimOptions(selector="autumn", folder=tmp_path / "dkim"))
    found = doctor.examine(signing, online=False).diagnoses
    assert [each.id for each in found if "no such key" in each.seen] == ["DKM001"]


@pytest.mark.parametrize(
    ("version", "grade"),
    [
        ((3, 11, 9), Grade.WARN),
        ((3, 11, 10), Grade.OK),
        ((3, 12, 4), Grade.WARN),
        ((3, 12, 5), Grade.OK),
        ((3, 13, 0), Grade.OK),
        ((3, 14, 2), Grade.OK),
    ],
)
def test_a_python_whose_mails_can_be_forged_is_told(
    version: tuple[int, int, int], grade: Grade
) -> None:
    assert doctor_offline.python_version(*version).grade is grade

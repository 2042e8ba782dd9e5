import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from publisher.domain.addresses import parse_address
from publisher.domain.exchange import Dialect, recognise
from publisher.domain.subscribers import Joined, SubscriptionStatus
from publisher.domain.suppressions import SuppressionReason
from publisher.errors import PublisherError
from publisher.services import imports, subscribers
from publisher.services import suppressions as suppression_service
from publisher.services.app import App
from publisher.services.imports import ImportedRow, ImportPlan

PLAN = ImportPlan(newsletter="weekly", status=SubscriptionStatus.CONFIRMED, source="people.csv")
FILES = {
    Dialect.LISTMONK: (
        "uuid,email,name,attributes,status,created_at\n"
        "1,stays@example.org,Ann,{},enabled,2024\n"
        "2,left@example.org,Bob,{},disabled,2024\n"
        "3,never@example.org,Eve,{},blocklisted,2024\n"
    ),
    Dialect.MAILCHIMP: (
        "Email Address,First Name,Last Name,OPTIN_TIME,UNSUB_TIME,CLEAN_TIME\n"
        "stays@example.org,Ann,,2024-01-01 00:00:00,,\n"
        "left@example.org,Bob,B,,2024-01-01 00:00:00,\n"
        "never@example.org,Eve,E,,,2024-01-01 00:00:00\n"
    ),
    Dialect.GHOST: (
        "id,email,name,note,subscribed_to_emails,created_at,deleted_at,labels\n"
        "1,stays@example.org,Ann,,true,2024,,\n2,left@example.org,Bob,,false,2024,,\n"
    ),
    Dialect.SUBSTACK: (
        "email,active_subscription,email_disabled,created_at,name\n"
        "stays@example.org,false,false,2024,Ann\nleft@example.org,true,true,2024,Bob\n"
    ),
    Dialect.BUTTONDOWN: (
        "email_address,type,notes,tags\nstays@example.org,regular,,\n"
        "left@example.org,unsubscribed,,\nnever@example.org,complained,,\n"
    ),
}


def run(app: App, path: Path, plan: ImportPlan = PLAN, **options: str) -> list[ImportedRow]:
    return [row for report in imports.import_file(app, path, plan, **options) for row in report]


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    def write(content: str | bytes, name: str = "people.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize("dialect", FILES)
def test_another_tool_s_file_is_known_and_its_consent_taken_over(
    app: App, file: Callable[..., Path], dialect: Dialect
) -> None:
    header = FILES[dialect].splitlines()[0].lower().split(",")
    assert recognise(header) is dialect

    run(app, file(FILES[dialect]))

    standing = {row.address: row.status.value for row in subscribers.listing(app)}
    assert standing == {"stays@example.org": "confirmed", "left@example.org": "unsubscribed"}
    suppressed = [one.address for one in suppression_service.listing(app)]
    assert suppressed == (["never@example.org"] if "never@" in FILES[dialect] else [])


@pytest.mark.parametrize("dialect", Dialect)
def test_what_is_exported_for_a_tool_comes_back_the_same(
    app: App, file: Callable[..., Path], dialect: Dialect, tmp_path: Path
) -> None:
    run(app, file("email,name,status\na@example.org,Ann,confirmed\nb@example.org,B,unsubscribed\n"))
    before = [(row.address, row.status) for row in subscribers.listing(app)]
    text = imports.export_csv(subscribers.listing(app), dialect=dialect, raw=True)
    for address, _ in before:
        subscribers.remove(app, address)

    plan = ImportPlan(
        newsletter="weekly",
        status=SubscriptionStatus.CONFIRMED,
        source="x",
        dialect=dialect,
    )
    run(app, file(text, "again.csv"), plan)

    assert [(row.address, row.status) for row in subscribers.listing(app)] == before


def test_json_lines_are_read_and_written(app: App, file: Callable[..., Path]) -> None:
    lines = '{"email": "a@example.org", "name": "李雷"}\n\nnot json\n["x"]\n{"email": 7}\n'
    report = run(app, file(lines, "people.jsonl"))
    assert [(row.line, row.result) for row in report] == [
        (1, Joined.ADDED),
        (3, Joined.REFUSED),
        (4, Joined.REFUSED),
        (5, Joined.REFUSED),
    ]
    (line,) = imports.export_jsonl(subscribers.listing(app)).splitlines()
    assert json.loads(line)["name"] == "李雷"


def test_a_hostile_file_harms_nothing_and_is_reported_by_line(
    app: App, file: Callable[..., Path]
) -> None:
    rows = [
        b"email,name",
        b"good1@example.org,fine",
        b"=cmd|' /C calc'!A0@example.org,formula address",
        b"bad\x00nul@example.org,nul",
        b"nul@example.org,na\x00me",
        b'crlf@example.org,"a\r\nBcc: evil@example.org"',
        b"huge@example.org," + b"x" * 5_000_000,
        b"latin@example.org,Jos\xe9",
        b"a" * 300 + b"@example.org,long",
        b"two@@example.org,two",
        b"@example.org,none",
        b"bidi@example.org,\xe2\x80\xaeevil",
        b"formula@example.org,=1+1",
        b",,,,,,,,,,,",
        b"good2@example.org,fine",
    ]
    report = {row.email or row.line: row for row in run(app, file(b"\r\n".join(rows) + b"\r\n"))}
    added = sorted(row.address for row in subscribers.listing(app))
    assert added == [
        "crlf@example.org",
        "formula@example.org",
        "good1@example.org",
        "good2@example.org",
    ]
    names = {row.address: row.name for row in subscribers.listing(app)}
    assert names["crlf@example.org"] == "a Bcc: evil@example.org"  # one line, no header
    assert report["nul@example.org"].line == 5
    assert "encoding" in report["latin@example.org"].problem
    assert report["latin@example.org"].line == 9
    exported = imports.export_csv(subscribers.listing(app))
    assert ",'=1+1," in exported


@pytest.mark.parametrize(
    ("encoding", "given"), [("gb18030", "gb18030"), ("utf-16", ""), ("utf-8-sig", "")]
)
def test_other_encodings_are_read(
    app: App, file: Callable[..., Path], encoding: str, given: str
) -> None:
    run(app, file("email,name\nli@example.org,李雷\n".encode(encoding)), encoding=given)
    assert subscribers.listing(app)[0].name == "李雷"


def test_an_unknown_encoding_is_one_clear_error(app: App, file: Callable[..., Path]) -> None:
    with pytest.raises(PublisherError, match=r"people\.csv: cannot be read as klingon"):
        run(app, file("email\n"), encoding="klingon")


def test_a_cut_import_goes_on_where_it_stopped(
    app: App, file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "BATCH", 10)
    path = file("email\n" + "".join(f"r{number}@example.org\n" for number in range(35)))
    going = imports.import_file(app, path, PLAN)
    next(going)
    next(going)
    going.close()  # killed here

    report = run(app, path)

    assert [row.line for row in report] == list(range(22, 37))
    assert len(subscribers.listing(app)) == 35
    assert {row.result for row in run(app, path)} == {Joined.KNOWN}


def test_a_rehearsal_reports_the_same_and_changes_nothing(
    app: App, file: Callable[..., Path]
) -> None:
    path = file("email\na@example.org\nbad\na@example.org\n")
    rehearsed = [row for part in imports.rehearse_file(app, path, PLAN) for row in part]
    assert subscribers.listing(app) == []
    assert run(app, path) == rehearsed


def test_no_import_changes_whoever_is_known(app: App, file: Callable[..., Path]) -> None:
    chance = random.Random(7)
    words = ["confirmed", "pending", "unsubscribed", ""]
    people = [f"r{number}@example.org" for number in range(200)]
    first = "email,status\n" + "".join(f"{one},{chance.choice(words)}\n" for one in people)
    run(app, file(first))
    suppressed = people[:20]
    for one in suppressed:
        suppression_service.add(app, one)
    before = {row.address: row.status for row in subscribers.listing(app)}

    second = "email,status\n" + "".join(f"{one},{chance.choice(words)}\n" for one in people)
    report = run(app, file(second, "second.csv"))

    assert {row.address: row.status for row in subscribers.listing(app)} == before
    assert {row.email for row in report if row.result is Joined.REFUSED} == set(suppressed)
    assert Joined.ADDED not in {row.result for row in report}


def test_a_suppression_is_lifted_by_the_operator_only(app: App) -> None:
    assert suppression_service.add(app, "Ann@example.org")
    assert not suppression_service.add(app, "ann@example.org")
    (one,) = suppression_service.listing(app)
    assert (one.address, one.reason) == ("ann@example.org", SuppressionReason.OPERATOR)
    assert suppression_service.remove(app, "ANN@example.org")
    assert not suppression_service.remove(app, "ann@example.org")
    assert parse_address("ann@example.org")


def test_an_office_is_taken_with_a_warning(app: App, file: Callable[..., Path]) -> None:
    path = file("email\nann@example.org\nInfo@example.org\npostmaster+x@example.org\ninfo@\n")
    warned = {row.line: row.email for row in run(app, path) if row.warning}
    assert warned == {3: "Info@example.org", 4: "postmaster+x@example.org"}
    assert len(subscribers.listing(app)) == 3
    assert not any(row.warning for row in run(app, path))  # they are known, and nothing happens


def test_an_imported_language_is_a_tag_of_ours_or_the_newsletter_s(
    app: App, file: Callable[..., Path]
) -> None:
    rows = "email,language\na@example.org,en-BUY.PILLS/x\nb@example.org,zh-TW\nc@example.org,qq\n"
    run(app, file(rows))
    assert [row.language for row in subscribers.listing(app)] == ["en", "zh-Hant", ""]


SUPPRESSED_AS = {
    Dialect.OWN: ["suppressed"],
    Dialect.LISTMONK: ["blocklisted"],
    Dialect.MAILCHIMP: [""],  # no OPTIN_TIME, and a CLEAN_TIME
    Dialect.GHOST: ["false"],
    Dialect.SUBSTACK: ["false", "true"],  # no active subscription, disabled
    Dialect.BUTTONDOWN: ["blocked"],
}


@pytest.mark.parametrize("dialect", Dialect)
def test_no_export_makes_an_active_subscriber_of_who_is_suppressed_or_waits(
    app: App, file: Callable[..., Path], dialect: Dialect
) -> None:
    rows = "email,status\nNever@example.org,confirmed\nwaits@example.org,pending\n"
    run(app, file(rows))
    suppression_service.add(app, "never@example.org")
    found = subscribers.listing(app)
    suppressed = suppression_service.among(app, [row.address for row in found])
    assert suppressed == {"Never@example.org": SuppressionReason.OPERATOR}

    text = imports.export_csv(found, dialect=dialect, suppressed=suppressed)

    (never,) = [line.split(",") for line in text.splitlines() if line.startswith("Never")]
    assert set(SUPPRESSED_AS[dialect]) <= set(never)
    assert ("waits@" in text) is (dialect is not Dialect.MAILCHIMP)
    suppression_service.remove(app, "never@example.org")
    for row in found:
        subscribers.remove(app, row.address)
    run(app, file(text, "again.csv"), replace(PLAN, dialect=dialect))
    assert "confirmed" not in {row.status.value for row in subscribers.listing(app)}
    tells = dialect not in {Dialect.GHOST, Dialect.SUBSTACK}
    assert [one.address for one in suppression_service.listing(app)] == (
        ["never@example.org"] if tells else []
    )


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (SuppressionReason.HARD_BOUNCE, "undeliverable"),
        (SuppressionReason.COMPLAINT, "complained"),
        (SuppressionReason.ERASURE, "blocked"),
    ],
)
def test_buttondown_is_told_why(app: App, reason: SuppressionReason, kind: str) -> None:
    subscribers.add(app, "weekly", email="a@example.org", name="", source="test")
    found = subscribers.listing(app)
    text = imports.export_csv(
        found, dialect=Dialect.BUTTONDOWN, suppressed={"a@example.org": reason}
    )
    assert text.splitlines()[1].split(",")[1] == kind


@pytest.mark.parametrize("form", ["people.csv", "people.jsonl"])
def test_a_pause_and_a_suppression_come_back_from_our_own_export(
    app: App, file: Callable[..., Path], form: str
) -> None:
    subscribers.add(app, "weekly", email="paused@example.org", name="", source="test")
    subscribers.add(app, "weekly", email="reads@example.org", name="", source="test")
    subscribers.add(app, "weekly", email="never@example.org", name="", source="test")
    leave = subscribers.unsubscribe_url(app, 1).rpartition("/")[2]
    until = subscribers.pause(app, leave).paused_until
    suppression_service.add(app, "never@example.org")
    found = subscribers.listing(app)
    suppressed = suppression_service.among(app, [row.address for row in found])
    write = imports.export_csv if form.endswith("csv") else imports.export_jsonl
    text = write(found, suppressed=suppressed)
    for row in found:
        subscribers.remove(app, row.address)
    suppression_service.remove(app, "never@example.org")

    run(app, file(text, form))

    pauses = {row.address: row.paused_until for row in subscribers.listing(app)}
    assert pauses == {"paused@example.org": until, "reads@example.org": None}
    assert [one.address for one in suppression_service.listing(app)] == ["never@example.org"]


@pytest.mark.parametrize("until", ["soon", "2026-11-27", "2026-11-27T08:00:00", "+1"])
def test_a_pause_that_is_no_instant_stops_only_its_row(
    app: App, file: Callable[..., Path], until: str
) -> None:
    path = file(f"email,paused_until\na@example.org,{until}\nb@example.org,\n")
    refused, added = run(app, path)
    assert "paused_until" in refused.problem
    assert added.result is Joined.ADDED


@pytest.mark.parametrize(
    "said",
    [
        {"email_disabled": True},
        {"Email Address": "ann@example.org", "UNSUB_TIME": 1690000000},
        {"subscribed_to_emails": False},
        {"status": ["unsubscribed"]},
        {"status": " Unsubscribed "},
    ],
)
def test_who_left_has_left_in_whatever_kind_of_value_it_is_said(
    app: App, file: Callable[..., Path], said: dict[str, object]
) -> None:
    run(app, file(json.dumps({"email": "ann@example.org"} | said), "people.jsonl"))
    assert [row.status for row in subscribers.listing(app)] == [SubscriptionStatus.UNSUBSCRIBED]


def test_who_receives_mail_there_receives_it_here_in_json_too(
    app: App, file: Callable[..., Path]
) -> None:
    said = '{"email": "ann@example.org", "subscribed_to_emails": true, "name": null}'
    run(app, file(said.encode("utf-8-sig"), "people.jsonl"), encoding="utf-8")
    (row,) = subscribers.listing(app)
    assert (row.status, row.name) == (SubscriptionStatus.CONFIRMED, "")


def test_what_was_made_harmless_comes_back_as_it_was(app: App, file: Callable[..., Path]) -> None:
    people = [("-ann@example.org", "=1+1"), ("+49@example.org", "-"), ("'=b@example.org", "'q'")]
    for email, name in people:
        subscribers.add(app, "weekly", email=email, name=name, source="operator")
    text = imports.export_csv(subscribers.listing(app))
    for email, _ in people:
        subscribers.remove(app, email)

    run(app, file(text))

    assert sorted((row.address, row.name) for row in subscribers.listing(app)) == sorted(people)


def test_names_hold_the_joiners_that_their_scripts_need(
    app: App, file: Callable[..., Path]
) -> None:
    run(app, file("email,name\nali@example.org,علی\u200cرضا\ndev@example.org,👩\u200d💻\n"))
    assert [row.name for row in subscribers.listing(app)] == ["علی\u200cرضا", "👩\u200d💻"]


@pytest.mark.parametrize("end", ["", '"x",x\n', "\n" * 200_000])
def test_a_quote_that_is_not_closed_costs_its_own_line_only(
    app: App, file: Callable[..., Path], end: str
) -> None:
    rows = (
        'email,notes,name\na@example.org,"open,A\nb@example.org,"many\nlines",B\nc@example.org,,C\n'
    )
    report = run(app, file(rows + end))
    assert [row.address for row in subscribers.listing(app)] == ["b@example.org", "c@example.org"]
    assert [(row.line, row.result) for row in report[:3]] == [
        (2, Joined.REFUSED),
        (3, Joined.ADDED),
        (5, Joined.ADDED),
    ]
    assert "quote" in report[0].problem


@pytest.mark.parametrize("separator", [";", "\t"])
def test_cells_are_parted_as_spreadsheets_do_it(
    app: App, file: Callable[..., Path], separator: str
) -> None:
    text = "Email,Name,Status\nann@example.org,Ann,unsubscribed\n".replace(",", separator)
    run(app, file(text.encode("utf-8-sig")))
    (row,) = subscribers.listing(app)
    assert (row.name, row.status) == ("Ann", SubscriptionStatus.UNSUBSCRIBED)


@pytest.mark.parametrize("dialect", [Dialect.LISTMONK, Dialect.GHOST, Dialect.BUTTONDOWN])
def test_a_tool_s_file_without_its_word_for_consent_is_refused(
    app: App, file: Callable[..., Path], dialect: Dialect
) -> None:
    with pytest.raises(PublisherError, match="there must be a column named"):
        run(app, file("email,name\nann@example.org,Ann\n"), replace(PLAN, dialect=dialect))
    assert subscribers.listing(app) == []


def test_a_cut_import_read_otherwise_begins_anew(
    app: App, file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "BATCH", 1)
    path = file("email,name\na@example.org,李雷\nb@example.org,韩梅梅\n".encode("gb18030"))
    going = imports.import_file(app, path, PLAN)
    assert next(going)[0].result is Joined.REFUSED  # not UTF-8; somebody stops it here
    going.close()

    run(app, path, encoding="gb18030")

    assert [row.name for row in subscribers.listing(app)] == ["李雷", "韩梅梅"]


def test_an_empty_file_is_told(app: App, file: Callable[..., Path]) -> None:
    with pytest.raises(PublisherError, match=r"people\.csv:1: there must be a column named email"):
        run(app, file(""))

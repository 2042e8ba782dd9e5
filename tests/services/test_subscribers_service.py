import csv
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.addresses import parse_address
from publisher.domain.subscribers import Answer, Evidence, Joined, Subscription, SubscriptionStatus
from publisher.errors import InvalidAddress, InvalidToken, NotFound, PublisherError
from publisher.services import api_tokens, imports, signups, subscribers
from publisher.services.app import App
from publisher.services.imports import ImportPlan
from publisher.store import subscribers as rows
from tests.factories import NOW
from tests.people import ask, link_in, mails_to, status_of

ANN = "ann@example.org"
PLAN = ImportPlan(newsletter="weekly", status=SubscriptionStatus.CONFIRMED, source="people.csv")


def imported(app: App, text: str) -> list[tuple[int, str, Joined]]:
    lines = io.StringIO(text, newline="")
    return [
        (row.line, row.email, row.result)
        for report in imports.import_csv(app, lines, PLAN)
        for row in report
    ]


def test_an_import_reports_every_line(app: App) -> None:
    text = (
        "\ufeffName,Email\r\n"
        "Ann,ann@example.org\r\n"
        "\r\n"
        "Nobody,not an address\r\n"
        '"Li, ""Lei""",li.lei@EXAMPLE.com\r\n'
        "Ann again,ANN@example.org\r\n"
    )

    assert imported(app, text) == [
        (2, "ann@example.org", Joined.ADDED),
        (4, "not an address", Joined.REFUSED),
        (5, "li.lei@example.com", Joined.ADDED),
        (6, "ANN@example.org", Joined.KNOWN),
    ]
    assert [row.name for row in subscribers.listing(app)] == ["Ann", 'Li, "Lei"']


def test_an_import_never_brings_back_who_has_left(app: App) -> None:
    imported(app, "email\nann@example.org\n")
    token = subscribers.unsubscribe_url(app, subscribers.listing(app)[0].id).rpartition("/")[2]
    subscribers.unsubscribe(app, token)

    assert imported(app, "email\nann@example.org\n") == [(2, "ann@example.org", Joined.KNOWN)]
    assert subscribers.listing(app)[0].status is SubscriptionStatus.UNSUBSCRIBED


def test_a_file_without_the_column_is_refused_with_its_line(app: App) -> None:
    with pytest.raises(PublisherError, match=r"people\.csv:1: .*email.*mail, who"):
        imported(app, "mail,who\nann@example.org,Ann\n")


def test_a_rehearsed_import_changes_nothing(app: App) -> None:
    report = imports.rehearse_csv(app, io.StringIO("email\nann@example.org\n"), PLAN)

    assert [row.result for row in report] == [Joined.ADDED]
    assert subscribers.listing(app) == []


def test_an_unknown_newsletter_is_named_with_those_that_exist(app: App) -> None:
    with pytest.raises(NotFound, match="there is weekly"):
        subscribers.add(app, "wekly", email="ann@example.org", name="", source="test")


def test_a_text_that_is_no_address_is_refused(app: App) -> None:
    with pytest.raises(InvalidAddress):
        subscribers.add(app, "weekly", email="ann@", name="", source="test")


def test_a_removed_subscriber_s_link_still_unsubscribes_and_does_nothing_else(app: App) -> None:
    imported(app, "email\nann@example.org\n")
    token = subscribers.unsubscribe_url(app, subscribers.listing(app)[0].id).rpartition("/")[2]

    subscribers.remove(app, "Ann@example.org")

    assert subscribers.listing(app) == []
    assert subscribers.unsubscribe(app, token) is None
    with pytest.raises(InvalidToken):
        subscribers.find_by_token(app, token)
    with pytest.raises(InvalidToken):
        subscribers.unsubscribe(app, token + "x")


@pytest.mark.parametrize("meanwhile", ["left", "asked again"])
def test_what_happens_while_a_link_is_judged_counts(
    app: App, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    ask(app, ANN)
    signups.work_off(app)
    token = link_in(mails_to(app, ANN)[0], "c")
    leave = subscribers.unsubscribe_url(app, 1).rpartition("/")[2]
    judge = subscribers.find_confirmation

    def slowly(app: App, token: str) -> tuple[Subscription, Answer]:
        judged = judge(app, token)
        subscribers.unsubscribe(app, leave)
        if meanwhile == "asked again":
            with app.store.begin() as tx:
                evidence = Evidence(source="form")
                rows.ask(tx, parse_address(ANN), "weekly", language="", evidence=evidence, now=NOW)
        return judged

    monkeypatch.setattr(subscribers, "find_confirmation", slowly)
    with pytest.raises(InvalidToken):
        subscribers.confirm(app, token, ip="")

    expected = {"left": SubscriptionStatus.UNSUBSCRIBED, "asked again": SubscriptionStatus.PENDING}
    assert status_of(app, ANN) is expected[meanwhile]
    signups.work_off(app)
    assert "welcome" not in "".join(str(mail["Subject"]) for mail in mails_to(app, ANN)).lower()


@given(name=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30))
def test_no_exported_cell_is_a_formula(name: str) -> None:
    row = Subscription(
        id=1,
        subscriber=1,
        address="ann@example.org",
        name=name,
        newsletter="weekly",
        status=SubscriptionStatus.CONFIRMED,
        changed_at=datetime(2026, 1, 1, tzinfo=UTC),
    )

    _, cells = csv.reader(io.StringIO(imports.export_csv([row]), newline=""))
    _, raw = csv.reader(io.StringIO(imports.export_csv([row], raw=True), newline=""))

    assert cells[1][0] not in "=+-@"
    assert raw[1] == name


@pytest.mark.parametrize("name", ["half \udcff", "red \x1b[31m", "\u202elive", "x" * 201])
def test_nobody_is_called_what_no_file_could_bring(app: App, name: str) -> None:
    with pytest.raises(PublisherError, match=r"ann@example\.org: the name"):
        subscribers.add(app, "weekly", email="ann@example.org", name=name, source="operator")
    assert subscribers.listing(app) == []


def test_a_name_is_one_line(app: App) -> None:
    subscribers.add(app, "weekly", email="ann@example.org", name="Ann \n Lee", source="operator")
    assert subscribers.listing(app)[0].name == "Ann Lee"


@pytest.mark.parametrize("name", ["", " ", "half \udcff", "a\nb"])
def test_a_token_has_a_name_that_can_be_written(app: App, name: str) -> None:
    with pytest.raises(PublisherError, match="no name for a token"):
        api_tokens.create(app, name, frozenset())

"""Somebody who moved to another address is one person, whose data are shown and erased as one."""

import json
from datetime import timedelta
from typing import Any

from publisher.domain.notices import NoticeKind
from publisher.services import (
    links,
    notices,
    personal_data,
    preferences,
    publishing,
    signups,
    subscribers,
)
from publisher.services import suppressions as suppression_service
from publisher.services.app import App
from tests.people import ask, join, link_in, mails_to, verdicts
from tests.services.conftest import FakeClock, write_post

OLD, NEW, OTHER = "old@example.org", "new@example.org", "other@example.org"


def moved(app: App) -> None:
    """Somebody joined with the old address and moved to the new one."""
    joined = join(app, OLD)
    signups.work_off(app)
    token = links.preferences(app, joined.id).rpartition("/")[2]
    ask_to_move(app, token, NEW)
    preferences.move(app, link_in(mails_to(app, NEW)[-1], "links/move"), ip="192.0.2.1")


def ask_to_move(app: App, token: str, email: str) -> None:
    preferences.ask_link(app, token, NoticeKind.ADDRESS)
    signups.work_off(app)
    mailed = mails_to(app, preferences.find(app, token).link.address)[-1]
    preferences.ask_move(app, link_in(mailed, "links/address"), email)
    signups.work_off(app)


def told(app: App, email: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(personal_data.export(app, email))
    return document


def dump(app: App) -> str:
    with app.store.read() as tx:
        return "\n".join(tx.connection.driver_connection.iterdump())  # type: ignore[union-attr]


def test_the_export_of_the_new_address_holds_what_went_to_the_old_one(app: App) -> None:
    moved(app)
    kept = told(app, NEW)
    kinds = {(row["kind"], row["address"]) for row in kept["notices"]}
    assert kinds == {("confirm", OLD), ("welcome", OLD), ("address", OLD), ("move", NEW)}
    assert {row["address"] for row in kept["consents"]} == {OLD, NEW}
    assert len(kept["signups"]) == 1


def test_the_export_of_the_old_address_holds_its_evidence_and_not_the_new_one(app: App) -> None:
    moved(app)
    kept = told(app, OLD)
    assert [row["event"] for row in kept["consents"]] == ["requested", "mailed", "confirmed"]
    assert len(kept["consent_texts"]) == 1
    assert {row["kind"] for row in kept["notices"]} == {"confirm", "welcome", "address"}
    assert NEW not in json.dumps(kept)


def test_erasing_the_new_address_leaves_nothing_of_the_old_one(app: App) -> None:
    moved(app)
    suppression_service.add(app, OLD)
    assert personal_data.erase(app, NEW)
    assert OLD not in dump(app)
    assert NEW not in dump(app)
    ask(app, OLD)
    signups.work_off(app)
    assert "suppressed" in {verdict.value for verdict in verdicts(app)}


def test_an_old_address_that_is_somebody_else_s_now_is_left_alone(app: App) -> None:
    moved(app)
    subscribers.add(app, "weekly", email=OLD, name="", source="operator")
    (somebody,) = (row for row in subscribers.listing(app) if row.address == OLD)
    with app.store.begin() as tx:
        notices.queue(app, tx, NoticeKind.WELCOME, somebody)
    assert len(told(app, OLD)["consents"]) == 1

    personal_data.erase(app, NEW)

    assert [row.address for row in subscribers.listing(app)] == [OLD]
    mine = [row for row in told(app, OLD)["notices"] if row["address"]]
    assert [row["subscription"] for row in mine] == [somebody.id]


def test_asking_and_erasing_in_turn_gives_no_new_budget_for_an_address(app: App) -> None:
    joined = join(app, OLD)
    ask_to_move(app, links.preferences(app, joined.id).rpartition("/")[2], OTHER)
    assert len(mails_to(app, OTHER)) == 1
    personal_data.erase(app, OLD)
    assert OTHER not in dump(app)
    ask(app, OTHER)
    signups.work_off(app)
    assert len(mails_to(app, OTHER)) == 1


def test_what_was_sent_to_a_removed_person_is_theirs_however_they_write_their_address(
    app: App, clock: FakeClock
) -> None:
    write_post(app, "one.md", title="One", date="2026-11-23 09:00:00")
    subscribers.add(app, "weekly", email="Old@Example.org", name="", source="operator")
    clock.now += timedelta(days=3)
    publishing.publish(app)
    subscribers.remove(app, OLD)
    (delivery,) = told(app, OLD)["deliveries"]
    assert (delivery["status"], delivery["address"]) == ("sent", "Old@example.org")

    assert personal_data.erase(app, OLD)
    assert OLD not in dump(app).lower()
    assert not personal_data.erase(app, OLD)

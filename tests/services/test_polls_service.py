from datetime import timedelta

from publisher.services import polls
from publisher.services.app import App
from publisher.services.vitals import MOST_POLLS, Poll
from tests.services.conftest import FakeClock

FEEDLY = b"Feedly/1.0 (+http://www.feedly.com/fetcher.html; %d subscribers; )"


def ask(app: App, agent: bytes, *, client: str = "192.0.2.1", status: int = 200) -> None:
    app.vitals.fed(Poll("rss.xml", client, agent), status)


def readers(app: App) -> int:
    polls.flush(app)
    return sum(each.readers for each in polls.statistics(app))


def test_the_newest_number_of_a_hosted_reader_counts(app: App, clock: FakeClock) -> None:
    ask(app, FEEDLY % 462)
    assert readers(app) == 462
    clock.now += timedelta(hours=1)
    ask(app, FEEDLY % 450, client="192.0.2.77")
    assert readers(app) == 450


def test_other_readers_count_one_for_each_place_and_program(app: App) -> None:
    for client in ("192.0.2.1", "192.0.2.2"):
        for agent in (b"Miniflux/2.2.0", b"Miniflux/2.2.1", b"NetNewsWire (RSS Reader)"):
            ask(app, agent, client=client)
    assert readers(app) == 4


def test_who_has_not_asked_for_a_week_is_not_counted_and_then_forgotten(
    app: App, clock: FakeClock
) -> None:
    ask(app, b"Miniflux/2.2.0")
    assert readers(app) == 1
    clock.now += timedelta(days=7, minutes=1)
    assert readers(app) == 0
    clock.now += timedelta(days=1)
    polls.close_day(app)
    with app.store.read() as tx:
        assert tx.exec_driver_sql("SELECT count(*) FROM feed_readers").scalar() == 0


def test_a_reader_that_stays_over_the_turn_of_a_week_counts_once(
    app: App, clock: FakeClock
) -> None:
    for _ in range(10):
        ask(app, b"Miniflux/2.2.0")
        assert readers(app) == 1
        clock.now += timedelta(days=1)


def test_no_network_address_comes_into_the_database(app: App) -> None:
    ask(app, b"Miniflux/2.2.0", client="203.0.113.77")
    polls.flush(app)
    data = b"".join(path.read_bytes() for path in app.folders.state.glob("publisher.db*"))
    assert b"miniflux" not in data
    assert b"203.0.113.77" not in data


def test_answers_add_up_by_day_and_for_ever(app: App, clock: FakeClock) -> None:
    for status in (200, 304, 304, 304):
        ask(app, b"x", status=status)
    polls.flush(app)
    clock.now += timedelta(days=1)
    ask(app, b"x", status=304)
    polls.flush(app)
    polls.flush(app)
    (found,) = polls.statistics(app)
    assert found.answers == {"200": 1, "304": 4}
    assert found.unchanged_share == 0.8
    today = clock.now.astimezone(app.site.zone).date()
    assert polls.days(app, since=today) == {today: {304: 1}}


def test_the_estimate_of_each_day_stays(app: App, clock: FakeClock) -> None:
    ask(app, FEEDLY % 40)
    polls.flush(app)
    clock.now += timedelta(days=1)
    polls.close_day(app)
    ask(app, FEEDLY % 50)
    polls.flush(app)
    today = clock.now.astimezone(app.site.zone).date()
    found = polls.readers_by_day(app, since=today - timedelta(days=9))
    assert found == {today - timedelta(days=1): 40, today: 50}


def test_more_polls_than_can_be_remembered_are_only_counted(app: App) -> None:
    for number in range(MOST_POLLS + 10):
        ask(app, b"agent %d" % number)
    answers, seen = app.vitals.take_polls()
    assert answers["rss.xml", 200] == MOST_POLLS + 10
    assert len(seen) == MOST_POLLS
